"""The life of a command, as ONE table.

Rule 1: everything that decides an operation's state is in this file; no other file writes `Operation.state`.
Every function here takes the operation and the time and returns the new operation; no function reads a clock.

Source: design.md §3; google.longrunning (cancel is best effort); disc, CommandType.WIPE ("The command can be cancelled before then").
"""

import enum

import msgspec

from heliograph.domain.evidence import Judgement
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.outcome import CANCELLED, DEVICE_DELETED, EXPIRED, NEVER_REPORTED, UNAPPROVED, ErrorCode, RpcStatus
from heliograph.protojson.errors import Code

TIMELINE_MOST = 64
"""Entries a timeline keeps: the first and the newest ones; a phone that reports for ever must not make rows grow."""


class State(enum.IntEnum):
    """Where an operation is; databases hold the numbers."""

    QUEUED = 0
    ACKNOWLEDGED = 1
    SUCCEEDED = 2
    FAILED = 3
    CANCELLED = 4
    EXPIRED = 5
    AWAITING_APPROVAL = 6


class Event(enum.Enum):
    """What can happen to an operation."""

    ACKNOWLEDGE = "acknowledge"
    ACKNOWLEDGE_FINAL = "acknowledge, where the row is final at ack"
    ADOPT = "adopt, begun under an ackId that the server lost"
    REFUSE = "refuse"
    IGNORE = "refuse, shown as done (--behaviour as-observed)"
    PROGRESS = "progress"
    SUCCEED = "succeed"
    FAIL = "fail"
    NOT_STARTED = "not started"
    CANCEL = "cancel"
    EXPIRE = "expire"
    TIME_OUT = "time out"
    DEVICE_DELETED = "device deleted"
    APPROVE = "approve, by the last person needed"
    DECLINE = "decline"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.AWAITING_APPROVAL: {
        Event.APPROVE: State.QUEUED,
        Event.DECLINE: State.FAILED,
        Event.CANCEL: State.CANCELLED,
        Event.EXPIRE: State.EXPIRED,
        Event.DEVICE_DELETED: State.FAILED,
    },
    State.QUEUED: {
        Event.ACKNOWLEDGE: State.ACKNOWLEDGED,
        Event.ACKNOWLEDGE_FINAL: State.SUCCEEDED,
        Event.ADOPT: State.ACKNOWLEDGED,
        Event.REFUSE: State.FAILED,
        Event.IGNORE: State.SUCCEEDED,
        Event.CANCEL: State.CANCELLED,
        Event.EXPIRE: State.EXPIRED,
        Event.DEVICE_DELETED: State.FAILED,
    },
    State.ACKNOWLEDGED: {
        Event.ACKNOWLEDGE: State.ACKNOWLEDGED,
        Event.PROGRESS: State.ACKNOWLEDGED,
        Event.SUCCEED: State.SUCCEEDED,
        Event.FAIL: State.FAILED,
        Event.NOT_STARTED: State.EXPIRED,
        Event.EXPIRE: State.EXPIRED,
        Event.TIME_OUT: State.FAILED,
        Event.DEVICE_DELETED: State.FAILED,
    },
    State.SUCCEEDED: {},
    State.FAILED: {},
    State.CANCELLED: {},
    State.EXPIRED: {},
}
"""The next state after an event. An event that a state does not list changes nothing: exactly one final state, once, for ever."""

FINAL = frozenset(state for state, events in TRANSITIONS.items() if not events)


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """One change of an operation, with its time: `what` is a short word (issued, offered, acknowledged, progress, …, late, parked)."""

    at_us: int
    what: str
    detail: str = ""
    count: int = 0
    until_us: int = 0
    """For entries that gather many (offered): the time of the last."""


class Operation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One command on its way; all times are integer microseconds since 1970.

    It never refers to itself, and a store remembers thousands: the garbage collector need not walk them (`gc=False`).
    """

    device: DeviceName
    create_ms: int
    """Creation in milliseconds: the operation's id, unique and increasing per device."""
    type: str
    command: bytes
    """Canonical JSON object of the Command's own fields as given (`{"wipeParams":{}}`), never a secret."""
    duration: str
    """The effective duration, canonical (`600s`)."""
    user_name: str = ""
    expires_us: int
    state: State = State.QUEUED
    deadline_us: int | None
    """When something must happen by itself: expiry while QUEUED, the result timeout while ACKNOWLEDGED, None once final."""
    ack_id: str = ""
    acked_us: int = 0
    asking: bool = False
    """Whether its phone waits for its user, has done nothing yet and will ask before it does: until then it may expire."""
    begun: bool = False
    """Whether its phone asked so and was let: it expires no more."""
    released: bool = False
    """Whether it stopped holding its device's queue before it ended (it reported IN_PROGRESS or PENDING_USER_ACTION)."""
    starts_us: int = 0
    """Until then it can be called off and is not offered: the grace period after its approval; 0: there is none."""
    report_seq: int = 0
    status: bytes = b""
    """Canonical JSON object of the Command's specific status field (`{"startLostModeStatus":{…}}`), like `command`; empty: no status."""
    error_code: ErrorCode | None = None
    error: RpcStatus | None = None
    secret: bytes | None = None
    """Sealed secret fields; None once the operation has ended."""
    sealed_to: str = ""
    """The phone's key that they are sealed to (protocol.key_id), which the server cannot open; empty: sealed by the vault."""
    ended_us: int | None = None
    evidence: bytes = b""
    """Canonical JSON of what the phone's facts were before and after (domain/evidence.py); empty: it gave none."""
    judgement: Judgement = Judgement.NOT_OBSERVED
    """What they say of the success that the phone reported."""
    timeline: tuple[TimelineEntry, ...] = ()

    @property
    def name(self) -> OperationName:
        return OperationName(self.device, self.create_ms)

    @property
    def done(self) -> bool:
        """Whether the operation has its one final state."""
        return self.state in FINAL

    @property
    def open(self) -> bool:
        """Whether something can still happen to it."""
        return self.state not in FINAL


class ShownOperation(msgspec.Struct, frozen=True, gc=False):
    """What callers are shown of an operation, its fields as in Operation: a page of these is read in half the time."""

    device: DeviceName
    create_ms: int
    state: State
    type: str
    command: bytes
    duration: str
    user_name: str
    status: bytes
    error_code: ErrorCode | None
    error: RpcStatus | None

    @property
    def name(self) -> OperationName:
        return OperationName(self.device, self.create_ms)


def noted(operation: Operation, entry: TimelineEntry) -> Operation:
    """The operation with one more timeline entry; past the bound the oldest but the first goes."""
    return msgspec.structs.replace(operation, timeline=_longer(operation.timeline, entry))


def _longer(timeline: tuple[TimelineEntry, ...], entry: TimelineEntry) -> tuple[TimelineEntry, ...]:
    if len(timeline) >= TIMELINE_MOST:
        timeline = (timeline[0], *timeline[2:])
    return (*timeline, entry)


def allows(operation: Operation, event: Event) -> bool:
    """Whether the event changes (or may repeat in) the operation's state."""
    return event in TRANSITIONS[operation.state]


def may_expire(operation: Operation) -> bool:
    """Whether time alone may make it EXPIRED: nothing of it has begun, nor will begin without the server's word.

    Source: disc, Command.duration: "The command will expire if not executed by the device during this time".
    """
    return operation.state in _NOT_BEGUN or (operation.state is State.ACKNOWLEDGED and operation.asking)


_NOT_BEGUN = frozenset({State.AWAITING_APPROVAL, State.QUEUED})


def withheld(operation: Operation, now_us: int) -> bool:
    """Whether its phone must not learn of it yet: it needs approval, or can still be called off."""
    state = operation.state
    return state is State.AWAITING_APPROVAL or (now_us < operation.starts_us and state is State.QUEUED)


def _timeout_us(operation: Operation, now_us: int, result_timeout_s: int) -> int:
    """When an acknowledged operation ends by itself, its phone having been heard of now."""
    return operation.expires_us if operation.asking else now_us + result_timeout_s * 1_000_000


def _fire(operation: Operation, event: Event, now_us: int, what: str, detail: str = "", **changes: object) -> Operation:
    """The operation after the event, with its word for it in the timeline."""
    state = TRANSITIONS[operation.state][event]
    if state in FINAL:
        changes |= {"deadline_us": None, "ended_us": now_us, "secret": None}
    timeline = _longer(operation.timeline, TimelineEntry(at_us=now_us, what=what, detail=detail))
    return msgspec.structs.replace(operation, state=state, timeline=timeline, **changes)


def _say(operation: Operation, now_us: int, what: str, detail: str = "") -> Operation:
    return noted(operation, TimelineEntry(at_us=now_us, what=what, detail=detail))


def acknowledge(operation: Operation, ack_id: str, now_us: int, *, result_timeout_s: int) -> Operation:
    """The operation acknowledged by this ackId. The caller has judged state, ackId and expiry (service/acknowledge_command)."""
    what = "acknowledged" if operation.state is State.QUEUED else "acknowledged again"
    return _fire(
        operation, Event.ACKNOWLEDGE, now_us, what, ack_id=ack_id, acked_us=operation.acked_us or now_us,
        deadline_us=_timeout_us(operation, now_us, result_timeout_s),
    )  # fmt: skip


ADOPTED = "its phone had begun; the server had lost the acknowledgement"


def adopt(operation: Operation, ack_id: str, now_us: int, *, result_timeout_s: int) -> Operation:
    """The queued operation acknowledged by this ackId, whose phone has begun: the server lost the acknowledgement (ADR 0016).

    Its expiry is not looked at: it was judged when the acknowledgement was answered.
    """
    return _fire(
        operation, Event.ADOPT, now_us, "adopted", ADOPTED, ack_id=ack_id, acked_us=now_us,
        deadline_us=now_us + result_timeout_s * 1_000_000,
    )  # fmt: skip


def acknowledge_final(operation: Operation, ack_id: str, now_us: int, *, begun: bool = False) -> Operation:
    """The operation succeeded by its acknowledgement: no later signal can be relied on.  `begun`: as with `adopt`."""
    said = ("adopted", ADOPTED) if begun else ("acknowledged", "final at ack")
    return _fire(operation, Event.ACKNOWLEDGE_FINAL, now_us, *said, ack_id=ack_id, acked_us=now_us)


def heard(operation: Operation, now_us: int, *, result_timeout_s: int) -> Operation:
    """The operation with its result timeout restarted: its phone is alive and knows of it."""
    return msgspec.structs.replace(operation, deadline_us=_timeout_us(operation, now_us, result_timeout_s))


def progress(operation: Operation, seq: int, status: bytes, now_us: int, *, result_timeout_s: int, asks: bool = False) -> Operation:
    """The operation with this progress, its queue released and its result timeout restarted.

    `asks`: its phone asks its user, and the server before it begins. Until then the operation has the time that it was given, and no more.
    """
    asking = not operation.begun and (asks or operation.asking)
    reported = msgspec.structs.replace(operation, asking=asking)
    return _fire(
        reported, Event.PROGRESS, now_us, "progress", status.decode(), report_seq=seq, status=status, released=True,
        deadline_us=_timeout_us(reported, now_us, result_timeout_s),
    )  # fmt: skip


def begin(operation: Operation, now_us: int, *, result_timeout_s: int) -> Operation:
    """The acknowledged operation, let begin: its user agreed in time. Asked again, it is let again.  The caller has judged its time."""
    if operation.begun:
        return heard(operation, now_us, result_timeout_s=result_timeout_s)
    begun = msgspec.structs.replace(operation, asking=False, begun=True)
    return _say(heard(begun, now_us, result_timeout_s=result_timeout_s), now_us, "begun", "its user agreed")


def finish(
    operation: Operation, seq: int, now_us: int, *, status: bytes, error_code: ErrorCode | None, error: RpcStatus | None
) -> Operation:
    """The operation ended by its phone's terminal report (after the ack) or refusal (before it)."""
    event, what, detail = Event.SUCCEED, "succeeded", ""
    if error is not None:
        event, what = (Event.FAIL, "failed") if operation.state is State.ACKNOWLEDGED else (Event.REFUSE, "refused")
        detail = error.message
    return _fire(operation, event, now_us, what, detail, report_seq=seq, status=status, error_code=error_code, error=error)


def ignored(operation: Operation, seq: int, now_us: int) -> Operation:
    """The operation shown as done although its phone refused it, as real AMAPI was seen to do (domain/quirks.py)."""
    return _fire(operation, Event.IGNORE, now_us, "refused", "shown as done: --behaviour as-observed", report_seq=seq)


def cancel(operation: Operation, now_us: int) -> Operation:
    """The operation cancelled before its phone acknowledged it."""
    return _fire(operation, Event.CANCEL, now_us, "cancelled", error=CANCELLED)


def await_approval(operation: Operation, now_us: int, said: str) -> Operation:
    """The operation that has just been issued, waiting for a second person instead of for its phone."""
    return _say(msgspec.structs.replace(operation, state=State.AWAITING_APPROVAL), now_us, "awaiting approval", said)


def agreed(operation: Operation, now_us: int, said: str) -> Operation:
    """The operation with the word of one more person, and more to come."""
    return _say(operation, now_us, "approved", said)


def approve(operation: Operation, now_us: int, said: str, *, starts_us: int) -> Operation:
    """The operation in its phone's queue, from `starts_us` on."""
    return _fire(operation, Event.APPROVE, now_us, "approved", said, starts_us=starts_us)


def decline(operation: Operation, now_us: int, said: str) -> Operation:
    """The operation ended: a person said no, in these words."""
    error = RpcStatus(Code.PERMISSION_DENIED, f"The command was {said}")
    return _fire(operation, Event.DECLINE, now_us, "declined", said, error=error)


def call_off(operation: Operation, now_us: int, said: str) -> Operation:
    """The operation cancelled by a person, in these words, before its phone acknowledged it."""
    error = RpcStatus(Code.CANCELLED, f"The command was {said}")
    return _fire(operation, Event.CANCEL, now_us, "called off", said, error=error)


def expire(operation: Operation, now_us: int) -> Operation:
    """The operation expired: no phone acknowledged it in time, or its phone's user did not answer in time.  `may_expire`."""
    asked = "its phone's user did not answer in time" if operation.asking else ""
    error = EXPIRED
    if operation.state is State.AWAITING_APPROVAL:
        error, asked = UNAPPROVED, "no second person approved it in time"
    return _fire(operation, Event.EXPIRE, now_us, "expired", asked, status=b"", error=error)


def not_started(operation: Operation, seq: int, now_us: int) -> Operation:
    """The operation expired: its phone acknowledged it, could not start in time and executed nothing."""
    detail = "acknowledged, not started in time"
    return _fire(operation, Event.NOT_STARTED, now_us, "expired", detail, report_seq=seq, status=b"", error=EXPIRED)


def time_out(operation: Operation, now_us: int) -> Operation:
    """The operation given up: acknowledged, and not heard of since."""
    return _fire(operation, Event.TIME_OUT, now_us, "timed out", status=b"", error_code=ErrorCode.UNKNOWN, error=NEVER_REPORTED)


def device_deleted(operation: Operation, now_us: int) -> Operation:
    """The operation ended with its device."""
    return _fire(operation, Event.DEVICE_DELETED, now_us, "device deleted", status=b"", error=DEVICE_DELETED)


OBSERVED_AS = {Judgement.OBSERVED: "observed", Judgement.CONTRADICTED: "contradicted"}


def observed(operation: Operation, now_us: int, *, evidence: bytes, judgement: Judgement, detail: str) -> Operation:
    """The operation with its phone's facts, and what they say of it; its outcome is what the phone reported, whatever they say."""
    kept = msgspec.structs.replace(operation, evidence=evidence, judgement=judgement)
    return _say(kept, now_us, OBSERVED_AS[judgement], detail) if judgement in OBSERVED_AS else kept


def evidence_left_aside(operation: Operation, now_us: int, why: str) -> Operation:
    """The operation with a word on evidence that cannot be used, and nothing else changed."""
    return _say(operation, now_us, "evidence left aside", why)


def late(operation: Operation, now_us: int, detail: str) -> Operation:
    """The final operation with a late report of its phone in its timeline, and nothing else changed."""
    return _say(operation, now_us, "late", detail)
