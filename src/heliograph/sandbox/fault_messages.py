"""What a test says of a fault that it plans: `POST /sandbox/v1/faults`, and the steps of a phone's script. docs/faults-on-demand.md."""

import enum

from heliograph.protojson.messages import Duration, Int32, Message
from heliograph.sandbox.messages import Steering


class Cut(enum.Enum):
    """Where the connection under a call breaks."""

    CUT_UNSPECIFIED = "CUT_UNSPECIFIED"
    BEFORE_EFFECT = "BEFORE_EFFECT"
    AFTER_EFFECT = "AFTER_EFFECT"
    IN_ANSWER = "IN_ANSWER"


class OperationFate(enum.Enum):
    """How a read of an operation is answered, whatever its outcome."""

    OPERATION_FATE_UNSPECIFIED = "OPERATION_FATE_UNSPECIFIED"
    NOT_FOUND = "NOT_FOUND"
    UNDONE = "UNDONE"


class NotificationFate(enum.Enum):
    """What happens to a notification on its way."""

    NOTIFICATION_FATE_UNSPECIFIED = "NOTIFICATION_FATE_UNSPECIFIED"
    LOST = "LOST"
    LATE = "LATE"
    DOUBLED = "DOUBLED"
    REORDERED = "REORDERED"
    MALFORMED = "MALFORMED"


class CrashMoment(enum.Enum):
    """Where an agent is with a command when it dies: `agent.executor.Moment`, the steps of its journal."""

    CRASH_MOMENT_UNSPECIFIED = "CRASH_MOMENT_UNSPECIFIED"
    ACKING = "ACKING"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    EXECUTING = "EXECUTING"
    EXECUTED = "EXECUTED"
    RESULT = "RESULT"
    REPORTED = "REPORTED"
    DROPPED = "DROPPED"
    ORDERED = "ORDERED"
    CARRIED_OUT = "CARRIED_OUT"


class ErrorAnswer(Message):
    """An answer in Google's form of errors; nothing is done."""

    code: Int32 = 0
    """The HTTP status."""
    message: str = ""
    """Without one, the words that the server itself has for this status."""
    reason: str = ""
    """ErrorInfo's; without one there is no ErrorInfo."""
    retry_after: Duration = ""


class HtmlAnswer(Message):
    """A page instead of JSON, as load balancers and proxies answer; nothing is done."""

    code: Int32 = 0
    retry_after: Duration = ""


class NotificationFault(Message):
    """What happens to the notifications that the fault matches."""

    fate: NotificationFate = NotificationFate.NOTIFICATION_FATE_UNSPECIFIED
    type: str = ""
    """The notificationType; empty: any."""
    delay: Duration = ""
    """How long, by the world's clock: a LATE one is kept back, and a REORDERED one waits for the next one at most."""


class OsUpdate(Message):
    """The phone restarts with another system; what is absent stays."""

    android_version: str = ""
    api_level: Int32 = 0
    security_patch_level: str = ""


class FaultWanted(Message):
    """`POST /sandbox/v1/faults`: what it matches, how often, and one effect."""

    method: str = ""
    """Only calls of this method of AMAPI; empty: of any."""
    phone: str = ""
    """Only what is about this phone: its id in the first enterprise, or its whole name; empty: any."""
    caller: str = ""
    """Only calls by this caller: the name or the text of its token, or its `quotaUser`; empty: any."""
    share: float = 0.0
    """Which part of the calls meets it, as in 0.25; absent: every call."""
    times: Int32 = 0
    """How often it happens; absent: until it is deleted, and once for what happens to a phone."""
    after: Duration = ""
    """From when on, by the world's clock, counted from now."""

    error: ErrorAnswer | None = None
    html: HtmlAnswer | None = None
    latency: Duration = ""
    """How much later the call is answered, in real time."""
    cut: Cut = Cut.CUT_UNSPECIFIED
    """Where the connection breaks."""
    expired_token: bool = False
    """The call is answered as if its token had expired."""
    operation: OperationFate = OperationFate.OPERATION_FATE_UNSPECIFIED
    """How an operation is shown to who asks for it."""
    notification: NotificationFault | None = None

    patch: Steering | None = None
    offline: Duration = ""
    """How long the phone has no network."""
    crash: CrashMoment = CrashMoment.CRASH_MOMENT_UNSPECIFIED
    """At which step of its next command the phone's agent dies."""
    factory_reset: bool = False
    """The phone's user resets it in its settings."""
    os_update: OsUpdate | None = None


class Script(Message):
    """`POST /sandbox/v1/devices/{phone}:script`: each step is a fault of this phone."""

    steps: tuple[FaultWanted, ...] = ()
