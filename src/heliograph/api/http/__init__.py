"""HTTP and ASGI below the methods: connections, bodies, queries, batches, errors, who may call."""
