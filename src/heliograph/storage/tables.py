"""The tables through one apsw connection: set-wise reads, the batch's multi-row writes, point reads and pages."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import apsw

from heliograph.domain.device import EnrollmentTokenRecord, EnterpriseRecord
from heliograph.domain.names import DeviceName, EnrollmentTokenName, EnterpriseName, PolicyName
from heliograph.domain.operation import Operation
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.request_id import IssueRequest, RequestKey
from heliograph.storage.batch import Batch
from heliograph.storage.codec import (
    device_from,
    encode_record,
    enterprise_from,
    operation_columns,
    operations_from,
    policy_from,
    token_from,
    tombstone_from,
)
from heliograph.storage.looking import DeviceState, OperationKey, SerialKey
from heliograph.storage.queries import grouped, groups, queries

Row = tuple[Any, ...]

NO_ROOM = (apsw.FullError, apsw.BusyError, apsw.LockedError, apsw.ReadOnlyError)
"""Not enough disk, or busy: what was under way can be rolled back, and reads go on."""


class Tables:
    """Statements by name on one connection, and rows as the domain's values."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.cursor().execute
        self._last_device_key = 0
        self._last_message_id = 0

    def one(self, name: str, *values: object) -> list[Row]:
        """All rows of a statement that takes these values."""
        return self._execute(queries()[name], values).fetchall()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open: some errors end it by themselves."""
        return self._connection.in_transaction

    def roll_back(self) -> None:
        """No transaction is open, and what one wrote never was."""
        if self.in_transaction:
            self.one("rollback")

    def nearest_deadline_us(self) -> int | None:
        """The smallest deadline of an open operation."""
        nearest_us: int | None = self.one("nearest_deadline")[0][0]
        return nearest_us

    def many(self, name: str, rows: Sequence[Row]) -> list[Row]:
        """All rows of a statement whose VALUES group is repeated for these rows."""
        found: list[Row] = []
        for start, stop in groups(len(rows)):
            values = tuple(itertools.chain.from_iterable(rows[start:stop]))
            found += self._execute(grouped(name, stop - start), values).fetchall()
        return found

    # Source: what a batch reads.

    def device_states(self, names: Collection[DeviceName]) -> Mapping[DeviceName, DeviceState]:
        return {
            DeviceName(enterprise, device): DeviceState(
                key,
                device_from(record) if record is not None else None,
                tombstone_from(tombstone) if tombstone is not None else None,
            )
            for enterprise, device, key, record, tombstone in self.many("device_states", tuple(names))
        }

    def owners(self, credential_hashes: Collection[bytes]) -> Mapping[bytes, DeviceName]:
        """The living before the dead, the newest before the older, should two phones ever have said the same."""
        rows = tuple((credential_hash,) for credential_hash in credential_hashes)
        found = sorted(self.many("tombstones_of_credentials", rows)) + sorted(self.many("devices_of_credentials", rows))
        return {credential_hash: DeviceName(enterprise, device) for _, credential_hash, enterprise, device in found}

    def operations(self, keys: Collection[OperationKey]) -> Mapping[OperationKey, Operation]:
        rows = self.many("operations_named", tuple((*device, create_ms) for device, create_ms in keys))
        return {(operation.device, operation.create_ms): operation for operation in operations_from(rows)}

    def enterprises(self, names: Collection[EnterpriseName]) -> Mapping[EnterpriseName, EnterpriseRecord]:
        records = [enterprise_from(record) for (record,) in self.many("enterprises_named", tuple(names))]
        return {record.name: record for record in records}

    def tokens_valued(self, values: Collection[str]) -> Mapping[str, EnrollmentTokenRecord]:
        rows = self.many("tokens_valued", tuple((value,) for value in values))
        return {token.value: token for token in (token_from(record) for (record,) in rows)}

    def tokens_named(self, names: Collection[EnrollmentTokenName]) -> Mapping[EnrollmentTokenName, EnrollmentTokenRecord]:
        tokens = [token_from(record) for (record,) in self.many("tokens_named", tuple(names))]
        return {EnrollmentTokenName(token.enterprise.enterprise, token.token_id): token for token in tokens}

    def serials(self, keys: Collection[SerialKey]) -> Mapping[SerialKey, tuple[str, ...]]:
        found: dict[SerialKey, tuple[str, ...]] = {}
        for enterprise, serial, device, _ in self.many("devices_of_serials", tuple(keys)):
            key = enterprise, serial
            found[key] = (*found.get(key, ()), str(DeviceName(enterprise, device)))
        return found

    def requests(self, keys: Collection[RequestKey]) -> Mapping[RequestKey, IssueRequest]:
        found = (
            IssueRequest(
                key=RequestKey(enterprise, request_id),
                device=DeviceName(enterprise, device),
                create_ms=create_ms,
                digest=digest,
                expires_us=expires_us,
            )
            for enterprise, request_id, device, create_ms, digest, expires_us in self.many("requests_named", tuple(keys))
        )
        return {request.key: request for request in found}

    def policies(self, names: Collection[PolicyName]) -> Mapping[PolicyName, PolicyRecord]:
        records = [policy_from(record) for (record,) in self.many("policies_named", tuple(names))]
        return {record.name: record for record in records}

    def new_device_key(self) -> int:
        if not self._last_device_key:
            self._last_device_key = self.one("last_device_key")[0][0]
        self._last_device_key += 1
        return self._last_device_key

    def new_message_id(self, now_us: int) -> int:
        """Times, so that ids are not given again after the outbox was empty; one later than the newest where that is not enough."""
        if not self._last_message_id:
            self._last_message_id = self.one("last_message_id")[0][0]
        self._last_message_id = max(self._last_message_id + 1, now_us)
        return self._last_message_id

    # What a batch wrote.

    def write(self, batch: Batch) -> None:
        """Every row the batch wrote, one multi-row statement per kind; within the caller's transaction."""
        written = batch.written
        self._write("insert_device_keys", [(key, *name) for key, name in written.names])
        new = written.new_operations
        self._write("insert_operations", self._operation_rows(batch, new))
        self._write("replace_operations", self._operation_rows(batch, written.operations - new.keys()))
        self._write_devices(batch)
        self._write("put_serials", written.serials)
        if written.requests:
            requests = [one for key in written.requests if (one := batch.requests[key])]
            self._write("put_requests", [(*one.key, one.device.device, one.create_ms, one.digest, one.expires_us) for one in requests])
        if written.enterprises or written.tokens or written.policies:
            self._write_enterprises(batch)
        if written.outbox:
            self._write("put_messages", written.outbox.new)
            self._write("postpone_messages", written.outbox.postponed)
            self._write("delete_messages", written.outbox.published)

    def _write(self, name: str, rows: Sequence[Row]) -> None:
        if rows:
            self.many(name, rows)

    def _operation_rows(self, batch: Batch, keys: Iterable[OperationKey]) -> list[Row]:
        """In the order of the primary key: new ones come to the table's end."""
        rows: list[Row] = []
        for key in keys:
            operation, state = batch.operations[key], batch.states[key[0]]
            if operation is not None and state is not None:
                rows.append((key[1], state.key, *operation_columns(operation)))
        rows.sort()
        return rows

    def _write_devices(self, batch: Batch) -> None:
        states = [(name, batch.states[name]) for name in batch.written.devices]
        living = [(state.key, name, state.record) for name, state in states if state and state.record]
        self._write(
            "put_devices",
            [
                (key, name.enterprise, record.position, record.credential_hash, record.policy_name, encode_record(record))
                for key, name, record in living
            ],
        )
        self._write("delete_devices", [(state.key,) for _, state in states if state and not state.record])
        states = [(name, batch.states[name]) for name in batch.written.tombstones]
        dead = [(state.key, state.tombstone) for _, state in states if state and state.tombstone]
        self._write(
            "put_tombstones",
            [(key, stone.credential_hash, stone.expires_us, encode_record(stone)) for key, stone in dead],
        )

    def _write_enterprises(self, batch: Batch) -> None:
        written = batch.written
        self._write("delete_tokens_of_enterprises", tuple(written.emptied))
        self._write("delete_policies_of_enterprises", tuple(written.emptied))
        enterprises = [(name, batch.enterprises[name]) for name in written.enterprises]
        self._write(
            "put_enterprises",
            [(name.enterprise, record.position, encode_record(record)) for name, record in enterprises if record],
        )
        self._write("delete_enterprises", [name for name, record in enterprises if not record])
        tokens = [(name, batch.tokens[name]) for name in written.tokens]
        self._write(
            "put_tokens",
            [(*name, record.position, record.value, encode_record(record)) for name, record in tokens if record],
        )
        self._write("delete_tokens", [name for name, record in tokens if not record])
        policies = [(name, batch.policies[name]) for name in written.policies]
        self._write("put_policies", [(*name, record.position, encode_record(record)) for name, record in policies if record])
        self._write("delete_policies", [name for name, record in policies if not record])
