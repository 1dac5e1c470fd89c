"""A small HTTP server of a test's own, in a thread."""

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from threading import Thread


class QuietHandler(BaseHTTPRequestHandler):
    """Prints nothing."""

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler], kind: type[HTTPServer] = ThreadingHTTPServer) -> Iterator[str]:
    """The server's address, for as long as the block lasts."""
    with kind(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
