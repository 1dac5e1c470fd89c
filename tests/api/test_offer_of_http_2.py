"""Java's own HttpClient, and `curl --http2`, offer HTTP/2 with every first request, body or not."""

import json
import socket

import pytest

from tests.api.live import Live

COMMAND = b'{"type": "LOCK"}'
OFFERS = {
    "java": b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n",
    "lower case": b"connection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nupgrade:h2c\r\n",
}
LENGTHS = {
    "whole": (b"Content-Length: %d\r\n" % len(COMMAND), COMMAND),
    "chunked": (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(COMMAND), COMMAND)),
}


@pytest.mark.parametrize("body_waits", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_of_http_2_is_passed_over_and_the_body_read(live: Live, device: str, offer: str, length: str, *, body_waits: bool) -> None:
    field, body = LENGTHS[length]
    head = b"POST /v1/%s:issueCommand?fields=metadata/type HTTP/1.1\r\nHost: here\r\n%s%s\r\n" % (device.encode(), OFFERS[offer], field)

    with socket.create_connection(("127.0.0.1", live.port), timeout=60) as connection, connection.makefile("rb") as answers:
        for _ in range(2):  # the connection is good for more afterwards
            for piece in (head, body) if body_waits else (head + body,):
                connection.sendall(piece)
            status = answers.readline()
            fields = dict(line.split(b": ", 1) for line in iter(lambda: answers.readline().rstrip(), b""))
            answer = json.loads(answers.read(int(fields[b"content-length"])))

            assert (b"HTTP/1.1 200 OK\r\n", {"metadata": {"type": "LOCK"}}) == (status, answer)
