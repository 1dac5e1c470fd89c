"""Reads a request's body: bounded in size and time, and without a timer if the body is already there."""

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from heliograph.api.http.errors import BodyTooLarge, BodyTooSlow
from heliograph.asgi import ClientGone, Message, Receive, rest_of_body
from heliograph.protojson.errors import InvalidArgument

BODY_MAX_BYTES = 1024 * 1024  # our choice: Google documents no limit (amapi.md §8.1)

BODY_TIMEOUT_S = 30.0

BATCH_PATHS = frozenset({"/batch", "/batch/androidmanagement/v1"})
"""Where many calls are sent in one body (batch.py)."""

BATCH_MAX_BYTES = 16 * 1_024 * 1_024

FORM_MAX_BYTES = 16_384
FORM_FIELDS_MOST = 16

DRAIN_FACTOR = 16
"""How many times the limit is read and thrown away before the refusal: most clients read no answer while they send."""


async def read_body(receive: Receive, *, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body.  Raises: BodyTooLarge, BodyTooSlow, ClientGone."""
    steps = receive().__await__()
    try:
        waits_for = next(steps)
    except StopIteration as received:
        message: Message = received.value
        if not message.get("more_body") and message["type"] == "http.request" and len(message["body"]) <= max_bytes:
            return bytes(message["body"])
        rest = _read_on(message, receive, max_bytes)
    else:
        rest = _read_late(_go_on(steps, waits_for), receive, max_bytes)
    # Only a body that is not here yet pays for a timer: setting one costs as much as a fast handler.
    try:
        async with asyncio.timeout(timeout_s):
            return await rest
    except TimeoutError:
        raise too_slow(timeout_s) from None


async def read_form(receive: Receive) -> Mapping[str, str]:
    """The fields of the form in the body, the last of each name.  Raises: InvalidArgument, BodyTooLarge, BodyTooSlow, ClientGone."""
    body = await read_body(receive, max_bytes=FORM_MAX_BYTES, timeout_s=BODY_TIMEOUT_S)
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=FORM_FIELDS_MOST, errors="strict"))
    except ValueError:
        raise InvalidArgument("The body must be application/x-www-form-urlencoded.") from None


async def read_beginning(receive: Receive, least_bytes: int, *, timeout_s: float) -> tuple[bytes, Receive]:
    """The body's beginning, `least_bytes` if it has as many; and a receive that gives the whole body.

    Raises: BodyTooSlow, ClientGone.
    """
    chunks: list[bytes] = []
    size = 0
    message: Message = {"more_body": True}
    try:
        async with asyncio.timeout(timeout_s):
            while message.get("more_body") and size < least_bytes:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientGone
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
    except TimeoutError:
        raise too_slow(timeout_s) from None
    beginning = b"".join(chunks)
    return beginning, given_first({"type": "http.request", "body": beginning, "more_body": message.get("more_body", False)}, receive)


def given_first(message: Message, receive: Receive) -> Receive:
    """A receive that gives this message, then what comes after it."""

    async def given() -> Message:
        return message

    return once(given, receive)


def once(first: Receive, then: Receive) -> Receive:
    """A receive that asks `first` the first time, and then `then`."""
    asked = False

    async def both() -> Message:
        nonlocal asked
        if asked:
            return await then()
        asked = True
        return await first()

    return both


def too_slow(timeout_s: float) -> BodyTooSlow:
    """The refusal that says within which time it had to come."""
    return BodyTooSlow(f"The request body did not arrive within {timeout_s:g} seconds.")


async def _read_late(first: Awaitable[Message], receive: Receive, max_bytes: int) -> bytes:
    return await _read_on(await first, receive, max_bytes)


async def _read_on(message: Message, receive: Receive, max_bytes: int) -> bytes:
    body = await rest_of_body(message, receive, max_bytes=max_bytes, drain_bytes=max_bytes * (DRAIN_FACTOR - 1))
    if body is None:
        raise BodyTooLarge(f"The request body is too large: at most {max_bytes} bytes are accepted.")
    return body


@types.coroutine
def _go_on(steps: Generator[Any, Any, Message], waits_for: object) -> Generator[Any, Any, Message]:
    """What `steps`, already begun and now waiting for `waits_for`, finally returns."""
    resume: Callable[[Any], Any]
    value: Any
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:  # noqa: BLE001 - passed on to the waiter
            resume, value = steps.throw, error
        else:
            resume, value = steps.send, sent
        try:
            waits_for = resume(value)
        except StopIteration as received:
            message: Message = received.value
            return message
