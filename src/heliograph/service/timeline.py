"""What happened to an operation, and why it waits."""

from collections.abc import Sequence

import msgspec

from heliograph.domain.evidence import Facts, Judgement, stored_evidence
from heliograph.domain.names import OperationName
from heliograph.domain.operation import Operation, State, TimelineEntry, withheld
from heliograph.protojson.times import format_timestamp
from heliograph.service.approval_gate import operation_approval
from heliograph.service.approvals import get_approval, waits_for
from heliograph.service.devices import successor_of
from heliograph.service.offer_command import PARKED, holds_until_us
from heliograph.service.operations import get_operation
from heliograph.service.ports import Ports, Whereabouts


class Entry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One change, or several of a kind: `count` of them from `time` until `until`."""

    time: str
    what: str
    detail: str = ""
    count: int = 0
    until: str = ""


class ShownEvidence(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the phone's facts were, and what they say of the success that it reported."""

    judgement: Judgement
    before: Facts
    after: Facts


class Timeline(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What `GET /heliograph/v1/{operation}/timeline` shows.  Heliograph's own: not in AMAPI."""

    name: str
    state: str
    type: str
    create_time: str
    expires_at: str
    ended_at: str = ""
    entries: tuple[Entry, ...]
    evidence: ShownEvidence | None = None
    """None: the phone gave none."""
    why_stuck: str = ""
    """For an open operation, one or two sentences about what it waits for."""


async def timeline_of(ports: Ports, operation: Operation) -> Timeline:
    """The operation's timeline as it is now."""
    live = ports.offers.note(operation.device, operation.create_ms) if operation.open else None
    entries = [*operation.timeline, *([live] if live else [])]
    return Timeline(
        name=str(operation.name),
        state=operation.state.name,
        type=operation.type,
        create_time=format_timestamp(operation.create_ms * 1_000),
        expires_at=format_timestamp(operation.expires_us),
        ended_at=format_timestamp(operation.ended_us) if operation.ended_us else "",
        entries=tuple(map(_entry, sorted(entries, key=lambda entry: entry.at_us))),
        evidence=_evidence(operation),
        why_stuck=await _why_stuck(ports, operation, live) if operation.open else "",
    )


def _evidence(operation: Operation) -> ShownEvidence | None:
    if not operation.evidence and operation.judgement is Judgement.NOT_OBSERVED:
        return None
    evidence = stored_evidence(operation.evidence)
    return ShownEvidence(judgement=operation.judgement, before=evidence.before, after=evidence.after)


def _entry(entry: TimelineEntry) -> Entry:
    return Entry(
        time=format_timestamp(entry.at_us),
        what=entry.what,
        detail=entry.detail,
        count=entry.count,
        until=format_timestamp(entry.until_us) if entry.until_us else "",
    )


async def _why_stuck(ports: Ports, operation: Operation, live: TimelineEntry | None) -> str:
    if withheld(operation, ports.clock.now_us()):
        return await _why_withheld(ports, operation)
    if operation.state is State.ACKNOWLEDGED:
        where, _ = await ports.presence.sighting(operation.device)
        return _why_unfinished(operation) + (await _told_successor(ports, operation) if where is Whereabouts.NOWHERE else "")
    if (offline := await _why_offline(ports, operation)) is not None:
        return offline
    by = " by this server" if ports.shared else ""  # what others offered, they remember
    offers = _told_offers(live, by)
    if _is_parked(ports, operation):
        return f"{offers} It is parked: the device's other commands go first."
    if (holder := await _holder(ports, operation)) is not None:
        return f"It waits for {holder.name}, which {'was acknowledged' if holder.ack_id else 'is older'} and has not started or ended."
    return offers or f"The device is connected and was not offered the command{by} yet."


async def _why_withheld(ports: Ports, operation: Operation) -> str:
    approval = operation_approval(operation.name)
    if operation.state is State.AWAITING_APPROVAL:
        return waits_for(await get_approval(ports, approval))
    until = format_timestamp(operation.starts_us)
    return f"It is approved, and can be called off until {until} (heliograph approvals call-off {approval.approval}). Then it is offered."


def _why_unfinished(operation: Operation) -> str:
    waits = f" Its last status: {operation.status.decode()}." if operation.status else ""
    deadline = format_timestamp(operation.deadline_us or operation.expires_us)
    acked = format_timestamp(operation.acked_us)
    return f"The device acknowledged the command at {acked} and has not reported its end; the server gives up on it at {deadline}.{waits}"


async def _why_offline(ports: Ports, operation: Operation) -> str | None:
    """Why the phone cannot be offered anything here, or None."""
    where, seen_us = await ports.presence.sighting(operation.device)
    if where is Whereabouts.HERE:
        return None
    until = format_timestamp(operation.expires_us)
    if where is Whereabouts.AT_ANOTHER_SERVER:
        return f"The device is connected to another server and has not acknowledged the command, which waits for it until {until}."
    if where is Whereabouts.NOT_HERE:
        return f"The device is not connected to this server; other servers cannot be asked now. The command waits for it until {until}."
    record = await ports.store.device(operation.device)
    seen_us = max(seen_us, record.last_status_report_us or 0 if record else 0)
    since = f"; it was last seen at {format_timestamp(seen_us)}" if seen_us else " and has never connected"
    return f"The device is not connected{since}. The command waits for it until {until}.{await _told_successor(ports, operation)}"


async def _told_successor(ports: Ports, operation: Operation) -> str:
    """What to do if the phone, which is nowhere connected, was reset by hand and enrolled again; empty: its serial number did not."""
    device = operation.device
    record = await ports.store.device(device)
    successor = await successor_of(ports, record) if record is not None else None
    if successor is None:
        return ""
    return (
        f" Its serial number enrolled again at {format_timestamp(successor.enrollment_us)} as {successor.name}: the phone was reset, and"
        f" this device will not come back. Delete {device} (enterprises.devices.delete), which ends its commands,"
        f" and issue this one to {successor.name}."
    )


def _told_offers(live: TimelineEntry | None, by: str) -> str:
    if live is None:
        return ""
    times = "once" if live.count == 1 else f"{live.count} times"
    last = format_timestamp(live.until_us or live.at_us)
    return f"It was offered {times}{by}, last at {last}, and the device has not acknowledged it."


async def _holder(ports: Ports, operation: Operation) -> Operation | None:
    """Another operation that holds the device's queue, if any."""
    now_us = ports.clock.now_us()
    others = [other for other in await ports.store.open_operations(operation.device) if other.create_ms != operation.create_ms]
    return _held_by_acknowledged(others, now_us) or next(
        (
            other
            for other in others
            if other.state is State.QUEUED and other.create_ms < operation.create_ms and not _is_parked(ports, other)
        ),
        None,
    )


def _held_by_acknowledged(others: Sequence[Operation], now_us: int) -> Operation | None:
    return next((other for other in others if holds_until_us(other) > now_us), None)


def _is_parked(ports: Ports, operation: Operation) -> bool:
    entry = ports.offers.note(operation.device, operation.create_ms)
    return entry is not None and entry.detail == PARKED


async def get_timeline(ports: Ports, name: OperationName) -> Timeline:
    """Every change of the operation with its time, offers that stand only in memory included, and why it is stuck.

    Raises: as `get_operation`.
    """
    return await timeline_of(ports, await get_operation(ports, name))
