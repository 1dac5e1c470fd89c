"""A world as one document: readable, versioned, and enough to make the same world again (docs/sandbox.md, "Snapshots").

What a phone is in the middle of is not in it: the phone begins it again. Windows of the quota are not, either.
"""

import base64
import random
import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from heliograph.agent.journal import Entry, FinalOrder, Identity
from heliograph.agent.misbehaviour import OnDemand
from heliograph.agent.profiles import Profile
from heliograph.agent.virtual_phone import EffectRecord, Pace, User
from heliograph.asgi import indented
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.device import DeviceReport
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.protocol import PhonePolicy
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.parser import MALFORMED
from heliograph.protojson.types import decode_hook, encode_hook
from heliograph.sandbox.request_journal import RequestRecord
from heliograph.server.in_memory import schema_version
from heliograph.service.outbox import OutboxMessage

VERSION: Final = 2
SECRETS: Final = (
    "This file opens everything that is sealed in it: its seed makes the key. Passwords of phones, credentials and tokens are in it."
)
_STATE = struct.Struct(">625I")
_STATE_VERSION = 3
"""Of Python's random.getstate()."""


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A part of the document."""


class ClockState(Part, frozen=True, kw_only=True):
    """The world's clock."""

    now_us: int
    frozen: bool = False


class AwakeState(Part, frozen=True, kw_only=True):
    """What a phone holds whose agent has run."""

    device: VirtualDevice
    policy: PhonePolicy
    user: User
    pace: Pace
    effects: tuple[EffectRecord, ...] = ()
    demand: OnDemand = OnDemand()
    lies: bool = False
    refusal: str = ""
    restarts: int = 0
    identity: Identity | None = None
    entries: tuple[Entry, ...] = ()
    final_order: FinalOrder | None = None
    reported: DeviceReport | None = None


class AsleepState(Part, frozen=True, kw_only=True):
    """What a phone holds whose agent has not run yet."""

    identity: Identity
    policy: PhonePolicy


class PhoneState(Part, frozen=True, kw_only=True):
    """One phone of the world."""

    name: str
    """The device that it enrolled as first."""
    device: str
    """The device that it is now, or was last."""
    profile: str = ""
    """One of the sandbox's; empty: see `model`."""
    model: Profile | None = None
    """A profile that a test changed."""
    asleep: AsleepState | None = None
    awake: AwakeState | None = None


class FaultState(Part, frozen=True, kw_only=True):
    """One planned fault, and what became of it."""

    number: int
    wanted: dict[str, Any]
    """As `POST /sandbox/v1/faults`."""
    created_us: int
    device: str = ""
    met: int = 0
    last_met_us: int = 0
    offline: bool = False
    """Whether it keeps a phone offline now."""
    chance: str = ""


class NotificationState(Part, frozen=True, kw_only=True):
    """A message that went, or would go, to a push endpoint."""

    message: OutboxMessage
    again: int = 0


class BenchState(Part, frozen=True, kw_only=True):
    """What tests planned, and what was seen of the world's calls."""

    faults: tuple[FaultState, ...] = ()
    faults_last: int = 0
    requests: tuple[RequestRecord, ...] = ()
    requests_last: int = 0
    retry_tests: dict[str, dict[str, tuple[str, ...]]] = {}
    """By id: for each method, the instructions that are left."""
    retry_chance: str = ""


class Making(Part, frozen=True, kw_only=True):
    """What was wished of the world when it was made."""

    enterprises: tuple[str, ...]
    behaviour: Behaviour
    quota_per_minute: int = 0
    quota_per_project: bool = False


class Snapshot(Part, frozen=True, kw_only=True):
    """The document."""

    heliograph_snapshot: int
    """Of which version the document is."""
    schema: int
    """Of which version the tables are."""
    seed: str
    clock: ClockState
    making: Making
    secrets: str = SECRETS
    push_endpoints: tuple[str, ...] = ()
    phones: tuple[PhoneState, ...] = ()
    bench: BenchState = BenchState()
    notifications: tuple[NotificationState, ...] = ()
    tables: dict[str, tuple[dict[str, Any], ...]] = {}
    """The server's database: every row by column."""
    chance: dict[str, str] = {}
    """Where each source of chance stands."""


class SnapshotUnreadable(InvalidArgument):
    """The document is not a snapshot that this sandbox can load."""

    reason = "SNAPSHOT_UNREADABLE"

    def __init__(self, why: str) -> None:
        text = f"This is not a snapshot that this version of Heliograph can load: {why}. Take one with POST BASE/sandbox/v1:export."
        super().__init__(text, violations=[Violation("snapshot", text)])


_decode = msgspec.json.Decoder(Snapshot, dec_hook=decode_hook).decode
_encode = msgspec.json.Encoder(enc_hook=encode_hook).encode


def write_snapshot(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON, indented for people."""
    return indented(_encode(snapshot))


def read_snapshot(text: bytes) -> Snapshot:
    """The snapshot in this JSON.  Raises: SnapshotUnreadable."""
    try:
        version = msgspec.json.decode(text, type=_Versions)
        if version.heliograph_snapshot != VERSION:
            raise SnapshotUnreadable(f"its version is {version.heliograph_snapshot}, and {VERSION} is the one that is known here")
        if version.schema != schema_version():
            raise SnapshotUnreadable(f"its tables are of version {version.schema}, and {schema_version()} is the one that is known here")
        return _decode(text)
    except MALFORMED as error:
        raise SnapshotUnreadable(str(error)[:512]) from None


class _Versions(msgspec.Struct, rename="camel"):
    heliograph_snapshot: int
    schema: int


def state_of(chance: random.Random) -> str:
    """Where a source of chance stands."""
    _version, numbers, _gauss = chance.getstate()
    return base64.b64encode(_STATE.pack(*numbers)).decode()


def stand(chance: random.Random, state: str) -> None:
    """The source stands there.  Raises: SnapshotUnreadable."""
    try:
        chance.setstate((_STATE_VERSION, _STATE.unpack(base64.b64decode(state, validate=True)), None))
    except (ValueError, struct.error):
        raise SnapshotUnreadable("a source of chance is broken") from None


def states_of(chances: Mapping[str, random.Random]) -> dict[str, str]:
    """The same of many."""
    return {purpose: state_of(chance) for purpose, chance in sorted(chances.items())}
