"""Sends an answer that goes on: a piece at a time, no faster than its reader reads."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from heliograph.api.http.cutting import cut_off
from heliograph.api.http.sending import NO_SNIFFING
from heliograph.asgi import Message, Receive, Send

STALLED_S = 60.0
"""A reader that takes nothing for so long is gone, whatever its socket says."""
RECHECK_S = 30.0
"""How long an answer goes on after its caller lost the right to it."""
WHOLE_ANSWER = "heliograph.whole_answer"
"""In a scope: who waits for this answer takes it as a whole (a part of a batch)."""


class Stream(NamedTuple):
    """An answer that ends when its pieces do."""

    content_type: bytes
    pieces: AsyncGenerator[bytes]
    recheck: Callable[[], Awaitable[object]] | None = None
    """Raises when the caller may no longer read it."""
    recheck_every_s: float = RECHECK_S
    stalled_s: float = STALLED_S


EVENT_STREAM = "text/event-stream"
JSON_LINES = "application/jsonl"
_ALSO_JSON_LINES = "application/x-ndjson"


def stream_wanted(scope: Mapping[str, Any]) -> str:
    """EVENT_STREAM or JSON_LINES, as the request's Accept says; empty: it wants a whole answer."""
    if WHOLE_ANSWER in scope:
        return ""
    named = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1").lower()
    wanted = {choice.partition(";")[0].strip() for choice in named.split(",")}
    if EVENT_STREAM in wanted:
        return EVENT_STREAM
    return JSON_LINES if wanted & {JSON_LINES, _ALSO_JSON_LINES} else ""


class ReaderStalled(Exception):
    """The reader took nothing for too long."""


async def send_stream(stream: Stream, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """All pieces are sent, or the reader is gone, or may no longer read; one that stalls is cut off.

    Raises: what the pieces raise: their reader must not take them for all.
    """
    headers = [(b"content-type", stream.content_type), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"), NO_SNIFFING]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        await _send_while_wanted(stream, receive, send)
        await _send_in_time(send, {"type": "http.response.body", "body": b""}, stream.stalled_s)
    except ReaderStalled:
        cut_off(scope, reset=True)
        await _until_gone(receive)


async def _send_while_wanted(stream: Stream, receive: Receive, send: Send) -> None:
    sending = asyncio.ensure_future(_send_all(stream, send))
    tasks = [sending, asyncio.ensure_future(_until_gone(receive))]
    if stream.recheck is not None:
        tasks.append(asyncio.ensure_future(_until_rejected(stream.recheck, stream.recheck_every_s)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await stream.pieces.aclose()
    if not sending.cancelled():
        sending.result()


async def _send_all(stream: Stream, send: Send) -> None:
    async for piece in stream.pieces:
        await _send_in_time(send, {"type": "http.response.body", "body": piece, "more_body": True}, stream.stalled_s)


async def _send_in_time(send: Send, message: Message, within_s: float) -> None:
    """Raises: ReaderStalled."""
    try:
        async with asyncio.timeout(within_s):
            await send(message)
    except TimeoutError:
        raise ReaderStalled from None


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _until_rejected(recheck: Callable[[], Awaitable[object]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await recheck()
