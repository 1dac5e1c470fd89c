"""The connection that commands, probes and tests share: one that the server closed while it was idle is opened again."""

import contextlib
import socket
import threading
from http.server import HTTPServer

from heliograph.http_connection import HttpConnection
from tests.http_server import QuietHandler, serving


class Handler(QuietHandler):
    """Answers, and then closes the connection without having said so."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        self.close_connection = True


class Hasty(HTTPServer):
    """Counts the connections that it has closed."""

    closed = threading.Semaphore(0)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        self.closed.release()


def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    answers = []
    with serving(Handler, Hasty) as url, contextlib.closing(HttpConnection(url, timeout_s=30)) as connection:
        for _ in range(3):
            answers.append(connection.ask("GET", "/"))
            assert Hasty.closed.acquire(timeout=30)

    assert [(200, b"ok")] * 3 == answers
