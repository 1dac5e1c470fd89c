"""What the routes of `/sandbox/v1` answer, declared: the OpenAPI document and the page show it, and tests hold every answer against it.

A field without a default is always there. One that may be None is null where there is nothing of the kind.
"""

from typing import Annotated

import msgspec

from heliograph.protojson.messages import Duration, Int32, Int64, Message, Timestamp
from heliograph.protojson.types import AnyObject
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


class SignInView(Message):
    """A phone that is being set up, and waits at the enterprise's sign-in page."""

    name: str
    """The name by which `provisioningInfo.get` answers who comes, for an hour."""
    signin_url: str
    """What the phone's browser opens."""


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
    eid: str
    """The chip that it is on."""


class PhoneView(Message, kw_only=True):
    """A phone as someone sees it who holds it in hand."""

    profile: str
    serial_number: str
    imei: str
    """Empty: it has no telephony."""
    meid: str
    """Empty: it has no CDMA."""
    wifi_mac_address: str
    enterprise_specific_id: str
    """Stands for it in its enterprise; a personal phone reports it in place of its serial number."""
    eids: tuple[str, ...]
    """Of its eSIM chips."""
    api_level: Int32
    management_kind: str | None = None
    """Null: it is not managed."""
    managed: bool
    """False: it was wiped or relinquished."""
    setup_in_progress: bool
    disabled: bool
    disabled_reason: str
    blocked_scope: str
    """What an enforcement rule of its policy blocks: BLOCK_SCOPE_DEVICE or BLOCK_SCOPE_WORK_PROFILE; empty: nothing."""
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
    confirm_esim_removal: bool
    """Whether it asks its user before REMOVE_ESIM removes one."""
    ongoing_call: bool
    location_on: bool
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
    lies: bool
    """Whether it says that commands are done, and does nothing."""
    consent: Annotated[str, Also(enum=["APPROVE", "DECLINE", "IGNORE"])]
    consent_delay: Duration
    reboot_duration: Duration
    download_duration: Duration
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
    """A warning: anyone who has the document can read all secrets in it."""
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
