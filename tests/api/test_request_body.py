"""Bodies: bounded in size and time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from heliograph.api.http.errors import BodyTooLarge, BodyTooSlow
from heliograph.api.http.request_body import read_body
from heliograph.asgi import ClientGone, Message


def receiving(*messages: Message, pause_s: float = 0.0) -> Callable[[], Awaitable[Message]]:
    """An ASGI `receive` that gives these messages, each after a pause, then nothing for ever."""
    left = iter(messages)

    async def receive() -> Message:
        if pause_s:
            await asyncio.sleep(pause_s)
        try:
            return next(left)
        except StopIteration:
            await asyncio.Event().wait()
            raise

    return receive


def chunk(body: bytes, *, more: bool = False) -> dict[str, Any]:
    """One part of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("pause_s", [0.0, 0.001])
@pytest.mark.parametrize(
    "chunks", [[chunk(b"abc")], [chunk(b"a", more=True), chunk(b"bc")], [chunk(b"", more=True), chunk(b"abc", more=True), chunk(b"")]]
)
async def test_a_body_is_read_whole_whether_it_is_here_already_or_comes_in_parts(chunks: list[Message], pause_s: float) -> None:
    assert b"abc" == await read_body(receiving(*chunks, pause_s=pause_s), max_bytes=3, timeout_s=5)


@pytest.mark.parametrize("chunks", [[chunk(b"abcd")], [chunk(b"ab", more=True), chunk(b"cd")]])
async def test_a_body_over_the_limit_is_refused_after_it_was_read(chunks: list[Message]) -> None:
    with pytest.raises(BodyTooLarge, match="at most 3 bytes"):
        await read_body(receiving(*chunks), max_bytes=3, timeout_s=5)


async def test_an_endless_body_is_not_read_to_its_end() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0)
        return chunk(b"abcd", more=True)

    with pytest.raises(BodyTooLarge):
        await read_body(receive, max_bytes=3, timeout_s=5)


@pytest.mark.parametrize("chunks", [[], [chunk(b"a", more=True)]])
async def test_a_body_that_does_not_come_is_given_up(chunks: list[Message]) -> None:
    with pytest.raises(BodyTooSlow, match=r"within 0\.02 seconds"):
        await read_body(receiving(*chunks), max_bytes=3, timeout_s=0.02)


@pytest.mark.parametrize("pause_s", [0.0, 0.001])
async def test_nobody_is_answered_who_hung_up(pause_s: float) -> None:
    with pytest.raises(ClientGone):
        await read_body(receiving({"type": "http.disconnect"}, pause_s=pause_s), max_bytes=3, timeout_s=5)


async def test_a_cancelled_reader_stops_waiting() -> None:
    reader = asyncio.ensure_future(read_body(receiving(), max_bytes=3, timeout_s=5))
    await asyncio.sleep(0)

    reader.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reader
