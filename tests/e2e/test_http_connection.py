"""The connection that commands, probes and tests share: one that the server closed while it was idle is opened again."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from heliograph.http_connection import HttpConnection


class Handler(BaseHTTPRequestHandler):
    """Answers, and then closes the connection without having said so."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""


class Hasty(HTTPServer):
    """Counts the connections that it has closed."""

    closed = threading.Semaphore(0)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        self.closed.release()


def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    answers = []
    with Hasty(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        connection = HttpConnection(f"http://127.0.0.1:{server.server_port}", timeout_s=30)
        for _ in range(3):
            answers.append(connection.ask("GET", "/"))
            assert server.closed.acquire(timeout=30)
        connection.close()
        server.shutdown()
        thread.join()

    assert [(200, b"ok")] * 3 == answers
