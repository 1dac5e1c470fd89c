"""What a phone's own facts say of the command that it reports as done; and what its next enrolment says of the one that ended it.

The outcome stays what the phone reported: evidence stands beside it. Evidence that cannot be used never costs the report that it came with.
"""

from collections.abc import Sequence

import msgspec

from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain import operation as life
from heliograph.domain.command import CommandType
from heliograph.domain.evidence import (
    NOT_AT_ALL,
    Claim,
    Evidence,
    EvidenceUnreadable,
    Judgement,
    encode_evidence,
    in_words,
    read_evidence,
    stored_evidence,
)
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation, State
from heliograph.protocol import Enroll, Report, ReportState
from heliograph.service.ports import Decision, Facts, Ports, PutOperation, Sees


def with_evidence_of_report(operation: Operation, message: Report, now_us: int, *, secret: bool) -> Operation:
    """The operation that has just ended with this report, and what the phone's facts say of it; only a success is judged.

    `secret`: whether its command came with one, which is gone by now.
    """
    row = COMMANDS[operation.type]
    observed_by = row.observed_by
    if message.evidence is None and (observed_by is NOT_AT_ALL or observed_by.facts or message.state is not ReportState.SUCCEEDED):
        return operation
    try:
        evidence = Evidence() if message.evidence is None else read_evidence(bytes(message.evidence))
    except EvidenceUnreadable as why:
        return life.evidence_left_aside(operation, now_us, str(why))
    judgement = Judgement.NOT_OBSERVED
    if message.state is ReportState.SUCCEEDED:
        status = ENVELOPE.status_of(row, bytes(message.status)) if message.status is not None else None
        judgement = _judged(row, operation, evidence, status=status, secret=secret)
    return _observed(operation, evidence, judgement, now_us)


def with_facts_before(operation: Operation, raw: msgspec.Raw | None, now_us: int) -> Operation:
    """The operation that its acknowledgement has ended, with the facts that came with that."""
    if raw is None:
        return operation
    try:
        before = read_evidence(bytes(raw)).before
    except EvidenceUnreadable as why:
        return life.evidence_left_aside(operation, now_us, str(why))
    return msgspec.structs.replace(operation, evidence=encode_evidence(Evidence(before=before)))


async def observe_enrolment(ports: Ports, message: Enroll, previous_device_names: Sequence[str]) -> None:
    """What ended the phone's last management (WIPE, RELINQUISH_OWNERSHIP) is judged by the facts with which it enrols again.

    Evidence that cannot be read is ignored: there is no operation that it belongs to. Repeating this changes nothing.
    """
    if message.evidence is None or not previous_device_names:
        return
    try:
        after = read_evidence(bytes(message.evidence)).after
    except EvidenceUnreadable:
        return
    tombstone = await ports.store.tombstone(DeviceName.parse(previous_device_names[-1]))
    if tombstone is None or not tombstone.last_order.operation:
        return
    ended = OperationName.parse(tombstone.last_order.operation)

    def rule(facts: Facts) -> Decision[None]:
        operation = facts.operation
        if operation is None or operation.state is not State.SUCCEEDED or operation.judgement is not Judgement.NOT_OBSERVED:
            return Decision(None)
        evidence = msgspec.structs.replace(stored_evidence(operation.evidence), after=after)
        judgement = _judged(COMMANDS[operation.type], operation, evidence, status=None, secret=False)
        if judgement is Judgement.NOT_OBSERVED:
            return Decision(None)
        return Decision(None, (PutOperation(_observed(operation, evidence, judgement, facts.now_us)),))

    await ports.store.decide(Sees(device=ended.device, create_ms=ended.create_ms), rule)


def _judged(row: CommandType, operation: Operation, evidence: Evidence, *, status: msgspec.Struct | None, secret: bool) -> Judgement:
    params = ENVELOPE.params_of(row.name, operation.command)
    return row.observed_by.judge(Claim(params=params, secret=secret, status=status, before=evidence.before, after=evidence.after))


def _observed(operation: Operation, evidence: Evidence, judgement: Judgement, now_us: int) -> Operation:
    return life.observed(operation, now_us, evidence=encode_evidence(evidence), judgement=judgement, detail=in_words(evidence))
