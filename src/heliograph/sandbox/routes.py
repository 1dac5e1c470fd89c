"""`/sandbox/v1`: see and steer the phones, act as their users, move the clock (docs/sandbox.md)."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Router

from heliograph.agent.profiles import PROFILES
from heliograph.api.http.side_routes import Endpoint as SideEndpoint
from heliograph.api.http.side_routes import side_router
from heliograph.domain.command import Answer, Wait
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.domain.phone.virtual_device import leave_lost_mode, opens, unlock
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument
from heliograph.protojson.messages import decode_message
from heliograph.sandbox.bodies import Handler, body_of, bytes_of
from heliograph.sandbox.clock_routes import CLOCK_VERBS, clock_view
from heliograph.sandbox.doorway import WORLD
from heliograph.sandbox.fault_routes import FAULT_ROUTES, script
from heliograph.sandbox.messages import Creation, Endpoint, Steering, Unlocking
from heliograph.sandbox.operation_routes import OPERATION_ROUTES
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.request_routes import REQUEST_ROUTES
from heliograph.sandbox.retry_test_routes import RETRY_TEST_ROUTES
from heliograph.sandbox.snapshot_routes import export
from heliograph.sandbox.stage import Stage
from heliograph.sandbox.steering import Steered
from heliograph.sandbox.world import World


def sandbox_app() -> Router:
    """The ASGI app for everything under `/sandbox/v1` of the world that the scope names."""
    phone = "/sandbox/v1/devices/{phone}"
    far_phone = "/sandbox/v1/enterprises/{enterprise}/devices/{phone}"
    routes = [
        ("GET", "/sandbox/v1/profiles", _profiles),
        ("GET", "/sandbox/v1/devices", _list),
        ("POST", "/sandbox/v1/devices", _create),
        ("GET", "/sandbox/v1/enterprises/{enterprise}/devices", _list_of_enterprise),
        ("POST", "/sandbox/v1/enterprises/{enterprise}/devices", _create),
        ("POST", "/sandbox/v1:reset", _reset_all),
        ("POST", "/sandbox/v1:export", export),
        ("GET", "/sandbox/v1/notifications", _notifications),
        ("GET", "/sandbox/v1/clock", clock_view),
        *(("POST", f"/sandbox/v1/clock:{verb}", handler) for verb, handler in CLOCK_VERBS.items()),
        ("GET", "/sandbox/v1/pushEndpoints", _endpoints),
        ("POST", "/sandbox/v1/pushEndpoints", _add_endpoint),
        ("DELETE", "/sandbox/v1/pushEndpoints/{endpoint}", _remove_endpoint),
        *FAULT_ROUTES,
        *REQUEST_ROUTES,
        *OPERATION_ROUTES,
        *RETRY_TEST_ROUTES,
    ]
    for path in (phone, far_phone):
        routes += [("POST", f"{path}:{verb}", handler) for verb, handler in _VERBS.items()]
        routes += [("GET", path, _get), ("PATCH", path, _patch)]
    return side_router((method, path, _endpoint(handler)) for method, path, handler in routes)


def _endpoint(handler: Handler) -> SideEndpoint:
    async def answer(request: Request) -> object:
        world: World = request.scope[WORLD]
        if request.method == "GET":  # the others wait for their turn to change the world
            await world.life.reached(Stage.READY)
            await world.rest()
        return await handler(world, request)

    return answer


def _phone(world: World, request: Request) -> SandboxPhone:
    return world.find(_phone_name(world, request))


def _phone_name(world: World, request: Request) -> DeviceName:
    return DeviceName(request.path_params.get("enterprise", world.first_enterprise), request.path_params["phone"])


async def _profiles(_world: World, _request: Request) -> object:
    return {"profiles": [{"name": profile.name, "summary": profile.summary} for profile in PROFILES.values()]}


async def _list(world: World, _request: Request) -> object:
    return {"devices": [phone.view() for phone in world.phones.values()]}


async def _list_of_enterprise(world: World, request: Request) -> object:
    return {"devices": [phone.view() for phone in await world.phones_of(EnterpriseName(request.path_params["enterprise"]))]}


async def _get(world: World, request: Request) -> object:
    return _phone(world, request).view()


async def _create(world: World, request: Request) -> object:
    try:
        given = msgspec.json.decode(await bytes_of(request) or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"Invalid JSON payload received. {error}") from None
    except RecursionError:
        raise InvalidArgument("Invalid JSON payload received. It is nested too deeply.") from None
    overrides = given.pop("overrides", None) or {}
    if not isinstance(overrides, dict):
        raise InvalidArgument('overrides must be an object of facts, as in {"apiLevel": 34}.')
    wanted = decode_message(Creation, given, root="")
    if not wanted.profile or not (wanted.device_id or wanted.enrollment_token):
        raise InvalidArgument(
            "deviceId and profile are required; with enrollmentToken, profile alone. The profiles: " + ", ".join(PROFILES) + "."
        )
    if wanted.enrollment_token:
        return (await world.enroll_with(wanted.enrollment_token, wanted.profile, overrides, device_id=wanted.device_id)).view()
    enterprise = request.path_params.get("enterprise") or wanted.enterprise.removeprefix("enterprises/") or world.first_enterprise
    name = DeviceName(enterprise, wanted.device_id)
    return (await world.create(name, wanted.profile, overrides)).view()


async def _patch(world: World, request: Request) -> object:
    steered = Steered(await body_of(request, Steering))
    async with world.change():
        phone = await world.awake(_phone_name(world, request))
        steered.fits(phone)
        await steered.of(phone)
    return phone.view()


async def _unlock(world: World, request: Request) -> object:
    given = await body_of(request, Unlocking)
    async with world.change():
        phone = await world.awake(_phone_name(world, request))
        if given.password and not opens(phone.runner.phone.device, given.password):
            raise FailedPrecondition("The password opens no lock of this phone that its user can reach now: it stays as it was.")
        phone.runner.phone.become(unlock(phone.runner.phone.device, given.password or None))
    return phone.view()


async def _leave_lost_mode(world: World, request: Request) -> object:
    async with world.change():
        phone = await world.awake(_phone_name(world, request))
        if phone.runner.phone.device.lost_mode is None:
            raise FailedPrecondition("The phone is not in lost mode.")
        phone.runner.phone.become(leave_lost_mode(phone.runner.phone.device, world.clock.now_us()))
    return phone.view()


async def _approve(world: World, request: Request) -> object:
    return await _answer(world, request, Answer.APPROVED)


async def _decline(world: World, request: Request) -> object:
    return await _answer(world, request, Answer.DECLINED)


async def _enter_wrong_code(world: World, request: Request) -> object:
    return await _answer(world, request, Answer.WRONG_CODE, wait=Wait.CONFIRMATION_CODE)


async def _answer(world: World, request: Request, answer: Answer, *, wait: Wait | None = None) -> object:
    async with world.change():
        phone = await world.awake(_phone_name(world, request))
        if not phone.runner.phone.answer(answer, wait=wait):
            asked = f"for {wait.value}" if wait else "anything"
            raise FailedPrecondition(f"The phone does not ask its user {asked} now: see userIsAsked of GET /sandbox/v1/devices/PHONE.")
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


async def _endpoints(world: World, _request: Request) -> object:
    return {"pushEndpoints": world.push_endpoints.views()}


async def _add_endpoint(world: World, request: Request) -> object:
    wanted = await body_of(request, Endpoint)
    async with world.change():
        return world.push_endpoints.add(wanted.url)


async def _remove_endpoint(world: World, request: Request) -> object:
    async with world.change():
        await world.push_endpoints.remove(request.path_params["endpoint"])
    return {}


_VERBS: dict[str, Handler] = {
    "unlock": _unlock,
    "approve": _approve,
    "decline": _decline,
    "enterWrongCode": _enter_wrong_code,
    "leaveLostMode": _leave_lost_mode,
    "reset": _reset,
    "enroll": _enroll,
    "script": script,
}
