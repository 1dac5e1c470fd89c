"""The tables through one apsw connection: set-wise reads, the batch's multi-row writes, point reads and pages."""

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import apsw

from heliograph.domain.audit import Head
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.storage.batch.audit import BlockRow, linked
from heliograph.storage.batch.rows import DeviceState, EventRow, OperationKey, SerialKey
from heliograph.storage.batch.writes import Batch
from heliograph.storage.codec import device_from, encode_record, operation_columns, operations_from, tombstone_from
from heliograph.storage.kind import Kind, Row
from heliograph.storage.kinds import BELONGING, ENTERPRISES, KINDS, SERIALS, TOMBSTONES, DeviceKey
from heliograph.storage.queries import filled_groups, grouped, groups, queries

K = TypeVar("K", bound=tuple[Any, ...])
R = TypeVar("R")

NO_ROOM = (apsw.FullError, apsw.BusyError, apsw.LockedError, apsw.ReadOnlyError)
"""Not enough disk, or busy: the transaction can be rolled back, and reads continue."""


class Tables:
    """Statements by name on one connection, and rows as the domain's values."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.cursor().execute
        self._last_device_key = 0
        self._last_message_id = 0
        self._audit_head: Head | None = None
        """The end of the audit trail's chain, what is not committed yet included; None: as the database says."""

    def one(self, name: str, *values: object) -> list[Row]:
        """All rows of a statement that takes these values."""
        return self._execute(queries()[name], values).fetchall()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open: some errors end it by themselves."""
        return self._connection.in_transaction

    def roll_back(self) -> None:
        """No transaction is open, and what one wrote never was."""
        self._audit_head = None
        if self.in_transaction:
            self.one("rollback")

    def nearest_deadline_us(self) -> int | None:
        """The smallest deadline of an open operation."""
        nearest_us: int | None = self.one("nearest_deadline")[0][0]
        return nearest_us

    def device_key(self, device: DeviceName) -> int | None:
        """The device's key; None: no device ever had this name."""
        rows = self.one("device_key", *device)
        return rows[0][0] if rows else None

    def many(self, name: str, rows: Sequence[Row], *, cut: Callable[[int], Sequence[tuple[int, int]]] = groups) -> list[Row]:
        """All rows of a statement whose VALUES group is repeated for these rows; what `cut` adds to them is NULLs."""
        if len(rows) == 1:
            return self._execute(queries()[name], rows[0]).fetchall()
        found: list[Row] = []
        for start, stop in cut(len(rows)):
            values = [*itertools.chain.from_iterable(rows[start:stop])]
            values += [None] * (len(rows[0]) * (stop - start) - len(values))
            found += self._execute(grouped(name, stop - start), values).fetchall()
        return found

    def found(self, name: str, rows: Sequence[Row]) -> list[Row]:
        """As `many`, of a statement that looks for rows: missing ones of a group are NULLs, which nothing equals, so one statement does.

        Eleven rows are one statement instead of five, which would cost more than what they find.
        """
        return self.many(name, rows, cut=filled_groups)

    # Source: what a batch reads.

    def device_states(self, names: Collection[DeviceName]) -> Mapping[DeviceName, DeviceState]:
        return {
            DeviceName(enterprise, device): DeviceState(
                key,
                device_from(record) if record is not None else None,
                tombstone_from(tombstone) if tombstone is not None else None,
            )
            for enterprise, device, key, record, tombstone in self.found("device_states", tuple(names))
        }

    def owners(self, credential_hashes: Collection[bytes]) -> Mapping[bytes, DeviceName]:
        """The living before the dead, the newest before the older, should two phones ever have said the same."""
        rows = tuple((credential_hash,) for credential_hash in credential_hashes)
        found = sorted(self.many("tombstones_of_credentials", rows)) + sorted(self.many("devices_of_credentials", rows))
        return {credential_hash: DeviceName(enterprise, device) for _, credential_hash, enterprise, device in found}

    def operations(self, keys: Collection[OperationKey]) -> Mapping[OperationKey, Operation]:
        rows = self.found("operations_named", tuple((*device, create_ms) for device, create_ms in keys))
        return {(operation.device, operation.create_ms): operation for operation in operations_from(rows)}

    def records(self, kind: Kind[K, R], keys: Collection[K]) -> Mapping[K, R]:
        records = map(kind.from_row, self.many(kind.names.named, tuple(keys)))
        return {kind.key_of(record): record for record in records}

    def records_found(self, kind: Kind[Any, R], values: Collection[str]) -> list[R]:
        return list(map(kind.from_row, self.many(kind.names.found, tuple((value,) for value in values))))

    def serials(self, keys: Collection[SerialKey]) -> Mapping[SerialKey, tuple[str, ...]]:
        found: dict[SerialKey, tuple[str, ...]] = {}
        for enterprise, serial, device, _ in self.many("devices_of_serials", tuple(keys)):
            key = enterprise, serial
            found[key] = (*found.get(key, ()), str(DeviceName(enterprise, device)))
        return found

    def new_device_key(self) -> int:
        if not self._last_device_key:
            self._last_device_key = self.one("last_device_key")[0][0]
        self._last_device_key += 1
        return self._last_device_key

    def new_message_id(self, now_us: int) -> int:
        """Times, so that ids are not reused after the outbox was empty; one later than the newest if that is not enough."""
        if not self._last_message_id:
            self._last_message_id = self.one("last_message_id")[0][0]
        self._last_message_id = max(self._last_message_id + 1, now_us)
        return self._last_message_id

    # What a batch wrote.

    def write(self, batch: Batch) -> None:
        """Every row the batch wrote, one multi-row statement per kind; within the caller's transaction."""
        written = batch.written
        if written.new_operations:
            self._write("insert_operations", _operation_rows(batch, written.new_operations))
        if written.operations:
            self._write("replace_operations", _operation_rows(batch, written.operations))
        if written.commands or written.audit:
            self._append_blocks(batch.audit_blocks())
        if written.beside_operations:
            self._write_others(batch)

    def _write_others(self, batch: Batch) -> None:
        written = batch.written
        self._write("insert_device_keys", [(key, *name) for key, name in written.names])
        if written.devices or written.tombstones:
            self._write_devices(batch)
        self._write(SERIALS.names.put, written.serials)
        if written.records:
            self._write_records(batch)
        if written.outbox:
            self._write("put_messages", written.outbox.new)
            self._write("postpone_messages", written.outbox.postponed)
            self._write("delete_messages", written.outbox.published)
        self._write("delete_events_of", tuple(written.emptied.get(ENTERPRISES, ())))
        if written.events:
            self._append_events(written.events)

    def _write(self, name: str, rows: Sequence[Row]) -> None:
        if rows:
            self.many(name, rows)

    def _append_events(self, events: Sequence[EventRow]) -> None:
        """With the next numbers of their enterprises: no one else gives any meanwhile."""
        last: dict[str, int] = dict.fromkeys((event.enterprise for event in events), 0)
        last.update(self.many("last_event_numbers", [(enterprise,) for enterprise in last]))
        rows: list[Row] = []
        for event in events:
            last[event.enterprise] += 1
            rows.append((event.enterprise, last[event.enterprise], *event[1:]))
        self._write("append_events", rows)
        self._write("put_last_event_numbers", list(last.items()))

    def _append_blocks(self, blocks: Iterable[BlockRow]) -> None:
        """Linked into the chain: no one else adds to it meanwhile."""
        head = self._audit_head or next((Head(*row) for row in self.one("audit_head")), Head())
        added = tuple(linked(head, blocks))
        self._write("append_audit_blocks", added)
        self._audit_head = Head(added[-1].number, added[-1].digest)

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
            TOMBSTONES.names.put,
            [TOMBSTONES.row_of(DeviceKey(key), stone) for key, stone in dead],
        )

    def _write_records(self, batch: Batch) -> None:
        for parent, keys in batch.written.emptied.items():
            for kind in BELONGING[parent]:
                self._write(kind.names.delete_of_parent, tuple(keys))
        for kind in [kind for kind in KINDS if kind in batch.written.records]:
            rows, gone = batch.changed(kind)
            self._write(kind.names.put, tuple(rows.values()))
            self._write(kind.names.delete, gone)


def _operation_rows(batch: Batch, keys: Mapping[OperationKey, int]) -> list[Row]:
    """Of operations by their names, with their devices' keys; in the order of the primary key: new rows go to the table's end."""
    operations = batch.operations
    rows: list[Row] = []
    for key, device_key in keys.items():
        operation = operations[key]
        if operation is not None:
            rows.append((key[1], device_key, *operation_columns(operation)))
    rows.sort()
    return rows
