"""Usage logs: what happened on a device, in AMAPI's messages.

Source: disc, BatchUsageLogEvents, UsageLogEvent, UsageLog.enabledLogTypes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from heliograph.domain.official_messages import MESSAGES
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import decode_message, known_fields

BATCH: Any = MESSAGES["BatchUsageLogEvents"]
EVENT: Any = MESSAGES["UsageLogEvent"]
_UNSPECIFIED = "EVENT_TYPE_UNSPECIFIED"
EVENT_TYPES: tuple[str, ...] = tuple(name for name in type(EVENT().event_type).__members__ if name != _UNSPECIFIED)
SECURITY_LOGS = "SECURITY_LOGS"
NETWORK_ACTIVITY_LOGS = "NETWORK_ACTIVITY_LOGS"
NETWORK_TYPES = frozenset({"CONNECT", "DNS"})
ALWAYS_LOGGED = frozenset({"STOP_LOST_MODE_USER_ATTEMPT", "LOST_MODE_OUTGOING_PHONE_CALL", "LOST_MODE_LOCATION", "ENROLLMENT_COMPLETE"})
"""Types that are part of no log type that a policy can enable: devices report them whatever their policy says."""
EVENTS_MOST = 1_000
"""In one batch."""


class Batch(NamedTuple):
    """What a device sends at once."""

    retrieval_time: str
    events: tuple[Any, ...]
    """UsageLogEvents, oldest first, with rising ids."""


def log_type_of(event_type: str) -> str:
    """The log type that a policy must enable for this; "": none."""
    if event_type in ALWAYS_LOGGED:
        return ""
    return NETWORK_ACTIVITY_LOGS if event_type in NETWORK_TYPES else SECURITY_LOGS


def field_of(event_type: str) -> str:
    """The field of UsageLogEvent with what the event says: lostModeLocationEvent of LOST_MODE_LOCATION."""
    first, *others = event_type.lower().split("_")
    return "".join((first, *map(str.capitalize, others), "Event"))


def read_batch(retrieval_time: str, events: Sequence[object]) -> Batch:
    """The batch of a device.

    Fields that are not known here are left out, as in all messages of devices.

    Raises: InvalidArgument: more than EVENTS_MOST events, one without a type or what it says, ids that do not rise.
    """
    if len(events) > EVENTS_MOST:
        raise InvalidArgument(f"A message must have at most {EVENTS_MOST} events: send the others with the next one.")
    read = tuple(_read(event, f"events[{number}]") for number, event in enumerate(events))
    ids = [int(event.event_id) for event in read]
    if any(later <= earlier for earlier, later in zip([0, *ids], ids, strict=False)):
        raise InvalidArgument("events[].eventId must rise, from 1 on.")
    return Batch(decode_message(BATCH, {"retrievalTime": retrieval_time}, root="").retrieval_time, read)


def _read(value: object, path: str) -> Any:  # noqa: ANN401 - the made message
    event = decode_message(EVENT, known_fields(EVENT, value), root=path)
    kind = event.event_type.name
    wanted = {field_of(kind)} if kind != _UNSPECIFIED else set()
    given = {name for name in _FIELDS if getattr(event, _FIELDS[name]) is not None}
    if given != wanted or not wanted or not event.event_time:
        description = f"{path} must have eventId, eventTime, eventType, and the one field of its type, as in {_EXAMPLE}."
        raise InvalidArgument(violations=[Violation(path, description)])
    return event


_FIELDS: Mapping[str, str] = {
    field.encode_name: field.name for field in msgspec.structs.fields(EVENT) if field.encode_name in set(map(field_of, EVENT_TYPES))
}
_EXAMPLE = '{"eventId": "1", "eventTime": "2026-11-27T12:00:00Z", "eventType": "OS_STARTUP", "osStartupEvent": {}}'


def new_since(batch: Batch, last_id: int) -> tuple[Any, ...]:
    """The events with a greater id: the device sends a batch again if its answer was lost."""
    return tuple(event for event in batch.events if event.event_id > last_id)


def batch_message(batch: Batch, events: Sequence[Any], *, device: str, user: str) -> Any:  # noqa: ANN401 - the made message
    """BatchUsageLogEvents with these of the batch's events."""
    return BATCH(device=device, user=user, retrieval_time=batch.retrieval_time, usage_log_events=tuple(events))
