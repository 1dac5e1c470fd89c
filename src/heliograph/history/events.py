"""What happened in a run, event by event, in the order in which it happened.

Three kinds of witnesses write it: callers (requests, answers and notifications), phones (what they did), and those that
caused faults (what was killed when). The rules read nothing else.
"""

import enum
from typing import Any, Self

import msgspec

from heliograph.domain.evidence import Judgement
from heliograph.domain.longrunning import read_outcome
from heliograph.protojson.times import parse_duration_ns


class Verb(enum.Enum):
    """What a caller asks for."""

    ISSUE = "issue"
    CANCEL = "cancel"
    GET = "get"
    LIST = "list"
    DELETE = "delete"


class Answer(enum.Enum):
    """How a call ended, as its caller knows it."""

    OK = "ok"
    FAIL = "fail"
    """Nothing was done: the server refused, or was not there."""
    UNKNOWN = "unknown"
    """No answer came, or one with an unknown outcome."""


class Moment(enum.Enum):
    """A phone's progress with a command, as its agent or its connection reports."""

    CONNECTING = "CONNECTING"
    """It is about to say hello on a new connection; of no operation."""
    OFFERED = "OFFERED"
    """It was shown the command."""
    ACKING = "ACKING"
    """It said "I will", or is about to, for the first time or again."""
    ACKNOWLEDGED = "ACKNOWLEDGED"
    """It was answered: execute."""
    TOLD_TO_DROP = "TOLD_TO_DROP"
    """It was answered: drop."""
    EXECUTING = "EXECUTING"
    """Its journal says that it executes; the effect has not happened yet."""
    EXECUTED = "EXECUTED"
    """It is done; its journal does not say so yet."""
    PROGRESS = "PROGRESS"
    """It is about to report progress."""
    RESULT = "RESULT"
    """Its journal holds the result, which was not sent yet."""
    REPORTED = "REPORTED"
    """The report was answered."""
    DROPPED = "DROPPED"
    """Its journal has forgotten the command."""
    ORDERED = "ORDERED"
    """Its journal holds the last order."""
    CARRIED_OUT = "CARRIED_OUT"
    FORGOTTEN = "FORGOTTEN"
    """Its credential is gone."""


class FaultKind(enum.Enum):
    """What went wrong, on purpose but for the last; and when it was well again."""

    SERVER_KILLED = "server killed"
    SERVER_READY = "server ready"
    SERVER_SUSPENDED = "server suspended"
    SERVER_RESUMED = "server resumed"
    POWER_CUT = "power cut"
    """The server was killed, and its disk lost writes that were not synced."""
    DISK_FULL = "disk full"
    DISK_FREED = "disk freed"
    CLOCK_STEPPED = "clock stepped"
    LINE_CUT = "line cut"
    """A connection to the server, of callers or of phones, was cut or went silent."""
    DATABASE_KILLED = "database killed"
    DATABASE_READY = "database ready"
    BACKEND_KILLED = "database backend killed"
    DATABASE_CUT = "database cut"
    """A connection between a server and its database was cut or went silent."""
    COMMIT_CUT = "commit cut"
    """Such a connection was cut when a COMMIT had been sent and not answered."""
    DATABASE_SLOW = "database slow"
    DATABASE_FAST = "database fast again"
    SERVERS_RACED = "servers raced"
    """Two servers were made to decide on the same operation at the same instant."""
    AGENT_CRASHED = "agent crashed"
    OFFLINE = "phone offline"
    ONLINE = "phone online"
    SERVER_ENDED = "server ended by itself"


class Deed(enum.Enum):
    """What a run may be made for besides its faults."""

    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused by the phone"
    DELETED = "device deleted"
    LISTED = "listed"
    NOTIFIED = "notified"


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel", omit_defaults=True, tag_field="event"):
    """An event; `at_us` is monotonic time, set by the recorder."""

    at_us: int = 0


class Shown(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel", omit_defaults=True):
    """An operation as a caller read it."""

    name: str
    type: str = ""
    tag: int = 0
    """Its duration in nanoseconds, which no other issue of the run has."""
    outcome: str = "pending"
    """As `read_outcome` says it."""
    detail: str = ""
    response: bool = False
    error_code: int = 0
    end: str = ""
    """The whole operation as the server wrote it, once it was done."""

    @property
    def done(self) -> bool:
        """Whether the caller read an end."""
        return bool(self.end)

    @property
    def device(self) -> str:
        return self.name.rpartition("/operations/")[0]

    @classmethod
    def of(cls, operation: dict[str, Any]) -> Self:
        """The operation in this JSON."""
        metadata, view = operation["metadata"], read_outcome(operation)
        return cls(
            name=operation["name"],
            type=metadata["type"],
            tag=parse_duration_ns(metadata["duration"]),
            outcome=view.outcome,
            detail=view.detail,
            response="response" in operation,
            error_code=operation.get("error", {}).get("code", 0),
            end=msgspec.json.encode(operation, order="sorted").decode() if operation.get("done") else "",
        )


class Invoked(Event, frozen=True, kw_only=True, tag="invoked"):
    """A caller is about to send a request."""

    call: int
    caller: str = ""
    verb: Verb
    target: str
    """The device's or the operation's name."""
    type: str = ""
    tag: int = 0


class Completed(Event, frozen=True, kw_only=True, tag="completed"):
    """The caller knows as much about its call as it ever will."""

    call: int
    answer: Answer
    status: int = 0
    why: str = ""
    shown: tuple[Shown, ...] = ()


class Enrolled(Event, frozen=True, kw_only=True, tag="enrolled"):
    """A phone is this device."""

    phone: str
    device: str


class Reached(Event, frozen=True, kw_only=True, tag="reached"):
    """A phone reached a moment with an operation."""

    phone: str
    incarnation: int = 0
    """Counts the lives of the phone's agent."""
    moment: Moment
    operation: str = ""


class Acted(Event, frozen=True, kw_only=True, tag="acted"):
    """A phone began or finished a command's effect; reported by the phone, not by its agent's journal."""

    phone: str
    incarnation: int
    operation: str
    """Empty for the last order of a device that was deleted."""
    type: str
    step: str
    boot_id: str = ""
    succeeded: bool | None = None


class Judged(Event, frozen=True, kw_only=True, tag="judged"):
    """What an operation's timeline says, after everything came to rest, of the success that a phone reported: by the phone's own facts."""

    operation: str
    judgement: Judgement


class AtRest(Event, frozen=True, kw_only=True, tag="at rest"):
    """The state of a phone after everything came to rest."""

    phone: str
    managed: bool
    """Whether it still is as its admin set it up."""
    enrolled: bool
    """Whether it still holds a credential."""
    unfinished: tuple[str, ...] = ()
    """The operations in its journal."""


class Final(Event, frozen=True, kw_only=True, tag="final"):
    """What the server lists for a device after everything had recovered and come to rest: all of it, in the list's order."""

    device: str
    operations: tuple[Shown, ...] = ()


class Subscribed(Event, frozen=True, kw_only=True, tag="subscribed"):
    """From here on an enterprise must be notified of the end of every command that is issued."""

    enterprise: str


class Notified(Event, frozen=True, kw_only=True, tag="notified"):
    """An enterprise was notified of a command's end."""

    shown: Shown
    message: str = ""
    """The message's id; the same message may come more than once."""


class Fault(Event, frozen=True, kw_only=True, tag="fault"):
    """Trouble, or its end."""

    what: FaultKind
    target: str = ""
    seconds: float = 0.0
    """Of a clock's step: forward where positive. 0 if no server starts under it: running servers slew it, and must do so."""


AnyEvent = Invoked | Completed | Enrolled | Reached | Acted | Judged | AtRest | Final | Subscribed | Notified | Fault
