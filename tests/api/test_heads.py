"""What is read by a known head is what the parser reads, whatever was learned before; and what must not be known never is."""

from collections.abc import Sequence
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.api.http.heads import KNOWN_MOST, SEEN_MOST, Head, KnownHeads, Request

PLAIN = b"POST /v1/a:b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: 2\r\n\r\n{}"


def request(line: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    return b"\r\n".join([line, *lines, b"", body])


class Parsed:
    """What the parser says of data: its requests that are whole."""

    def __init__(self, data: bytes) -> None:
        """Raises: httptools.HttpParserError."""
        self.requests: list[Request] = []
        self._url, self._body, self._lines = b"", b"", list[tuple[bytes, bytes]]()
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url, self._body, self._lines = b"", b"", []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        url = httptools.parse_url(self._url)
        assert self._parser.get_http_version() == "1.1"
        method = self._parser.get_method().decode()
        self.requests.append(Request(method, url.path, url.query or b"", Head(self._lines), self._body))


def learned(*all_data: bytes, times: int = 2) -> KnownHeads:
    """What is known after these came so often."""
    known = KnownHeads()
    for data in all_data * times:
        known.learn(data)
    return known


def test_a_head_is_known_once_it_came_twice() -> None:
    known = learned(PLAIN, times=1)
    assert known.read(PLAIN) is None
    known.learn(PLAIN)

    other = PLAIN.replace(b"/v1/a:b", b"/v1/c?d=1").replace(b"{}", b"[]")

    lines = Head([(b"host", b"x"), (b"authorization", b"Bearer t"), (b"content-length", b"2")])
    assert known.read(other) == Request("POST", b"/v1/c", b"d=1", lines, b"[]")


@pytest.mark.parametrize(
    "data",
    [
        request(b"POST /v1 HTTP/1.1", b"Host: x", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        request(b"GET /v1 HTTP/1.1", b"Host: x", b"Connection: close"),
        request(b"GET /v1 HTTP/1.1", b"Host: x", b"Connection: Upgrade", b"Upgrade: websocket"),
        request(b"GET /v1 HTTP/1.1", b"Host: x", b"Upgrade: h2c"),
        request(b"POST /v1 HTTP/1.1", b"Host: x", b"Expect: 100-continue", b"Content-Length: 2", body=b"{}"),
        request(b"POST /v1 HTTP/1.1", b"Host: x", b"Content-Length: 3", body=b"{}"),
        request(b"POST /v1 HTTP/1.1", b"Host: x", b"Content-Length: 1", body=b"{}"),
        request(b"GET /v1 HTTP/1.0", b"Host: x", b"Connection: keep-alive"),
        request(b"DELETE /v1 HTTP/1.1", b"Host: x"),
        request(b"GET http://x/v1 HTTP/1.1", b"Host: x"),
        request(b"GET /v1#part HTTP/1.1", b"Host: x"),
        PLAIN[:-1],
        PLAIN * 2,
        b"",
    ],
)
def test_what_leaves_something_open_is_never_known(data: bytes) -> None:
    assert learned(data).read(data) is None


def test_a_part_of_a_known_head_is_not_taken_for_it() -> None:
    known = learned(PLAIN)

    assert [known.read(PLAIN[:end]) for end in range(len(PLAIN))] == [None] * len(PLAIN)
    assert known.read(PLAIN + b"G") is None


def test_a_head_that_was_first_seen_between_others_is_not_tried_again() -> None:
    known = learned(PLAIN * 2)

    known.learn(PLAIN)

    assert known.read(PLAIN) is None


def test_only_so_many_heads_are_remembered() -> None:
    def numbered(number: int) -> bytes:
        return request(b"GET / HTTP/1.1", b"Host: x", b"X-Number: %d" % number)

    known = learned(*map(numbered, range(KNOWN_MOST + 1)))
    assert (known.read(numbered(0)), known.read(numbered(KNOWN_MOST)) is not None) == (None, True)

    for number in range(SEEN_MOST + 1):
        known.learn(numbered(-number - 1))
    assert known.read(numbered(KNOWN_MOST)) is not None


LINES = st.sampled_from(
    [
        b"Host: x", b"host:x", b"Content-Length: 2", b"Content-Length: 0", b"Content-Length:  2 ", b"Content-Length: +2",
        b"Content-Length: 2, 2", b"X: y", b"X: \ty", b" folded: z", b"X y: z", b"X:", b": y", b"Connection: keep-alive",
        b"Connection: close", b"Connection: x", b"Transfer-Encoding: chunked", b"Upgrade: h2c", b"Expect: 100-continue", b"TE: x",
        b"A: b\nContent-Length: 2", b"A: b\n", b"A: b\n\nGET / HTTP/1.1", b"A: b\r", b"A: \x00", b"A: \xff", b"",
    ]
)  # fmt: skip
REQUEST_LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1", b"POST /v1/a:b HTTP/1.1", b"GET /v1/a%2Fb?c=d&e=%20 HTTP/1.1", b"GET //a/b?c?d HTTP/1.1", b"GET /a;b=c HTTP/1.1",
        b"GET  / HTTP/1.1", b"GET / HTTP/1.0", b"GET /? HTTP/1.1", b"HEAD / HTTP/1.1", b"get / HTTP/1.1", b"GET /\xc3\xa4 HTTP/1.1",
        b"GET a HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"GET / HTTP/1.1\nA: b", b"\r\nGET / HTTP/1.1", b"PRI * HTTP/2.0", b"",
    ]
)  # fmt: skip
BODIES = st.sampled_from([b"", b"{}", b"{}{}", b"0\r\n\r\n", b"\r\n", b"\r\n\r\n", PLAIN])
DATA = st.builds(lambda line, lines, body: request(line, *lines, body=body), REQUEST_LINES, st.lists(LINES, max_size=5), BODIES)


def whole(data: bytes) -> Any:  # noqa: ANN401 - Requests, or why there are none
    """As the parser reads it."""
    try:
        return Parsed(data).requests
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        return error


@given(taught=st.lists(DATA, max_size=6), asked=st.lists(DATA, max_size=6))
def test_a_known_head_is_read_as_the_parser_reads_it(taught: Sequence[bytes], asked: Sequence[bytes]) -> None:
    known = learned(*taught)

    for data in (*taught, *asked):
        if (found := known.read(data)) is not None:
            assert [found] == whole(data)


@given(lines=st.lists(LINES, max_size=4), first=REQUEST_LINES, second=REQUEST_LINES, bodies=st.tuples(BODIES, BODIES))
def test_a_head_means_the_same_behind_any_request_line(
    lines: list[bytes], first: bytes, second: bytes, bodies: tuple[bytes, bytes]
) -> None:
    known = learned(request(first, *lines, body=bodies[0]))

    data = request(second, *lines, body=bodies[1])

    found = known.read(data)
    assert found is None or [found] == whole(data)
