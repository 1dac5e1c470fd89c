"""One batch of rules: what each of them sees, and what they wrote together.

A rule sees committed rows and the writes of the rules before it; none of these are in the database until the batch is written
as a whole. A rule that raises writes nothing, because writes come with the decision.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

import msgspec

from heliograph.domain.audit import Acting
from heliograph.domain.device import Tombstone
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.domain.operation import Operation
from heliograph.service.audit_log import AddAuditEntry, AddCheckpoint
from heliograph.service.changes import Thing
from heliograph.service.event_log import AppendEvent
from heliograph.service.outbox import Postponed, Publish, Published
from heliograph.service.ports import Delete, DeleteDevice, DueRule, Facts, Put, PutDevice, PutOperation, PutTombstone, Write
from heliograph.storage.batch.audit import BlockRow, block_rows, row_of, row_of_removal, row_of_write
from heliograph.storage.batch.rows import NOTHING, DeviceState, EventRow, OperationKey
from heliograph.storage.batch.view import View
from heliograph.storage.kind import Kind, Row
from heliograph.storage.kinds import BELONGING, ENTERPRISES, OF_KEY, OF_RECORD, kind_named, kind_of

K = TypeVar("K", bound=tuple[Any, ...])
_device_of: Callable[[OperationKey], DeviceName] = itemgetter(0)
_deadline_of: Callable[[Operation | None], int | None] = attrgetter("deadline_us")
"""As `_device_of`, without a line of Python for each: so every command is asked."""


class Batch(View):
    """What the rules see, and what they write."""

    def take(self, writes: Sequence[Write], acting: Acting | None = None) -> None:
        """The decision's writes hold for all rules after it; who acts (None: no trail is kept) is recorded with them.

        Raises: ValueError, NoSuchKind (nothing is taken).
        """
        if len(writes) == 1 and type(one := writes[0]) is PutOperation:  # most decisions: the short way
            operation = one.operation
            if one.new:
                device = operation.device
                _require_newer(operation, self.given.get(device) or self._memory.given.newest_ms(device))
            self.put_operation(one)
            if acting is not None:
                self.written.commands.append((acting, operation))
        else:
            takes = [_TAKE[type(write)] for write in writes]
            self._check(writes)
            for take, write in zip(takes, writes, strict=True):
                take(self, write)
            if acting is not None and writes and (row := row_of(acting, writes)) is not None:
                self.written.audit.append(row)

    def decide_due(self, operation: Operation, rule: DueRule, acting: Acting | None = None) -> None:
        """What the rule makes of the operation at this point of the batch holds for all rules after it.  Raises: as `take`."""
        subscription = self.subscription(operation.device.parent)
        self.take(tuple(rule(operation, Facts(now_us=self.now_us, subscription=subscription))), acting)

    def record_removal(self, acting: Acting | None, count: int) -> None:
        """So many rows went, since their retention ended."""
        if acting is not None and count:
            self.written.audit.append(row_of_removal(acting, count))

    def _check(self, writes: Sequence[Write]) -> None:
        newest: dict[DeviceName, int] = {}
        for write in writes:
            if type(write) is not PutOperation:
                if type(write) is Put:
                    kind_of(type(write.record))
                elif type(write) is Delete:
                    kind_named(write.name)
                continue
            if not write.new:
                continue
            device = write.operation.device
            _require_newer(write.operation, newest.get(device) or self.newest_ms(device))
            newest[device] = write.operation.create_ms

    def _named(self, name: DeviceName) -> DeviceState:
        state = self.state(name)
        if state is None:
            state = DeviceState(key=self._source.new_device_key())
            self.written.names.append((state.key, name))
            self.states[name] = state
        return state

    def put_operation(self, write: PutOperation) -> None:
        operation = write.operation
        key = device, create_ms = operation.device, operation.create_ms
        state = self.states.get(device) or self._named(device)
        if write.new:
            self.operations[key] = operation
            self.written.new_operations[key] = state.key
            self.given[device] = create_ms
            self.happened.issued.append(operation)
            if operation.deadline_us is not None:
                self.opened.setdefault(device, []).append(create_ms)  # newer than all of its device
                return
        else:
            before = self.operations.get(key)
            self.operations[key] = operation
            if key not in self.written.new_operations:
                self.written.operations[key] = state.key
            if operation.ack_id and before is not None and not before.ack_id:
                self.happened.acknowledged.append(operation)
            if before is not None and operation.judgement is not before.judgement:
                self.happened.judged.append(operation)
        if operation.deadline_us is None:
            self._end(operation)

    def _end(self, operation: Operation) -> None:
        device = operation.device
        queue = self.open.get(device)
        if device in self.opened or not isinstance(queue, list):
            # Copied at the first end of a batch, since others read memory's. A thousand ends of one device then cost no thousand copies.
            queue = [*self._open(device)]
        if operation.create_ms in queue:  # mostly the first
            queue.remove(operation.create_ms)
            self.open[device] = queue
            self.opened.pop(device, None)
            self.happened.ended.append(operation)

    def put_device(self, write: PutDevice) -> None:
        record = write.record
        name = record.name
        self.states[name] = msgspec.structs.replace(self._named(name), record=record)
        self.credentials[record.credential_hash] = name
        self.written.devices.add(name)
        if write.serial is not None:
            key = name.enterprise, write.serial
            known = self.serials.one(key, NOTHING, self._source.serials) or ()
            if str(name) not in known:
                self.serials[key] = (*known, str(name))
                self.written.serials.append((name.enterprise, write.serial, record.position, name.device))

    def delete_device(self, write: DeleteDevice) -> None:
        state = self.state(write.name)
        if state is not None:
            self.states[write.name] = msgspec.structs.replace(state, record=None)
            self.written.devices.add(write.name)

    def put_tombstone(self, write: PutTombstone) -> None:
        tombstone: Tombstone = write.tombstone
        self.states[tombstone.name] = msgspec.structs.replace(self._named(tombstone.name), tombstone=tombstone)
        self.credentials[tombstone.credential_hash] = tombstone.name
        self.written.tombstones.add(tombstone.name)

    def put_record(self, write: Put[Any]) -> None:
        kind = OF_RECORD[type(write.record)]
        key = kind.key_of(write.record)
        self.records[kind][key] = write.record
        self.written.records[kind].add(key)
        if kind.found_by:
            self.found[kind][kind.found_value(write.record)] = key

    def delete_record(self, write: Delete[Any]) -> None:
        kind = OF_KEY[type(write.name)]
        self.records[kind][write.name] = None
        self.written.records[kind].add(write.name)
        if belonging := BELONGING[kind]:
            self.written.emptied[kind].add(write.name)
            for rows in [self.records[child] for child in belonging]:
                rows.update(dict.fromkeys([key for key in rows if key[: len(write.name)] == write.name]))
        if kind is ENTERPRISES:
            self.written.events = [event for event in self.written.events if event.enterprise != write.name.enterprise]

    def changed(self, kind: Kind[K, Any]) -> tuple[dict[K, Row], list[K]]:
        """The rows of records as they are now, by key, and the keys of those that are gone."""
        records = self.records[kind]
        rows: dict[K, Row] = {}
        gone: list[K] = []
        for key in self.written.records.get(kind, ()):
            if (record := records[key]) is not None:
                rows[key] = kind.row_of(key, record)
            else:
                gone.append(key)
        return rows, gone

    def change_outbox(self, write: Publish | Published | Postponed) -> None:
        self.written.outbox.take(write, now_us=self.now_us, new_id=self._source.new_message_id)

    def append_event(self, write: AppendEvent) -> None:
        notification = write.notification
        self.written.events.append(EventRow(write.enterprise.enterprise, self.now_us, notification.notification_type, notification.data))

    def add_entry(self, write: AddAuditEntry | AddCheckpoint) -> None:
        self.written.audit.append(row_of_write(write))

    def audit_blocks(self) -> Sequence[BlockRow]:
        """The batch's entries as blocks, which are not linked yet."""
        return block_rows(self.written.audit, self.now_us, self.written.commands)

    def changed_things(self) -> Collection[Thing]:
        """The devices, with their commands, and the kinds of records that the batch changed."""
        written = self.written
        found: set[Thing] = {*map(_device_of, written.new_operations), *map(_device_of, written.operations)}
        found.update(written.devices, written.tombstones)
        for kind, keys in written.records.items():
            found.update(kind.thing_of(key) for key in keys)
        return found

    def nearest_us(self, before_us: int | None) -> int | None:
        """The nearest deadline after this batch, which changed no operation that was there: before it, it was this one."""
        new = map(_deadline_of, map(self.operations.get, self.written.new_operations))
        return min(filter(None, (before_us, *new)), default=None)

    def event_streams(self) -> Collection[EnterpriseName]:
        """The enterprises that the batch appended events of."""
        return {EnterpriseName(event.enterprise) for event in self.written.events} if self.written.events else ()


def _require_newer(operation: Operation, last_ms: int) -> None:
    """Raises: ValueError."""
    if operation.create_ms <= last_ms:
        raise ValueError(f"{operation.name} is not newer than {last_ms}: an operation of its device may be as new")


_TAKE: Mapping[type, Callable[[Batch, Any], None]] = {
    PutOperation: Batch.put_operation,
    PutDevice: Batch.put_device,
    DeleteDevice: Batch.delete_device,
    PutTombstone: Batch.put_tombstone,
    Put: Batch.put_record,
    Delete: Batch.delete_record,
    **dict.fromkeys((Publish, Published, Postponed), Batch.change_outbox),
    AppendEvent: Batch.append_event,
    **dict.fromkeys((AddAuditEntry, AddCheckpoint), Batch.add_entry),
}
