"""What the routes of `/sandbox/v1` answer, declared: the OpenAPI document and the page show it, and tests hold every answer against it.

A field without a default is always there. One that may be None is null where there is nothing of the kind.
"""

from typing import Annotated

import msgspec

from heliograph.protojson.messages import Duration, Int32, Int64, Message, Timestamp
from heliograph.protojson.types import AnyObject, AnyValue
from heliograph.sandbox.fault_messages import FaultWanted
from heliograph.sandbox.json_schema import Also

Count = Annotated[float, Also(type="integer", minimum=0)]
"""A number that JSON writes without quotes however large it is."""


class Nothing(Message):
    """An empty object."""


class Status(Message):
    """google.rpc.Status, with the HTTP status as its code."""

    code: Int32
    message: str
    """What is there, and what to do."""
    status: str
    """The name of the google.rpc.Code, as in INVALID_ARGUMENT."""
    details: tuple[AnyObject, ...] = ()
    """google.rpc.BadRequest with a violation for every wrong field, and google.rpc.ErrorInfo with a reason, where there are any."""


class Failure(Message):
    """Google's form of an error."""

    error: Status


class ProfileView(Message):
    """A kind of virtual phone."""

    name: str
    summary: str
    """What it is for."""


class Profiles(Message):
    """All kinds of virtual phones."""

    profiles: tuple[ProfileView, ...]


class CredentialView(Message):
    """A PIN, pattern or password; never the thing itself."""

    kind: str
    length: Int32


class WorkProfileView(Message):
    """The work profile of a phone."""

    separate_lock: bool
    """Whether it has a lock of its own."""
    paused: bool
    locked: bool
    credential: CredentialView | None = None


class LostModeView(Message):
    """What a phone in lost mode shows."""

    message: str
    phone_number: str
    email_address: str
    street_address: str
    organization: str


class AppView(Message):
    """An app on a phone."""

    package: str
    scope: str
    """The side it is on: of the whole device, or of the work profile."""
    protected: bool
    """Whether the system refuses to clear its data."""
    data_bytes: Count


class EsimView(Message):
    """A profile on a phone's eSIM chip."""

    icc_id: str
    active: bool
    managed: bool
    """Whether an admin added it."""
    carrier: str


class PhoneView(Message, kw_only=True):
    """A phone as someone sees it who holds it in hand."""

    profile: str
    serial_number: str
    api_level: Int32
    management_kind: str | None = None
    """Null: nobody manages it."""
    managed: bool
    """False: it was wiped or relinquished."""
    setup_in_progress: bool
    disabled: bool
    disabled_reason: str
    screen: Annotated[str, Also(enum=["on", "off"])]
    locked: bool
    credential: CredentialView | None = None
    work_profile: WorkProfileView | None = None
    reset_token: str
    """What becomes of a RESET_PASSWORD on it."""
    must_enter_password: bool
    asks_credential_on_boot: bool
    lost_mode: LostModeView | None = None
    apps: tuple[AppView, ...]
    external_storage_bytes: Count
    reset_protection_data: bool
    """Whether it asks for the account of before after a factory reset."""
    esims: tuple[EsimView, ...]
    ongoing_call: bool
    battery_percent: Int32
    boots: Int32
    factory_resets: Int32
    wipe_reason_shown: str
    """What it showed its user as the reason of a wipe."""


class Question(Message):
    """Something that a phone asks its user."""

    operation: str
    """The operation for which it asks."""
    for_: str = msgspec.field(name="for")
    """What it waits for."""


class NetworkChange(Message):
    """When a phone lost its network, or got it back."""

    time: Timestamp
    online: bool


class DeviceView(Message):
    """A virtual phone."""

    id: str
    """What it is called here: the id that it enrolled with first."""
    enterprise: str
    name: str
    """The device that it is now, or was last."""
    summary: str
    condition: str
    """What it is doing."""
    refusal: str
    """Why its server did not take it; empty: it did."""
    online: bool
    """Whether it has a network."""
    connected: bool
    consent: Annotated[str, Also(enum=["APPROVE", "DECLINE", "IGNORE"])]
    consent_delay: Duration
    latency: Duration
    user_is_asked: tuple[Question, ...]
    network_changes: tuple[NetworkChange, ...]
    phone: PhoneView


class Devices(Message):
    """Virtual phones, oldest first."""

    devices: tuple[DeviceView, ...]


class ClockView(Message):
    """The time of a world."""

    now: Timestamp
    frozen: bool
    """Whether it stands until clock:run."""


class DueView(Message):
    """Something that was due."""

    kind: Annotated[str, Also(enum=["OPERATION_DEADLINE", "PHONE", "OFFER", "NOTIFICATION"])]
    name: str = ""
    """The operation's or the device's."""


class NextDue(Message):
    """The time after the next thing that was due, and what that was."""

    now: Timestamp
    frozen: bool
    due: tuple[DueView, ...]
    """Empty: nothing is due by itself."""


class NotificationView(Message):
    """A notification that went to the push endpoints, or would have."""

    message_id: str
    publish_time: Timestamp
    notification_type: str
    resource: AnyObject
    """The Operation, Device or other resource that it is about, as AMAPI writes it."""
    malformed: str = ""
    """What a fault made of its data."""


class Notifications(Message):
    """The newest notifications, oldest first."""

    notifications: tuple[NotificationView, ...]


class PushEndpointView(Message):
    """An address that gets every notification."""

    name: str
    url: str


class PushEndpointList(Message):
    """All push endpoints, oldest first."""

    push_endpoints: tuple[PushEndpointView, ...]


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


class OperationTimeline(TracedOperation, kw_only=True):
    """Every change of an operation."""

    entries: tuple[TimelineEntry, ...]


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


class WorldView(Message, kw_only=True):
    """A world."""

    name: str
    url: str
    """Its address: what clients take in place of Google's."""
    path_url: str
    """Its address as a path below the sandbox's."""
    seed: Int64
    now: Timestamp
    frozen: bool
    enterprises: tuple[str, ...]
    create_time: Timestamp
    """By the real clock."""
    idle_duration: Duration
    push_endpoints: tuple[PushEndpointView, ...]


class WorldList(Message):
    """All worlds that were made, oldest first."""

    worlds: tuple[WorldView, ...]


class SnapshotView(Message, kw_only=True):
    """A world as one document; docs/sandbox.md says what is in it."""

    heliograph_snapshot: Int32
    """Of which version the document is."""
    schema: Int32
    """Of which version the tables are."""
    seed: str
    clock: AnyObject
    making: AnyObject
    """What was wished of the world when it was made."""
    secrets: str = ""
    """A warning: whoever has the document can read all secrets in it."""
    push_endpoints: tuple[str, ...] = ()
    phones: tuple[AnyObject, ...] = ()
    bench: AnyObject | None = None
    """Faults, Retry Tests and the request journal."""
    notifications: tuple[AnyObject, ...] = ()
    tables: AnyObject | None = None
    chance: AnyObject | None = None


class OpenApiDocument(Message):
    """An OpenAPI 3.1 document."""

    openapi: str
    info: AnyObject
    servers: tuple[AnyObject, ...]
    tags: tuple[AnyObject, ...]
    paths: AnyObject
    components: AnyObject
