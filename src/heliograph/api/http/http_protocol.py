"""How a connection's bytes are read: HTTP/1.1, bounded in size and time, and only a head counts as a head."""

import asyncio
import functools
import re
import socket
import struct
import urllib.parse
from collections import deque
from typing import Any

import httptools
import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from heliograph.api.http import http_rejections
from heliograph.api.http.connections import COUNTED_MOST_BYTES, Book, Connections, Place
from heliograph.api.http.cutting import CUT_OFF
from heliograph.api.http.cycle import Cycle, Lane
from heliograph.api.http.errors import URL_MAX_BYTES
from heliograph.api.http.heads import Head, Request
from heliograph.api.http.health_only import only_health_pages
from heliograph.api.http.http_rejections import Rejection
from heliograph.api.http.ws_protocol import WebSocket13
from heliograph.asgi import Asgi, Scope
from heliograph.service.metrics import PROCESS

log = structlog.get_logger()


OFFER_OF_HTTP_2 = re.compile(rb"\r\n(?i:upgrade):(?=[ \t]*h2c)")

_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]{1,255}|\[[0-9A-Fa-fv:.]{2,45}\])(?::[0-9]{0,5})?")
"""Source: RFC 3986 §3.2.2."""

SLICE_BYTES = 4_096
"""So much is parsed at a time: a bound that is passed is seen before the next slice."""

WAITING_REQUESTS_MOST = 32
"""Of one connection, behind the one that is answered; what comes after them is read later."""

FRAMING_MOST_BYTES = 64 * 1_024
"""Of chunk extensions and trailers, without a byte of body among them."""

LINGER_MOST_BYTES = 1_024 * 1_024
"""Read and thrown away after a refusal."""

BETWEEN, HEAD, BODY = range(3)
"""Where the parser is."""


class _RejectedError(Exception):
    """Ends the parsing of a request; the parser wraps it."""


class Http11(HttpToolsProtocol):
    """HTTP/1.1, without losing the body of a request that offers HTTP/2 as well, as every POST of Java's HttpClient does.

    The parser takes what follows such a head for the other protocol. An offer may be passed over, so it never sees it.

    A request that is ill-formed, too large or too slow is refused in Google's form, after the answers to those before it; then the
    connection is closed. Trailer fields are skipped: the checks of the head have not seen them.

    Source: RFC 9110 §7.8; RFC 9112 §3.2, §6, §7.1.2; uvicorn's HttpToolsProtocol.
    """

    def __init__(  # noqa: PLR0913 - uvicorn's four, and ours
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
        place: Place | None = None,
        app: Asgi | None = None,
        lane: Lane | None = None,
    ) -> None:
        """`app`: other than the configuration's; `lane`: a way around it."""
        # Each request's scope has a copy of this state, and so have the scopes that are made from it.
        super().__init__(config, server_state, {**app_state, CUT_OFF: self.cut_off}, _loop)
        if app is not None:
            self.app = app
        self._lane = lane
        self._raw_root = self.root_path.encode("ascii")
        self._all = connections
        self._limits = connections.limits
        self._place = place
        self._spare = place is not None and place.spare
        if place is not None and self._spare:
            place.holder = self
            self.app, self._lane = only_health_pages(self.app), None
        # In place of uvicorn's `cycle` and `pipeline`.
        self._latest: Cycle | None = None
        self._next: Cycle | None = None
        """The request that was read and nothing waits before, until its answer begins."""
        self._waiting: deque[Cycle] = deque()
        """Requests behind the one that is answered, the latest first."""
        self._book: Book | None = None
        self._stage = BETWEEN
        self._held = 0
        self._head_bytes = 0
        self._framing_bytes = 0
        self._unparsed = b""
        self._why: Rejection | None = None
        self._last_word: Rejection | None = None
        self._deaf = False
        """Parsing has stopped."""
        self._thrown_bytes = 0
        self._known_host: bytes | None = None
        self._lasting: dict[str, Any] | None = None
        """What the scopes of all its requests have in common; None: no head came again yet."""

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_in(self._all.heads)

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()
        self._wait_in(None)
        if self._place is not None:
            self._place.free()
        self.connections.discard(self)
        if self._latest is not None:
            self._latest.hang_up()
            self._latest = None  # it and this would hold each other
        self.flow.resume_writing()
        if exc is None:
            self.transport.close()
        self.parser = None  # type: ignore[assignment]  # likewise

    def data_received(self, data: bytes) -> None:
        """It is parsed, or kept until the requests before it are answered."""
        if self._deaf:
            self._throw_away(data)
            return
        everyone, size = self._all, len(data)
        if self._held < COUNTED_MOST_BYTES:
            self._held += size
            everyone.held += size
            if everyone.held > self._limits.held_max_bytes and everyone.relieve(self):
                return
        between = self._book is everyone.idle and not self._unparsed and size <= SLICE_BYTES
        if between and (request := everyone.known.read(data)) is not None:
            self._take(request)
            return
        if b"h2c" in data:  # a head that comes in pieces, the offer cut in two, is the one that is still misread
            data = OFFER_OF_HTTP_2.sub(b"\r\nignored:", data, count=1)
        if self._unparsed or size > SLICE_BYTES or len(self._waiting) >= WAITING_REQUESTS_MOST:
            self._unparsed += data
            self._parse_on()
        else:
            self._parse(data)
        if between and self._stage is BETWEEN and not self._deaf:
            everyone.known.learn(data)

    # What the parser calls.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stage = HEAD
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        # Path and query together, as the app counts them.
        if len(self.url) - (b"?" in self.url) > URL_MAX_BYTES:
            self._give_up(http_rejections.URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._stage is not HEAD:
            return  # a trailer's
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """As uvicorn's, with its checks of the head; the request is answered, or waits for those before it."""
        self._check_head()
        self._wait_in(None)
        version = self.parser.get_http_version()
        scope: Scope = self.scope  # type: ignore[assignment]
        scope["method"] = self.parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        if self.parser.should_upgrade() and self._should_upgrade():
            if self._is_answering():
                self._give_up(http_rejections.UPGRADE_UNDER_WAY)
            return
        url = httptools.parse_url(self.url)
        raw_path = url.path or b"/"
        scope["path"], scope["raw_path"] = self.root_path + _unquoted(raw_path), self._raw_root + raw_path
        scope["query_string"] = url.query or b""
        before, self._stage = self._latest, BODY
        scope["headers"] = Head(self.headers)
        keep_alive = version != "1.0" and not self._spare and self.parser.should_keep_alive()
        self._latest = cycle = Cycle(scope, self, keep_alive, self.expect_100_continue)
        if before is None or before.response_complete:
            self._next = cycle
        else:
            self.flow.pause_reading()
            self._waiting.appendleft(cycle)

    def _take(self, request: Request) -> None:
        """The request is answered, which came whole on an idle connection, and behind which nothing waits."""
        del self._all.idle[self]
        self._book = None
        if self._lasting is None:
            super().on_message_begin()
            self._lasting = {**self.scope, "method": "", "path": "", "raw_path": b"", "query_string": b""}
        scope = self._lasting.copy()
        self.scope = scope  # type: ignore[assignment]
        scope["method"], scope["headers"], scope["query_string"] = request.method, request.head, request.query_string
        raw_path = request.raw_path
        scope["path"], scope["raw_path"] = self.root_path + _unquoted(raw_path), self._raw_root + raw_path
        self._latest = cycle = Cycle(scope, self, keep_alive=True, body=request.body, more_body=False, news=True)
        self._answer(cycle)

    def on_body(self, body: bytes) -> None:
        self._framing_bytes = 0
        if (cycle := self._of_body()) is not None:
            cycle.add(body)

    def on_message_complete(self) -> None:
        self._stage = BETWEEN
        if (cycle := self._of_body()) is not None:
            cycle.end()
        if not self._is_answering():
            self._let_go()

    def on_response_complete(self) -> None:
        """The next request is answered, or what follows it is read."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self._waiting:
            self._waiting.pop().start(self.app)
        elif self._last_word is not None:
            self._say(self._last_word)
            return
        elif self._stage is BETWEEN:
            self._all.held -= self._held
            self._held = 0
            self._wait_in(self._all.idle)
        if self._unparsed:
            self._parse_on()
        if self.flow.read_paused and not self._waiting and not self._unparsed:
            self.flow.resume_reading()

    def _of_body(self) -> Cycle | None:
        """The request that the body is of; None: it was answered before its body was there, or another protocol follows."""
        cycle = self._latest
        if cycle is None or cycle.response_complete or (self.parser.should_upgrade() and self._should_upgrade()):
            return None
        return cycle

    def _begin(self) -> None:
        """The request that nothing waits before is answered."""
        cycle, self._next = self._next, None
        if cycle is not None:
            self._answer(cycle)

    def _answer(self, cycle: Cycle) -> None:
        """What the lane does not take is answered by the app.

        The lane may answer at once, so nothing is left to parse then; and a client that does not read waits in the app.
        """
        if self._lane is not None and not self._unparsed and not self.flow.write_paused and self._lane(cycle):
            return
        cycle.scope["state"] = self.app_state.copy()  # the lane changes none
        cycle.start(self.app)

    # What a server that ends calls.

    def close_with_answer(self) -> None:
        """The connection ends with the answer to the request that was read last."""
        if self._latest is not None:
            self._latest.keep_alive = False

    def end_soon(self) -> None:
        """The answer under way says that it is the last; of requests that wait behind another, none does."""
        if not self._waiting:
            self.close_with_answer()

    def shutdown(self) -> None:
        """Closed now, or with the answer under way."""
        if self._is_answering():
            self.close_with_answer()
        else:
            self.transport.close()

    # What the books call.

    def overdue(self) -> None:
        """Its time is over: it is answered so, or closed if it asked nothing."""
        self._book = None
        if self._deaf:
            self.transport.abort()
        elif self._stage is BETWEEN:
            self.transport.close()
        elif self._waiting or self.flow.read_paused or (self._stage is HEAD and self._is_answering()):
            # Not the client keeps the server waiting: its bytes are not read.
            self._wait_in(self._all.heads if self._stage is HEAD else self._all.bodies)
        elif self._stage is HEAD:
            self._reject(http_rejections.head_too_slow(self._limits.head_s))
        else:
            self._reject(http_rejections.body_too_slow(self._limits.body_s))

    def give_way(self) -> None:
        """Closed, and its place free."""
        self._wait_in(None)
        self._deaf = True
        self.transport.abort()
        if self._place is not None:
            self._place.free()

    def shed(self) -> None:
        """The request in progress is refused."""
        self._reject(http_rejections.MEMORY)

    def cut_off(self, *, reset: bool) -> None:
        """The connection ends under its request: reset, or closed after what was written. What the app still sends is lost."""
        self._deaf = True
        if not reset:
            self.transport.close()
            return
        connected = self.transport.get_extra_info("socket")
        # Of a connection that has ended, the descriptor may be another's by now.
        if connected is not None and not self.transport.is_closing():
            # To linger for no time is to reset. The copy of the descriptor is the same socket, and has what uvloop's stand-in has not.
            with socket.fromfd(connected.fileno(), connected.family, connected.type) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    # Parsing.

    def _parse_on(self) -> None:
        """Parse as far as requests may wait; keep the rest, and read nothing more meanwhile."""
        data, start = self._unparsed, 0
        while start < len(data) and len(self._waiting) < WAITING_REQUESTS_MOST and not self._deaf:
            self._parse(data[start : start + SLICE_BYTES])
            start += SLICE_BYTES
        self._unparsed = b"" if self._deaf else data[start:]
        if self._unparsed:
            self.flow.pause_reading()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._upgrade()
        except httptools.HttpParserError:
            self._reject(self._why or http_rejections.MALFORMED)
        else:
            self._look_at_bounds(len(data))
        self._begin()

    def _look_at_bounds(self, parsed_bytes: int) -> None:
        """Of what was parsed: a request that goes on is waited for only so long, and only so much of it is taken."""
        if self._stage is HEAD:
            self._head_bytes += parsed_bytes
            if self._is_head_too_large():
                self._reject(self._head_too_large())
            else:
                self._wait_in(self._all.heads)
        elif self._stage is BODY:
            self._framing_bytes += parsed_bytes
            if not self._is_answering():
                self._let_go()  # what still comes is thrown away
            if self._framing_bytes > FRAMING_MOST_BYTES:
                self._reject(http_rejections.TOO_MUCH_FRAMING)
            else:
                self._wait_in(self._all.bodies)
        elif self._book is self._all.bodies:
            self._wait_in(None if self._is_answering() else self._all.idle)

    def _check_head(self) -> None:
        """Validate the head.  Raises: _RejectedError."""
        if self._is_head_too_large():
            self._give_up(self._head_too_large())
        version, hosts = self.parser.get_http_version(), [value for name, value in self.headers if name == b"host"]
        if len(hosts) == 1:
            if hosts[0] != self._known_host:
                if not _HOST.fullmatch(hosts[0]):
                    self._give_up(http_rejections.NO_HOST)
                self._known_host = hosts[0]
        elif hosts or version == "1.1":
            self._give_up(http_rejections.NO_HOST)
        if version != "1.1" and any(name == b"transfer-encoding" for name, _value in self.headers):
            self._give_up(http_rejections.NO_FRAME)

    def _is_head_too_large(self) -> bool:
        return self._head_bytes > self._limits.head_max_bytes or len(self.headers) > self._limits.header_lines_most

    def _head_too_large(self) -> Rejection:
        return http_rejections.head_too_large(self._limits.head_max_bytes, self._limits.header_lines_most)

    def _give_up(self, why: Rejection) -> None:
        """Raises: _RejectedError, always."""
        self._why = why
        raise _RejectedError

    def _upgrade(self) -> None:
        """Another protocol follows: a WebSocket's, or one that is not supported; then the request is answered without it."""
        self._unparsed = b""
        if not self._should_upgrade():
            self._deaf = True
            self.close_with_answer()
            return
        if self._spare:
            self._reject(http_rejections.CROWDED)
            return
        self._let_go()
        self._wait_in(None)
        self._deaf = True
        self._latest = None
        del self.app_state[CUT_OFF]  # the WebSocket takes the state: it would keep this object as long as it lives
        self.ws_protocol_class = functools.partial(WebSocket13, place=self._place, app=self.app)  # type: ignore[assignment]
        self.handle_websocket_upgrade()

    # Refusing.

    def _is_answering(self) -> bool:
        return bool(self._waiting) or (self._latest is not None and not self._latest.response_complete)

    def _reject(self, why: Rejection) -> None:
        """The request being read gets this refusal, after those before it; nothing more is read from this connection."""
        if self._deaf:
            return
        self._deaf = True
        self._unparsed = b""
        PROCESS.requests_refused[why.reason] += 1
        log.info("http.refused", reason=why.reason, http_status=why.status)
        in_body = self._stage is BODY
        self._wait_in(None)
        self._let_go()
        if self._waiting:
            if in_body:
                self._waiting.popleft()  # its body never came, so its app never runs
            self._last_word = why
        elif not self._is_answering():
            if in_body:
                self.transport.close()  # it was answered before its body was there
            else:
                self._say(why)
        elif in_body and (latest := self._latest) is not None:
            latest.hang_up()
            if latest.response_started:
                self.transport.close()
            else:
                self._say(why)
        else:
            self._last_word = why

    def _say(self, why: Rejection) -> None:
        """Written; what the client still sends is read for a moment, for else the answer would be lost with the connection."""
        if self.transport.is_closing():
            return
        scope: object = self.scope  # before the first head it does not exist, whatever its type says
        head_only = isinstance(scope, dict) and scope.get("method") == "HEAD"
        self.transport.write(why.head if head_only else why.head + why.body)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._wait_in(self._all.leaving)

    def _throw_away(self, data: bytes) -> None:
        self._thrown_bytes += len(data)
        if self._thrown_bytes > LINGER_MOST_BYTES:
            self.transport.close()

    def _wait_in(self, book: Book | None) -> None:
        """The connection waits from now on, or keeps waiting, in this book and no other."""
        if book is self._book:
            return
        if self._book is not None:
            self._book.pop(self, None)
        self._book = book
        if book is not None:
            book[self] = self.loop.time()

    def _let_go(self) -> None:
        """Nothing is held any more."""
        self._all.held -= self._held
        self._held = 0


def _unquoted(raw_path: bytes) -> str:
    path = raw_path.decode("ascii")
    return urllib.parse.unquote(path) if "%" in path else path
