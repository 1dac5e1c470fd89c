"""`/sandbox/v1`: see and steer the phones, act as their users, move the clock (docs/sandbox.md)."""

from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.routing import Router

from heliograph.agent.profiles import PROFILES, facts_of
from heliograph.agent.runner import Condition
from heliograph.api.http.side_routes import Endpoint as SideEndpoint
from heliograph.api.http.side_routes import side_router
from heliograph.domain.command import Answer, Wait
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.domain.phone.virtual_device import VirtualDevice, leave_lost_mode, opens, unlock
from heliograph.notifications.push import require_endpoint
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument, Violation
from heliograph.sandbox.answers import (
    Devices,
    DeviceView,
    Nothing,
    Notifications,
    OpenApiDocument,
    Profiles,
    PushEndpointList,
    PushEndpointView,
    SnapshotView,
)
from heliograph.sandbox.answers_about_calls import FaultList
from heliograph.sandbox.bodies import Handler, body_of, by_hand, phone_name, reject_what_it_does_not_take
from heliograph.sandbox.clock_routes import CLOCK_ROUTES
from heliograph.sandbox.doorway import WORLD
from heliograph.sandbox.esim_verbs import ESIM_VERBS
from heliograph.sandbox.fault_messages import Script
from heliograph.sandbox.fault_routes import FAULT_ROUTES, script
from heliograph.sandbox.messages import Creation, Endpoint, Steering, Unlocking
from heliograph.sandbox.openapi import openapi_document
from heliograph.sandbox.operation_routes import OPERATION_ROUTES
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.request_routes import REQUEST_ROUTES
from heliograph.sandbox.retry_test_routes import RETRY_TEST_ROUTES
from heliograph.sandbox.sign_in_routes import SIGN_IN_ROUTES
from heliograph.sandbox.snapshot_routes import export
from heliograph.sandbox.stage import Stage
from heliograph.sandbox.steering import Steered
from heliograph.sandbox.steering_route import ABSENT, CHANGES, NOT_NOW, THERE_ALREADY, TOO_MANY, QueryParameter, SteeringRoute, Verb
from heliograph.sandbox.usage_log_verb import LOG_USAGE
from heliograph.sandbox.world import World


def sandbox_app() -> Router:
    """The ASGI app for everything under `/sandbox/v1` of the world that the scope names."""
    return side_router((row.http_method, row.path, endpoint_of(row)) for row in STEERING_ROUTES)


def endpoint_of(row: SteeringRoute[Handler]) -> SideEndpoint:
    """What answers a request to this route, of the world that its scope names."""

    async def answer(request: Request) -> object:
        world: World = request.scope[WORLD]
        await reject_what_it_does_not_take(row, request)
        if request.method == "GET":  # the others wait for their turn to change the world
            await world.life.reached(Stage.READY)
            await world.rest()
        return await row.handler(world, request)

    return answer


def _phone(world: World, request: Request) -> SandboxPhone:
    return world.find(phone_name(world, request))


async def _profiles(_world: World, _request: Request) -> object:
    return {"profiles": [{"name": profile.name, "summary": profile.summary} for profile in PROFILES.values()]}


async def _list(world: World, _request: Request) -> object:
    return {"devices": [phone.view() for phone in world.phones.values()]}


async def _list_of_enterprise(world: World, request: Request) -> object:
    return {"devices": [phone.view() for phone in await world.phones_of(EnterpriseName(request.path_params["enterprise"]))]}


async def _get(world: World, request: Request) -> object:
    return _phone(world, request).view()


async def _create(world: World, request: Request) -> object:
    wanted = await body_of(request, Creation)
    _require_names(wanted)
    overrides = facts_of(wanted.overrides)
    enterprise = request.path_params.get("enterprise") or wanted.enterprise.removeprefix("enterprises/") or world.first_enterprise
    async with world.change():
        if wanted.enrollment_token:
            phone = await world.enrolments.enroll_with(wanted.enrollment_token, wanted.profile, overrides, device_id=wanted.device_id)
        else:
            phone = await world.enrolments.create(DeviceName(enterprise, wanted.device_id), wanted.profile, overrides)
    return phone.view()


def _require_names(wanted: Creation) -> None:
    """Raises: InvalidArgument, with a violation for each name that is missing."""
    missing = [name for name in ("device_id", "profile") if not getattr(wanted, name)]
    needs = f"deviceId and profile are required; with enrollmentToken, profile alone. The profiles: {', '.join(PROFILES)}."
    found = [Violation(name, f"{name} is missing: {needs}") for name in missing if name == "profile" or not wanted.enrollment_token]
    if found:
        raise InvalidArgument(violations=found)


async def _patch(world: World, request: Request) -> object:
    steered = Steered(await body_of(request, Steering))
    async with world.change():
        phone = await world.awake(phone_name(world, request))
        steered.fits(phone)
        await steered.of(phone)
    return phone.view()


def _unlocked(phone: VirtualDevice, given: Unlocking) -> VirtualDevice:
    """Raises: FailedPrecondition."""
    if given.password and not opens(phone, given.password):
        raise FailedPrecondition("The password opens no lock of this phone that its user can reach now: it stays as it was.")
    return unlock(phone, given.password or None)


async def _leave_lost_mode(world: World, request: Request) -> object:
    async with world.change():
        phone = await world.awake(phone_name(world, request))
        if phone.runner.phone.device.lost_mode is None:
            raise FailedPrecondition("The phone is not in lost mode.")
        phone.runner.phone.become(leave_lost_mode(phone.runner.phone.device, world.clock.now_us()))
    return phone.view()


async def _reboot(world: World, request: Request) -> object:
    async with world.change():
        phone = await world.awake(phone_name(world, request))
        if phone.runner.condition is Condition.OFF:
            raise FailedPrecondition("The phone is off: it is restarting already.")
        phone.runner.reboot()
    return phone.view()


async def _approve(world: World, request: Request) -> object:
    return await _answer(world, request, Answer.APPROVED)


async def _decline(world: World, request: Request) -> object:
    return await _answer(world, request, Answer.DECLINED)


async def _enter_wrong_code(world: World, request: Request) -> object:
    return await _answer(world, request, Answer.WRONG_CODE, wait=Wait.CONFIRMATION_CODE)


async def _answer(world: World, request: Request, answer: Answer, *, wait: Wait | None = None) -> object:
    async with world.change():
        phone = await world.awake(phone_name(world, request))
        if not phone.runner.phone.answer(answer, wait=wait):
            asked = f"for {wait.value}" if wait else "anything"
            raise FailedPrecondition(f"The phone does not ask its user {asked} now: see userIsAsked of GET /sandbox/v1/devices/PHONE.")
    return phone.view()


async def _reset(world: World, request: Request) -> object:
    async with world.change():
        phone = await world.enrolments.make_anew(_phone(world, request))
    return phone.view()


async def _enroll(world: World, request: Request) -> object:
    async with world.change():
        phone = await world.awake(phone_name(world, request))
        await world.enrolments.enroll_again(phone)
    return phone.view()


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
    try:
        require_endpoint(wanted.url)
    except InvalidArgument as error:
        description = f"url: {error.message}" if wanted.url else 'url is required, as in {"url": "http://127.0.0.1:9000/pushed"}.'
        raise InvalidArgument(violations=[Violation("url", description)]) from None
    async with world.change():
        return world.push_endpoints.add(wanted.url)


async def _remove_endpoint(world: World, request: Request) -> object:
    async with world.change():
        await world.push_endpoints.remove(request.path_params["endpoint"])
    return {}


async def _openapi(_world: World, request: Request) -> object:
    return openapi_document(STEERING_ROUTES, url=str(request.base_url).rstrip("/"))


def _of_phones() -> Iterator[SteeringRoute[Handler]]:
    """Each route of phones twice: a phone of the first enterprise may be called by its id alone."""
    for subject, path in (("devices", "/sandbox/v1/devices"), ("enterprises.devices", "/sandbox/v1/enterprises/{enterprise}/devices")):
        far = "{enterprise}" in path
        yield SteeringRoute(
            id=f"{subject}.list", http_method="GET", path=path, handler=_list_of_enterprise if far else _list, answer=Devices,
            summary="The phones of one enterprise." if far else "All phones of the world.", errors=(ABSENT,) if far else (),
        )  # fmt: skip
        yield SteeringRoute(
            id=f"{subject}.create", http_method="POST", path=path, handler=_create, answer=DeviceView, body=Creation,
            summary="A new phone, enrolled and connected.", required=("profile",), errors=(ABSENT, THERE_ALREADY, *CHANGES),
            example={"deviceId": "mine-far" if far else "mine", "profile": "pixel7-a14-cope", "overrides": {"apiLevel": 33}},
        )  # fmt: skip
        yield SteeringRoute(
            id=f"{subject}.get", http_method="GET", path=f"{path}/{{phone}}", handler=_get, answer=DeviceView, errors=(ABSENT,),
            summary="One phone whole.",
        )  # fmt: skip
        yield SteeringRoute(
            id=f"{subject}.patch", http_method="PATCH", path=f"{path}/{{phone}}", handler=_patch, answer=DeviceView, body=Steering,
            summary="It behaves so from now on; what is absent stays as it is.", errors=(ABSENT, *CHANGES),
            example={"consent": "APPROVE", "consentDelay": "0.5s"},
        )  # fmt: skip
        for name, verb in {**_VERBS, **ESIM_VERBS}.items():
            yield SteeringRoute(
                id=f"{subject}.{name}", http_method="POST", path=f"{path}/{{phone}}:{name}", handler=verb.handler, answer=DeviceView,
                body=verb.body, required=verb.required, example=verb.example, summary=verb.summary, errors=(ABSENT, *CHANGES),
            )  # fmt: skip
        yield SteeringRoute(
            id=f"{subject}.script", http_method="POST", path=f"{path}/{{phone}}:script", handler=script, answer=FaultList, body=Script,
            summary="Plans what will happen to it: a fault for each step.", required=("steps",), errors=(ABSENT, *CHANGES),
            example={"steps": [{"after": "10s", "offline": "600s"}]},
        )  # fmt: skip


_VERBS: Mapping[str, Verb[Handler]] = {
    "unlock": Verb(by_hand(Unlocking, _unlocked), "Its user unlocks it: with this password, else with whatever it asks for.", Unlocking),
    "approve": Verb(_approve, "Its user agrees to what it asks."),
    "decline": Verb(_decline, "Its user refuses what it asks."),
    "enterWrongCode": Verb(_enter_wrong_code, "Its user enters a wrong confirmation code."),
    "leaveLostMode": Verb(_leave_lost_mode, "Its user leaves lost mode."),
    "reboot": Verb(_reboot, "Its user restarts it: it is off for its rebootDuration."),
    "logUsage": LOG_USAGE,
    "reset": Verb(_reset, "It is as new, under the same id, and its operations are forgotten."),
    "enroll": Verb(_enroll, "A wiped or relinquished phone enrols again, as a new device."),
}
"""What can be done to a phone."""
OPENAPI_PATH = "/sandbox/v1/openapi.json"
_ENDPOINTS = "/sandbox/v1/pushEndpoints"
STEERING_ROUTES: tuple[SteeringRoute[Handler], ...] = (
    *_of_phones(),
    *SIGN_IN_ROUTES,
    *CLOCK_ROUTES,
    SteeringRoute(
        id="notifications.list", http_method="GET", path="/sandbox/v1/notifications", handler=_notifications, answer=Notifications,
        summary="The newest notifications, for enterprises that enabled some.",
        query=(QueryParameter(name="device", description="Only those about this phone: its id, or the device's whole name."),),
    ),
    SteeringRoute(
        id="pushEndpoints.create", http_method="POST", path=_ENDPOINTS, handler=_add_endpoint, answer=PushEndpointView, body=Endpoint,
        summary="Notifications are sent there, too.", required=("url",), errors=(TOO_MANY, *CHANGES),
        example={"url": "http://127.0.0.1:9000/pushed"},
    ),
    SteeringRoute(
        id="pushEndpoints.list", http_method="GET", path=_ENDPOINTS, handler=_endpoints, answer=PushEndpointList,
        summary="Where notifications are sent.",
    ),
    SteeringRoute(
        id="pushEndpoints.delete", http_method="DELETE", path=f"{_ENDPOINTS}/{{endpoint}}", handler=_remove_endpoint, answer=Nothing,
        summary="Nothing is sent there any more.", errors=(ABSENT, *CHANGES),
    ),
    *FAULT_ROUTES,
    *REQUEST_ROUTES,
    *OPERATION_ROUTES,
    *RETRY_TEST_ROUTES,
    SteeringRoute(
        id="profiles.list", http_method="GET", path="/sandbox/v1/profiles", handler=_profiles, answer=Profiles,
        summary="The kinds of virtual phones.",
    ),
    SteeringRoute(
        id="world.reset", http_method="POST", path="/sandbox/v1:reset", handler=_reset_all, answer=Nothing, errors=(NOT_NOW,),
        summary="Everything is as at the start.",
    ),
    SteeringRoute(
        id="world.export", http_method="POST", path="/sandbox/v1:export", handler=export, answer=SnapshotView, errors=CHANGES,
        summary="The world as a snapshot, which makes it again as `snapshot` of a new world.",
    ),
    SteeringRoute(
        id="world.describe", http_method="GET", path=OPENAPI_PATH, handler=_openapi, answer=OpenApiDocument,
        summary="This interface as an OpenAPI document.",
    ),
)  # fmt: skip
"""Every route below `/sandbox/v1` of a world, and `/retry_test`."""
