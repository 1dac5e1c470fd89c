"""A WebSocket that was handed over reads and writes as uvicorn's protocol does: the same conversations with both, byte for byte."""

import asyncio
import hashlib
import itertools
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import BinaryIO

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.asgi import HAND_OVER, HandOver, Receive, Scope, Send, Wire
from heliograph.protocol import MESSAGE_MAX_BYTES
from heliograph.server import listening_socket, serving
from tests.patience import PATIENCE_S

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
FIN, CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x80, 0, 1, 2, 8, 9, 10
MASK = b"\x01\x80\x7f\x33"


def frame(opcode: int, payload: bytes, *, fin: bool = True, bits: int = 0, masked: bool = True, length: int | None = None) -> bytes:
    """A client's frame; `length`: other than the payload's."""
    size = len(payload) if length is None else length
    if size <= 125:
        head = bytes((size,))
    elif size <= 0xFFFF:
        head = b"\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x7f" + size.to_bytes(8, "big")
    first = bytes((opcode | bits | (FIN if fin else 0),))
    if not masked:
        return first + head + payload
    hidden = bytes(byte ^ MASK[number % 4] for number, byte in enumerate(payload))
    return first + bytes((head[0] | 0x80,)) + head[1:] + MASK + hidden


@dataclass(frozen=True)
class Step:
    """What the client sends, and how many frames come for it."""

    sent: bytes
    answers: int


def message(payload: bytes, opcode: int = TEXT) -> Step:
    return Step(frame(opcode, payload), 1)


def in_fragments(first: bytes, second: bytes, last: bytes) -> Step:
    """A text in three parts, a ping between them."""
    parts = (frame(TEXT, first, fin=False), frame(PING, b"between"), frame(CONT, second, fin=False), frame(CONT, last))
    return Step(b"".join(parts), 2)


texts = st.text(max_size=40).map(str.encode)
sizes = st.sampled_from([0, 1, 124, 125, 126, 127, 1_000, 65_535, 65_536, 70_000, MESSAGE_MAX_BYTES])
steps = st.one_of(
    texts.map(message),
    sizes.map(lambda size: message(b"x" * size)),
    st.binary(max_size=200).map(lambda payload: message(payload, BINARY)),
    st.binary(max_size=125).map(lambda payload: Step(frame(PING, payload), 1)),
    st.binary(max_size=125).map(lambda payload: Step(frame(PONG, payload), 0)),
    st.tuples(texts, texts, texts).map(lambda parts: in_fragments(*parts)),
)

ENDS = {
    "close": frame(CLOSE, b"\x03\xe8bye"),
    "close without a code": frame(CLOSE, b""),
    "close with half a code": frame(CLOSE, b"\x03"),
    "close with a code that none may send": frame(CLOSE, b"\x03\xed"),
    "close with a reason that is not text": frame(CLOSE, b"\x03\xe8\xff"),
    "not text": frame(TEXT, b"\xff\xfe"),
    "a surrogate": frame(TEXT, b"\xed\xa0\x80"),
    "not text, in fragments": frame(TEXT, b"\xc3", fin=False) + frame(CONT, b"\x28"),
    "not masked": frame(TEXT, b"hello", masked=False),
    "a reserved bit": frame(TEXT, b"hello", bits=0x40),
    "another reserved bit": frame(PING, b"hello", bits=0x10),
    "an opcode that does not exist": frame(3, b"hello"),
    "a control opcode that does not exist": frame(11, b"hello"),
    "a long ping": frame(PING, b"x" * 126),
    "a long pong": frame(PONG, b"x" * 126),
    "a ping in fragments": frame(PING, b"x", fin=False),
    "a continuation of nothing": frame(CONT, b"x"),
    "a text within a text": frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"),
    "a close within a text": frame(TEXT, b"x", fin=False) + frame(CLOSE, b"\x03\xe8"),
    "too large": frame(TEXT, b"x" * 10, length=MESSAGE_MAX_BYTES + 1),
    "much too large": frame(TEXT, b"x" * 10, length=2**62),
    "too large in fragments": frame(TEXT, b"x" * MESSAGE_MAX_BYTES, fin=False) + frame(CONT, b"xx"),
}


class Echo:
    """A `Listener` that answers each message with its length and digest."""

    wire: Wire
    unread_most_s = 20.0

    def take(self, message: bytes) -> None:
        self.wire.send(answer_to(message).encode())

    def ready(self) -> None:
        """Every message was answered."""

    def lost(self) -> None:
        """It ends."""


def answer_to(message: bytes) -> str:
    return f"{len(message)} {hashlib.sha256(message).hexdigest()}" + "." * (len(message) if len(message) > 1_000 else 0)


async def handed_over(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers, and is no longer needed."""
    await receive()
    await send({"type": "websocket.accept"})
    echo, hand_over = Echo(), scope["extensions"][HAND_OVER]
    assert callable(hand_over)
    wire = _taken(hand_over, echo)
    echo.wire = wire


def _taken(hand_over: HandOver, echo: Echo) -> Wire:
    wire = hand_over(echo)
    assert wire is not None
    return wire


async def by_messages(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as long as messages come."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        await send({"type": "websocket.send", "text": answer_to(text.encode() if text is not None else event["bytes"])})


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[tuple[str, int], ...]]:
    """Where each of the two apps answers, on an event loop in a thread."""
    found, ends = Future[tuple[tuple[str, int], ...]](), Future[None]()

    async def drain() -> None:
        """No phones."""

    async def both() -> None:
        with listening_socket("127.0.0.1", 0) as one, listening_socket("127.0.0.1", 0) as other:
            async with serving(handed_over, one, drain=drain, shutdown_s=1), serving(by_messages, other, drain=drain, shutdown_s=1):
                found.set_result((one.getsockname(), other.getsockname()))
                await asyncio.wrap_future(ends)

    thread = threading.Thread(target=uvloop.run, args=(both(),))
    thread.start()
    yield found.result(PATIENCE_S)
    ends.set_result(None)
    thread.join()


def conversation(address: tuple[str, int], steps: list[Step], end: bytes, cuts: list[int]) -> bytes:
    """Everything that the server sends, in answer to these steps, each cut in pieces, and to the end."""
    heard = b""
    with socket.create_connection(address, PATIENCE_S) as client, client.makefile("rb") as reader:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(HANDSHAKE)
        while not heard.endswith(b"\r\n\r\n"):
            heard += reader.readline()
        for step in steps:
            for piece in pieces(step.sent, cuts):
                client.sendall(piece)
            for _ in range(step.answers):
                heard += next_frame(reader)
        # Who rejects a frame by its head reads no more: what came later would reset the connection, and its last word be lost.
        for piece in (end[:1], end[1:]):
            client.sendall(piece)
        return heard + reader.read()


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data, cut at these places."""
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(places)]


def next_frame(reader: BinaryIO) -> bytes:
    """A server's frame."""
    head = reader.read(2)
    assert not head[1] & 0x80
    more = reader.read({126: 2, 127: 8}.get(head[1], 0))
    return head + more + reader.read(int.from_bytes(more, "big") if more else head[1])


@given(steps=st.lists(steps, max_size=4), end=st.sampled_from(sorted(ENDS)), cuts=st.lists(st.integers(1, 200), max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_say_the_same_whatever_comes_however_it_is_cut(
    addresses: tuple[tuple[str, int], ...], steps: list[Step], end: str, cuts: list[int]
) -> None:
    ours, uvicorns = (conversation(address, steps, ENDS[end], cuts) for address in addresses)

    assert uvicorns == ours


@pytest.mark.parametrize("end", sorted(ENDS))
def test_both_end_a_connection_the_same_way(addresses: tuple[tuple[str, int], ...], end: str) -> None:
    ours, uvicorns = (conversation(address, [], ENDS[end], []) for address in addresses)

    assert uvicorns == ours
