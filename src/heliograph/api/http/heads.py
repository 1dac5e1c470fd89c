"""Heads of requests that were read before: a client sends the same header lines with each of its requests, down to the token.

A request that comes whole, and whose header lines are those of one before, byte for byte, is cut at three places instead of being parsed.
What is known of a head was said by the same parser, and only of heads that leave nothing open: no upgrade, no chunks, no last request.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import httptools
import msgspec

KNOWN_MOST = 512
"""Heads: each client has a few, one for each length of its bodies."""
SEEN_MOST = 4_096
"""Heads that came once. Of clients that number their requests in a header, each would displace one that comes again."""

_END = b"\r\n\r\n"
_REQUEST_LINE = re.compile(rb"(GET|POST) (/[A-Za-z0-9/_.~:@!$&'()*+,;=%-]*)(?:\?([A-Za-z0-9/_.~:@!$&'()*+,;=%?-]*))? HTTP/1\.1")
"""Whose target is read without doubt.  Source: RFC 9112 §3; RFC 3986 §3.3, §3.4."""
_UNUSUAL = frozenset({b"content-encoding", b"x-http-method-override", b"origin"})
_OPEN = frozenset({b"connection", b"expect", b"te", b"trailer", b"transfer-encoding", b"upgrade"})
_KEEP_ALIVE = (b"connection", b"keep-alive")


class Head(tuple[tuple[bytes, bytes], ...]):  # noqa: SLOT001 - what is found is kept in its `__dict__`
    """The header lines of a request, names in small letters. They cannot change, so what follows from them is looked for once."""

    @cached_property
    def is_usual(self) -> bool:
        """Whether no line asks for another form of the request or of its answer (http_compat.py)."""
        return not any(name in _UNUSUAL for name, _ in self)

    @cached_property
    def authorization(self) -> bytes | None:
        """The first line of this name; None: there is none."""
        return next((value for name, value in self if name == b"authorization"), None)

    @cached_property
    def idempotency_key(self) -> bytes | None:
        """The last line of this name; None: there is none."""
        return next((value for name, value in reversed(self) if name == b"idempotency-key"), None)


def head_of(scope: Mapping[str, Any]) -> Head:
    """The header lines of a request."""
    lines = scope["headers"]
    return lines if type(lines) is Head else Head(lines)


class Request(msgspec.Struct, frozen=True):
    """A whole request, as the parser would read it."""

    method: str
    raw_path: bytes
    query_string: bytes
    head: Head
    body: bytes


class _Known(NamedTuple):
    head: Head
    body_bytes: int


_NEVER = _Known(Head(), -1)
"""No request is so long."""


class KnownHeads:
    """The heads that one server's clients sent, and send again."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}
        """By the header lines as they came. Tokens are among them, as in what is remembered of callers."""
        self._seen: set[int] = set()

    def read(self, data: bytes) -> Request | None:
        """The request that the data are, if its head is known; None: they are for the parser.

        The data must begin where a request does, on a connection that may have another one after it.
        """
        head, end, body = data.partition(_END)
        line, _, lines = head.partition(b"\r\n")
        known = self._known.get(lines)
        if known is None or not end or len(body) != known.body_bytes or (read := _REQUEST_LINE.fullmatch(line)) is None:
            return None
        method, path, query = read.groups(b"")
        return Request("POST" if method == b"POST" else "GET", path, query, known.head, body)

    def learn(self, data: bytes) -> None:
        """The data, which were one request or several, were taken: if it is one, and its head comes a second time, that is known."""
        head, _, body = data.partition(_END)
        line, _, lines = head.partition(b"\r\n")
        mark = hash(lines)
        if mark not in self._seen:
            if len(self._seen) >= SEEN_MOST:
                self._seen.clear()
            self._seen.add(mark)
        elif lines not in self._known:
            reader = _Reader()
            is_one = _REQUEST_LINE.fullmatch(line) is not None and reader.reads_one(data) and reader.body_bytes == len(body)
            if len(self._known) >= KNOWN_MOST:
                del self._known[next(iter(self._known))]
            # What does not read so is known too: it is not tried again with each of its requests.
            self._known[lines] = _Known(Head(reader.headers), len(body)) if is_one else _NEVER


class _Reader:
    """Reads data that should be one request with nothing open behind it."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body_bytes = 0
        self._begun = self._ended = 0

    def reads_one(self, data: bytes) -> bool:
        """Whether they are."""
        parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        is_one = self._begun == self._ended == 1 and parser.get_http_version() == "1.1"
        return is_one and parser.should_keep_alive() and not any(line[0] in _OPEN and line != _KEEP_ALIVE for line in self.headers)

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)

    def on_message_complete(self) -> None:
        self._ended += 1
