"""A WebSocket after its handshake: its messages go to a listener, and texts to the peer, without a task, a queue or a timer for each.

A whole, masked text frame of up to 64 KiB, pings and pongs are read here. With the first of anything else (a fragment, a larger or a binary
frame, a close, a mistake) the connection is given to the library, which reads it from then on: what is rare has one reader.

Source: RFC 6455 §5, §7; uvicorn's WebSocketsSansIOProtocol.
"""

import asyncio
import itertools
import logging
import struct
from typing import Any, Final

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from heliograph.api.http.connections import Place
from heliograph.asgi import Listener

try:
    from websockets.speedups import apply_mask
except ImportError:  # built without a compiler
    from websockets.utils import apply_mask

TEXT, PING, PONG = 0x81, 0x89, 0x8A
"""First bytes of frames that are whole messages."""
MASKED: Final = 0x80
SHORT_MOST, MEDIUM_MOST = 125, 0xFFFF
MEDIUM, LONG = 126, 127
"""In place of the length: two bytes with it follow, or eight."""
HEAD_BYTES, MASK_BYTES = 2, 4
MEDIUM_HEAD_BYTES: Final = HEAD_BYTES + 2 + MASK_BYTES
UNMASKED_MEDIUM, MASKED_MEDIUM = bytes((TEXT, MEDIUM)), bytes((TEXT, MASKED + MEDIUM))

PONG_WITHIN_S: Final = 30.0
CLOSED_WITHIN_S: Final = 10.0
"""How long the peer's word that it closes too is waited for."""
SILENT_MOST: Final = 1.5
"""Of the interval at which a peer keeps its connection open: a phone that sleeps is woken late at times."""

GOING_DOWN, NOT_TEXT, SILENT = 1012, 1007, 1011


class Frames(asyncio.Protocol):
    """See the module. A `Wire`."""

    __slots__ = (
        "_closing",
        "_connections",
        "_every_s",
        "_full",
        "_heard_at_s",
        "_held",
        "_library",
        "_listener",
        "_loop",
        "_max_bytes",
        "_partial",
        "_parts",
        "_parts_are_text",
        "_pinged",
        "_place",
        "_reading",
        "_timer",
        "_transport",
        "_unread",
        "_unsent",
        "_wanted",
    )  # fmt: skip

    def __init__(
        self, transport: asyncio.Transport, listener: Listener, *, connections: set[Any], place: Place | None, max_bytes: int
    ) -> None:
        """`connections`: uvicorn's, of which this is one until it is lost; `place` is free again then."""
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._listener: Listener | None = listener
        self._connections = connections
        self._place = place
        self._max_bytes = max_bytes
        self._partial: bytearray | None = None
        """A frame that is not whole yet."""
        self._wanted = 0
        """As many bytes make it whole; 0: its head is not whole."""
        self._library: Protocol | None = None
        self._parts: list[bytes] | None = None
        """Of a message that comes in fragments."""
        self._full = self._held = False
        """Whether the peer has left too much unread; whether the listener wants no more for now."""
        self._reading = True
        self._unsent: list[bytes] | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        """Of keeping the connection alive."""
        self._every_s = 0.0
        self._heard_at_s = 0.0
        self._pinged = b""
        """What the ping was sent with that no pong came to yet."""
        self._parts_are_text = False
        connections.add(self)

    # What the listener calls.

    @property
    def waits(self) -> bool:
        return self._unsent is not None

    def send(self, text: bytes) -> None:
        size = len(text)
        if size <= SHORT_MOST:
            head = bytes((TEXT, size))
        elif size <= MEDIUM_MOST:
            head = UNMASKED_MEDIUM + size.to_bytes(2)
        else:
            head = bytes((TEXT, LONG)) + size.to_bytes(8)
        transport = self._transport
        if self._closing is not None or transport.is_closing():
            return
        if self._full:
            self._keep_unsent(head + text)
        else:
            transport.write(head + text)

    def close(self, code: int, reason: str) -> None:
        if self._closing is not None or self._transport.is_closing():
            return
        self._stop_keeping_alive()
        library = self._by_library()
        library.send_close(code, reason)
        self._write(b"".join(library.data_to_send()))
        self._closing = self._loop.call_later(CLOSED_WITHIN_S, self._transport.close)
        self._held = False
        self._read_or_not()

    async def closed(self) -> None:
        """Nothing is to be waited for: the transport sends by itself."""

    def pause(self) -> None:
        self._held = True
        self._read_or_not()

    def resume(self) -> None:
        self._held = False
        self._read_or_not()

    def keep_alive(self, every_s: float, server_pings: bool) -> None:  # noqa: FBT001 - as the extension KEEP_ALIVE
        self._stop_keeping_alive()
        if self._closing is not None:
            return
        if server_pings:
            self._every_s = every_s
            self._timer = self._loop.call_later(every_s, self._ping)
        else:
            self._every_s = 0.0
            self._heard_at_s = self._loop.time()
            self._timer = self._loop.call_later(every_s * SILENT_MOST, self._give_up_if_silent, every_s * SILENT_MOST)

    # What uvicorn calls.

    def shutdown(self) -> None:
        """The server ends."""
        if self._closing is None:
            self.close(GOING_DOWN, "")
        self._transport.close()
        self._lose()

    # What the transport calls.

    def data_received(self, data: bytes) -> None:
        if not self._every_s:
            self._heard_at_s = self._loop.time()
        if self._library is not None:
            self._read_by_library(data)
        elif self._partial is None:
            size = len(data) - MEDIUM_HEAD_BYTES
            if SHORT_MOST < size <= MEDIUM_MOST and size <= self._max_bytes and data.startswith(MASKED_MEDIUM + size.to_bytes(2)):
                # One whole text: what phones mostly send. It is read below as well, in three times as many steps.
                payload = apply_mask(data[MEDIUM_HEAD_BYTES:], data[MEDIUM_HEAD_BYTES - MASK_BYTES : MEDIUM_HEAD_BYTES])
                if self._listener is not None and payload.isascii():
                    self._listener.take(payload)
                else:
                    self._take(payload)
            else:
                self._read(data)
        else:
            self._partial += data
            if len(self._partial) >= self._wanted:
                partial, self._partial, self._wanted = self._partial, None, 0
                self._read(bytes(partial))

    def pause_writing(self) -> None:
        """A peer that does not take its pongs sends no more pings."""
        self._full = True
        self._read_or_not()

    def resume_writing(self) -> None:
        """What waited is sent, then the peer is read again."""
        self._full = False
        unsent, self._unsent = self._unsent, None
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        if unsent is not None:
            self._transport.write(b"".join(unsent))
            if self._listener is not None:
                self._listener.ready()
        self._read_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        """Its place is free again."""
        self._connections.discard(self)
        self._lose()
        self._stop_keeping_alive()
        for timer in (self._closing, self._unread):
            if timer is not None:
                timer.cancel()
        if self._place is not None:
            self._place.free()

    # Reading.

    def _read(self, data: bytes) -> None:
        """Every whole frame is taken; what is left of the data is kept."""
        at, end = 0, len(data)
        while at < end:
            first, size, start = data[at], 0, at + HEAD_BYTES
            if start <= end:
                size = data[at + 1] - MASKED
                if size == MEDIUM and first == TEXT:
                    start += 2
                    size = int.from_bytes(data[at + HEAD_BYTES : start], "big")
                    if size > self._max_bytes:
                        return self._read_by_library(data[at:])
                elif not 0 <= size <= SHORT_MOST or first not in _OWN:
                    return self._read_by_library(data[at:])
            start += MASK_BYTES
            if start + size > end:
                return self._keep(data, at, start, size)
            payload = apply_mask(data[start : start + size], data[start - MASK_BYTES : start])
            at = start + size
            if first == TEXT:
                self._take(payload)
                if self._library is not None:  # the listener has closed
                    return self._read_by_library(data[at:])
            elif first == PING:
                self._write(bytes((PONG, size)) + payload)
            else:
                self._ponged(payload)
        return None

    def _keep(self, data: bytes, at: int, start: int, size: int) -> None:
        self._partial = bytearray(data[at:])
        self._wanted = start + size - at if start <= len(data) else 0

    def _take(self, payload: bytes) -> None:
        if not _is_text(payload):
            self._reject_text()
        elif self._listener is not None:
            self._listener.take(payload)

    def _reject_text(self) -> None:
        self._by_library().send_close(NOT_TEXT)
        self._end()

    def _by_library(self) -> Protocol:
        if self._library is None:
            logger = logging.getLogger("uvicorn.error")
            self._library = Protocol(SERVER, state=OPEN, max_size=self._max_bytes, logger=logger)
        return self._library

    def _read_by_library(self, data: bytes) -> None:
        library = self._by_library()
        library.receive_data(data)
        frames = [event for event in library.events_received() if isinstance(event, Frame)]
        closed = library.parser_exc is not None or any(frame.opcode is Opcode.CLOSE for frame in frames)
        if output := b"".join(library.data_to_send()):  # pongs come before answers, and no answer after a close
            self._write(output)
        if closed:
            self._transport.close()
        for frame in frames:
            if frame.opcode in _OF_MESSAGES:
                self._add(frame)
            elif frame.opcode is Opcode.PONG:
                self._ponged(bytes(frame.data))
        if closed:
            self._lose()

    def _add(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._parts = []
            self._parts_are_text = frame.opcode is Opcode.TEXT
        parts = self._parts if self._parts is not None else []
        parts.append(bytes(frame.data))
        if not frame.fin:
            return
        self._parts = None
        message = b"".join(parts)
        if self._closing is not None or self._listener is None:
            return
        if self._parts_are_text and not _is_text(message):
            self._reject_text()
        else:
            self._listener.take(message)

    def _end(self) -> None:
        """What the library has to say last is written, then the connection is closed."""
        if self._library is not None:
            self._write(b"".join(self._library.data_to_send()))
        self._transport.close()
        self._lose()

    def _lose(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost()

    # Writing.

    def _write(self, data: bytes) -> None:
        """Written, or kept until the peer has read what it was sent; one that does not is cut off."""
        if not self._full:
            self._transport.write(data)
        else:
            self._keep_unsent(data)

    def _keep_unsent(self, data: bytes) -> None:
        if self._unsent is not None:
            self._unsent.append(data)
        else:
            self._unsent = [data]
            within_s = self._listener.unread_most_s if self._listener is not None else CLOSED_WITHIN_S
            self._unread = self._loop.call_later(within_s, self._transport.abort)

    def _read_or_not(self) -> None:
        wanted = not (self._full or self._held)
        if wanted is not self._reading and not self._transport.is_closing():
            self._reading = wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    # Keeping alive.

    def _ping(self) -> None:
        if self._pinged:
            self._give_up()
            return
        self._pinged = struct.pack("!Q", next(_NUMBERS))
        self._write(bytes((PING, len(self._pinged))) + self._pinged)
        self._timer = self._loop.call_later(PONG_WITHIN_S, self._rest)

    def _rest(self) -> None:
        """The pong must be there by now; the next ping comes when its time is over."""
        if self._pinged or self._every_s <= PONG_WITHIN_S:
            self._ping()
        else:
            self._timer = self._loop.call_later(self._every_s - PONG_WITHIN_S, self._ping)

    def _ponged(self, payload: bytes) -> None:
        if payload == self._pinged:
            self._pinged = b""

    def _give_up_if_silent(self, most_s: float) -> None:
        left_s = self._heard_at_s + most_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._give_up_if_silent, most_s)
        else:
            self._give_up()

    def _give_up(self) -> None:
        self._timer = None
        self._by_library().fail(SILENT, "keepalive ping timeout")
        self._end()

    def _stop_keeping_alive(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pinged = b""


_OWN = frozenset({TEXT, PING, PONG})
_OF_MESSAGES = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
_NUMBERS = itertools.count(1)
"""Of pings: a pong is known by what its ping was sent with."""


def _is_text(payload: bytes) -> bool:
    if payload.isascii():
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
