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
    phone: str = ""
    caller: str = ""
    share: float = 0.0
    times: Int32 = 0
    after: Duration = ""
    """From when on, by the world's clock, counted from now."""

    error: ErrorAnswer | None = None
    html: HtmlAnswer | None = None
    latency: Duration = ""
    cut: Cut = Cut.CUT_UNSPECIFIED
    expired_token: bool = False
    operation: OperationFate = OperationFate.OPERATION_FATE_UNSPECIFIED
    notification: NotificationFault | None = None

    patch: Steering | None = None
    offline: Duration = ""
    crash: CrashMoment = CrashMoment.CRASH_MOMENT_UNSPECIFIED
    factory_reset: bool = False
    os_update: OsUpdate | None = None


class Script(Message):
    """`POST /sandbox/v1/devices/{phone}:script`: each step is a fault of this phone."""

    steps: tuple[FaultWanted, ...] = ()
