"""What the rules of a batch see: committed rows, and over them what the rules before wrote."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from heliograph.domain.device import EnrollmentTokenRecord, EnterpriseRecord, Tombstone
from heliograph.domain.names import DeviceName, EnterpriseName, PolicyName
from heliograph.domain.notification import Subscription, subscription_of
from heliograph.domain.operation import Operation
from heliograph.domain.policy import PolicyRecord
from heliograph.service.metrics import Happened
from heliograph.service.ports import Ask, Facts, Sees
from heliograph.service.record_rules import RecordName
from heliograph.service.rules import SeesDevice, SeesOperation
from heliograph.storage.batch.rows import NOTHING, NOTHING_THERE, DeviceState, Looked, OperationKey, Remembered, SerialKey, Source, Written
from heliograph.storage.kind import Kind
from heliograph.storage.kinds import ENTERPRISES, OF_KEY, POLICIES, REQUESTS, TOKENS, kind_named

K = TypeVar("K", bound=tuple[Any, ...])
R = TypeVar("R")
_device_of: Callable[[Sees], DeviceName | None] = attrgetter("device")
_ALL_PLAIN = {SeesDevice}
"""The kinds of question in most batches, found without a line of Python for each."""


class View(msgspec.Struct, eq=False):
    """The truth while a batch runs: rows in memory, rows read for it, and on top the writes so far."""

    _memory: Remembered
    _source: Source
    now_us: int
    states: Looked[DeviceName, DeviceState] = msgspec.field(default_factory=Looked)
    open: dict[DeviceName, Collection[int]] = {}
    """create_ms of open operations, oldest first: as read for this batch, and of devices of which one ended in it."""
    opened: dict[DeviceName, list[int]] = {}
    """create_ms of operations that this batch added to these, or to those in memory: apart, for to copy a long queue costs."""
    given: dict[DeviceName, int] = {}
    credentials: Looked[bytes, DeviceName] = msgspec.field(default_factory=Looked)
    operations: Looked[OperationKey, Operation] = msgspec.field(default_factory=Looked)
    records: defaultdict[Kind[Any, Any], Looked[Any, Any]] = msgspec.field(default_factory=partial(defaultdict, Looked))
    """By kind, the records by key."""
    found: defaultdict[Kind[Any, Any], Looked[str, Any]] = msgspec.field(default_factory=partial(defaultdict, Looked))
    """By kind, the keys of records by the column `found_by`."""
    serials: Looked[SerialKey, tuple[str, ...]] = msgspec.field(default_factory=Looked)
    written: Written = msgspec.field(default_factory=Written)
    afterwards: list[Callable[[], None]] = []
    """Further changes of memory after the commit."""
    happened: Happened = msgspec.field(default_factory=Happened)

    def foresee(self, all_sees: Sequence[Sees]) -> None:
        """Everything that these rules asked for is looked up, in one read per kind of row."""
        devices = set(filter(None, map(_device_of, all_sees)))
        of_operations: Sequence[SeesOperation] = ()
        others: Sequence[Sees] = ()
        if {*map(type, all_sees)} != _ALL_PLAIN:
            of_operations = [sees for sees in all_sees if isinstance(sees, SeesOperation)]
            others = [sees for sees in all_sees if not isinstance(sees, SeesOperation | SeesDevice)]
        if others:
            hashes = {sees.credential_hash for sees in others if sees.credential_hash is not None}
            if hashes:
                self.credentials.fill(hashes, self._memory.credentials, self._source.owners)
                devices.update(owner for owner in map(self.credentials.get, hashes) if owner is not None)
        self.states.fill(devices, self._memory.devices, self._source.device_states)
        if of_operations:
            keys = {(sees.device, sees.create_ms) for sees in of_operations}
            self.operations.fill(keys, self._memory.operations, self._source.operations)
            if enterprises := {sees.device.enterprise for sees in of_operations if sees.subscription}:
                self.fill(ENTERPRISES, [*map(EnterpriseName, enterprises)])
        if others:
            self._foresee_others(others)

    def _foresee_others(self, all_sees: Sequence[Sees]) -> None:
        """What is asked for beside devices, which are there."""
        keys = {key for sees in all_sees if sees.create_ms or sees.open_operations for key in self._operations_of(sees)}
        if keys:
            self.operations.fill(keys, self._memory.operations, self._source.operations)
        subscribers = {sees.device.parent for sees in all_sees if sees.subscription and sees.device is not None}
        if subscribers:
            self.fill(ENTERPRISES, subscribers)
        if any(sees.request or sees.enterprise or sees.policy or sees.token_name or sees.token_value or sees.records for sees in all_sees):
            self._foresee_records(all_sees)

    def foresee_slice(self, asks: Sequence[Ask[Any]]) -> None:
        """Everything that these rules asked for is looked up, as `foresee` does."""
        if all(map(is_plain, unlike(asks))):
            devices = {device for device, _, _ in asks}
            self.states.fill(devices, self._memory.devices, self._source.device_states)
        else:
            self.foresee([msgspec.structs.replace(sees, device=device) for device, sees, _ in asks])

    def _foresee_records(self, all_sees: Collection[Sees]) -> None:
        wanted: defaultdict[Kind[Any, Any], set[Any]] = defaultdict(set)
        for sees in all_sees:
            for kind, name in records_of(sees):
                wanted[kind].add(name)
        for kind, names in wanted.items():
            self.fill(kind, names)
        values = {sees.token_value for sees in all_sees if sees.token_value is not None}
        if values:
            self.found[TOKENS].fill(values, NOTHING, self._read_tokens_valued)
        serials = {key for key in map(serial_key, all_sees) if key is not None}
        if serials:
            self.serials.fill(serials, NOTHING, self._source.serials)

    def fill(self, kind: Kind[K, R], names: Collection[K]) -> None:
        """Every record is looked up, in one read."""
        looked: Looked[K, R] = self.records[kind]
        looked.fill(names, self._memory.records.get(kind, NOTHING), lambda missing: self._source.records(kind, missing))

    def record(self, kind: Kind[K, R], name: K) -> R | None:
        """The record at this point of the batch, unless it has expired."""
        looked: Looked[K, R] = self.records[kind]
        if name not in looked:
            parent = kind.belongs_to
            if parent is not None and self.written.emptied and name[: len(parent.key_columns)] in self.written.emptied.get(parent, ()):
                return None
            self.fill(kind, (name,))
        record = looked[name]
        return kind.living(record, self.now_us) if kind.expires else record

    def _operations_of(self, sees: Sees) -> Iterator[OperationKey]:
        if sees.create_ms is None and not sees.open_operations:
            return
        name = sees.device or (self._owner(sees.credential_hash) if sees.credential_hash is not None else None)
        if name is None:
            return
        if sees.create_ms is not None:
            yield name, sees.create_ms
        if sees.open_operations:
            yield from ((name, create_ms) for create_ms in self._open(name))

    def facts(self, sees: Sees) -> Facts:
        """What the rule sees at this point of the batch."""
        if type(sees) is SeesDevice:  # to look for everything else costs twice as much
            return self.facts_of_device(sees.device)
        if type(sees) is SeesOperation:
            return self._facts_of_operation(sees)
        name = sees.device
        state = self.states.get(name) or self.state(name) if name is not None else None
        if sees.credential_hash is not None and (state is None or state.record is None):
            owner = self._owner(sees.credential_hash)
            owned = self._owned(owner, sees.credential_hash)
            if owned is not None and (state is None or owned.record is not None or state.tombstone is None):
                name, state = owner, owned
        return Facts(
            now_us=self.now_us,
            device=state.record if state is not None else None,
            tombstone=self._unexpired(state.tombstone) if state is not None and state.tombstone is not None else None,
            last_create_ms=self.newest_ms(name) if name is not None else 0,
            open_count=self._open_count(name) if name is not None else 0,
            operation=self.operation((name, sees.create_ms)) if name is not None and sees.create_ms is not None else None,
            open_operations=self._open_operations(name) if name is not None and sees.open_operations else (),
            enterprise=self.record(ENTERPRISES, sees.enterprise) if sees.enterprise is not None else None,
            subscription=self.subscription(name.parent if name is not None else sees.enterprise) if sees.subscription else None,
            token=self._token(sees),
            previous_device_names=self._previous(sees),
            request=self.record(REQUESTS, sees.request) if sees.request is not None else None,
            policy=self._policy(sees, state) if sees.policy is not None or sees.device_policy else None,
            records=tuple(self.record(OF_KEY[type(name)], name) for name in sees.records) if sees.records else (),
        )

    def facts_of_device(self, name: DeviceName) -> Facts:
        """What a rule sees that asks for its device only."""
        state = self.states.get(name) or self.state(name) or NOTHING_THERE
        return Facts(
            now_us=self.now_us,
            device=state.record,
            tombstone=self._unexpired(state.tombstone) if state.tombstone is not None else None,
            last_create_ms=self.given.get(name) or self._memory.given.newest_ms(name),
            open_count=self._open_count(name),
        )

    def _facts_of_operation(self, sees: SeesOperation) -> Facts:
        """The short way of two in three rules of a command's life: an acknowledgement's and a report's."""
        name = sees.device
        key = name, sees.create_ms
        state = self.states.get(name) or self.state(name) or NOTHING_THERE
        return Facts(
            now_us=self.now_us,
            device=state.record,
            tombstone=self._unexpired(state.tombstone) if state.tombstone is not None else None,
            operation=self.operations.get(key) or self.operation(key),
            open_count=self._open_count(name),
            subscription=self.subscription(name.parent) if sees.subscription else None,
        )

    def operation(self, key: OperationKey) -> Operation | None:
        """The operation at this point of the batch."""
        return self.operations.one(key, self._memory.operations, self._source.operations)

    def state(self, name: DeviceName) -> DeviceState | None:
        """The device name's row at this point of the batch."""
        return self.states.get(name) or self.states.one(name, self._memory.devices, self._source.device_states)

    def newest_ms(self, name: DeviceName) -> int:
        """No operation of the device has a newer id at this point of the batch; 0: it has no operation."""
        return self.given.get(name) or self._memory.given.newest_ms(name)

    def _unexpired(self, tombstone: Tombstone) -> Tombstone | None:
        return tombstone if tombstone.expires_us > self.now_us else None

    def _open_count(self, name: DeviceName) -> int:
        before, added = self.open.get(name), self.opened.get(name)
        count = len(self._memory.open.get(name, ()) if before is None else before)
        return count if added is None else count + len(added)

    def _open(self, name: DeviceName) -> Collection[int]:
        added = self.opened.get(name)
        return self._open_before(name) if added is None else (*self._open_before(name), *added)

    def _open_before(self, name: DeviceName) -> Collection[int]:
        found = self.open.get(name)
        return self._memory.open.get(name, ()) if found is None else found

    def _open_operations(self, name: DeviceName) -> tuple[Operation, ...]:
        found = (self.operation((name, create_ms)) for create_ms in self._open(name))
        return tuple(operation for operation in found if operation is not None)

    def _owner(self, credential_hash: bytes) -> DeviceName | None:
        return self.credentials.one(credential_hash, self._memory.credentials, self._source.owners)

    def _owned(self, owner: DeviceName | None, credential_hash: bytes) -> DeviceState | None:
        """The row of the credential's owner, without what has another credential by now."""
        state = self.state(owner) if owner is not None else None
        if state is None:
            return None
        record = state.record if state.record and state.record.credential_hash == credential_hash else None
        tombstone = state.tombstone if state.tombstone and state.tombstone.credential_hash == credential_hash else None
        return None if record is None and tombstone is None else msgspec.structs.replace(state, record=record, tombstone=tombstone)

    def subscription(self, enterprise: EnterpriseName | None) -> Subscription | None:
        """What the enterprise wants published at this point of the batch."""
        record: EnterpriseRecord | None = self.record(ENTERPRISES, enterprise) if enterprise is not None else None
        return subscription_of(record) if record is not None else None

    def _read_tokens_valued(self, values: Collection[str]) -> Mapping[str, Any]:
        looked, names = self.records[TOKENS], {}
        for record in self._source.records_found(TOKENS, values):
            names[record.value] = name = TOKENS.key_of(record)
            if name not in looked and record.enterprise not in self.written.emptied.get(ENTERPRISES, ()):
                looked[name] = record
        return names

    def _token(self, sees: Sees) -> EnrollmentTokenRecord | None:
        name = sees.token_name
        if name is None and sees.token_value is not None:
            name = self.found[TOKENS].one(sees.token_value, NOTHING, self._read_tokens_valued)
        return self.record(TOKENS, name) if name is not None else None

    def _previous(self, sees: Sees) -> tuple[str, ...]:
        key = serial_key(sees)
        return (self.serials.one(key, NOTHING, self._source.serials) or ()) if key is not None else ()

    def _policy(self, sees: Sees, state: DeviceState | None) -> PolicyRecord | None:
        name = sees.policy
        if name is None:
            record = state.record if state is not None else None
            name = PolicyName.parse(record.policy_name) if record is not None and record.policy_name else None
        return self.record(POLICIES, name) if name is not None else None


def is_plain(sees: Sees) -> bool:
    """Whether the rule asks for its device only."""
    return not (
        sees.credential_hash is not None or sees.create_ms is not None or sees.open_operations or sees.enterprise or sees.subscription
        or sees.token_name or sees.token_value or sees.serial or sees.request or sees.policy or sees.device_policy or sees.records
    )  # fmt: skip


def records_of(sees: Sees) -> Iterator[tuple[Kind[Any, Any], Any]]:
    """Which records the rule asks for by name."""
    if sees.enterprise is not None:
        yield ENTERPRISES, sees.enterprise
    if sees.token_name is not None:
        yield TOKENS, sees.token_name
    if sees.policy is not None:
        yield POLICIES, sees.policy
    if sees.request is not None:
        yield REQUESTS, sees.request
    for name in sees.records:
        yield OF_KEY[type(name)], name


def unlike(asks: Iterable[Ask[Any]]) -> Collection[Sees]:
    """What the rules must see besides their devices: mostly one object for all of them."""
    return {id(sees): sees for _, sees, _ in asks}.values()


def check_names(names: Collection[RecordName]) -> None:
    """Check that each names a record before a rule waits, because its batch could only fail.  Raises: NoSuchKind."""
    for name in names:
        kind_named(name)


def serial_key(sees: Sees) -> SerialKey | None:
    """What the rule wants to know the devices of."""
    return (sees.enterprise.enterprise, sees.serial) if sees.enterprise is not None and sees.serial is not None else None
