"""Bodies of requests that steer a world, and what answers such a request."""

from collections.abc import Callable, Collection, Coroutine
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.domain.names import DeviceName
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import decode_message
from heliograph.sandbox.answers import Nothing
from heliograph.sandbox.steering_route import SteeringRoute
from heliograph.sandbox.world import World

Handler = Callable[[World, Request], Coroutine[Any, Any, object]]
M = TypeVar("M", bound=msgspec.Struct)
BODY_MAX_BYTES = 64 * 1_024
"""More than most that can be said here."""


async def body_of(request: Request, cls: type[M], *, max_bytes: int = BODY_MAX_BYTES) -> M:
    """The message in the body.  Raises: InvalidArgument, BodyTooLarge, BodyTooSlow, ClientGone."""
    return decode_message(cls, await bytes_of(request, max_bytes=max_bytes), root="")


async def bytes_of(request: Request, *, max_bytes: int = BODY_MAX_BYTES) -> bytes:
    """The body.  Raises: BodyTooLarge, BodyTooSlow, ClientGone."""
    return await read_body(request.receive, max_bytes=max_bytes, timeout_s=BODY_TIMEOUT_S)


def phone_name(world: World, request: Request) -> DeviceName:
    """The phone in the path; without an enterprise, one of the first."""
    return DeviceName(request.path_params.get("enterprise", world.first_enterprise), request.path_params["phone"])


def by_hand(cls: type[M], change: Callable[[VirtualDevice, M], VirtualDevice]) -> Handler:
    """Of a verb whose body says what the phone's user does: the phone becomes what `change` makes of it, or stays if that raises."""

    async def handler(world: World, request: Request) -> object:
        given = await body_of(request, cls)
        async with world.change():
            phone = await world.awake(phone_name(world, request))
            phone.runner.phone.become(change(phone.runner.phone.device, given))
        return phone.view()

    return handler


def is_whole(value: object, *, most: int) -> bool:
    """Whether it is a whole number below `most`, or one as text, as proto3 JSON writes 64 bits."""
    if isinstance(value, str):
        return value.isascii() and value.isdecimal() and len(value) <= len(str(most)) and int(value) < most
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < most


async def reject_what_it_does_not_take(row: SteeringRoute[Any], request: Request) -> None:
    """The request has no parameter that the route does not know, nor a body with anything in it where it takes none.

    Raises: InvalidArgument, BodyTooLarge, BodyTooSlow, ClientGone.
    """
    reject_other_parameters(request, [parameter.name for parameter in row.query])
    if row.has_body and row.body is None:
        await body_of(request, Nothing)


def reject_other_parameters(request: Request, names: Collection[str]) -> None:
    """The query has parameters of these names only.  Raises: InvalidArgument."""
    unknown = [name for name in request.query_params if name not in names]
    if unknown:
        possible = f"It takes {', '.join(names)}." if names else "It takes none."
        raise InvalidArgument(violations=[Violation(name[:64], f"Unknown parameter {name[:64]!r}. {possible}") for name in unknown])
