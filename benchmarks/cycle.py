"""The full cycle under load: issue → phone → ack → result → one get, sent when the report was answered, which must show done.

The phones speak the WebSocket protocol by a client of their own that costs next to nothing, so that one core of load can keep one
core of server busy; each writes its journal's lines (plain writes) before the step that they stand for. The client is pinned to the
load's core by whoever starts it: `python -m benchmarks.cycle URL PHONES CALLERS SECONDS` prints one JSON line.
"""

import asyncio
import base64
import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.devices import Enrolled, enroll

BODY = b'{"type":"LOCK"}'
NO_MASK = b"\x00\x00\x00\x00"
"""A client must mask its frames; with this mask the masked bytes are the bytes."""
MEDIUM, SHORT_MOST = 126, 125


class Reply(msgspec.Struct):
    """A frame of the server: an answer, or an offer."""

    reply_to: int = msgspec.field(name="replyTo", default=0)
    status: int = 0
    offer: dict[str, msgspec.Raw] | None = None


class Phone(asyncio.Protocol):
    """One connected phone that acknowledges whatever it is offered and reports success; never more than one at a time."""

    def __init__(self, device: Enrolled, journal: int, done: Callable[[str], None]) -> None:
        self._device, self._journal, self._done = device, journal, done
        self._buffer = b""
        self._upgraded = False
        self._operation = self._ack_id = ""
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /device/v1/connect HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {self._device.credential}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Takes whatever whole frames there are."""
        self._buffer += data
        if not self._upgraded:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.greeted.set_exception(RuntimeError(head.decode()))
                return
            self._upgraded, self._buffer = True, rest
            self._send(1, "hello", b"{}")
        while len(self._buffer) >= 2 and (frame := self._frame()) is not None:  # noqa: PLR2004 - a frame's head
            self._take(frame)

    def _frame(self) -> bytes | None:
        buffer = self._buffer
        length, start = buffer[1] & 0x7F, 2
        if length == MEDIUM:
            length, start = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < start + length:
            return None
        self._buffer = buffer[start + length :]
        if buffer[0] & 0x0F == 9:  # noqa: PLR2004 - a ping
            self._transport.write(b"\x8a\x80" + NO_MASK)
            return b"{}"
        return buffer[start : start + length]

    def _take(self, frame: bytes) -> None:
        reply = _decode(frame)
        if reply.offer is not None:
            self._operation = msgspec.json.decode(reply.offer["operation"])
            self._ack_id = os.urandom(16).hex()
            self._write("acking")
            self._send(2, "acknowledge", b'{"operation":"%b","ackId":"%b"}' % (self._operation.encode(), self._ack_id.encode()))
        elif reply.reply_to == 1:
            self.greeted.set_result(None)
        elif reply.reply_to == 2:  # noqa: PLR2004 - the ack's
            self._write("executing")
            self._write("result")
            report = b'{"operation":"%b","ackId":"%b","seq":1,"state":"SUCCEEDED"}' % (self._operation.encode(), self._ack_id.encode())
            self._send(3, "report", report)
        elif reply.reply_to == 3:  # noqa: PLR2004 - the report's
            self._done(self._operation)

    def _write(self, step: str) -> None:
        os.write(self._journal, f'{{"{step}":"{self._operation}","ackId":"{self._ack_id}"}}\n'.encode())

    def _send(self, number: int, kind: str, body: bytes) -> None:
        payload = b'{"id":%d,"kind":"%b","body":%b}' % (number, kind.encode(), body)
        size = len(payload)
        head = bytes([0x81, 0x80 | size]) if size <= SHORT_MOST else b"\x81\xfe" + size.to_bytes(2, "big")
        self._transport.write(head + NO_MASK + payload)


_decode = msgspec.json.Decoder(Reply).decode


class Caller(asyncio.Protocol):
    """One keep-alive HTTP connection of a caller: a request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Answers whoever waits, once the body is whole."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length and self._answer is not None:
            self._buffer = b""
            self._answer.set_result(body if head.split(b"\r\n")[0].endswith(b"200 OK") else b"!" + head + body)

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer.  Raises: RuntimeError: it was no 200."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(
            b"%b %b HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%b" % (method.encode(), path.encode(), len(body), body)
        )
        answer = await self._answer
        if answer[:1] == b"!":
            raise RuntimeError(answer.decode())
        return answer


@dataclass
class Tally:
    """What the callers saw."""

    cycles: int = 0
    times_ms: list[float] = field(default_factory=list)


async def measure(url: str, phones: int, callers: int, seconds: float) -> Tally:
    """Cycles for so many seconds: each caller has phones of its own and one command on its way at a time."""
    loop = asyncio.get_running_loop()
    devices = await enroll(url, phones)
    reported: dict[str, asyncio.Event] = {}
    host, port = str(urlsplit(url).hostname), urlsplit(url).port or 80
    with tempfile.TemporaryDirectory() as folder:
        connected = []
        for number, device in enumerate(devices):
            journal = os.open(Path(folder) / str(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

            def done(operation: str) -> None:
                reported.setdefault(operation, asyncio.Event()).set()

            _, phone = await loop.create_connection(functools.partial(Phone, device, journal, done), host, port)
            connected.append(phone)
        await asyncio.gather(*(phone.greeted for phone in connected))
        print("ready", flush=True)
        tally, end = Tally(), time.monotonic() + seconds

        async def call(share: list[Enrolled]) -> None:
            _, caller = await loop.create_connection(Caller, host, port)
            turn = 0
            while time.monotonic() < end:
                device = share[turn % len(share)]
                turn += 1
                began = time.monotonic()
                answer = msgspec.json.decode(await caller.ask("POST", f"/v1/{device.name}:issueCommand?prettyPrint=false", BODY))
                event = reported.setdefault(answer["name"], asyncio.Event())
                await event.wait()
                del reported[answer["name"]]
                operation = msgspec.json.decode(await caller.ask("GET", f"/v1/{answer['name']}?prettyPrint=false"))
                if not operation.get("done") or "response" not in operation:
                    raise RuntimeError(operation)
                tally.cycles += 1
                tally.times_ms.append((time.monotonic() - began) * 1_000)

        await asyncio.gather(*(call(devices[number::callers]) for number in range(callers)))
    return tally


def main() -> None:
    """Print what one run gave as one JSON line."""
    url, phones, callers, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    tally = uvloop.run(measure(url, phones, callers, seconds))
    times = sorted(tally.times_ms)
    result = {"cycles": tally.cycles, "p50_ms": times[len(times) // 2], "p99_ms": times[len(times) * 99 // 100]}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
