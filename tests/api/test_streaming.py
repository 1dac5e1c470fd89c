"""An answer that goes on ends when its reader is gone, or may no longer read it."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from heliograph.api.http.cutting import CUT_OFF
from heliograph.api.http.streaming import Stream, send_stream
from heliograph.asgi import Message
from heliograph.domain.access import CredentialsInvalid


async def for_ever() -> AsyncGenerator[bytes]:
    """Pieces without an end."""
    while True:
        yield b"piece\n"
        await asyncio.sleep(0)


class Connection:
    """What a server hands to an app; `sent` keeps the last messages."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self.taken_most: int | None = None
        """None: it takes all."""
        self.cut_off: list[bool] = []
        """Whether with a reset, each time."""
        self.scope = {"state": {CUT_OFF: self._cut_off}}

    def _cut_off(self, *, reset: bool) -> None:
        self.cut_off.append(reset)
        self.gone.set()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.taken_most is not None and len(self.sent) >= self.taken_most:
            await asyncio.Event().wait()
        self.sent = [*self.sent[-9:], message]


async def test_a_stream_ends_when_its_caller_lost_the_right() -> None:
    connection = Connection()

    async def lost() -> None:
        raise CredentialsInvalid

    await send_stream(Stream(b"text/plain", for_ever(), lost, recheck_every_s=0.01), connection.scope, connection.receive, connection.send)

    assert {"type": "http.response.body", "body": b""} == connection.sent[-1]


async def test_a_stream_goes_on_while_its_caller_may_read_and_ends_when_it_hangs_up() -> None:
    connection = Connection()
    looks = iter(range(3))

    async def still() -> None:
        if next(looks) == 2:
            connection.gone.set()

    await send_stream(Stream(b"text/plain", for_ever(), still, recheck_every_s=0.01), connection.scope, connection.receive, connection.send)

    assert b"piece\n" == connection.sent[-2]["body"]


async def test_what_makes_the_pieces_is_closed_with_its_stream() -> None:
    connection = Connection()
    connection.gone.set()
    closed: list[str] = []

    async def pieces() -> AsyncGenerator[bytes]:
        try:
            while True:
                yield b"piece\n"
                await asyncio.sleep(0.001)
        finally:
            closed.append("closed")

    await send_stream(Stream(b"text/plain", pieces()), connection.scope, connection.receive, connection.send)

    assert ["closed"] == closed or not connection.sent[1]["body"]


async def test_a_reader_that_takes_nothing_any_more_is_cut_off() -> None:
    """An end of the answer would wait behind what it did not take."""
    connection = Connection()
    connection.taken_most = 3

    async with asyncio.timeout(5):
        await send_stream(
            Stream(b"text/plain", for_ever(), stalled_s=0.01), connection.scope, connection.receive, connection.send
        )  # fmt: skip

    assert [True] == connection.cut_off


async def test_a_stream_that_fails_is_not_taken_for_a_whole_one() -> None:
    connection = Connection()

    async def pieces() -> AsyncGenerator[bytes]:
        yield b"piece\n"
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await send_stream(Stream(b"text/plain", pieces()), connection.scope, connection.receive, connection.send)

    assert b"piece\n" == connection.sent[-1]["body"]
