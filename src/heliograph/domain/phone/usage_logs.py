"""What a virtual phone logs: a row for each of AMAPI's event types that its changes lead to, and the locations of lost mode.

Source: disc, UsageLogEvent, UsageLog; amapi.md §6.6 (AMAPI's lost mode guide).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.virtual_device import LogEntry, VirtualDevice
from heliograph.domain.phone.whereabouts import location_of
from heliograph.domain.usage_log import NETWORK_ACTIVITY_LOGS, SECURITY_LOGS, field_of, log_type_of
from heliograph.protojson.times import format_timestamp

KEPT = 1_000
"""Events that wait to be sent; older ones go, as a phone's own buffer drops them."""
ALERT_US = 300_000_000
"""How long a lost phone rings before it reports where it is: 5 minutes (AMAPI's lost mode guide)."""
LOCATED_EVERY_US = 60_000_000
"""How often it logs it from then on (AMAPI's lost mode guide: every minute)."""
SENDS_APART = 60
"""It sends what it logged after a 60th of the time that it has been lost, so every minute in the first hour, every 24 after a day.

A month in lost mode are 40,000 locations: reported one by one they would be the whole work of a sandbox whose clock is advanced by it.
"""
SENT_MOST, SENT_MOST_BYTES = 100, 128 * 1_024
"""Of events in one message."""
ADMIN = "com.google.android.apps.work.clouddpc"
WORK_PROFILE_USER = 10
"""Android's number of the first work profile."""
LOST_MODE_LOCATION = "LOST_MODE_LOCATION"
CARD = {"mountPoint": "/storage/0000-0000", "volumeLabel": "SD card"}

_FIRST_LEVELS = {
    SECURITY_LOGS: {ManagementKind.FULLY_MANAGED: 24, ManagementKind.COMPANY_OWNED_WORK_PROFILE: 31},
    NETWORK_ACTIVITY_LOGS: {ManagementKind.FULLY_MANAGED: 26, ManagementKind.COMPANY_OWNED_WORK_PROFILE: 31},
}
"""The first API level that supports a log type.  Source: disc, UsageLog.enabledLogTypes."""


class LoggedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One type of event that a phone logs by itself."""

    type: str
    says: str
    data: Callable[[VirtualDevice, VirtualDevice], dict[str, Any] | None]
    """What the event says of the change from the first phone to the second; None: it did not happen."""
    in_work_profile: bool = False
    """Whether a phone with a work profile logs it too: there, only what happens inside it is logged."""


def _if(happened: Callable[[VirtualDevice, VirtualDevice], bool], **data: Any) -> Callable[[VirtualDevice, VirtualDevice], Any]:  # noqa: ANN401 - AMAPI's JSON
    return lambda before, phone: data if happened(before, phone) else None


LOGGED_EVENTS = (
    LoggedEvent(
        type="LOGGING_STARTED", says="its policy enables SECURITY_LOGS", in_work_profile=True,
        data=_if(lambda before, phone: phone.security_logging and not before.security_logging),
    ),
    LoggedEvent(
        type="STOP_LOST_MODE_USER_ATTEMPT", says="its user left lost mode", in_work_profile=True,
        data=_if(
            lambda before, phone: before.lost_mode is not None and phone.last_user_exit_lost_mode_us != before.last_user_exit_lost_mode_us,
            status="ATTEMPT_SUCCEEDED",
        ),
    ),
    LoggedEvent(type="OS_SHUTDOWN", says="it was switched off", data=_if(lambda before, phone: phone.boots != before.boots)),
    LoggedEvent(
        type="OS_STARTUP", says="it has started",
        data=_if(lambda before, phone: phone.boots != before.boots, verifiedBootState="GREEN", verityMode="ENFORCING"),
    ),
    LoggedEvent(
        type="KEYGUARD_SECURED", says="it is locked",
        data=_if(lambda before, phone: phone.locked and (not before.locked or phone.boots != before.boots)),
    ),
    LoggedEvent(
        type="KEYGUARD_DISMISS_AUTH_ATTEMPT", says="its user entered its credential",
        data=_if(lambda before, phone: before.locked and not phone.locked, success=True, strongAuthMethodUsed=True),
    ),
    LoggedEvent(type="KEYGUARD_DISMISSED", says="it is unlocked", data=_if(lambda before, phone: before.locked and not phone.locked)),
    LoggedEvent(
        type="MEDIA_MOUNT", says="a memory card was put in",
        data=_if(lambda before, phone: bool(phone.external_storage_bytes and not before.external_storage_bytes), **CARD),
    ),
    LoggedEvent(
        type="MEDIA_UNMOUNT", says="the memory card is gone",
        data=_if(lambda before, phone: bool(before.external_storage_bytes and not phone.external_storage_bytes), **CARD),
    ),
    LoggedEvent(
        type="LOGGING_STOPPED", says="its policy no longer enables SECURITY_LOGS", in_work_profile=True,
        data=_if(lambda before, phone: before.security_logging and not phone.security_logging),
    ),
)  # fmt: skip
"""In the order in which they happen."""


def logs(phone: VirtualDevice, policy: Any, event_type: str) -> bool:  # noqa: ANN401 - the made message
    """Whether the phone that applies this policy logs events of this type."""
    log_type = log_type_of(event_type)
    return not log_type or _enabled(phone, policy, log_type)


def _enabled(phone: VirtualDevice, policy: Any, log_type: str) -> bool:  # noqa: ANN401 - the made message
    usage_log = getattr(policy, "usage_log", None)
    wanted = usage_log is not None and log_type in {kind.name for kind in usage_log.enabled_log_types}
    first_level = _FIRST_LEVELS[log_type].get(phone.management_kind)
    return wanted and phone.managed and first_level is not None and phone.api_level >= first_level


def logged(phone: VirtualDevice, event_type: str, data: dict[str, Any], *, now_us: int) -> VirtualDevice:
    """The phone that has logged this, under an id that is greater than all it had."""
    return _with_entries(phone, (LogEntry(id=max(phone.last_log_id + 1, now_us), at_us=now_us, type=event_type, data=data),))


def _with_entries(phone: VirtualDevice, entries: Sequence[LogEntry]) -> VirtualDevice:
    return msgspec.structs.replace(phone, log=(*phone.log, *entries)[-KEPT:], last_log_id=entries[-1].id)


def remote_lock(phone: VirtualDevice) -> dict[str, Any]:
    """What REMOTE_LOCK says: by whom, and of which user of the phone.  Source: disc, RemoteLockEvent."""
    user = 0 if phone.management_kind is ManagementKind.FULLY_MANAGED else WORK_PROFILE_USER
    return {"adminPackageName": ADMIN, "adminUserId": user, "targetUserId": user}


def located(phone: VirtualDevice, *, now_us: int) -> VirtualDevice:
    """The phone that has logged where it is, and how full its battery."""
    return _located(phone, range(now_us, now_us + 1))


def _located(phone: VirtualDevice, times_us: Sequence[int]) -> VirtualDevice:
    """The phone that has logged where it was at each of these times."""
    next_id, entries = phone.last_log_id + 1, []
    for at_us in times_us[-KEPT:]:
        where = location_of(phone, at_us)
        data = {"location": {"latitude": where.latitude, "longitude": where.longitude}, "batteryLevel": phone.battery_percent}
        entries.append(LogEntry(id=max(next_id, at_us), at_us=at_us, type=LOST_MODE_LOCATION, data=data))
        next_id = entries[-1].id + 1
    if phone.lost_mode is not None:
        phone = msgspec.structs.replace(phone, lost_mode=msgspec.structs.replace(phone.lost_mode, located_us=times_us[-1]))
    return _with_entries(phone, entries)


def locates_at_us(phone: VirtualDevice) -> int | None:
    """When the phone logs its location next; None: it is not lost."""
    lost = phone.lost_mode
    if lost is None or not phone.managed:
        return None
    return max(lost.since_us + ALERT_US, lost.located_us + LOCATED_EVERY_US)


def reports_location_at_us(phone: VirtualDevice) -> int | None:
    """When the phone sends the locations that it will have logged by then; None: it is not lost."""
    first_us, lost = locates_at_us(phone), phone.lost_mode
    if first_us is None or lost is None:
        return None
    more = (first_us - lost.since_us) // SENDS_APART // LOCATED_EVERY_US - 1
    return first_us + max(0, more) * LOCATED_EVERY_US


def with_locations(phone: VirtualDevice, *, now_us: int) -> VirtualDevice:
    """The lost phone that has logged where it was at every minute until now."""
    first_us = locates_at_us(phone)
    if first_us is None or first_us > now_us:
        return phone
    return _located(phone, range(first_us, now_us + 1, LOCATED_EVERY_US))


def with_log(before: VirtualDevice, phone: VirtualDevice, policy: Any, *, now_us: int) -> VirtualDevice:  # noqa: ANN401 - the made message
    """The phone that was `before`, with what it logs of its change; what its policy does not have it log is dropped."""
    logging = _enabled(phone, policy, SECURITY_LOGS)
    if logging != phone.security_logging:
        phone = msgspec.structs.replace(phone, security_logging=logging)
    if phone.last_log_id > before.last_log_id:
        kept = (entry for entry in phone.log if entry.id <= before.last_log_id or logs(phone, policy, entry.type))
        phone = msgspec.structs.replace(phone, log=tuple(kept))
    for kind, data in _changes(before, phone, policy):
        phone = logged(phone, kind, data, now_us=now_us)
    return phone


def _changes(before: VirtualDevice, phone: VirtualDevice, policy: Any) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - the made message
    whole = phone.management_kind is ManagementKind.FULLY_MANAGED
    if before.serial != phone.serial or not phone.managed or not before.managed:
        return
    for kind in LOGGED_EVENTS:
        data = kind.data(before, phone) if whole or kind.in_work_profile else None
        # The last thing that is logged is that logging has stopped.
        if data is not None and (logs(phone, policy, kind.type) or kind.type == "LOGGING_STOPPED"):
            yield kind.type, data


def to_send(phone: VirtualDevice) -> Sequence[LogEntry]:
    """The oldest events that wait, as many as one message takes."""
    size = 0
    for count, entry in enumerate(phone.log[:SENT_MOST]):
        size += len(msgspec.json.encode(entry.data))
        if size > SENT_MOST_BYTES and count:
            return phone.log[:count]
    return phone.log[:SENT_MOST]


def event_json(entry: LogEntry) -> dict[str, Any]:
    """A UsageLogEvent."""
    return {
        "eventId": str(entry.id),
        "eventTime": format_timestamp(entry.at_us),
        "eventType": entry.type,
        field_of(entry.type): entry.data,
    }


def without(phone: VirtualDevice, last_id: int) -> VirtualDevice:
    """The phone to which the server has said that it has all up to this one."""
    return msgspec.structs.replace(phone, log=tuple(entry for entry in phone.log if entry.id > last_id))
