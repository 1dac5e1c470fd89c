"""A phone and a caller that cost next to nothing, so that one core of load can keep one core of server busy.

The phone speaks the device protocol over WebSocket: greets, acknowledges whatever it is offered, "executes", reports success, and goes on
where it was when its connection broke (docs/device-protocol.md). What it holds instead of a journal on disk is its own memory: here it is
the server that dies, not the phone.
"""

import asyncio
import base64
import os
import random
import re
from collections.abc import Callable

import msgspec

from benchmarks.devices import Enrolled

NO_MASK = b"\x00\x00\x00\x00"
"""A client must mask its frames; with this mask the masked bytes are the bytes."""
MEDIUM, SHORT_MOST = 126, 125
CLOSE, PING = 8, 9
BUSY = 503
HELLO, ACKNOWLEDGE, REPORT = 1, 2, 3
"""The ids of the phone's frames: it never has two of a kind on their way."""
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.5, 60.0
_RETRY_AFTER = re.compile(rb"retryAfterMs=(\d+)")


class Reply(msgspec.Struct, gc=False):
    """A frame of the server: an answer, or an offer."""

    reply_to: int = msgspec.field(name="replyTo", default=0)
    status: int = 0
    offer: dict[str, msgspec.Raw] | None = None
    body: dict[str, msgspec.Raw] = {}


_decode = msgspec.json.Decoder(Reply).decode


class Phone(asyncio.Protocol):
    """One phone; never more than one operation at a time. Its hooks are called with the operation's name."""

    def __init__(self, device: Enrolled, address: tuple[str, int]) -> None:
        self._device, self._address = device, address
        self._operation = self._ack_id = ""
        self._attempt, self._reporting = 0, False
        self._begin()
        nothing: Callable[[str], None] = _nothing
        self.greeted: Callable[[Phone], None] = _nobody
        self.lost: Callable[[Phone], None] = _nobody
        """Called when the server has answered hello, and when the connection is lost afterwards."""
        self.offered = self.executed = self.reported = nothing
        self.written: Callable[[str, str, str], None] | None = None
        """Called with (step, operation, ackId) before the step is taken."""

    def _begin(self) -> None:
        self._buffer, self._upgraded, self._retry_s, self._next = b"", False, 0.0, ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._begin()
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /device/v1/connect HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {self._device.credential}\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Comes back, after the time that the server asked for or the protocol says."""
        if self._upgraded:
            self.lost(self)
        self._come_back()

    def _come_back(self) -> None:
        wait = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2**self._attempt) * random.uniform(0.5, 1)  # noqa: S311 - jitter
        self._attempt += 1
        loop = asyncio.get_running_loop()
        loop.call_later(max(wait, self._retry_s), lambda: loop.create_task(self.connect()))

    async def connect(self) -> None:
        """The phone is on its way; without an answer, it tries again later."""
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, *self._address)
        except OSError:
            self._come_back()

    def data_received(self, data: bytes) -> None:
        """Takes whatever whole frames there are."""
        self._buffer += data
        if not self._upgraded:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self._transport.close()
                return
            self._upgraded, self._buffer = True, rest
            self._send(HELLO, "hello", self._in_flight())
        while len(self._buffer) >= 2 and (frame := self._frame()):  # noqa: PLR2004 - a frame's head
            self._take(_decode(frame))

    def _frame(self) -> bytes:
        """The next data frame's payload; empty: no whole frame."""
        while True:
            buffer = self._buffer
            if len(buffer) < 2:  # noqa: PLR2004 - a frame's head
                return b""
            length, start = buffer[1] & 0x7F, 2
            if length == MEDIUM:
                length, start = int.from_bytes(buffer[2:4], "big"), 4
            if len(buffer) < start + length:
                return b""
            self._buffer = buffer[start + length :]
            payload, opcode = buffer[start : start + length], buffer[0] & 0x0F
            if opcode < CLOSE:
                return payload
            if opcode == PING:
                self._transport.write(bytes([0x8A, 0x80 | length]) + NO_MASK + payload)
            elif opcode == CLOSE:
                found = _RETRY_AFTER.search(payload)
                self._retry_s = int(found[1]) / 1_000 if found else 0.0
                self._transport.close()
                return b""

    def _take(self, reply: Reply) -> None:
        if reply.status == BUSY:
            asyncio.get_running_loop().call_later(random.uniform(0.5, 1), self._again, self._operation, reply.reply_to)  # noqa: S311 - jitter
        elif reply.offer is not None:
            self._offered(msgspec.json.decode(reply.offer["operation"]))
        elif reply.reply_to == HELLO:
            self._attempt = 0
            self.greeted(self)
            if self._reporting:
                self._report()
            elif self._operation:
                self._acknowledge()
        elif reply.reply_to == ACKNOWLEDGE:
            self._acknowledged(execute=reply.status == 200 and "drop" not in reply.body)  # noqa: PLR2004 - OK
        elif reply.reply_to == REPORT:
            operation = self._operation
            self.reported(operation)
            self._free()

    def _free(self) -> None:
        """Nothing is in progress any more, except what was offered meanwhile."""
        self._operation, self._reporting, waiting, self._next = "", False, self._next, ""
        if waiting:
            self._offered(waiting)

    def _offered(self, operation: str) -> None:
        self.offered(operation)
        if self._operation:  # it may come before the answer to the report that made room for it
            self._next = operation if operation != self._operation else ""
            return
        self._operation, self._ack_id = operation, os.urandom(16).hex()
        if self.written:
            self.written("acking", operation, self._ack_id)
        self._acknowledge()

    def _acknowledged(self, *, execute: bool) -> None:
        if not execute:
            self._free()
            return
        if self.written:
            self.written("executing", self._operation, self._ack_id)
        self.executed(self._operation)
        self._reporting = True
        if self.written:
            self.written("result", self._operation, self._ack_id)
        self._report()

    def _again(self, operation: str, kind: int) -> None:
        """What the server had no time for is sent once more, unless it came to an end meanwhile."""
        if kind == HELLO:
            self._send(HELLO, "hello", self._in_flight())
        elif operation == self._operation:
            (self._report if self._reporting else self._acknowledge)()

    def _acknowledge(self) -> None:
        self._send(ACKNOWLEDGE, "acknowledge", b'{"operation":"%b","ackId":"%b"}' % (self._operation.encode(), self._ack_id.encode()))

    def _report(self) -> None:
        body = b'{"operation":"%b","ackId":"%b","seq":1,"state":"SUCCEEDED"}' % (self._operation.encode(), self._ack_id.encode())
        self._send(REPORT, "report", body)

    def _in_flight(self) -> bytes:
        if not self._operation:
            return b"{}"
        state = "result" if self._reporting else "acking"
        return f'{{"inFlight":[{{"operation":"{self._operation}","ackId":"{self._ack_id}","state":"{state}"}}]}}'.encode()

    def _send(self, number: int, kind: str, body: bytes) -> None:
        payload = b'{"id":%d,"kind":"%b","body":%b}' % (number, kind.encode(), body)
        size = len(payload)
        head = bytes([0x81, 0x80 | size]) if size <= SHORT_MOST else b"\x81\xfe" + size.to_bytes(2, "big")
        self._transport.write(head + NO_MASK + payload)


def _nothing(_: str) -> None:
    return None


def _nobody(_: Phone) -> None:
    return None


class Refused(Exception):
    """The server answered something else than 200: its head and body."""

    @property
    def busy(self) -> bool:
        """Whether it asks to be asked again (503)."""
        return str(self).startswith(f"HTTP/1.1 {BUSY}")


class Caller(asyncio.Protocol):
    """One keep-alive HTTP connection of a caller: a request at a time."""

    def __init__(self, token: str = "", *, header: str = "") -> None:
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None
        self.refused = 0
        self._head = f"Host: localhost\r\n{header or f'Authorization: Bearer {token}'}\r\n".encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """Its waiter hears of it."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the connection is lost"))

    def data_received(self, data: bytes) -> None:
        """Answers the waiter, once the body is complete."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or self._answer is None or self._answer.done():
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        if head.startswith(b"HTTP/1.1 200"):
            self._answer.set_result(body)
        else:
            self._answer.set_exception(Refused((head + body).decode()))

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer.  Raises: Refused: it was no 200; ConnectionResetError."""
        if self._transport.is_closing():
            raise ConnectionResetError("the connection is lost")
        self._answer = asyncio.get_running_loop().create_future()
        head = b"%b %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n" % (method.encode(), path.encode(), self._head, len(body))
        self._transport.write(head + body)
        return await self._answer

    async def ask_until_taken(self, method: str, path: str, body: bytes = b"") -> bytes:
        """As `ask`, again and again where the server is overloaded, as its callers' libraries do; `refused` counts these answers.

        Raises: Refused: for another reason; ConnectionResetError.
        """
        while True:
            try:
                return await self.ask(method, path, body)
            except Refused as refused:
                if not refused.busy:
                    raise
                self.refused += 1
                await asyncio.sleep(random.uniform(0.1, 0.2))  # noqa: S311 - jitter
