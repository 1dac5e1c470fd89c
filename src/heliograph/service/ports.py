"""What the verbs need from outside, in the verbs' own words. Each port says what an implementation owes.

A verb hands the store a *rule*, a pure function from what it sees to what shall be written; the store runs waiting rules as one
batch and releases an answer only after the commit. Most concern one device, its row and the operations that they name (`Store.decide`);
what concerns no single device is decided over records (`record_rules.py`).
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec

from heliograph.domain.agent_app import AgentApp
from heliograph.domain.audit import Acting
from heliograph.domain.device import DeviceRecord, EnrollmentTokenRecord, EnterpriseRecord, Tombstone
from heliograph.domain.names import DeviceName, EnrollmentTokenName, EnterpriseName, OperationName, PolicyName
from heliograph.domain.operation import Operation, ShownOperation, TimelineEntry
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.push_addresses import PushAddresses
from heliograph.protocol import Offer
from heliograph.service.access_changes import AccessChanges
from heliograph.service.audit_book import AuditBook
from heliograph.service.audit_log import AuditLog
from heliograph.service.changes import Changes, Thing
from heliograph.service.event_log import EventLog
from heliograph.service.fleet_counts import FleetCounts
from heliograph.service.followers import Followers
from heliograph.service.haste import Haste
from heliograph.service.limits import Limits
from heliograph.service.metrics import AccessCounts, DoorbellCounts, LaneLoads, StoreCounts, StoreStats
from heliograph.service.outbox import Destinations, Outbox, PublishingCounts
from heliograph.service.presence import Presence, Sighting, Whereabouts
from heliograph.service.push_service import WebPush
from heliograph.service.record_rules import RecordRules
from heliograph.service.rules import (
    Ask,
    Decision,
    Delete,
    DeleteDevice,
    DueRule,
    Facts,
    Lane,
    Page,
    Put,
    PutDevice,
    PutOperation,
    PutTombstone,
    Rule,
    Sees,
    Waiter,
    Write,
)
from heliograph.service.tenant_bounds import Counting, Held, Holding, Turns

__all__ = [
    "Ask",
    "Clock",
    "ClockCheck",
    "Decision",
    "Delete",
    "DeleteDevice",
    "Doorbell",
    "DueRule",
    "Facts",
    "Held",
    "Holding",
    "Ids",
    "Lane",
    "Offering",
    "Offers",
    "Page",
    "Ports",
    "Presence",
    "Put",
    "PutDevice",
    "PutOperation",
    "PutTombstone",
    "Rule",
    "Sees",
    "Sighting",
    "Store",
    "Vault",
    "Waiter",
    "Whereabouts",
    "Write",
]

T = TypeVar("T")
R = TypeVar("R")


class Store(Outbox, EventLog, AuditLog, Counting, FleetCounts, RecordRules, Protocol):
    """Durable storage. A write that was answered survives kill -9 and a power cut.

    Raises (any method): Overloaded (not run, safe to repeat), OutcomeUnknown (commit sent, answer lost; never run again by the store).
    """

    async def decide(self, sees: Sees, rule: Rule[T], *, lane: Lane = Lane.CALLERS) -> T:
        """The rule's answer, after its writes are durable; no one else changes the device meanwhile.

        A rule that raises writes nothing and harms no other; its error is raised here. A rule may run more than once; only the
        run whose writes committed counts.
        """

    def decide_for(self, waiter: Waiter[T], sees: Sees, rule: Rule[T], acting: Acting, *, lane: Lane = Lane.CALLERS) -> None:
        """As `decide`, for who waits without a task, and so says who acts.  Raises: Overloaded: the waiter will not be called."""

    def decide_many(self, asks: Iterable[Ask[T]]) -> AsyncIterator[Sequence[T | Exception]]:
        """Decide each, in slices: what the rules answered, slice by slice and in the order of `asks`.

        A slice is one transaction: after a crash all of it is there or nothing. A rule that raises writes nothing and harms no other;
        its error stands in the place of its answer. Slices go in the lane BULK, between the batches of all others. `asks` is consumed
        as slices are wanted, one slice ahead of no one: who stops, or is cancelled, ends it after the slice that waits or runs now.

        Raises: Overloaded: nothing was done of the slice whose turn it was, nor of what follows; OutcomeUnknown: unknown of that slice,
            and nothing was done of what follows. So what is left to ask begins after as many as were answered.
        """

    async def decide_due(self, rule: DueRule, *, limit: int) -> int:
        """Decide operations whose deadline_us has passed, oldest deadline first, at most `limit`, in one commit. Returns how many."""

    def nearest_deadline_us(self) -> int | None:
        """The smallest deadline_us of an open operation, or None. Cheap: asked after every commit."""

    def on_deadline(self, listener: Callable[[], None]) -> None:
        """`listener()` is called on the event loop after a commit that made the nearest deadline nearer."""

    async def operation(self, name: OperationName) -> Operation | None:
        """The operation, also after its device is gone, until retention ends."""

    def operation_at_hand(self, name: OperationName) -> Operation | None:
        """The operation as it is now, if its device exists, and the storage need not be waited for. None: only `operation` says."""

    async def operations(self, device: DeviceName, *, after_ms: int, limit: int) -> Page[Operation]:
        """At most `limit` operations of the device with create_ms > after_ms, oldest first."""

    def operations_at_hand(self, device: DeviceName, *, after_ms: int, limit: int) -> Page[Operation | ShownOperation] | None:
        """What callers are shown of `operations`, if the device exists, and the storage need not be waited for. None: only they say."""

    async def open_operations(self, device: DeviceName) -> Sequence[Operation]:
        """All open operations of the device, oldest first."""

    def open_at_hand(self, device: DeviceName) -> Sequence[Operation] | None:
        """As `open_operations`; None: the storage must be asked."""

    async def device(self, name: DeviceName) -> DeviceRecord | None: ...

    def device_at_hand(self, name: DeviceName) -> DeviceRecord | None:
        """The device as it is now, if it exists and is known without asking the storage."""

    async def devices(self, enterprise: EnterpriseName, *, after: str, limit: int) -> Page[DeviceRecord]:
        """At most `limit` devices of the enterprise after `after` (a record's `position`; empty: from the start), oldest first."""

    async def tombstone(self, name: DeviceName) -> Tombstone | None:
        """The device's tombstone, if the device was deleted and the tombstone has not expired."""

    async def by_credential(self, credential_hash: bytes) -> DeviceRecord | Tombstone | None:
        """The device with this credential. Cheap: asked for every request of a phone."""

    async def enterprise(self, name: EnterpriseName) -> EnterpriseRecord | None: ...

    async def enterprises(self, *, after: str, limit: int) -> Page[EnterpriseRecord]:
        """At most `limit` enterprises after the position `after`, in order of creation."""

    async def token(self, name: EnrollmentTokenName) -> EnrollmentTokenRecord | None: ...

    async def tokens(self, enterprise: EnterpriseName, *, after: str, limit: int) -> Page[EnrollmentTokenRecord]:
        """At most `limit` tokens of the enterprise after the position `after`, in order of creation."""

    async def policy(self, name: PolicyName) -> PolicyRecord | None:
        """The policy's record. Cheap: asked whenever a phone connects or reports."""

    async def policies(self, enterprise: EnterpriseName, *, after: str, limit: int) -> Page[PolicyRecord]:
        """At most `limit` policies of the enterprise after the position `after`, in order of creation."""

    async def devices_with_policy(self, name: PolicyName, *, after: str, limit: int) -> Page[DeviceRecord]:
        """At most `limit` devices with this policy, after the position `after`, oldest enrolment first."""

    async def record(self, kind: type[R], name: tuple[Any, ...]) -> R | None:
        """The record with this name, of a kind that is a row (storage/kinds.py); None: it does not exist, or has expired."""

    async def records(self, kind: type[R], *parent: str, after: str, limit: int) -> Page[R]:
        """At most `limit` records of the kind after the position `after`, in order of creation.

        `parent`: the id of what they belong to, if they belong to anything. Expired ones are left out.
        """

    async def records_found(self, kind: type[R], value: str) -> Sequence[R]:
        """The records that have this value in the column that their kind is also `found_by`, oldest first."""

    async def orphans(self, *, limit: int) -> Sequence[DeviceName]:
        """At most `limit` devices whose enterprise is gone (a deletion that a crash interrupted)."""

    async def retire(self, *, ended_before_us: int, events_before_us: int = 0, limit: int) -> int:
        """How many rows were removed: at most `limit` operations that ended before this time, then what else is past its own expiry.

        And events that are older than `events_before_us`, at most `limit`, with those that have smaller numbers.
        """

    def on_rings(self, listener: Callable[[Sequence[DeviceName]], None]) -> None:
        """`listener(devices)` is called on the event loop after a commit of this process that rang these, once they were rung."""

    def on_changes(self, listener: Callable[[Collection[Thing]], None]) -> None:
        """`listener(things)` is called on the event loop after a commit of this process that changed these."""

    counts: StoreCounts
    """What was committed since this process started, and what that took."""

    def waiting(self) -> LaneLoads:
        """Rules that wait to be decided, by lane. From memory: works even if the database does not answer."""

    async def stats(self) -> StoreStats:
        """What the store holds now; asked rarely, because it may read every open operation."""

    def healthy(self) -> str | None:
        """None while the store accepts writes, otherwise a sentence why not (for /readyz)."""

    async def close(self) -> None:
        """Everything accepted is durable or refused; nothing more is accepted."""


class Doorbell(Protocol):
    """Wakes the server of a device. A lost ring loses nothing: the truth is in the store."""

    def ring(self, device: DeviceName) -> None:
        """The device's server looks into the store soon."""

    def policy_changed(self, device: DeviceName) -> None:
        """The device's server soon sends it the changes of its policy and state."""

    def rest(self, device: DeviceName) -> None:
        """Nothing is left to offer the device: this server does not look into the store before the next ring."""


class Clock(Protocol):
    """The server's time: microseconds since 1970, never going back."""

    def now_us(self) -> int: ...

    async def sleep_until(self, at_us: int) -> None:
        """Returns at `at_us` or after, never before; also when the clock is advanced past it."""


class ClockCheck(Protocol):
    """How far the server's clock may be wrong; asked for people's eyes only (/readyz, /metrics)."""

    def ahead_us(self) -> int:
        """By how much it is ahead of the clock that it follows; negative: behind."""

    def start_gap_us(self) -> int:
        """How much later the server started than the newest time in its store; 0: the store was empty, or newer."""

    def notes(self) -> Sequence[str]:
        """Sentences about differences that need attention; empty if all is well."""


class Ids(Protocol):
    """Chance, for names and secrets."""

    def device_id(self) -> str:
        """16 hex digits, as AMAPI's device ids look."""

    def enterprise_id(self) -> str:
        """`LC` and eight more characters, as AMAPI's enterprise ids look."""

    def token_id(self) -> str:
        """An id for an enrolment token."""

    def token_value(self) -> str:
        """A value that cannot be guessed."""

    def web_app_package(self) -> str:
        """The package name of a new web app."""

    def webhook_keys(self) -> bytes:
        """64 bytes that cannot be guessed."""

    def session_secret(self) -> str:
        """43 characters of base64url, 256 bits, that cannot be guessed."""


class Vault(Protocol):
    """Seals secrets for storage. Sealed bytes reveal nothing without the key file."""

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        """The sealed secret; opens only for the same `bound_to` (the operation's name)."""

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """The secret.  Raises: HeliographError if it is not what was sealed."""

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one purpose, the same in every process with this key file; it reveals nothing about the key."""


class Offering(msgspec.Struct, frozen=True):
    """A command to offer now, and when to look for the next one (us; 0: at once); before that only if the bell rings."""

    offer: Offer
    again_us: int


class Offers(Protocol):
    """What was offered to which device: this process's memory, lost without harm (service/offer_command.OfferBook)."""

    offered: Counter[str]
    """Offers since this process started, by command type."""
    parked: int
    """Commands that were parked since then: offered often, never acknowledged."""

    def next_offer(
        self, ports: "Ports", device: DeviceName, connection: object, open_operations: Sequence[Operation], *, poll: bool
    ) -> Offering | int | None:
        """What to send on the connection now; or the time (us) at which to look again; or None: when the bell rings.

        `open_operations`: the device's, as the store has them now.
        """

    def greeted(self, device: DeviceName, in_flight: frozenset[int], now_us: int) -> None:
        """The device said hello: these operations (create_ms) stand in its journal, others that it acknowledged do not."""

    def forget(self, connection: object) -> None:
        """The connection is gone: what was offered on it is offered at once on the next one."""

    def note(self, device: DeviceName, create_ms: int) -> TimelineEntry | None:
        """The operation's offers that no durable write has recorded yet. Called from rules, so from any thread; changes nothing."""

    def noted(self, device: DeviceName, create_ms: int) -> None:
        """A durable write has recorded the operation's offers. An operation that left the queue is not offered again."""

    def ended(self, device: DeviceName, create_ms: int) -> bool:
        """The operation has ended, and a durable write has recorded its offers. Whether no other one of its device was offered."""

    def forget_device(self, device: DeviceName) -> None:
        """The device is gone: forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything a verb may use; made once, in the composition root."""

    store: Store
    doorbell: Doorbell
    clock: Clock
    ids: Ids
    vault: Vault
    limits: Limits = field(default_factory=Limits)
    offers: Offers
    presence: Presence
    destinations: Destinations = field(default_factory=Destinations)
    publishing: PublishingCounts = field(default_factory=PublishingCounts)
    doorbell_counts: DoorbellCounts = field(default_factory=DoorbellCounts)
    clock_check: ClockCheck | None = None
    """None: the clock is not a real one, and follows nothing."""
    turns: Turns = field(default_factory=Turns)
    haste: Haste = field(default_factory=Haste)
    page_secret: bytes
    """What page tokens are bound with: the same in every server process that shares the key file."""
    audit: AuditBook = field(default_factory=AuditBook)
    followers: Followers = field(default_factory=Followers)
    """Who follows events on this server."""
    changes: Changes = field(default_factory=Changes)
    """What changed on this server a moment ago."""
    access: AccessChanges = field(default_factory=AccessChanges)
    """Who learns of changed keys, roles and bindings."""
    access_counts: AccessCounts = field(default_factory=AccessCounts)
    shared: bool = False
    """Whether other servers may use the same database: what they do is found by looking."""
    push_addresses: PushAddresses = field(default_factory=PushAddresses)
    """Which addresses enterprises' push endpoints may have."""
    web_push: WebPush | None = None
    """How sleeping phones are woken; None: they are not."""
    agent: AgentApp | None = None
    """What phones are set up with; None: they get it elsewhere."""
    expose_enterprises: bool = False
    """Whether the 403 for an unknown enterprise names those that exist (the sandbox's friendliness)."""
