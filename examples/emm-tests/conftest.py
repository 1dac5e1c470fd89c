"""The EMM of each test, in a world of the test's own."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest
from emm import Emm

from heliograph.testing import Amapi


@pytest.fixture
def emm(amapi: Amapi) -> Emm:
    """Our back-end. When it waits before it tries again, the world's time passes, not ours."""
    return Emm(amapi.client, amapi.enterprise, sleep=amapi.clock.advance)


@pytest.fixture
def pushes(amapi: Amapi, emm: Emm) -> Iterator[list[str]]:
    """Our endpoint takes the world's notifications; the ids of those that came."""
    came: list[str] = []

    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            envelope = json.loads(self.rfile.read(int(self.headers["content-length"])))
            came.append(envelope["message"]["messageId"])
            emm.on_push(envelope)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not to the terminal."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        amapi.notifications.push_to(f"http://127.0.0.1:{server.server_port}/")
        yield came
        server.shutdown()
        thread.join()
