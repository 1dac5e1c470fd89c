"""What a phone measures and goes through, for its reports: a row for each of AMAPI's event types.

A phone measures when its policy begins to ask for it, and whenever the value is another; so one without changes has nothing new to report.

Source: disc, MemoryEvent, PowerManagementEvent, HardwareStatus.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from heliograph.domain.phone.virtual_device import PhoneEvent, VirtualDevice
from heliograph.protojson.times import format_timestamp

KEPT = 32
"""Events of one field; older ones go (disc, Device.memoryEvents: "retained for a certain period of time")."""
CARD_BYTES = 64 * 2**30
"""What a memory card holds."""
LOW_BATTERY_PERCENT = 15
"""Android's own threshold.  Source: AOSP, config_lowBatteryWarningLevel."""
HARDWARE_STATUS = "HARDWARE_STATUS"
"""Not an event of AMAPI's: a sample of temperatures."""


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of event."""

    name: str
    field: str
    """The field of Device in which it is reported."""
    says: str
    value: Callable[[VirtualDevice], float | None]
    """None: there is nothing to measure."""
    at_first: bool = True
    """Whether it is measured when the policy begins to ask for it; else only once the value has changed."""


def _free_storage(phone: VirtualDevice) -> float:
    return phone.build.total_internal_storage_bytes // 2 - sum(app.data_bytes for app in phone.apps)


def _card(phone: VirtualDevice) -> float | None:
    return CARD_BYTES if phone.external_storage_bytes else None


def _low(phone: VirtualDevice) -> bool:
    return phone.battery_percent <= LOW_BATTERY_PERCENT


EVENT_TYPES = (
    EventType(name="RAM_MEASURED", field="memoryEvents", says="free RAM", value=lambda phone: phone.build.total_ram_bytes // 3),
    EventType(name="INTERNAL_STORAGE_MEASURED", field="memoryEvents", says="free internal storage", value=_free_storage),
    EventType(name="EXTERNAL_STORAGE_DETECTED", field="memoryEvents", says="the size of the card, if there is one", value=_card),
    EventType(
        name="EXTERNAL_STORAGE_REMOVED", field="memoryEvents", says="the card is gone", at_first=False,
        value=lambda phone: None if phone.external_storage_bytes else 0,
    ),
    EventType(
        name="EXTERNAL_STORAGE_MEASURED", field="memoryEvents", says="free bytes on the card",
        value=lambda phone: CARD_BYTES - phone.external_storage_bytes if phone.external_storage_bytes else None,
    ),
    EventType(
        name="SHUTDOWN", field="powerManagementEvents", says="it was switched off", at_first=False, value=lambda phone: phone.boots,
    ),
    EventType(
        name="BOOT_COMPLETED", field="powerManagementEvents", says="it has started", at_first=False, value=lambda phone: phone.boots,
    ),
    EventType(
        name="BATTERY_LEVEL_COLLECTED", field="powerManagementEvents", says="the battery level", value=lambda phone: phone.battery_percent,
    ),
    EventType(
        name="BATTERY_LOW", field="powerManagementEvents", says=f"{LOW_BATTERY_PERCENT} % or less",
        value=lambda phone: 1 if _low(phone) else None,
    ),
    EventType(
        name="BATTERY_OKAY", field="powerManagementEvents", says="more again", at_first=False,
        value=lambda phone: None if _low(phone) else 1,
    ),
    EventType(
        name=HARDWARE_STATUS, field="hardwareStatusSamples", says="temperatures, again after every start", value=lambda phone: phone.boots,
    ),
)  # fmt: skip
_BY_NAME = {kind.name: kind for kind in EVENT_TYPES}


def with_events(before: VirtualDevice, phone: VirtualDevice, asked: Callable[[str], bool], *, now_us: int) -> VirtualDevice:
    """The phone that was `before`, with the events of its change; `asked(field)`: whether its policy has it report them."""
    new = tuple(_events(before, phone, asked, now_us))
    kept = tuple(event for event in phone.events if asked(_BY_NAME[event.type].field))
    if not new and len(kept) == len(phone.events):
        return phone
    return msgspec.structs.replace(phone, events=_newest((*kept, *new)))


def _events(before: VirtualDevice, phone: VirtualDevice, asked: Callable[[str], bool], now_us: int) -> Iterator[PhoneEvent]:
    known = {event.type for event in phone.events}
    for kind in EVENT_TYPES:
        value = kind.value(phone) if asked(kind.field) else None
        if value is None:
            continue
        if kind.value(before) != value or (kind.at_first and kind.name not in known):
            yield PhoneEvent(type=kind.name, at_us=now_us, value=value)


def _newest(events: tuple[PhoneEvent, ...]) -> tuple[PhoneEvent, ...]:
    """Those without the oldest of a field that has more than KEPT."""
    found: Counter[str] = Counter()
    kept = []
    for event in reversed(events):
        field = _BY_NAME[event.type].field
        found[field] += 1
        if found[field] <= KEPT:
            kept.append(event)
    return tuple(reversed(kept))


def reported_events(phone: VirtualDevice, field: str) -> list[Any]:
    """The phone's events in this field of Device, oldest first, in AMAPI's JSON."""
    return [_MESSAGES[field](event) for event in phone.events if _BY_NAME[event.type].field == field]


def _memory_event(event: PhoneEvent) -> dict[str, Any]:
    """A MemoryEvent."""
    return {"createTime": format_timestamp(event.at_us), "eventType": event.type, "byteCount": str(int(event.value))}


def _power_event(event: PhoneEvent) -> dict[str, Any]:
    """A PowerManagementEvent."""
    level = {"batteryLevel": event.value} if event.type == "BATTERY_LEVEL_COLLECTED" else {}
    return {"createTime": format_timestamp(event.at_us), "eventType": event.type, **level}


def _hardware_status(event: PhoneEvent) -> dict[str, Any]:
    """A HardwareStatus: a phone in a pocket, which differs a little from start to start."""
    warmer = event.value % 4
    return {
        "createTime": format_timestamp(event.at_us),
        "batteryTemperatures": [29.0 + warmer],
        "cpuTemperatures": [38.0 + warmer, 38.5 + warmer],
        "gpuTemperatures": [36.0 + warmer],
        "skinTemperatures": [31.0 + warmer],
        "cpuUsages": [12.0, 8.0, 5.0, 5.0],
    }


_MESSAGES = {"memoryEvents": _memory_event, "powerManagementEvents": _power_event, "hardwareStatusSamples": _hardware_status}
