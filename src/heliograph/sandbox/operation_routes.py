"""`GET /sandbox/v1/operations`: every operation, its changes, and what the phone did; no call that the journal, quota or faults count."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request

from heliograph.agent.virtual_phone import EffectRecord
from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.answers_about_calls import OperationList
from heliograph.sandbox.bodies import Handler
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.steering_route import ABSENT, CHANGES, QueryParameter, SteeringRoute
from heliograph.sandbox.world import World
from heliograph.service.timeline import timeline_of

_AT_ONCE = 1_000


async def _list(world: World, request: Request) -> object:
    query = request.query_params
    async with world.change():
        await world.settle()  # what earlier calls have caused until now has happened
        if query.get("name"):
            name = OperationName.parse(query["name"])
            operation = await world.parts.ports.store.operation(name)
            return {"operations": [] if operation is None else [await _view(world, operation, _phone_of(world, name.device))]}
        phones = [world.find(_device(world, query["device"]))] if query.get("device") else list(world.phones.values())
        return {"operations": [await _view(world, operation, phone) for phone in phones async for operation in _of(world, phone)]}


def _device(world: World, given: str) -> DeviceName:
    return DeviceName.parse(given) if "/" in given else DeviceName(world.first_enterprise, given)


def _phone_of(world: World, device: DeviceName) -> SandboxPhone | None:
    """The virtual phone that the device is, or was; None: it is a phone from elsewhere."""
    return next((phone for phone in world.phones.values() if device in _devices(phone)), None)


def _devices(phone: SandboxPhone) -> list[DeviceName]:
    """All that the phone has been enrolled as, as far as it did something there; the oldest first."""
    done = (OperationName.parse(effect.operation).device for effect in _effects(phone) if effect.operation)
    return list(dict.fromkeys([phone.name, *done, phone.device]))


def _effects(phone: SandboxPhone) -> list[EffectRecord]:
    return [] if phone.asleep else list(phone.runner.phone.effects)


async def _of(world: World, phone: SandboxPhone) -> AsyncIterator[Operation]:
    for device in _devices(phone):
        after_ms, more = 0, True
        while more:
            page = await world.parts.ports.store.operations(device, after_ms=after_ms, limit=_AT_ONCE)
            for operation in page.items:
                yield operation
                after_ms = operation.create_ms
            more = page.more


async def _view(world: World, operation: Operation, phone: SandboxPhone | None) -> dict[str, Any]:
    timeline = await timeline_of(world.parts.ports, operation)
    effects = [effect for effect in _effects(phone) if effect.operation == timeline.name] if phone is not None else []
    return {
        "operation": msgspec.Raw(render_operation(operation)),
        "phone": phone.name.device if phone is not None else "",
        "timeline": timeline,
        "effects": [_effect(effect) for effect in effects],
    }


def _effect(effect: EffectRecord) -> dict[str, Any]:
    ended = {} if effect.succeeded is None else {"succeeded": effect.succeeded}
    return {"time": format_timestamp(effect.at_us), "what": effect.step, **ended}


OPERATION_ROUTES: tuple[SteeringRoute[Handler], ...] = (
    SteeringRoute(
        id="operations.list", http_method="GET", path="/sandbox/v1/operations", handler=_list, answer=OperationList,
        summary="Operations whole: what callers see, every change, and what the phone did.", errors=(ABSENT, *CHANGES),
        query=(
            QueryParameter(name="device", description="Only those of this phone: its id, or the device's whole name."),
            QueryParameter(name="name", description="Only the one of this name."),
        ),
    ),
)  # fmt: skip
