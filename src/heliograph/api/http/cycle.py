"""One request and its answer: what an ASGI app is called with, and what it sends, as bytes on the connection.

In place of uvicorn's RequestResponseCycle, which keeps the same promises: headers are looked at once for all answers that have them, and
nothing is made for a request that has its body with it.

Source: asgi.readthedocs.io, HTTP & WebSocket; RFC 9112 §6, §7.1; uvicorn's httptools_impl.
"""

import asyncio
import functools
import re
from collections.abc import Callable, Sequence
from contextvars import Context
from logging import getLogger
from typing import Final, NamedTuple, Protocol

import msgspec
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from heliograph.api.http import http_rejections
from heliograph.asgi import JSON, Asgi, Message, Scope, content_length, send_whole

log = getLogger("uvicorn.error")

CLOSE: Final = (b"connection", b"close")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_BODY = frozenset({204, 304})
_NOT_IN_A_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_NOT_IN_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

FIELDS_REMEMBERED = 1_024
"""Most are the same in every answer, or a length."""
HEADS_REMEMBERED = 1_024
"""Of answers: there is one for each length of a body."""


Fields = tuple[tuple[bytes, bytes], ...]
"""Headers: names and values."""


class Field(NamedTuple):
    """A header of an answer, as it is written and what it says of the answer's frame."""

    line: bytes
    length: int | None = None
    chunked: bool = False
    closes: bool = False


@functools.lru_cache(maxsize=FIELDS_REMEMBERED)
def read_field(name: bytes, value: bytes) -> Field:
    """The header.  Raises: RuntimeError: it would not be one."""
    if _NOT_IN_A_NAME.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    if _NOT_IN_A_VALUE.search(value):
        raise RuntimeError("Invalid HTTP header value.")
    name = name.lower()
    line = name + b": " + value + b"\r\n"
    if name == b"content-length":
        return Field(line, length=int(value))
    if name == b"transfer-encoding":
        return Field(line, chunked=value.lower() == b"chunked")
    return Field(line, closes=name == b"connection" and b"close" in [token.strip() for token in value.lower().split(b",")])


class AnswerHead(msgspec.Struct, frozen=True):
    """The head of an answer, as it is written and what it says of what comes after it."""

    lines: bytes
    length: int
    """Of the body; 0: it is chunked, or there is none."""
    chunked: bool
    keep_alive: bool


@functools.lru_cache(maxsize=HEADS_REMEMBERED)
def read_whole_head(status: int, before: Fields, after: Fields, length: int, keep_alive: bool) -> AnswerHead:  # noqa: FBT001 - a key
    """The head with the length of the body between these headers.  Raises: as `read_head`."""
    return read_head(status, (*before, content_length(length), *after), keep_alive, no_body=False)


@functools.lru_cache(maxsize=HEADS_REMEMBERED)
def read_head(status: int, headers: Fields, keep_alive: bool, no_body: bool) -> AnswerHead:  # noqa: FBT001 - a key
    """The head with these headers.  Raises: RuntimeError: one of them would not be a header."""
    lines = [STATUS_LINE[status]]
    length = 0
    framed = chunked = closes = False
    for name, value in headers:
        field = read_field(name, value)
        lines.append(field.line)
        if field.length is not None:
            length, framed = (0, framed) if chunked else (field.length, True)
        elif field.chunked:
            length, chunked, framed = 0, True, True
        elif field.closes:
            keep_alive, closes = False, True
    if not keep_alive and not closes:
        lines.append(read_field(*CLOSE).line)
    if not framed and not no_body:
        chunked = True
        lines.append(b"transfer-encoding: chunked\r\n")
    lines.append(b"\r\n")
    return AnswerHead(b"".join(lines), length, chunked, keep_alive)


class Connection(Protocol):
    """What a cycle needs of the connection that its request came on."""

    transport: asyncio.Transport
    flow: FlowControl
    tasks: set[asyncio.Task[None]]
    server_state: ServerState

    def on_response_complete(self) -> None:
        """The answer is written."""


class Cycle(msgspec.Struct, eq=False):
    """See the module. The connection says what comes (`add`, `end`, `hang_up`), the app asks for it and answers."""

    scope: Scope
    _connection: Connection
    keep_alive: bool
    expects_continue: bool = False
    """The client waits for a word before it sends the body."""
    body: bytes | bytearray = b""
    more_body: bool = True
    news: bool = False
    """Something came since the app asked."""
    disconnected: bool = False
    """The answer has nowhere to go any more."""
    response_started: bool = False
    response_complete: bool = False
    _wake: asyncio.Event | None = None
    _chunked: bool = False
    _left: int = 0
    """Of the body that was announced."""

    # What the connection says.

    def add(self, body: bytes) -> None:
        """More of the body has come; of too much that is not asked for, nothing more is read."""
        if not self.body:
            self.body = body
        elif isinstance(self.body, bytearray):
            self.body += body
        else:
            self.body = bytearray(self.body + body)
        if len(self.body) > HIGH_WATER_LIMIT:
            self._connection.flow.pause_reading()
        self._announce()

    def end(self) -> None:
        """The body is there."""
        self.more_body = False
        self._announce()

    def hang_up(self) -> None:
        """The client is gone, or is answered otherwise."""
        self.disconnected = self.disconnected or not self.response_complete
        self._announce()

    def _announce(self) -> None:
        self.news = True
        if self._wake is not None:
            self._wake.set()

    # What a lane does with it.

    @property
    def whole_body(self) -> bytes | bytearray | None:
        """The body, if it is there and no one waits for a word before sending it."""
        return None if self.more_body or self.expects_continue else self.body

    def answer(self, status: int, headers: Fields, body: bytes) -> None:
        """The whole answer is written, the length of its body before these headers, unless it has nowhere to go."""
        if self.disconnected:
            return
        self.response_started = self.response_complete = True
        connection = self._connection
        head = read_whole_head(status, (*connection.server_state.default_headers,), headers, len(body), self.keep_alive)
        connection.transport.write(head.lines + body)
        if not head.keep_alive:
            connection.transport.close()
        connection.on_response_complete()

    def start(self, app: Asgi, context: Context | None = None) -> None:
        """A task of its own answers it."""
        task = asyncio.get_running_loop().create_task(self.run(app), context=context)
        tasks = self._connection.tasks
        tasks.add(task)  # they are waited for when the server ends
        task.add_done_callback(tasks.discard)

    # What the app is called with.

    async def run(self, app: Asgi) -> None:
        """The app has answered, or is answered for."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException:  # the last one who can answer; a server that ends cancels it
            log.exception("Exception in ASGI application")
            await self._fail()
        else:
            if not self.response_complete and not self.disconnected:
                log.error("The ASGI app returned without an answer.")
                await self._fail()

    async def _fail(self) -> None:
        if self.response_started:
            self._connection.transport.close()
            return
        why = http_rejections.INTERNAL
        await send_whole(self.send, why.status, why.body, [JSON, CLOSE])

    async def receive(self) -> Message:
        """ASGI: what came of the body since the last time, or that the client is gone; it is waited for."""
        if self.expects_continue and not self._connection.transport.is_closing():
            self._connection.transport.write(_CONTINUE)
            self.expects_continue = False
        if not self.disconnected and not self.response_complete:
            self._connection.flow.resume_reading()
            if not self.news:
                self._wake = self._wake or asyncio.Event()
                await self._wake.wait()
                self._wake.clear()
            self.news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": bytes(body), "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """ASGI: a part of the answer.  Raises: RuntimeError: it cannot come now, or its headers contradict it."""
        if self._connection.flow.write_paused and not self.disconnected:
            await self._connection.flow.drain()
        if self.disconnected:
            return
        awaited = "http.response.body" if self.response_started else "http.response.start"
        if message["type"] != awaited or self.response_complete:
            state = "after the answer was complete" if self.response_complete else f"instead of {awaited!r}"
            raise RuntimeError(f"The ASGI app sent {message['type']!r} {state}.")
        if self.response_started:
            self._write_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            self.response_started = True
            self.expects_continue = False
            self._connection.transport.write(self._head(message["status"], message.get("headers", ())))

    # What is written.

    def _head(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        no_body = status in _NO_BODY or self.scope["method"] == "HEAD"
        head = read_head(status, (*self._connection.server_state.default_headers, *headers), self.keep_alive, no_body)
        self._left, self._chunked, self.keep_alive = head.length, head.chunked, head.keep_alive
        return head.lines

    def _write_body(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self._left = 0
        elif self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._connection.transport.write(chunk if more else chunk + b"0\r\n\r\n")
        elif len(body) > self._left:
            raise RuntimeError("The answer is longer than its content-length.")
        else:
            self._left -= len(body)
            self._connection.transport.write(body)
        if more:
            return
        if self._left:
            raise RuntimeError("The answer is shorter than its content-length.")
        self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self._announce()
        if not self.keep_alive:
            self._connection.transport.close()
        self._connection.on_response_complete()


Lane = Callable[[Cycle], bool]
"""A way around the app, for a request whose body is there: whether it answers it, now or later. False: nothing was done."""
