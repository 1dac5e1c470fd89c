"""One request followed to its end: to its operation, the messages to and from the phone, what the phone did, the notification."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from heliograph.agent.virtual_phone import EffectRecord
from heliograph.domain.names import OperationName
from heliograph.protojson.errors import InvalidArgument, NotFound, PermissionDenied
from heliograph.protojson.times import format_timestamp, parse_timestamp_us
from heliograph.sandbox.request_journal import RequestRecord
from heliograph.service.ports import Ports
from heliograph.service.timeline import Timeline, get_timeline

Step = dict[str, Any]
API, PROTOCOL, PHONE, NOTIFICATION = "API", "PROTOCOL", "PHONE", "NOTIFICATION"
_PLACES = (API, PROTOCOL, PHONE, NOTIFICATION)


async def trace_of(
    record: RequestRecord, *, ports: Ports, requests: Iterable[RequestRecord], effects: Iterable[EffectRecord],
    notifications: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """The request, the operation that it made or asked for, and all steps of that in the order of their times.

    Steps that have the same time stand in the order in which one causes the next: call, message, phone, notification.
    """
    timeline = await _timeline(ports, record.operation)
    steps = list(_api_steps(record, requests))
    if record.operation:
        steps += _protocol_steps(timeline)
        steps += [_effect(effect) for effect in effects if effect.operation == record.operation]
        steps += [_notification(view) for view in notifications if view.get("resource", {}).get("name") == record.operation]
    steps.sort(key=lambda step: (parse_timestamp_us(step["time"]), _PLACES.index(step["where"])))
    trace: dict[str, Any] = {"request": record.view(), "steps": steps}
    if timeline is not None:
        known = {
            "name": timeline.name, "type": timeline.type, "state": timeline.state, "createTime": timeline.create_time,
            "expiresAt": timeline.expires_at, "endedAt": timeline.ended_at, "whyStuck": timeline.why_stuck,
        }  # fmt: skip
        trace["operation"] = {name: value for name, value in known.items() if value}
    return trace


async def _timeline(ports: Ports, operation: str) -> Timeline | None:
    """The operation's timeline; None: it does not exist, or no longer."""
    if not operation:
        return None
    try:
        return await get_timeline(ports, OperationName.parse(operation))
    except (InvalidArgument, NotFound, PermissionDenied):
        return None


def _api_steps(record: RequestRecord, requests: Iterable[RequestRecord]) -> Iterator[Step]:
    """This call, and the others about the same operation: looks at it, its cancelling, the same command sent again."""
    for request in requests:
        if request is record or (record.operation and request.operation == record.operation):
            answered = f"answered {request.status}" if request.status else "not answered"
            detail = f"{answered}; {request.fault}: {request.what}" if request.fault else answered
            yield _step(request.time_us, API, request.method, detail, request=request.name)


def _protocol_steps(timeline: Timeline | None) -> Iterator[Step]:
    for entry in timeline.entries if timeline is not None else ():
        more = {"count": entry.count, "until": entry.until} if entry.count > 1 else {}
        yield {"time": entry.time, "where": PROTOCOL, "what": entry.what, **({"detail": entry.detail} if entry.detail else {}), **more}


def _effect(effect: EffectRecord) -> Step:
    if effect.succeeded is None:
        return _step(effect.at_us, PHONE, effect.step, f"{effect.type}, in the phone's start {int(effect.boot_id, 16)}")
    return _step(effect.at_us, PHONE, effect.step, f"{effect.type} {'succeeded' if effect.succeeded else 'failed'}")


def _notification(view: Mapping[str, Any]) -> Step:
    return {
        "time": view["publishTime"], "where": NOTIFICATION, "what": view["notificationType"], "detail": f"message {view['messageId']}",
    }  # fmt: skip


def _step(at_us: int, where: str, what: str, detail: str, **more: str) -> Step:
    return {"time": format_timestamp(at_us), "where": where, "what": what, "detail": detail, **more}
