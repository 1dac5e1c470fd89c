"""What the routes about calls answer, declared as in `answers.py`: faults, requests, operations, the quota, Retry Tests."""

from typing import Annotated

import msgspec

from heliograph.domain.evidence import Judgement
from heliograph.protojson.messages import Duration, Int32, Message, Timestamp
from heliograph.protojson.types import AnyObject, AnyValue
from heliograph.sandbox.fault_messages import FaultWanted
from heliograph.sandbox.json_schema import Also


class FaultView(FaultWanted, kw_only=True):
    """A planned fault, and what became of it."""

    name: str
    create_time: Timestamp
    met: Int32
    """How often it happened."""
    last_met_time: Timestamp = ""
    left: Int32 | None = None
    """How often it will happen yet, if that was said."""


class FaultList(Message):
    """Faults, oldest first; spent ones too."""

    faults: tuple[FaultView, ...]


class RequestView(Message, kw_only=True):
    """A call of the API and its answer; secrets are sealed, and what is empty is left out."""

    name: str
    time: Timestamp
    """By the world's clock, when it came."""
    method: str = ""
    """AMAPI's method, as in androidmanagement.enterprises.devices.issueCommand."""
    http_method: str
    path: str
    query: str = ""
    resource: str = ""
    phone: str = ""
    caller: str = ""
    in_batch: bool = False
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Those that matter."""
    body: AnyValue = None
    status: Int32
    """The HTTP status; 0: the connection was cut, and `response` is what did not arrive."""
    duration: Duration
    """Real time until it was answered."""
    response_headers: dict[str, str] = msgspec.field(default_factory=dict)
    response: AnyValue = None
    operation: str = ""
    """The operation that it made or asked for."""
    fault: str = ""
    """The fault that changed it."""
    effect: str = ""
    """What that fault did."""


class RequestList(Message):
    """Calls, oldest first."""

    requests: tuple[RequestView, ...]


class TracedOperation(Message):
    """The operation that a call made or asked for."""

    name: str
    type: str
    state: str
    create_time: Timestamp
    expires_at: Timestamp
    ended_at: Timestamp = ""
    why_stuck: str = ""
    """What it waits for."""


class TraceStep(Message):
    """Something that happened to an operation."""

    time: Timestamp
    where: Annotated[str, Also(enum=["API", "PROTOCOL", "PHONE", "NOTIFICATION"])]
    what: str
    detail: str = ""
    request: str = ""
    """The call, of steps of the API."""
    count: Int32 = 0
    """Of several of a kind, how many."""
    until: Timestamp = ""


class Trace(Message, kw_only=True):
    """A call followed to its end."""

    request: RequestView
    operation: TracedOperation | None = None
    steps: tuple[TraceStep, ...]


class TimelineEntry(Message):
    """One change of an operation, or several of a kind."""

    time: Timestamp
    what: str
    detail: str = ""
    count: Int32 = 0
    """Of several, how many."""
    until: Timestamp = ""


class EvidenceView(Message):
    """What the phone's facts were before and after, and what they say of the success that it reported."""

    judgement: Annotated[str, Also(enum=[judgement.value for judgement in Judgement])]
    before: AnyObject
    after: AnyObject


class OperationTimeline(TracedOperation, kw_only=True):
    """Every change of an operation."""

    entries: tuple[TimelineEntry, ...]
    evidence: EvidenceView | None = None
    """Absent: the phone gave none."""


class EffectView(Message):
    """Something that a phone did for an operation."""

    time: Timestamp
    what: str
    succeeded: bool | None = None
    """Absent: it did not end there."""


class OperationView(Message):
    """An operation whole."""

    operation: AnyObject
    """As AMAPI shows it."""
    phone: str
    """The id of the virtual phone; empty: it is a phone from elsewhere."""
    timeline: OperationTimeline
    effects: tuple[EffectView, ...]


class OperationList(Message):
    """Operations, by phone, oldest first."""

    operations: tuple[OperationView, ...]


class Har(Message):
    """An HTTP Archive 1.2."""

    log: AnyObject


class QuotaView(Message):
    """How often callers may ask."""

    requests_per_minute: Int32
    """0: as often as they like."""
    consumer: Annotated[str, Also(enum=["project", "caller"])] = ""
    """Whose requests are counted together."""


class MethodCount(Message):
    """Calls of one method."""

    method: str
    calls: Int32
    refused: Int32
    """With 429."""


class GivenUp(Message, kw_only=True):
    """A command that was refused and not issued since."""

    device: str
    type: str = ""
    caller: str = ""
    refused: Int32
    first_refused_time: Timestamp
    last_refused_time: Timestamp


class QuotaReportView(Message, kw_only=True):
    """How callers got on with the quota."""

    quota: QuotaView
    calls: Int32
    refused: Int32
    methods: tuple[MethodCount, ...]
    worst_wait: Duration
    """The longest time from the first 429 of a call to its success, by the world's clock."""
    worst_wait_request: str = ""
    given_up: tuple[GivenUp, ...]


class RetryTestWanted(Message):
    """A plan of failures, as Google's storage-testbench takes it."""

    instructions: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """For each method, what its next calls with the header `x-retry-test-id` meet."""
    transport: str = ""
    """HTTP; may be left out."""


class RetryTestView(Message):
    """A plan of failures, and what is left of it."""

    id: str
    instructions: dict[str, tuple[str, ...]]
    completed: bool
    """Whether nothing is left."""
    transport: str


class RetryTestList(Message):
    """All plans, oldest first."""

    retry_test: tuple[RetryTestView, ...] = msgspec.field(name="retry_test")
