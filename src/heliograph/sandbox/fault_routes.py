"""`/sandbox/v1/faults` and the scripts of phones (docs/faults-on-demand.md)."""

import msgspec
from starlette.requests import Request

from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.sandbox.answers import Nothing
from heliograph.sandbox.answers_about_calls import FaultList, FaultView
from heliograph.sandbox.bodies import Handler, body_of, phone_name
from heliograph.sandbox.fault_checks import PHONE_EFFECTS
from heliograph.sandbox.fault_messages import FaultWanted, Script
from heliograph.sandbox.steering_route import ABSENT, CHANGES, TOO_MANY, SteeringRoute
from heliograph.sandbox.world import World

SCRIPT_MAX_BYTES = 1_024 * 1_024
SCRIPT_EXAMPLE = '{"steps": [{"after": "10s", "offline": "600s"}, {"crash": "EXECUTING"}]}'


async def _create(world: World, request: Request) -> object:
    wanted = await body_of(request, FaultWanted)
    async with world.change():
        fault = await world.plan(wanted)
    return fault.view()


async def _list(world: World, _request: Request) -> object:
    async with world.change():
        await world.settle()  # what a call has caused until now is counted
        return {"faults": [fault.view() for fault in world.bench.faults.all()]}


async def _get(world: World, request: Request) -> object:
    async with world.change():
        await world.settle()
        return world.bench.faults.find(request.path_params["fault"]).view()


async def _delete(world: World, request: Request) -> object:
    async with world.change():
        world.bench.faults.delete(world.bench.faults.find(request.path_params["fault"]))
    return {}


async def _delete_all(world: World, _request: Request) -> object:
    async with world.change():
        world.bench.faults.delete_all()
    return {}


async def script(world: World, request: Request) -> object:
    """`POST …/devices/{phone}:script`: a fault for each step, all or nothing."""
    wanted = await body_of(request, Script, max_bytes=SCRIPT_MAX_BYTES)
    async with world.change():
        phone = await world.awake(phone_name(world, request))
        if not wanted.steps:
            raise InvalidArgument(violations=[Violation("steps", f"steps must have at least one step, as in {SCRIPT_EXAMPLE}.")])
        steps = [_of_phone(step, phone.name, place) for place, step in enumerate(wanted.steps)]
        for place, step in enumerate(steps):
            effect = world.bench.checked(step, path=f"steps[{place}].")
            if effect not in PHONE_EFFECTS:
                possible = ", ".join(PHONE_EFFECTS)
                description = (
                    f"A step happens to the phone: {effect} does not. Possible: {possible}; other faults: POST /sandbox/v1/faults."
                )
                raise InvalidArgument(violations=[Violation(f"steps[{place}].{effect}", description)])
        faults = [world.bench.plan(step, phone.name) for step in steps]
    return {"faults": [fault.view() for fault in faults]}


def _of_phone(step: FaultWanted, phone: DeviceName, place: int) -> FaultWanted:
    if step.phone and step.phone not in {phone.device, str(phone)}:
        description = "The script's address says which phone it is: leave phone out."
        raise InvalidArgument(violations=[Violation(f"steps[{place}].phone", description)])
    return msgspec.structs.replace(step, phone=str(phone))


_FAULTS = "/sandbox/v1/faults"
FAULT_ROUTES: tuple[SteeringRoute[Handler], ...] = (
    SteeringRoute(
        id="faults.create", http_method="POST", path=_FAULTS, handler=_create, answer=FaultView, body=FaultWanted,
        summary="Plans a fault: what it matches, how often, and one effect.", errors=(ABSENT, TOO_MANY, *CHANGES),
        example={"method": "enterprises.devices.issueCommand", "times": 2, "error": {"code": 503, "retryAfter": "1s"}},
    ),
    SteeringRoute(
        id="faults.list", http_method="GET", path=_FAULTS, handler=_list, answer=FaultList, errors=CHANGES,
        summary="All faults, and how often each was met.",
    ),
    SteeringRoute(
        id="faults.get", http_method="GET", path=f"{_FAULTS}/{{fault}}", handler=_get, answer=FaultView, errors=(ABSENT, *CHANGES),
        summary="One fault, and how often it was met.",
    ),
    SteeringRoute(
        id="faults.delete", http_method="DELETE", path=f"{_FAULTS}/{{fault}}", handler=_delete, answer=Nothing, errors=(ABSENT, *CHANGES),
        summary="The fault happens no more.",
    ),
    SteeringRoute(
        id="faults.deleteAll", http_method="DELETE", path=_FAULTS, handler=_delete_all, answer=Nothing, errors=CHANGES,
        summary="No fault happens any more.",
    ),
)  # fmt: skip
