"""What a rule gets and what it answers: the truth as data, and the writes that shall become it.

A rule is a pure function from Facts to a Decision; the store runs it (`service/ports.py`, Store.decide).
"""

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from heliograph.domain.device import DeviceRecord, EnrollmentTokenRecord, EnterpriseRecord, Tombstone
from heliograph.domain.names import DeviceName, EnrollmentTokenName, EnterpriseName, PolicyName
from heliograph.domain.notification import Subscription
from heliograph.domain.operation import Operation
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.request_id import IssueRequest, RequestKey
from heliograph.service.audit_log import AddAuditEntry, AddCheckpoint
from heliograph.service.event_log import AppendEvent
from heliograph.service.outbox import Postponed, Publish, Published

A_co = TypeVar("A_co", covariant=True)
T = TypeVar("T")
R = TypeVar("R")
M_co = TypeVar("M_co", covariant=True)
N = TypeVar("N", bound=tuple[Any, ...])


class Lane(enum.IntEnum):
    """Which rule goes first when more wait than one batch takes: the lower number."""

    PHONES = 0
    """What phones say: an acknowledgement or a report that is lost is said again, and keeps a command waiting meanwhile."""
    CALLERS = 1
    TIMERS = 2
    """Rules that no one waits for."""
    BULK = 3
    """Slices of what is decided of many devices (`Store.decide_many`): each a batch of its own, between those of the others."""


class Sees(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule must see, as data. Everything else is None (or empty) in its Facts."""

    enterprise: EnterpriseName | None = None
    device: DeviceName | None = None
    """The device's record, its tombstone, last_create_ms and open_count."""
    create_ms: int | None = None
    """One operation of `device`."""
    open_operations: bool = False
    """All open operations of `device`, oldest first."""
    token_value: str | None = None
    token_name: EnrollmentTokenName | None = None
    credential_hash: bytes | None = None
    """Seen as `device` (by its credential) and `tombstone`, in addition to a device's name or instead of it."""
    serial: str | None = None
    """With `enterprise`: `previous_device_names`."""
    request: RequestKey | None = None
    policy: PolicyName | None = None
    device_policy: bool = False
    """Instead of `policy`: the one whose name is in the device's record."""

    subscription: bool = False
    """What the enterprise (of `device`) wants published."""
    records: tuple[tuple[Any, ...], ...] = ()
    """Records of any kind that is a row (storage/kinds.py), each by its name: the class of the name says which kind."""


class SeesDevice(Sees, frozen=True, kw_only=True):
    """Of a device what `device` gives, and nothing else: what most commands are issued by.

    No other field of `Sees` is given, nor in a copy (`replace` keeps the class): a store does not look for one.
    """

    device: DeviceName


class SeesOperation(Sees, frozen=True, kw_only=True):
    """Of a device's operation nothing but that, its device, and (if wanted) the subscription: what phones' messages ask for.

    No other field of `Sees` is given: a store need not look for one, and leaves `Facts.last_create_ms` at 0.
    """

    device: DeviceName
    create_ms: int


class Facts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a rule sees: the truth at this point of the batch, the writes of the rules before it included.

    As a decision and its writes it is made for each rule and refers to none of them, so the collector need not look (`gc=False`).
    """

    now_us: int
    enterprise: EnterpriseRecord | None = None
    device: DeviceRecord | None = None
    tombstone: Tombstone | None = None
    operation: Operation | None = None
    open_operations: tuple[Operation, ...] = ()
    last_create_ms: int = 0
    """The newest operation id of the device (0: no operation); a new one must be greater."""
    open_count: int = 0
    token: EnrollmentTokenRecord | None = None
    previous_device_names: tuple[str, ...] = ()
    """Devices of the enterprise that enrolled with this serial before, oldest first, deleted ones included."""
    request: IssueRequest | None = None
    """What was issued by the request of this key, until the key expires."""
    policy: PolicyRecord | None = None
    subscription: Subscription | None = None
    records: tuple[Any, ...] = ()
    """The records in `Sees.records`, in its order; None: it does not exist, or has expired."""

    def record(self, kind: type[R]) -> R | None:
        """The first record of this class in `records`."""
        if not self.records:
            return None
        return next((record for record in self.records if isinstance(record, kind)), None)


class PutOperation(msgspec.Struct, frozen=True, gc=False):
    """Insert (with `new`) or replace an operation."""

    operation: Operation
    new: bool = False


@dataclass(frozen=True, slots=True)
class PutDevice:
    """Insert or replace a device's record; with `serial`, remember it for previous_device_names."""

    record: DeviceRecord
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteDevice:
    """The device's record goes; its operations stay."""

    name: DeviceName


@dataclass(frozen=True, slots=True)
class PutTombstone:
    """Insert or replace a tombstone."""

    tombstone: Tombstone


class Put(msgspec.Struct, Generic[R], frozen=True):
    """Insert or replace a record of a kind that is a row (storage/kinds.py); the record's class gives the kind."""

    record: R


class Delete(msgspec.Struct, Generic[N], frozen=True):
    """The record of this name goes, and everything that belongs to it: an enterprise's tokens and policies, not its devices.

    Those are deleted one by one, each with its tombstone.
    """

    name: N


Write = (
    PutOperation | PutDevice | DeleteDevice | PutTombstone | Put[Any] | Delete[Any] | Publish | Published | Postponed | AppendEvent
    | AddAuditEntry | AddCheckpoint
)  # fmt: skip


class Decision(msgspec.Struct, Generic[A_co], frozen=True, gc=False):
    """What a rule decided: its answer, the writes before it, and the device whose bell rings after the commit."""

    answer: A_co
    writes: Sequence[Write] = ()
    ring: DeviceName | None = None


Rule = Callable[[Facts], Decision[T]]
Ask = tuple[DeviceName, Sees, Rule[T]]
"""A question of one device (`Store.decide_many`): the device, which the rule sees, what else it must see, and the rule.

The `Sees` names no device, so those of many devices may be one object: then the store looks into it once and not for each.
"""
A_contra = TypeVar("A_contra", contravariant=True)


class Inquiry(msgspec.Struct, Generic[T, M_co], frozen=True):
    """What a verb asks the store, and what it makes of the answer: for who waits without a task (`Store.decide_for`)."""

    sees: Sees
    rule: Rule[T]
    conclude: Callable[[T], M_co]
    """The verb's answer; called once, with the rule's."""


class Waiter(Protocol[A_contra]):
    """Who waits for a rule's answer: a future, or one who needs none. Called on the event loop, once; it raises nothing."""

    def done(self) -> bool:
        """Whether no answer is wanted any more."""

    def set_result(self, result: A_contra, /) -> None:
        """The rule's answer; its writes are durable."""

    def set_exception(self, exception: Exception, /) -> None:
        """What the rule raised, or why it was not run."""


DueRule = Callable[[Operation, Facts], Iterable[Write]]
"""The writes for an operation whose deadline has passed; its facts are the time and the subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list, and whether more follow after its last item."""

    items: Sequence[T]
    more: bool
