"""The device channel's messages, the same over long-poll and WebSocket (docs/device-protocol.md is their documentation).

Every time is relative (`expiresInMs`, `startWithinMs`): the server's clock judges. Bodies are plain JSON with exactly these names;
unknown fields are ignored on both sides, so that an older phone talks to a newer server.
"""

import enum
import hashlib
from typing import TYPE_CHECKING

import msgspec

from heliograph.domain.device import DeviceReport, LastOrder
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.domain.web_push import PushKeys

LONG_POLL_MAX_S = 55
"""Below the 60 s after which common proxies cut an idle request: how long a phone may poll that did not ask for more."""
VERSIONS = (1,)
"""Of the protocol, which this server speaks. What may be left out of a message, and what may be passed over, makes no new version."""
VERSION_UNNAMED = 1
"""Spoken by phones that name no version."""
KEEP_ALIVE_LEAST_S = 30
KEEP_ALIVE_MOST_S = 900
"""A quarter of an hour: a phone that has vanished is noticed after that, and an hour has four wake-ups at least."""
ACK_ID_BYTES = 16
CREDENTIAL_BYTES = 32
PUBLIC_KEY_BYTES = 65
"""A point of P-256, uncompressed.  Source: RFC 9180 §7.1.1, SerializePublicKey."""
KEY_ID_BYTES = 8
SEALED_MULTIPLE = 64
"""Secrets are padded to a multiple of this, so that their length says nothing of theirs."""
SEALED_MORE_BYTES = PUBLIC_KEY_BYTES + 16
"""By how much sealed secrets are longer: `enc`, and AES-GCM's tag."""
MESSAGE_MAX_BYTES = 256 * 1024
"""No message is larger, either way, but one with a policy in it (POLICY_MESSAGE_MAX_BYTES).

A device's larger one is refused: the largest honest one (reports on some hundred apps) is below a half.
"""
POLICY_MESSAGE_MAX_BYTES = 4 * MESSAGE_MAX_BYTES
"""The largest message to a phone."""
REASON_MAX_BYTES = MESSAGE_MAX_BYTES - 32 * 1024
"""The largest disabledReason that a PhonePolicy can carry; all else in one needs less than the rest."""
POLICY_MAX_BYTES = POLICY_MESSAGE_MAX_BYTES - MESSAGE_MAX_BYTES
"""The largest policy that a message can carry, whatever else is in it."""
COMMAND_MAX_BYTES = MESSAGE_MAX_BYTES - 1024
"""The largest Command that an offer, an answer or a last order can carry, secrets included: what is around it needs less than the rest."""

if TYPE_CHECKING:
    OptionalRaw = msgspec.Raw | None
else:
    # msgspec 0.22 reads `Raw | None` as null only. Declared so, any JSON is read, null as Raw(b"null"), and the default stays None.
    OptionalRaw = msgspec.Raw | msgspec.UnsetType


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message of the device protocol."""


class Enroll(Message, frozen=True, kw_only=True):
    """`POST /device/v1/enroll`: the phone made its own credential and sends only its SHA-256."""

    enrollment_token: str
    installation_id: str
    credential_hash: str
    """Lower-case hex of SHA-256(credential)."""
    public_key: str = ""
    """What secrets for the phone are sealed to (`secrets_info`); empty: it opens none, and gets them in clear inside its connection."""
    report: DeviceReport
    evidence: OptionalRaw = None
    """`after` what ended the phone's last management: {"after": {"androidId": …}}."""
    serial: str = ""
    """What ties re-enrolments of one phone together (previousDeviceNames); hardwareInfo.serialNumber if absent."""


class Enrolled(Message, frozen=True, kw_only=True):
    """The answer to Enroll; the same request gets the same answer again."""

    name: str
    server_time: str
    long_poll_max_s: int = LONG_POLL_MAX_S


class InFlightState(enum.Enum):
    """How far a phone's journal is with an operation."""

    ACKING = "acking"
    EXECUTING = "executing"
    RESULT = "result"


class InFlight(Message, frozen=True, kw_only=True):
    """One operation in a phone's journal."""

    operation: str
    ack_id: str
    state: InFlightState


class KeepAlive(Message, frozen=True, kw_only=True):
    """How an idle connection is kept open: what the phone wants in Hello, what holds in Greeting."""

    every_s: int
    """The longest that nothing travels on the connection, and that a poll waits; 30 to 900 holds, whatever was asked for."""
    server_pings: bool = False
    """Whether the server pings, which wakes the phone; else the phone does, when it is awake anyway. WebSockets only."""


class Hello(Message, frozen=True, kw_only=True):
    """First message on a connection (`POST /device/v1/hello` before long-polling): what the phone speaks, wants, and has in its journal."""

    in_flight: tuple[InFlight, ...] = ()
    protocol_versions: tuple[int, ...] = ()
    """Those that the phone speaks; empty: version 1."""
    keep_alive: KeepAlive | None = None
    """Absent: the server pings every 30 s, and a poll waits 55 s at most."""
    public_key: str = ""
    """What the phone opens secrets with from now on, as in Enroll; empty: with nothing, whatever it said before."""


class SealedCommand(Message, frozen=True, kw_only=True):
    """A Command whose secrets only its phone opens. An agent that does not know this message finds no `command`, so executes nothing."""

    command: msgspec.Raw
    """The Command without its secrets."""
    key_id: str
    """`key_id` of the public key that they are sealed to."""
    secrets: str
    """Lower-case hex of HPKE's `enc` and ciphertext: JSON of the secret fields in the Command's own nesting, then spaces."""


def key_id(public_key: str) -> str:
    """What a public key is called: the first KEY_ID_BYTES of its SHA-256, in hex."""
    return hashlib.sha256(bytes.fromhex(public_key)).digest()[:KEY_ID_BYTES].hex()


def secrets_info(operation: str) -> bytes:
    """HPKE's `info` for the secrets of this operation: they open for no other one, so for no other device either.

    HPKE (RFC 9180) in base mode with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-128-GCM, `aad` empty: §8.1 gives the single-shot
    form `info` for what is to be authenticated. A public key is the point, uncompressed (65 bytes), in lower-case hex.
    """
    return b"heliograph command secrets\n" + operation.encode()


class Offer(Message, frozen=True, kw_only=True):
    """A command on its way to the phone; offering it changes nothing.

    `command` is the Command: type, params, secrets. Absent, it is `sealed_command`.
    """

    operation: str
    command: OptionalRaw = None
    sealed_command: SealedCommand | None = None
    expires_in_ms: int


class Acknowledge(Message, frozen=True, kw_only=True):
    """I can and I will: journalled with its ackId before it is sent, the point of no return."""

    operation: str = ""
    """The full resource name; over HTTP it stands in the path and may be left out here."""
    ack_id: str
    """128 random bits in lower-case hex."""
    need_command: bool = False
    """Whether the phone lost the offer in a restart (its journal never holds secrets) and needs the command again."""
    evidence: OptionalRaw = None
    """Of a command that ends the phone's being managed: the facts `before`."""


class Execute(Message, frozen=True, kw_only=True):
    """The acknowledgement stands: start within this time or report NOT_STARTED."""

    start_within_ms: int
    command: OptionalRaw = None
    sealed_command: SealedCommand | None = None


class Begin(Message, frozen=True, kw_only=True):
    """My user has agreed: may I begin?  Asked before anything is done that an expired command must not do; answered as Acknowledge is."""

    operation: str = ""
    ack_id: str


class DropWhy(enum.Enum):
    """Why an acknowledged command must not be executed."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    TAKEN = "taken"
    FINISHED = "finished"
    DEVICE_DELETED = "deviceDeleted"


class Drop(Message, frozen=True, kw_only=True):
    """The acknowledgement does not stand: execute nothing and forget the command."""

    drop: DropWhy


class Refuse(Message, frozen=True, kw_only=True):
    """The phone cannot execute it; nothing was executed. Only before an acknowledgement."""

    operation: str = ""
    error_code: str = ""
    status: OptionalRaw = None
    message: str = ""


class ReportState(enum.Enum):
    """What a report says."""

    PROGRESS = "PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    NOT_STARTED = "NOT_STARTED"


class Report(Message, frozen=True, kw_only=True):
    """Progress, as often as the phone likes, then one terminal report. `seq` increases per operation, from 1."""

    operation: str = ""
    ack_id: str
    seq: int
    state: ReportState
    status: OptionalRaw = None
    """The type's specific status message, if it has one."""
    error_code: str = ""
    message: str = ""
    asks_user: bool = False
    """Of progress: the phone asks its user, has done nothing yet, and will ask with Begin before it does."""
    evidence: OptionalRaw = None
    """Of a terminal report: the facts `before` the command began and `after` it had ended (domain/evidence.py)."""


class Asked(Message, frozen=True, kw_only=True):
    """Taken; and how long the user may take, where the operation can still expire."""

    answer_within_ms: int | None = None
    """0: its time is over, withdraw the question; absent: as long as the user likes."""


class StatusReport(Message, frozen=True, kw_only=True):
    """The phone's facts as they are now."""

    report: DeviceReport


class UsageLogs(Message, frozen=True, kw_only=True):
    """Events of the phone's usage log (AMAPI's UsageLogEvent), oldest first; sent again until it is answered."""

    retrieval_time: str
    """When the phone collected them, by its clock."""
    events: tuple[msgspec.Raw, ...]


class PushSubscription(Message, frozen=True, kw_only=True):
    """Where the phone can be woken while it is not connected; without an endpoint: nowhere.  Source: W3C Push API, PushSubscriptionJSON."""

    endpoint: str = ""
    keys: PushKeys = PushKeys()


class ApplicationServer(Message, frozen=True, kw_only=True):
    """What a subscription must be made for, so that this server may use it; the answer to PushSubscription."""

    application_server_key: str = ""
    """The server's public key: a point of P-256, uncompressed, base64url without padding. Empty: this server wakes no phones."""


class Ping(Message, frozen=True, kw_only=True):
    """The phone keeps its connection open, and learns whether it still is; answered with Pong."""

    keep_alive: KeepAlive | None = None
    """What it wants from now on; absent: as before."""


class Pong(Message, frozen=True, kw_only=True):
    """The connection is open."""

    keep_alive: KeepAlive | None = None
    """What holds from now on; absent: as before."""


class OrderCarriedOut(Message, frozen=True, kw_only=True):
    """The phone executed its last order; after the answer it forgets its credential."""


class Ok(Message, frozen=True, kw_only=True):
    """Taken."""


class Gone(Message, frozen=True, kw_only=True):
    """With status 410: the device is no longer managed; this is its last order."""

    last_order: LastOrder


class PhonePolicy(Message, frozen=True, kw_only=True):
    """What the server wants from the phone besides commands: the answer to Hello and StatusReport, and pushed on change."""

    policy_name: str = ""
    policy_version: int = 1
    """Rises with every change of the policy; 0: no policy of this name exists yet."""
    disabled: bool = False
    disabled_reason: UserFacingMessage | None = None
    """Whole, as every message for a user: who shows it knows the language."""
    user_name: str = ""
    password_quality: str = ""
    """The least quality of a password (`NUMERIC`, `ALPHANUMERIC`, …); empty: any."""
    password_minimum_length: int = 0
    policy: OptionalRaw = None
    """AMAPI's Policy whole; absent: unchanged since the report that said that this version is applied."""


class Greeting(PhonePolicy, frozen=True, kw_only=True):
    """The answer to Hello: what the server wants, and what holds on this connection."""

    protocol_version: int | None = None
    """The highest that both speak; absent: the phone named none, and version 1 holds."""
    keep_alive: KeepAlive | None = None
    """What holds; absent: the phone asked for nothing, or the server is older."""
