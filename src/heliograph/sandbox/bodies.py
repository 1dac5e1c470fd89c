"""Bodies of requests that steer a world, and what answers such a request."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.protojson.messages import decode_message
from heliograph.sandbox.world import World

Handler = Callable[[World, Request], Coroutine[Any, Any, object]]
M = TypeVar("M", bound=msgspec.Struct)
BODY_MAX_BYTES = 64 * 1_024
"""More than anything that can be said here."""


async def body_of(request: Request, cls: type[M]) -> M:
    """The message in the body.  Raises: InvalidArgument, BodyTooLarge, BodyTooSlow, ClientGone."""
    return decode_message(cls, await bytes_of(request), root="")


async def bytes_of(request: Request) -> bytes:
    """The body.  Raises: BodyTooLarge, BodyTooSlow, ClientGone."""
    return await read_body(request.receive, max_bytes=BODY_MAX_BYTES, timeout_s=BODY_TIMEOUT_S)
