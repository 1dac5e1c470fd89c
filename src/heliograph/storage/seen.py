"""What the rules of a batch see: committed rows, and over them what the rules before wrote."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from heliograph.domain.device import EnrollmentTokenRecord, EnterpriseRecord
from heliograph.domain.names import DeviceName, EnrollmentTokenName, EnterpriseName, PolicyName
from heliograph.domain.notification import Subscription, subscription_of
from heliograph.domain.operation import Operation
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.request_id import IssueRequest, RequestKey
from heliograph.service.counts import Happened
from heliograph.service.ports import Facts, Sees
from heliograph.service.record_rules import RecordName
from heliograph.storage.looking import NOTHING, DeviceState, Looked, OperationKey, Remembered, SerialKey, Source, Written


class Seen:
    """The truth while a batch runs: what is remembered, rows read for it, and over both the writes so far."""

    def __init__(self, memory: Remembered, source: Source, now_us: int) -> None:
        self.now_us = now_us
        self._memory = memory
        self._source = source
        self.states: Looked[DeviceName, DeviceState] = Looked()
        self.open: dict[DeviceName, Collection[int]] = {}
        """create_ms of open operations, oldest first: as read for this batch, and of devices of which one ended in it."""
        self.opened: dict[DeviceName, list[int]] = {}
        """create_ms of operations that this batch added to these, or to those in memory: apart, for to copy a long queue costs."""
        self.given: dict[DeviceName, int] = {}
        self.credentials: Looked[bytes, DeviceName] = Looked()
        self.operations: Looked[OperationKey, Operation] = Looked()
        self.enterprises: Looked[EnterpriseName, EnterpriseRecord] = Looked()
        self.tokens: Looked[EnrollmentTokenName, EnrollmentTokenRecord] = Looked()
        self.token_names: Looked[str, EnrollmentTokenName] = Looked()
        self.serials: Looked[SerialKey, tuple[str, ...]] = Looked()
        self.requests: Looked[RequestKey, IssueRequest] = Looked()
        self.policies: Looked[PolicyName, PolicyRecord] = Looked()
        self.written = Written()
        self.afterwards: list[Callable[[], None]] = []
        """What else becomes of memory after the commit."""
        self.happened = Happened()

    def foresee(self, all_sees: Sequence[Sees]) -> None:
        """Everything that these rules asked for is looked up, in one read per kind of row."""
        devices = {sees.device for sees in all_sees if sees.device is not None}
        hashes = {sees.credential_hash for sees in all_sees if sees.credential_hash is not None}
        if hashes:
            self.credentials.fill(hashes, self._memory.credentials, self._source.owners)
            devices.update(owner for owner in map(self.credentials.get, hashes) if owner is not None)
        self.states.fill(devices, self._memory.devices, self._source.device_states)
        keys = {key for sees in all_sees if sees.create_ms or sees.open_operations for key in self._operations_of(sees)}
        if keys:
            self.operations.fill(keys, self._memory.operations, self._source.operations)
        if any(sees.subscription or sees.enterprise or sees.token_name or sees.token_value for sees in all_sees):
            self._foresee_enrollment(all_sees)
        named = {(type(name), name): name for sees in all_sees for name in sees.records}
        if named:
            self._foresee_records(named.values())
        requests = {sees.request for sees in all_sees if sees.request is not None}
        if requests:
            self.requests.fill(requests, NOTHING, self._source.requests)

    def _foresee_enrollment(self, all_sees: Collection[Sees]) -> None:
        enterprises = {sees.enterprise for sees in all_sees if sees.enterprise is not None}
        enterprises.update(sees.device.parent for sees in all_sees if sees.subscription and sees.device is not None)
        self.enterprises.fill(enterprises, self._memory.enterprises, self._source.enterprises)
        values = {sees.token_value for sees in all_sees if sees.token_value is not None}
        self.token_names.fill(values, NOTHING, self._read_tokens_valued)
        tokens = {sees.token_name for sees in all_sees if sees.token_name is not None}
        self.tokens.fill(tokens, NOTHING, self._source.tokens_named)
        serials = {key for key in map(serial_key, all_sees) if key is not None}
        self.serials.fill(serials, NOTHING, self._source.serials)

    def _foresee_records(self, names: Collection[RecordName]) -> None:
        memory, source = self._memory, self._source
        self.enterprises.fill([name for name in names if isinstance(name, EnterpriseName)], memory.enterprises, source.enterprises)
        self.tokens.fill([name for name in names if isinstance(name, EnrollmentTokenName)], NOTHING, source.tokens_named)
        self.policies.fill([name for name in names if isinstance(name, PolicyName)], memory.policies, source.policies)
        self.requests.fill([name for name in names if isinstance(name, RequestKey)], NOTHING, source.requests)

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
        name = sees.device
        state = self.state(name) if name is not None else None
        if sees.credential_hash is not None and (state is None or state.record is None):
            owner = self._owner(sees.credential_hash)
            owned = self._owned(owner, sees.credential_hash)
            if owned is not None and (state is None or owned.record is not None or state.tombstone is None):
                name, state = owner, owned
        tombstone = state.tombstone if state is not None else None
        return Facts(
            now_us=self.now_us,
            device=state.record if state is not None else None,
            tombstone=tombstone if tombstone is not None and tombstone.expires_us > self.now_us else None,
            last_create_ms=self.newest_ms(name) if name is not None else 0,
            open_count=len(self._open_before(name)) + len(self.opened.get(name, ())) if name is not None else 0,
            operation=self.operation((name, sees.create_ms)) if name is not None and sees.create_ms is not None else None,
            open_operations=self._open_operations(name) if name is not None and sees.open_operations else (),
            enterprise=self._enterprise(sees.enterprise) if sees.enterprise is not None else None,
            subscription=self.subscription(name.parent if name is not None else sees.enterprise) if sees.subscription else None,
            token=self._token(sees),
            previous_device_names=self._previous(sees),
            request=self._request(sees.request) if sees.request is not None else None,
            policy=self._policy(sees, state) if sees.policy is not None or sees.device_policy else None,
            records=tuple(map(self._record, sees.records)) if sees.records else (),
        )

    def operation(self, key: OperationKey) -> Operation | None:
        """The operation at this point of the batch."""
        return self.operations.one(key, self._memory.operations, self._source.operations)

    def state(self, name: DeviceName) -> DeviceState | None:
        """The device name's row at this point of the batch."""
        return self.states.get(name) or self.states.one(name, self._memory.devices, self._source.device_states)

    def newest_ms(self, name: DeviceName) -> int:
        """No operation of the device has a newer id at this point of the batch; 0: it has none."""
        return self.given.get(name) or self._memory.given.newest_ms(name)

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

    def _enterprise(self, name: EnterpriseName) -> EnterpriseRecord | None:
        return self.enterprises.one(name, self._memory.enterprises, self._source.enterprises)

    def subscription(self, enterprise: EnterpriseName | None) -> Subscription | None:
        """What the enterprise wants published at this point of the batch."""
        record = self._enterprise(enterprise) if enterprise is not None else None
        return subscription_of(record.resource) if record is not None else None

    def _read_tokens_valued(self, values: Collection[str]) -> Mapping[str, EnrollmentTokenName]:
        names: dict[str, EnrollmentTokenName] = {}
        for value, record in self._source.tokens_valued(values).items():
            names[value] = name = EnrollmentTokenName(record.enterprise.enterprise, record.token_id)
            if name not in self.tokens and record.enterprise not in self.written.emptied:
                self.tokens[name] = record
        return names

    def _token(self, sees: Sees) -> EnrollmentTokenRecord | None:
        name = sees.token_name
        if name is None and sees.token_value is not None:
            name = self.token_names.one(sees.token_value, NOTHING, self._read_tokens_valued)
        return self._token_named(name) if name is not None else None

    def _token_named(self, name: EnrollmentTokenName) -> EnrollmentTokenRecord | None:
        if name not in self.tokens and name.parent in self.written.emptied:
            return None
        return self.tokens.one(name, NOTHING, self._source.tokens_named)

    def _previous(self, sees: Sees) -> tuple[str, ...]:
        key = serial_key(sees)
        return (self.serials.one(key, NOTHING, self._source.serials) or ()) if key is not None else ()

    def _policy(self, sees: Sees, state: DeviceState | None) -> PolicyRecord | None:
        name = sees.policy
        if name is None:
            record = state.record if state is not None else None
            name = PolicyName.parse(record.policy_name) if record is not None and record.policy_name else None
        return self._policy_named(name) if name is not None else None

    def _policy_named(self, name: PolicyName) -> PolicyRecord | None:
        if name not in self.policies and name.parent in self.written.emptied:
            return None
        return self.policies.one(name, self._memory.policies, self._source.policies)

    def _request(self, key: RequestKey) -> IssueRequest | None:
        found = self.requests.one(key, NOTHING, self._source.requests)
        return found if found is not None and found.expires_us > self.now_us else None

    def _record(self, name: RecordName) -> object:
        match name:
            case EnterpriseName():
                return self._enterprise(name)
            case EnrollmentTokenName():
                return self._token_named(name)
            case PolicyName():
                return self._policy_named(name)
            case _:
                return self._request(RequestKey(*name))


def check_names(names: Collection[RecordName]) -> None:
    """Each names a record: asked before a rule waits, for its batch could only die of it.  Raises: TypeError."""
    for name in names:
        if not isinstance(name, EnterpriseName | EnrollmentTokenName | PolicyName | RequestKey):
            raise TypeError(f"{name!r} names no record that rules see by its name")


def serial_key(sees: Sees) -> SerialKey | None:
    """What the rule wants to know the devices of."""
    return (sees.enterprise.enterprise, sees.serial) if sees.enterprise is not None and sees.serial is not None else None
