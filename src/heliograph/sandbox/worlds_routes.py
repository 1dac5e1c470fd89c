"""`/sandbox/v1/worlds`: make, see and end worlds (docs/sandbox.md)."""

import dataclasses
from collections.abc import Callable, Coroutine, Iterator
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.routing import Router

from heliograph.agent.profiles import PROFILES, Overrides, Profile, profile_named, with_overrides
from heliograph.api.http.address import Addresses
from heliograph.api.http.quota import AMAPI_PER_MINUTE
from heliograph.api.http.side_routes import Endpoint as SideEndpoint
from heliograph.api.http.side_routes import side_router
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.names import ID_PATTERN
from heliograph.notifications.push import require_endpoint
from heliograph.protojson.errors import InvalidArgument, Violation, Violations
from heliograph.protojson.messages import Duration, Message, Timestamp, proto
from heliograph.protojson.times import NS_PER_S, parse_duration_ns, parse_timestamp_us
from heliograph.protojson.types import AnyValue
from heliograph.sandbox.answers import Nothing, OpenApiDocument, WorldList, WorldView
from heliograph.sandbox.bodies import body_of, is_whole, reject_what_it_does_not_take
from heliograph.sandbox.fault_messages import FaultWanted
from heliograph.sandbox.grounds import SEED_MOST
from heliograph.sandbox.json_schema import Also, reference_to
from heliograph.sandbox.openapi import openapi_document
from heliograph.sandbox.push_endpoints import MOST as ENDPOINTS_MOST
from heliograph.sandbox.routes import OPENAPI_PATH, STEERING_ROUTES
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.snapshot import read_snapshot
from heliograph.sandbox.snapshots import settings_of
from heliograph.sandbox.steering_route import ABSENT, TOO_MANY, SteeringRoute
from heliograph.sandbox.worlds import WorldPlan, Worlds

PATH = "/sandbox/v1/worlds"
BESIDE_SNAPSHOT = frozenset({"snapshot", "idle_duration"})
SNAPSHOT_MAX_BYTES = 16 * 1_024 * 1_024
ENTERPRISES_MOST = 100
PHONES_MOST = 5_000
QUOTA_MOST = 1_000_000
AMAPI_QUOTA = "amapi"
"""Google's quota, which all callers of a project share."""
BEHAVIOURS = tuple(behaviour.value for behaviour in Behaviour)
_PHONE = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"profile": {"type": "string"}, "deviceId": {"type": "string"}, "overrides": reference_to(Overrides)},
            "required": ["profile"],
        },
    ]
}

Handler = Callable[[Worlds, Addresses, Request], Coroutine[Any, Any, object]]


@proto("WorldCreation")
class Creation(Message):
    """`POST /sandbox/v1/worlds`; what is absent is as in the sandbox's own world."""

    seed: Annotated[AnyValue, Also(type=["integer", "string"])] = None
    """The same seed, `now` and calls give the same answers."""
    now: Timestamp = ""
    """Where its clock stands at first; absent: the real time, and it goes."""
    enterprises: tuple[str, ...] = ()
    phones: Annotated[AnyValue, Also(type="array", items=_PHONE)] = None
    """Of each enterprise: names of profiles, or objects like those of `POST /sandbox/v1/devices`; absent: one of every profile."""
    behaviour: Annotated[str, Also(enum=BEHAVIOURS)] = ""
    quota: Annotated[AnyValue, Also(type=["integer", "string"])] = None
    """Requests that a caller may send in a minute, or AMAPI_QUOTA."""
    push_endpoints: tuple[str, ...] = ()
    enabled_notification_types: tuple[NotificationType, ...] = ()
    """What each enterprise has enabled at the start."""
    idle_duration: Duration = ""
    """Real time after which the world ends if nobody asks anything of it; 0s: never."""
    faults: tuple[FaultWanted, ...] = ()
    """As for `POST /sandbox/v1/faults`; they are in force from the beginning, and after a reset again."""
    snapshot: AnyValue = None
    """What `POST BASE/sandbox/v1:export` answered: the world is that one."""


def worlds_app(worlds: Worlds, addresses: Addresses) -> Router:
    """The ASGI app for everything at and below PATH; `addresses`: how callers name the sandbox."""
    return side_router((row.http_method, row.path, endpoint_of(worlds, addresses, row)) for row in WORLDS_ROUTES)


def endpoint_of(worlds: Worlds, addresses: Addresses, row: SteeringRoute[Handler]) -> SideEndpoint:
    """What answers a request to this route."""

    async def answer(request: Request) -> object:
        await reject_what_it_does_not_take(row, request)
        return await row.handler(worlds, addresses, request)

    return answer


async def _create(worlds: Worlds, addresses: Addresses, request: Request) -> object:
    plan = plan_of(await body_of(request, Creation, max_bytes=SNAPSHOT_MAX_BYTES), worlds.settings)
    return (await worlds.create(plan)).view(addresses.of(request.scope))


async def _list(worlds: Worlds, addresses: Addresses, request: Request) -> object:
    base = addresses.of(request.scope)
    return {"worlds": [resident.view(base) for resident in worlds.residents()]}


async def _get(worlds: Worlds, addresses: Addresses, request: Request) -> object:
    return worlds.find(request.path_params["world"]).view(addresses.of(request.scope))


async def _delete(worlds: Worlds, _addresses: Addresses, request: Request) -> object:
    await worlds.delete(request.path_params["world"])
    return {}


async def _openapi(_worlds: Worlds, addresses: Addresses, request: Request) -> object:
    return openapi_document(ALL_ROUTES, url=addresses.of(request.scope))


WORLDS_ROUTES: tuple[SteeringRoute[Handler], ...] = (
    SteeringRoute(
        id="worlds.create", http_method="POST", path=PATH, handler=_create, answer=WorldView, body=Creation, errors=(ABSENT, TOO_MANY),
        summary="A new world, whole and at rest.", example={"seed": 7, "now": "2030-01-01T00:00:00Z"},
    ),
    SteeringRoute(id="worlds.list", http_method="GET", path=PATH, handler=_list, answer=WorldList, summary="All worlds that were made."),
    SteeringRoute(
        id="worlds.get", http_method="GET", path=f"{PATH}/{{world}}", handler=_get, answer=WorldView, summary="One world.",
        errors=(ABSENT,),
    ),
    SteeringRoute(
        id="worlds.delete", http_method="DELETE", path=f"{PATH}/{{world}}", handler=_delete, answer=Nothing, errors=(ABSENT,),
        summary="The world ends, and all in it.",
    ),
    SteeringRoute(
        id="world.describe", http_method="GET", path=OPENAPI_PATH, handler=_openapi, answer=OpenApiDocument,
        summary="This interface as an OpenAPI document.",
    ),
)  # fmt: skip
"""The routes that only the sandbox's own address has; its document describes those of its world, too."""
ALL_ROUTES: tuple[SteeringRoute[Any], ...] = (*STEERING_ROUTES, *WORLDS_ROUTES)


def plan_of(wanted: Creation, settings: SandboxSettings) -> WorldPlan:
    """What is wished, in a sandbox with these settings.  Raises: InvalidArgument, with everything wrong with it."""
    if found := Violations(_violations(wanted)):
        raise InvalidArgument(violations=found)
    if wanted.snapshot is not None:
        return _plan_of_snapshot(wanted, settings)
    limits = dataclasses.replace(
        settings.limits,
        behaviour=Behaviour(wanted.behaviour) if wanted.behaviour else settings.limits.behaviour,
        quota_per_minute=settings.limits.quota_per_minute if wanted.quota is None else _per_minute(wanted.quota),
        quota_per_project=settings.limits.quota_per_project if wanted.quota is None else wanted.quota == AMAPI_QUOTA,
    )
    own = dataclasses.replace(
        settings,
        data_dir=None,
        enterprises=tuple(map(_enterprise_id, wanted.enterprises)) or ("sandbox",),
        phones=_phones(wanted.phones) if wanted.phones is not None else tuple(PROFILES.items()),
        limits=limits,
        push_endpoints=wanted.push_endpoints,
        enabled_notification_types=wanted.enabled_notification_types,
        faults=wanted.faults,
        worlds_idle_s=_idle_s(wanted, settings),
    )
    return WorldPlan(
        settings=own,
        seed=None if wanted.seed is None else int(wanted.seed),
        starts_us=parse_timestamp_us(wanted.now) if wanted.now else None,
    )


def _plan_of_snapshot(wanted: Creation, settings: SandboxSettings) -> WorldPlan:
    """Raises: SnapshotUnreadable."""
    snapshot = read_snapshot(msgspec.json.encode(wanted.snapshot))
    own = dataclasses.replace(settings_of(snapshot, settings), worlds_idle_s=_idle_s(wanted, settings))
    return WorldPlan(settings=own, snapshot=snapshot)


def _idle_s(wanted: Creation, settings: SandboxSettings) -> float:
    return parse_duration_ns(wanted.idle_duration) / NS_PER_S if wanted.idle_duration else settings.worlds_idle_s


def _beside_snapshot(wanted: Creation) -> Iterator[Violation]:
    for field in msgspec.structs.fields(wanted):
        if field.name not in BESIDE_SNAPSHOT and getattr(wanted, field.name) != field.default:
            yield Violation(field.name, f"{field.encode_name}: a snapshot says this already; leave it out, or change the world later.")


def _violations(wanted: Creation) -> Iterator[Violation]:
    if wanted.snapshot is not None:
        yield from _beside_snapshot(wanted)
    if wanted.seed is not None and not is_whole(wanted.seed, most=SEED_MOST):
        yield Violation("seed", 'seed must be a whole number from 0 to 9223372036854775807, as in {"seed": 7}.')
    yield from _of_enterprises(wanted.enterprises)
    if wanted.behaviour and wanted.behaviour not in BEHAVIOURS:
        yield Violation("behaviour", f"behaviour must be one of: {', '.join(BEHAVIOURS)}.")
    if wanted.quota is not None and wanted.quota != AMAPI_QUOTA and not is_whole(wanted.quota, most=QUOTA_MOST):
        yield Violation(
            "quota",
            f'quota must be the requests a caller may send in a minute, up to {QUOTA_MOST}, 0 for any number; "{AMAPI_QUOTA}": Google\'s.',
        )
    if wanted.idle_duration and parse_duration_ns(wanted.idle_duration) < 0:
        yield Violation("idle_duration", 'idle_duration must not be negative, as in "600s"; "0s": the world never ends by itself.')
    yield from _of_endpoints(wanted)
    yield from _of_phones(wanted)


def _of_phones(wanted: Creation) -> Iterator[Violation]:
    try:
        phones = _phones(wanted.phones) if wanted.phones is not None else ()
    except InvalidArgument as error:
        yield from error.violations or [Violation("phones", error.message)]
    else:
        if len(phones) * max(1, len(wanted.enterprises)) > PHONES_MOST:
            yield Violation("phones", f"A world begins with at most {PHONES_MOST} phones.")


def _of_endpoints(wanted: Creation) -> Iterator[Violation]:
    if len(wanted.push_endpoints) > ENDPOINTS_MOST:
        yield Violation("push_endpoints", f"push_endpoints must have at most {ENDPOINTS_MOST} entries.")
    for index, url in enumerate(wanted.push_endpoints):
        try:
            require_endpoint(url)
        except InvalidArgument as error:
            yield Violation(f"push_endpoints[{index}]", f"push_endpoints[{index}]: {error.message}")


def _of_enterprises(given: tuple[str, ...]) -> Iterator[Violation]:
    ids = [_enterprise_id(name) for name in given]
    if len(ids) > ENTERPRISES_MOST:
        yield Violation("enterprises", f"enterprises must have at most {ENTERPRISES_MOST} entries.")
    for index, enterprise in enumerate(ids):
        where = f"enterprises[{index}]"
        if not ID_PATTERN.fullmatch(enterprise):
            yield Violation(where, f"{where}: {enterprise[:128]!r} is not an id: use letters, digits and ._~- only.")
        elif enterprise in ids[:index]:
            yield Violation(where, f"{where}: {enterprise!r} is there twice.")


def _enterprise_id(name: str) -> str:
    return name.removeprefix("enterprises/")


def _per_minute(quota: Any) -> int:  # noqa: ANN401 - checked before
    return AMAPI_PER_MINUTE if quota == AMAPI_QUOTA else int(quota)


def _phones(given: object) -> tuple[tuple[str, Profile], ...]:
    """The id and profile of each phone.  Raises: InvalidArgument."""
    if not isinstance(given, list):
        raise InvalidArgument(
            'phones must be a list, as in ["pixel8-a15-fully-managed", {"deviceId": "mine", "profile": "pixel7-a14-cope"}].'
        )
    phones: dict[str, Profile] = {}
    for index, wish in enumerate(given):
        where = f"phones[{index}]"
        device, profile = _phone(wish, where)
        if device in phones:
            raise InvalidArgument(violations=[Violation(where, f"{where}: there is a phone {device!r} already; give it another deviceId.")])
        phones[device] = profile
    return tuple(phones.items())


def _phone(wish: object, where: str) -> tuple[str, Profile]:
    if isinstance(wish, str):
        wish = {"profile": wish}
    if not isinstance(wish, dict) or not {"deviceId", "profile", "overrides"} >= wish.keys() or not isinstance(wish.get("profile"), str):
        raise InvalidArgument(
            violations=[Violation(where, f"{where} must be a profile's name, or an object with profile, deviceId and overrides.")]
        )
    device, overrides = wish.get("deviceId") or wish["profile"], wish.get("overrides") or {}
    if not isinstance(device, str) or not ID_PATTERN.fullmatch(device) or not isinstance(overrides, dict):
        raise InvalidArgument(
            violations=[Violation(where, f"{where}: deviceId takes letters, digits and ._~-, overrides is an object of facts.")]
        )
    return device, with_overrides(profile_named(wish["profile"]), overrides)
