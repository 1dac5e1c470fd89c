"""Where a batch finds rows: memory first, then one read per kind of row for all rules; and which rows it wrote."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from heliograph.domain.device import DeviceRecord, Tombstone
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.storage.batch.audit import AuditRow, CommandRow
from heliograph.storage.kind import Kind
from heliograph.storage.outbox import OutboxChanges

OperationKey = tuple[DeviceName, int]
SerialKey = tuple[str, str]
K = TypeVar("K")
Key = TypeVar("Key", bound=tuple[Any, ...])
V = TypeVar("V")
K_contra = TypeVar("K_contra", contravariant=True)
V_co = TypeVar("V_co", covariant=True)


class DeviceState(msgspec.Struct, frozen=True, gc=False):
    """A device name's row: its key, and what lives (or lived) under that name."""

    key: int
    record: DeviceRecord | None = None
    tombstone: Tombstone | None = None


NOTHING_THERE = DeviceState(0)
"""In place of the row of a name that no device has or had."""


class EventRow(NamedTuple):
    """An event before it has its number."""

    enterprise: str
    created_us: int
    notification_type: str
    data: bytes


class Source(Protocol):
    """Set-wise reads of committed rows; what does not exist is not in the answer."""

    def device_states(self, names: Collection[DeviceName]) -> Mapping[DeviceName, DeviceState]: ...

    def owners(self, credential_hashes: Collection[bytes]) -> Mapping[bytes, DeviceName]:
        """The devices that these credentials belong to or belonged to."""

    def operations(self, keys: Collection[OperationKey]) -> Mapping[OperationKey, Operation]: ...

    def records(self, kind: Kind[Key, V], keys: Collection[Key]) -> Mapping[Key, V]:
        """Records by key, expired ones included."""

    def records_found(self, kind: Kind[Any, V], values: Collection[str]) -> Sequence[V]:
        """Records by the other column of their kind, oldest first."""

    def serials(self, keys: Collection[SerialKey]) -> Mapping[SerialKey, tuple[str, ...]]:
        """Names of devices by enterprise and serial, oldest first."""

    def new_device_key(self) -> int:
        """A key no device has."""

    def new_message_id(self, now_us: int) -> int:
        """An id that no outbox message has, or had."""


class Remembers(Protocol[K_contra, V_co]):
    """Where to look before asking the database."""

    def get(self, key: K_contra, /) -> V_co | None: ...


NOTHING: Mapping[Any, Any] = {}


class Given(Protocol):
    """What is known about operations' ids without asking the database."""

    def newest_ms(self, device: DeviceName) -> int:
        """No operation of the device has a newer id; 0: it has no operation, or nothing is known."""


class Remembered(Protocol):
    """Rows that are known before the database is asked: of one kind all of them, or those that were used lately."""

    @property
    def open(self) -> Mapping[DeviceName, Collection[int]]:
        """create_ms of open operations, oldest first: of every device that has some."""

    @property
    def given(self) -> Given: ...

    @property
    def devices(self) -> Remembers[DeviceName, DeviceState]: ...

    @property
    def credentials(self) -> Remembers[bytes, DeviceName]:
        """The devices that these credentials belong to."""

    @property
    def operations(self) -> Remembers[OperationKey, Operation]: ...

    @property
    def records(self) -> Mapping[Kind[Any, Any], Remembers[Any, Any]]:
        """Records by name, of some kinds."""


class NothingGiven:
    """No id is known."""

    def newest_ms(self, device: DeviceName) -> int:
        return 0


class NothingRemembered:
    """A Remembered of those who share their database: others change it, too, so each batch reads all that it sees."""

    open: Mapping[DeviceName, Collection[int]] = NOTHING
    given: Given = NothingGiven()
    devices: Remembers[DeviceName, DeviceState] = NOTHING
    credentials: Remembers[bytes, DeviceName] = NOTHING
    operations: Remembers[OperationKey, Operation] = NOTHING
    records: Mapping[Kind[Any, Any], Remembers[Any, Any]] = NOTHING


class Looked(dict[K, V | None]):
    """Rows looked up during one batch, and their changes; None: no such row."""

    def fill(self, keys: Collection[K], memory: Remembers[K, V], read: Callable[[Collection[K]], Mapping[K, V]]) -> None:
        """Look up every key; those not in memory in one read."""
        found = dict(zip(keys, map(memory.get, keys), strict=True))  # no line of Python for each: mostly all are there
        if None in found.values():
            missing = [key for key, row in found.items() if row is None]
            rows = read(missing)
            found.update((key, rows.get(key)) for key in missing)
        self.update(found)

    def one(self, key: K, memory: Remembers[K, V], read: Callable[[Collection[K]], Mapping[K, V]]) -> V | None:
        """The row; looked up now if nothing foresaw that it is needed."""
        if key not in self:
            self.fill((key,), memory, read)
        return self[key]


class Written(msgspec.Struct):
    """Which rows a batch has written; what they are now stands in the batch."""

    names: list[tuple[int, DeviceName]] = []
    new_operations: dict[OperationKey, int] = {}
    """With the device's key, in the order of writing."""
    indexed: bool = False
    """Whether the new operations stand in their devices' index already, so that no sweep need bring them there."""
    operations: dict[OperationKey, int] = {}
    """Changed ones that were there before, likewise."""
    devices: set[DeviceName] = set()
    tombstones: set[DeviceName] = set()
    serials: list[tuple[str, str, str, str]] = []
    records: defaultdict[Kind[Any, Any], set[Any]] = msgspec.field(default_factory=partial(defaultdict, set))
    """Keys by kind."""
    emptied: defaultdict[Kind[Any, Any], set[Any]] = msgspec.field(default_factory=partial(defaultdict, set))
    """Records, by kind, that went with all that belonged to them."""
    outbox: OutboxChanges = msgspec.field(default_factory=OutboxChanges)
    events: list[EventRow] = []
    """New ones, in their order."""
    audit: list[AuditRow] = []
    """Entries of the audit trail, in their order, but for those of single commands."""
    commands: list[CommandRow] = []
    """What is recorded of single commands, likewise."""

    @property
    def beside_operations(self) -> bool:
        """Whether something else than operations was written, and what the trail says of them."""
        return any((
            self.names, self.devices, self.tombstones, self.serials, self.records, self.emptied, self.outbox, self.events,
        ))  # fmt: skip

    def __bool__(self) -> bool:
        return any(msgspec.structs.astuple(self))
