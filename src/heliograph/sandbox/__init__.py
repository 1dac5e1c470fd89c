"""A server plus virtual phones in one process, and the routes that steer them."""
