"""`/sandbox/v1`: see and steer the phones, act as their users, move the clock (docs/sandbox.md)."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from heliograph.agent.misbehaviour import Mischief
from heliograph.agent.profiles import PROFILES
from heliograph.agent.virtual import ANSWERS, User
from heliograph.api.request_body import BODY_TIMEOUT_S, ClientGone, read_body
from heliograph.api.side_answers import error_response, json_response, side_router
from heliograph.domain.command import Answer
from heliograph.domain.errors import HeliographError, InvalidArgument
from heliograph.domain.names import DeviceName
from heliograph.domain.virtual_device import leave_lost_mode, unlock
from heliograph.domain.wire import decode_message
from heliograph.domain.wire_time import NS_PER_S, format_timestamp, parse_duration_ns
from heliograph.sandbox.doorway import WORLD
from heliograph.sandbox.messages import Advance, Consent, Creation, Loss, Steering, Unlocking
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.stage import Stage
from heliograph.sandbox.world import World

Handler = Callable[[World, Request], Coroutine[Any, Any, object]]
M = TypeVar("M", bound=msgspec.Struct)
BODY_MAX_BYTES = 64 * 1_024
"""More than anything that can be said here."""
FURTHEST_JUMP_NS = 100 * 365 * 86_400 * NS_PER_S
"""A century; further, times would leave what RFC 3339 can write."""


def sandbox_app() -> Router:
    """The ASGI app for everything under `/sandbox/v1` of the world that the scope names."""
    phone = "/sandbox/v1/devices/{phone}"
    far_phone = "/sandbox/v1/enterprises/{enterprise}/devices/{phone}"
    routes = [
        ("GET", "/sandbox/v1/profiles", _profiles),
        ("GET", "/sandbox/v1/devices", _list),
        ("POST", "/sandbox/v1/devices", _create),
        ("POST", "/sandbox/v1:reset", _reset_all),
        ("GET", "/sandbox/v1/notifications", _notifications),
        ("GET", "/sandbox/v1/clock", _clock),
        ("POST", "/sandbox/v1/clock:advance", _advance),
    ]
    for path in (phone, far_phone):
        routes += [("POST", f"{path}:{verb}", handler) for verb, handler in _VERBS.items()]
        routes += [("GET", path, _get), ("PATCH", path, _patch)]
    return side_router((method, path, _endpoint(handler)) for method, path, handler in routes)


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        world: World = request.scope[WORLD]
        try:
            if request.method == "GET":  # the others wait for their turn to change the world
                await world.life.reached(Stage.READY)
                await world.rest()
            return json_response(await handler(world, request))
        except HeliographError as error:
            return error_response(error)
        except ClientGone:
            return Response(status_code=400)  # nobody reads it

    return answer


async def _body(request: Request, cls: type[M]) -> M:
    return decode_message(cls, await _bytes(request), root="")


async def _bytes(request: Request) -> bytes:
    return await read_body(request.receive, max_bytes=BODY_MAX_BYTES, timeout_s=BODY_TIMEOUT_S)


def _phone(world: World, request: Request) -> SandboxPhone:
    return world.find(_phone_name(world, request))


def _phone_name(world: World, request: Request) -> DeviceName:
    return DeviceName(request.path_params.get("enterprise", world.first_enterprise), request.path_params["phone"])


def _seconds(duration: str) -> float:
    seconds = parse_duration_ns(duration) / NS_PER_S
    if seconds < 0:
        raise InvalidArgument("A duration here must not be negative.")
    return seconds


async def _profiles(_world: World, _request: Request) -> object:
    return {"profiles": [{"name": profile.name, "summary": profile.summary} for profile in PROFILES.values()]}


async def _list(world: World, _request: Request) -> object:
    return {"devices": [phone.view() for phone in world.phones.values()]}


async def _get(world: World, request: Request) -> object:
    return _phone(world, request).view()


async def _create(world: World, request: Request) -> object:
    try:
        given = msgspec.json.decode(await _bytes(request) or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"Invalid JSON payload received. {error}") from None
    except RecursionError:
        raise InvalidArgument("Invalid JSON payload received. It is nested too deeply.") from None
    overrides = given.pop("overrides", None) or {}
    if not isinstance(overrides, dict):
        raise InvalidArgument('overrides must be an object of facts, as in {"apiLevel": 34}.')
    wanted = decode_message(Creation, given, root="")
    if not wanted.device_id or not wanted.profile:
        raise InvalidArgument("deviceId and profile are required. The profiles: " + ", ".join(PROFILES) + ".")
    name = DeviceName(wanted.enterprise.removeprefix("enterprises/") or world.first_enterprise, wanted.device_id)
    return (await world.create(name, wanted.profile, overrides)).view()


async def _patch(world: World, request: Request) -> object:
    wanted = await _body(request, Steering)
    latency_ms = round(_seconds(wanted.latency) * 1_000) if wanted.latency else None
    duplicates = wanted.duplicates
    async with world.change():
        phone = await world.awake(_phone_name(world, request))
        if wanted.consent is not Consent.CONSENT_UNSPECIFIED or wanted.consent_delay:
            phone.runner.phone.be(_minded(phone.runner.phone.user, wanted))
        await _misbehave(phone.runner.mischief, wanted, latency_ms=latency_ms, duplicates=duplicates)
    return phone.view()


async def _misbehave(mischief: Mischief, wanted: Steering, *, latency_ms: int | None, duplicates: int) -> None:
    if latency_ms is not None:
        mischief.delay_ms = latency_ms
    for loss in wanted.drop_next:
        heard = loss in {Loss.ACKNOWLEDGE_ANSWER, Loss.REPORT_ANSWER}
        drop = mischief.drop_next_ack if loss in {Loss.ACKNOWLEDGE, Loss.ACKNOWLEDGE_ANSWER} else mischief.drop_next_report
        drop(heard=heard)
    for _ in range(duplicates):
        mischief.duplicate_next()
    if wanted.online is True:
        mischief.go_online()
    elif wanted.online is False:
        await mischief.go_offline()


def _minded(user: User, wanted: Steering) -> User:
    after_s = _seconds(wanted.consent_delay) if wanted.consent_delay else user.after_s
    answer = user.answer if wanted.consent is Consent.CONSENT_UNSPECIFIED else ANSWERS[wanted.consent.answering]
    return User(answer=answer, after_s=after_s)


async def _unlock(world: World, request: Request) -> object:
    given = await _body(request, Unlocking)
    async with world.change():
        phone = await world.awake(_phone_name(world, request))
        phone.runner.phone.become(unlock(phone.runner.phone.device, given.password or None))
    return phone.view()


async def _leave_lost_mode(world: World, request: Request) -> object:
    async with world.change():
        phone = await world.awake(_phone_name(world, request))
        phone.runner.phone.become(leave_lost_mode(phone.runner.phone.device, world.clock.now_us()))
    return phone.view()


async def _approve(world: World, request: Request) -> object:
    return await _answer(world, request, Answer.APPROVED)


async def _decline(world: World, request: Request) -> object:
    return await _answer(world, request, Answer.DECLINED)


async def _answer(world: World, request: Request, answer: Answer) -> object:
    async with world.change():
        phone = await world.awake(_phone_name(world, request))
        phone.runner.phone.answer(answer)
    return phone.view()


async def _reset(world: World, request: Request) -> object:
    return (await world.reset_phone(_phone_name(world, request))).view()


async def _enroll(world: World, request: Request) -> object:
    return (await world.enroll_again(_phone_name(world, request))).view()


async def _reset_all(world: World, _request: Request) -> object:
    await world.reset()
    return {}


async def _notifications(world: World, request: Request) -> object:
    device = request.query_params.get("device", "")
    short = device and "/" not in device
    return {"notifications": world.notifications.views(f"enterprises/{world.first_enterprise}/devices/{device}" if short else device)}


async def _clock(world: World, _request: Request) -> object:
    return {"now": format_timestamp(world.clock.now_us())}


async def _advance(world: World, request: Request) -> object:
    wanted = await _body(request, Advance)
    duration_ns = parse_duration_ns(wanted.duration) if wanted.duration else 0
    if not 0 < duration_ns <= FURTHEST_JUMP_NS:
        raise InvalidArgument('duration must be positive and at most a century, as in {"duration": "43200s"}.')
    return {"now": format_timestamp(await world.advance(duration_ns // 1_000))}


_VERBS: dict[str, Handler] = {
    "unlock": _unlock,
    "approve": _approve,
    "decline": _decline,
    "leaveLostMode": _leave_lost_mode,
    "reset": _reset,
    "enroll": _enroll,
}
