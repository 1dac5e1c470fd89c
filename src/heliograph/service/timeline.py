"""What happened to an operation, and why it waits."""

import msgspec

from heliograph.domain.evidence import Facts, Judgement, stored_evidence
from heliograph.domain.names import OperationName
from heliograph.domain.operation import Operation, TimelineEntry
from heliograph.protojson.times import format_timestamp
from heliograph.service.explanations import explanation_of
from heliograph.service.operations import get_operation
from heliograph.service.ports import Ports


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
        why_stuck=(await explanation_of(ports, operation)).text if operation.open else "",
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


async def get_timeline(ports: Ports, name: OperationName) -> Timeline:
    """Every change of the operation with its time, offers that stand only in memory included, and why it is stuck.

    Raises: as `get_operation`.
    """
    return await timeline_of(ports, await get_operation(ports, name))
