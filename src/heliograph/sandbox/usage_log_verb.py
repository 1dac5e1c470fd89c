"""What a test makes a phone log and report at once."""

from typing import Any

from starlette.requests import Request

from heliograph.domain.phone.usage_logs import LOST_MODE_LOCATION, located, logged
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.domain.usage_log import EVENT, EVENT_TYPES, field_of, log_type_of
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument, Violation
from heliograph.protojson.messages import decode_message
from heliograph.sandbox.bodies import Handler, body_of, phone_name
from heliograph.sandbox.messages import UsageLogging
from heliograph.sandbox.steering_route import Verb
from heliograph.sandbox.world import World


async def _log(world: World, request: Request) -> object:
    wanted = await body_of(request, UsageLogging)
    data = _data(wanted)
    async with world.change():
        phone = await world.awake(phone_name(world, request))
        if not phone.runner.phone.logs(wanted.event_type):
            raise FailedPrecondition(
                f"The phone does not log {wanted.event_type}: usageLog.enabledLogTypes of its policy must have "
                f"{log_type_of(wanted.event_type)}, and the phone must support it (docs/device-reports.md)."
            )
        phone.runner.phone.become(_logged(phone.runner.phone.device, wanted.event_type, data, world.clock.now_us()))
    return phone.view()


def _logged(phone: VirtualDevice, event_type: str, data: dict[str, Any], now_us: int) -> VirtualDevice:
    if event_type == LOST_MODE_LOCATION and not data:
        return located(phone, now_us=now_us)
    return logged(phone, event_type, data, now_us=now_us)


def _data(wanted: UsageLogging) -> dict[str, Any]:
    """What the event says.  Raises: InvalidArgument: not a type, or not fields of its message."""
    if wanted.event_type not in EVENT_TYPES:
        raise InvalidArgument(violations=[Violation("event_type", f"event_type must be one of {', '.join(EVENT_TYPES)}.")])
    data = dict(wanted.event or {})
    decode_message(EVENT, {field_of(wanted.event_type): data}, root="event")
    return data


LOG_USAGE: Verb[Handler] = Verb(
    _log, "It logs this event, and reports it at once. Without `event`, LOST_MODE_LOCATION says where it is.", UsageLogging,
    required=("eventType",), example={"eventType": "STOP_LOST_MODE_USER_ATTEMPT", "event": {"status": "ATTEMPT_FAILED"}},
)  # fmt: skip
