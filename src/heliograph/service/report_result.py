"""A phone reports progress of a command, and at the end its outcome."""

import enum

import msgspec

from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain import operation as life
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.command import CommandType
from heliograph.domain.errors import DeviceNoLongerManaged, OperationNotFound
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, State
from heliograph.domain.outcome import ERROR_OF, REFUSED_BY_STATUS, ErrorCode, RpcStatus
from heliograph.domain.quirks import Quirk
from heliograph.protocol import Asked, Report, ReportState
from heliograph.protojson.errors import Aborted, InvalidArgument
from heliograph.service.acknowledge_command import adopted, log_adoption, may_adopt
from heliograph.service.evidence import with_evidence_of_report
from heliograph.service.notifications import operation_writes
from heliograph.service.offer_command import with_offers
from heliograph.service.operations import own_operation
from heliograph.service.ports import Decision, Facts, Lane, Ports
from heliograph.service.rules import Inquiry, SeesOperation

LATE_MOST = 8
"""Late reports kept in a timeline: a phone that reports for ever must not push the earlier entries out."""

MESSAGE_MAX_CHARS = 500
"""A phone's words for people stand in every answer about the operation: bounded."""


class NotAcknowledged(Aborted):
    """The command was not acknowledged, so it was not executed: it will be offered again."""

    reason = "NOT_ACKNOWLEDGED"


class OtherAckId(Aborted):
    """Another acknowledgement owns the command."""

    reason = "OTHER_ACK_ID"


class _Heard(msgspec.Struct, frozen=True):
    """The operation after a report."""

    operation: Operation
    answer: Asked
    changed: bool = False
    """Whether the report said something new."""
    adopted: bool = False
    """Whether it was how the server learnt that the command was begun."""
    last: bool = False
    """Whether the device has no other open operation."""


def waits_in_time(ports: Ports, row: CommandType) -> bool:
    """Whether commands of this type that wait for their user expire, as the page says."""
    return ports.limits.behaviour is not Behaviour.AS_OBSERVED or Quirk.USER_TAKES_LONGER not in row.as_observed


async def report_result(ports: Ports, device: DeviceName, message: Report) -> Asked:
    """How long the phone may go on asking its user, where that is what it reports.

    The acknowledged operation shows the progress or has ended; a known report changes nothing.

    A report on an operation that is over is kept in its timeline as `late`, never in its result. One on a queued operation says that
    the phone has begun, so the server lost its acknowledgement: the operation is adopted, even past its deadline (ADR 0016).

    Raises: InvalidArgument: a report that this type cannot have; OtherAckId; NotAcknowledged: of a queued operation, the phone says
        that it has not begun, or its row ends at the acknowledgement;
        OperationNotFound: unknown, or another device's; DeviceNoLongerManaged.
    """
    inquiry = reporting(ports, device, message)
    return inquiry.conclude(await ports.store.decide(inquiry.sees, inquiry.rule, lane=Lane.PHONES))


def reporting(ports: Ports, device: DeviceName, message: Report) -> Inquiry[_Heard, Asked]:
    """What `report_result` asks the store.

    Raises: InvalidArgument: no such name, or number; OperationNotFound: another device's. What the rule raises: `report_result`.
    """
    name = own_operation(device, message.operation)
    if message.seq < 1:
        raise InvalidArgument("seq must be 1 or more: it numbers an operation's reports.")

    def rule(facts: Facts) -> Decision[_Heard]:
        if facts.device is None:
            raise DeviceNoLongerManaged
        if facts.operation is None or life.withheld(facts.operation, facts.now_us):
            raise OperationNotFound
        now_us, before = facts.now_us, facts.operation
        asks = message.asks_user and waits_in_time(ports, COMMANDS[before.type])
        changed = _after_report(before, message, now_us, asks=asks)
        if changed is None:
            return Decision(_Heard(before, _asked(before, now_us, asks=asks)))
        adopted = may_adopt(before, now_us) and bool(changed.ack_id)
        last = changed.done and facts.open_count == before.open
        heard = _Heard(changed, _asked(changed, now_us, asks=asks), changed=True, adopted=adopted, last=last)
        writes = operation_writes(ports, facts, before, with_offers(ports, changed))
        return Decision(heard, writes, None if last else device)  # what it held may start now

    def conclude(heard: _Heard) -> Asked:
        if heard.last and ports.offers.ended(device, name.create_ms):
            ports.doorbell.rest(device)
        elif heard.changed:
            ports.offers.noted(device, name.create_ms)
        if heard.adopted:
            log_adoption(heard.operation)
        return heard.answer

    return Inquiry(SeesOperation(device=device, create_ms=name.create_ms, subscription=True), rule, conclude)


_NOTHING_ASKED = Asked()


def _asked(operation: Operation, now_us: int, *, asks: bool) -> Asked:
    """What a phone is answered; one that asks its user for what is over shall withdraw its question."""
    if not asks or operation.begun:
        return _NOTHING_ASKED
    left_us = 0 if operation.done else max(0, operation.expires_us - now_us)
    return Asked(answer_within_ms=left_us // 1_000)


def _after_report(operation: Operation, message: Report, now_us: int, *, asks: bool) -> Operation | None:
    if may_adopt(operation, now_us):
        if message.state is not ReportState.NOT_STARTED and not COMMANDS[operation.type].final_at_ack:
            operation = adopted(operation, message.ack_id, now_us)
        elif now_us >= operation.expires_us:
            operation = life.expire(operation, now_us)
        else:
            raise NotAcknowledged
    if operation.ack_id and operation.ack_id != message.ack_id:
        raise OtherAckId
    if message.seq <= operation.report_seq:
        return None
    if operation.state is State.EXPIRED and message.state is ReportState.NOT_STARTED:
        return None  # both say the same
    if operation.done:
        return _noted_late(operation, message, now_us)
    return _applied(operation, message, now_us, asks=asks)


def _noted_late(operation: Operation, message: Report, now_us: int) -> Operation | None:
    if sum(entry.what == "late" for entry in operation.timeline) >= LATE_MOST:
        return None
    late = life.late(operation, now_us, message.state.value)
    # So that a repeated report appears once; the result stays untouched.
    return msgspec.structs.replace(late, report_seq=message.seq)


def _applied(operation: Operation, message: Report, now_us: int, *, asks: bool) -> Operation:
    ended = _outcome_applied(operation, message, now_us, asks=asks)
    if message.state is ReportState.PROGRESS or message.state is ReportState.NOT_STARTED:
        return ended
    return with_evidence_of_report(ended, message, now_us, secret=operation.secret is not None)


def _outcome_applied(operation: Operation, message: Report, now_us: int, *, asks: bool) -> Operation:
    row = COMMANDS[operation.type]
    match message.state:
        case ReportState.SUCCEEDED:
            status = _reported_success(row, message)
            return life.finish(operation, message.seq, now_us, status=status, error_code=None, error=None)
        case ReportState.PROGRESS:
            return _progressed(operation, row, message, now_us, asks=asks)
        case ReportState.FAILED:
            failure = reported_failure(row, Reported(message.status, message.error_code, message.message))
            return life.finish(
                operation, message.seq, now_us, status=failure.status, error_code=failure.error_code, error=failure.error
            )  # fmt: skip
        case ReportState.NOT_STARTED:
            return life.not_started(operation, message.seq, now_us)


def _progressed(operation: Operation, row: CommandType, message: Report, now_us: int, *, asks: bool) -> Operation:
    if message.status is None:
        heard = life.heard(operation, now_us, result_timeout_s=row.result_timeout_s)
        return msgspec.structs.replace(heard, report_seq=message.seq)
    status = _reported_progress(row, message.status)
    return life.progress(operation, message.seq, status, now_us, result_timeout_s=row.result_timeout_s, asks=asks)


class Reported(msgspec.Struct, frozen=True):
    """The part that refusals and reports have in common."""

    status: msgspec.Raw | None
    error_code: str
    message: str


class Failure(msgspec.Struct, frozen=True):
    """How an operation shows a failure."""

    status: bytes
    error_code: ErrorCode | None
    error: RpcStatus


def reported_failure(row: CommandType, reported: Reported) -> Failure:
    """The failure that the phone reports; with neither status nor errorCode it is UNKNOWN.

    Raises: InvalidArgument: both, a status of success or progress, one that is not of this type, no such errorCode.
    """
    if reported.status is not None and reported.error_code:
        raise InvalidArgument("A failure has either a status or an errorCode: prefer the status, which says more.")
    if reported.status is None:
        code = _error_code(reported.error_code)
        return Failure(b"", code, _worded(ERROR_OF[code], reported.message))
    status = _read_status(row, reported.status)
    if row.pending(status) or row.succeeded(status):
        raise InvalidArgument("A failure needs a status of failure; this one is for progress or success.")
    return Failure(_status_fragment(row, status), None, _worded(REFUSED_BY_STATUS, reported.message))


def _reported_success(row: CommandType, reported: Report) -> bytes:
    """The status fragment of a success, empty if the type has no status.

    Raises: InvalidArgument: an errorCode; a status missing, of progress or failure, or not of this type.
    """
    if reported.error_code:
        raise InvalidArgument("A success has no errorCode.")
    if reported.status is None and row.status is None:
        return b""
    if reported.status is None:
        raise InvalidArgument(f"A success of {row.name} needs its {row.status_field}.")
    status = _read_status(row, reported.status)
    if row.pending(status) or not row.succeeded(status):
        raise InvalidArgument("A success needs a status of success; this one is for progress or failure.")
    return _status_fragment(row, status)


def _reported_progress(row: CommandType, status: msgspec.Raw) -> bytes:
    """The status fragment of a progress report.  Raises: InvalidArgument: it is an end, or not of this type."""
    read = _read_status(row, status)
    if not row.pending(read):
        raise InvalidArgument("Progress needs a status of progress; report an end as SUCCEEDED or FAILED.")
    return _status_fragment(row, read)


def _read_status(row: CommandType, raw: msgspec.Raw) -> msgspec.Struct:
    """The type's specific status.  Raises: InvalidArgument: the type has no status, this is none of its statuses, or unspecified."""
    if row.status is None:
        raise InvalidArgument(f"{row.name} has no status of its own: leave it out.")
    status = ENVELOPE.status_of(row, bytes(raw))
    said = getattr(status, "status", None)
    if isinstance(said, enum.Enum) and said is next(iter(type(said))):
        raise InvalidArgument(f"{row.status_field}.status is required; {said.value} has no meaning.")
    return status


def _status_fragment(row: CommandType, status: msgspec.Struct) -> bytes:
    """The status as `Operation.status` keeps it: an object with the Command's status field."""
    return b'{"%b":%b}' % ((row.status_field or "").encode(), ENVELOPE.encode_status(status))


def _error_code(text: str) -> ErrorCode:
    try:
        code = ErrorCode(text or ErrorCode.UNKNOWN)
    except ValueError:
        code = ErrorCode.COMMAND_ERROR_CODE_UNSPECIFIED
    if code not in ERROR_OF:
        names = ", ".join(sorted(known.value for known in ERROR_OF))
        raise InvalidArgument(f"errorCode {text[:64]!r} is not one of {names}.")
    return code


def _worded(error: RpcStatus, message: str) -> RpcStatus:
    return RpcStatus(error.code, message[:MESSAGE_MAX_CHARS]) if message else error
