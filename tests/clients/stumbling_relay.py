"""What stands in front of many a server, and answers 503 when that restarts or is slow."""

import contextlib
import threading
import urllib.request
from collections.abc import Iterator
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError

from tests.patience import PATIENCE_S

UNAVAILABLE = (503, b"<html>Service Unavailable</html>")
PASSED_ON = ("Content-Type", "Idempotency-Key")


class Stumble(Enum):
    """How the relay fails the first POST."""

    BEFORE = "the server never hears of it"
    AFTER = "the server has done it, and its answer is lost"


class StumblingRelay(ThreadingHTTPServer):
    """Passes requests on, and fails the first POST."""

    daemon_threads = True

    def __init__(self, server: str, stumble: Stumble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server_url = server
        self.stumble: Stumble | None = stumble

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: StumblingRelay

    def do_GET(self) -> None:
        """Passed on."""
        self._answer(*self._passed_on(None))

    def do_POST(self) -> None:
        """Passed on, but for the first one."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        stumble, self.server.stumble = self.server.stumble, None
        answer = UNAVAILABLE if stumble is Stumble.BEFORE else self._passed_on(body)
        self._answer(*(answer if stumble is None else UNAVAILABLE))

    def _passed_on(self, body: bytes | None) -> tuple[int, bytes]:
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        request = urllib.request.Request(self.server.server_url + self.path, body, headers, method=self.command)  # noqa: S310 - http
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - http
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if body.startswith(b"{") else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def relaying(server: str, stumble: Stumble) -> Iterator[StumblingRelay]:
    """A relay in front of the server for as long as the block lasts."""
    with StumblingRelay(server, stumble) as relay:
        thread = threading.Thread(target=relay.serve_forever)
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()
