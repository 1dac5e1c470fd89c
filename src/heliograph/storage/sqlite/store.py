"""The Store in a SQLite file: reads on the event loop, writes through the writer's thread."""

import asyncio
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import apsw

from heliograph.domain.audit import Acting
from heliograph.domain.device import DeviceRecord, Tombstone
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName, PolicyName
from heliograph.domain.operation import Operation, ShownOperation
from heliograph.service.acting import ACTING
from heliograph.service.changes import Thing
from heliograph.service.event_log import EventPage
from heliograph.service.metrics import LaneLoads, StoreCounts, StoreStats
from heliograph.service.outbox import NOWHERE, OutboxMessage
from heliograph.service.ports import Clock, DueRule, Lane, Page, Rule, Sees, Waiter
from heliograph.storage.audit_verbs import AuditVerbs
from heliograph.storage.batch.view import check_names
from heliograph.storage.batch.writes import Batch
from heliograph.storage.codec import device_from, operation_from, operations_from, shown_operation_from
from heliograph.storage.commit_listeners import CommitListeners
from heliograph.storage.count_verbs import CountVerbs
from heliograph.storage.event_rows import event_page, page_of_events
from heliograph.storage.exit_now import exit_at_once
from heliograph.storage.kind import ReadRow, Row
from heliograph.storage.kinds import TOMBSTONES, kind_of
from heliograph.storage.outbox import Claims, Rota, message_from, soonest
from heliograph.storage.queue.bulk_verbs import BulkVerbs
from heliograph.storage.queue.lanes import WAITS_MOST_S
from heliograph.storage.queue.rule_queue import Done, Exclusive, Queued, QueuedSlice, RuleQueue
from heliograph.storage.record_verbs import RecordVerbs
from heliograph.storage.service_keys import StoredServiceKeys
from heliograph.storage.sqlite.checkpointer import Checkpointer
from heliograph.storage.sqlite.connection import Connections
from heliograph.storage.sqlite.maintenance import forget_device, retire
from heliograph.storage.sqlite.memory_load import remembered
from heliograph.storage.sqlite.paging import KeyedDevice, page_of_operations
from heliograph.storage.sqlite.rows import Rows, rows_of
from heliograph.storage.sqlite.sealing_key import SealingKeyTable
from heliograph.storage.sqlite.stats import stats_of
from heliograph.storage.sqlite.sweeper import UNSWEPT_MOST, Sweeper
from heliograph.storage.sqlite.tables import Tables
from heliograph.storage.sqlite.writer import Writer

T = TypeVar("T")
R = TypeVar("R")

LATEST_US = 2**63 - 1
"""Later than every time: the largest integer of SQLite."""
LARGE_PAGE = 100
"""Pages with more rows are read in a thread: 100 operations take about a millisecond."""


class SqliteStore(RecordVerbs, AuditVerbs, CountVerbs, BulkVerbs):
    """A Store (service/ports.py) in one SQLite file, which it alone uses.  Made by `open`."""

    def __init__(  # noqa: PLR0913 - what its owner decides
        self,
        connections: Connections,
        *,
        clock: Clock,
        ring: Callable[[DeviceName], None],
        on_fatal: Callable[[BaseException], None],
        unswept_most: int,
        waits_most_s: float = WAITS_MOST_S,
        threads: bool = True,
    ) -> None:
        """Without `threads`, all work runs on the event loop: for a database in memory, which delays no one."""
        self._threads = threads
        self._connections = connections
        self._clock = clock
        self._closing = False
        self.counts = StoreCounts()
        self.begun = self.ended = 0
        """Decisions requested, and those answered: while they differ, some are in progress."""
        wake = None if threads else self._serve_waiting
        self._rule_queue = RuleQueue(self.counts, self._batch_done, wake=wake, waits_most_s=waits_most_s)
        self._claims = Claims()
        self._rota = Rota()
        self._tables = Tables(connections.writer)
        self._memory = remembered(self._tables)
        self._reads = Tables(connections.reader)
        self._page_reads = Tables(connections.page_reader)
        self._pages = ThreadPoolExecutor(1, thread_name_prefix="heliograph-pages") if threads else None
        self.service_keys = StoredServiceKeys(self)
        self.sealing_key = SealingKeyTable(self._tables, self._alone)
        self._listeners = CommitListeners(ring, self._tables.nearest_deadline_us())
        self._checkpointer = Checkpointer(connections.writer, connections.checkpointer, on_fatal=on_fatal) if threads else None
        self._writer = Writer(
            self._tables,
            self._memory,
            rule_queue=self._rule_queue,
            now_us=clock.now_us,
            sweeper=Sweeper(self._tables, self._memory, unswept_most=unswept_most),
            between_batches=self._checkpointer.restart_if_large if self._checkpointer is not None else _nothing,
            on_fatal=on_fatal,
        )
        if self._checkpointer is not None:
            self._writer.start()
            self._checkpointer.start()

    @classmethod
    def in_memory(
        cls,
        template: apsw.Connection,
        *,
        clock: Clock,
        ring: Callable[[DeviceName], None],
        on_fatal: Callable[[BaseException], None] = exit_at_once,
    ) -> Self:
        """A store that begins as a copy of the template (connection.memory_template) and goes with its process."""
        connections = Connections.in_memory(template)
        return cls(connections, clock=clock, ring=ring, on_fatal=on_fatal, unswept_most=UNSWEPT_MOST, threads=False)

    @classmethod
    def open(  # noqa: PLR0913 - ditto
        cls,
        path: Path,
        *,
        clock: Clock,
        ring: Callable[[DeviceName], None],
        on_fatal: Callable[[BaseException], None] = exit_at_once,
        unswept_most: int = UNSWEPT_MOST,
        durable: bool = True,
        waits_most_s: float = WAITS_MOST_S,
    ) -> Self:
        """The store in this file, created and migrated if needed; `ring` is called on the event loop after a commit.

        `unswept_most` operations are put into their devices' index at a time (sweeper.py). Not `durable`: a power cut may cost the file.
        What waits for the store for longer than `waits_most_s` is refused.

        Raises: DatabaseInUse, DatabaseTooNew, LibraryTooOld.
        """
        connections = Connections.open(path, clock.now_us(), durable=durable)
        return cls(connections, clock=clock, ring=ring, on_fatal=on_fatal, unswept_most=unswept_most, waits_most_s=waits_most_s)

    # Writes.

    async def decide(self, sees: Sees, rule: Rule[T], *, lane: Lane = Lane.CALLERS) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.decide_for(future, sees, rule, ACTING.get(), lane=lane)
        return await self._answered(future)

    def decide_for(self, waiter: Waiter[T], sees: Sees, rule: Rule[T], acting: Acting, *, lane: Lane = Lane.CALLERS) -> None:
        if sees.records:
            check_names(sees.records)
        self._rule_queue.put(Queued(sees, rule, waiter, self._recorded(acting)), lane)

    async def _slice_answered(self, entry: QueuedSlice[T], answered: asyncio.Future[Sequence[T | Exception]]) -> Sequence[T | Exception]:
        self._rule_queue.put_slice(entry)
        return await self._answered(answered)

    async def decide_due(self, rule: DueRule, *, limit: int) -> int:
        acting = self._acting()

        def act(batch: Batch) -> int:
            due = self._due_operations(batch.now_us, limit)
            for operation in due:
                batch.decide_due(operation, rule, acting)
            return len(due)

        return await self._alone(act)

    async def decide_each_at_its_time(
        self, rule: DueRule, *, until_us: int, limit: int, only: Callable[[DeviceName], bool]
    ) -> Sequence[Operation]:
        """Sandbox: as `decide_due`, for a clock that passes over deadlines until `until_us`: each is decided as if it were its own time.

        It ends before the first operation of a device that is not one of `only`. What was decided, oldest deadline first.
        """

        def act(batch: Batch) -> Sequence[Operation]:
            due = self._due_operations(until_us, limit)
            alone = tuple(itertools.takewhile(lambda operation: only(operation.device), due))
            for operation in alone:
                batch.now_us = max(batch.now_us, operation.deadline_us or 0)
                batch.decide_due(operation, rule)
            return alone

        return await self._alone(act)

    def _due_operations(self, by_us: int, limit: int) -> Sequence[Operation]:
        """In a batch: as `operations_due`; those in memory are not read a second time."""
        recent = self._memory.operations
        return [
            recent.get((DeviceName(*row[:2]), row[2])) or next(iter(operations_from((row,))))
            for row in self._tables.one("due", by_us, limit)
        ]

    async def operations_due(self, by_us: int, *, limit: int) -> Sequence[Operation]:
        """At most `limit` open operations whose deadline passes by this time, oldest deadline first."""
        return tuple(operations_from(self._reads.one("due", by_us, limit)))

    async def retire(self, *, ended_before_us: int, events_before_us: int = 0, limit: int) -> int:
        acting = self._acting()

        def act(batch: Batch) -> int:
            removed = retire(
                self._tables, self._memory, batch, ended_before_us=ended_before_us, events_before_us=events_before_us, limit=limit
            )
            batch.record_removal(acting, removed)
            return removed

        return await self._alone(act)

    async def sweep_audit(self, until: int, *, limit: int) -> int:
        return await self._alone(lambda _: len(self._tables.one("sweep_audit", until, limit)))

    async def forget_device(self, name: DeviceName) -> None:
        """Sandbox: the device, its tombstone, its operations and the memory of its serial never were."""
        await self._alone(lambda batch: forget_device(self._tables, self._memory, batch, name))

    def rows(self) -> Rows:
        """Sandbox: everything that is committed, of a store in memory."""
        return rows_of(self._connections.reader)

    async def _alone(self, act: Callable[[Batch], T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._rule_queue.put_alone(Exclusive(act, future))
        return await self._answered(future)

    async def _answered(self, future: asyncio.Future[T]) -> T:
        self.begun += 1
        try:
            return await future
        finally:
            self.ended += 1

    def _batch_done(self, done: Done) -> None:
        self._listeners.rang(done.rings)
        self._listeners.nearest(done.nearest_deadline_us)
        self._listeners.published(done.message_ids)
        self._listeners.appended(done.event_streams)
        self._listeners.changed(done.changed)

    def nearest_deadline_us(self) -> int | None:
        return self._listeners.nearest_us

    def on_deadline(self, listener: Callable[[], None]) -> None:
        self._listeners.on_deadline.append(listener)

    def on_published(self, listener: Callable[[Sequence[int]], None]) -> None:
        self._listeners.on_published.append(listener)

    def on_events(self, listener: Callable[[Collection[EnterpriseName]], None]) -> None:
        self._listeners.on_events.append(listener)

    def on_rings(self, listener: Callable[[Sequence[DeviceName]], None]) -> None:
        self._listeners.on_rings.append(listener)

    def on_changes(self, listener: Callable[[Collection[Thing]], None]) -> None:
        self._listeners.on_changes.append(listener)

    # Reads.

    async def operation(self, name: OperationName) -> Operation | None:
        found = self._memory.operations.get(name)
        return self._reads.operations((name,)).get(name) if found is None else found

    def operation_at_hand(self, name: OperationName) -> Operation | None:
        found = self._memory.operations.get(name)
        if found is not None and found.open:
            return found  # so the device exists
        key = self._living_key(name.device)
        if key is None:
            return None
        if found is not None:
            return found
        row = next(iter(self._reads.one("operation", name.create_ms, key)), None)
        return operation_from(name.device, name.create_ms, row) if row is not None else None

    async def operations(self, device: DeviceName, *, after_ms: int, limit: int) -> Page[Operation]:
        key = self._key(device)
        if key is None:
            return Page(items=(), more=False)
        keyed = KeyedDevice(device, key)
        return await self._page(
            lambda tables: page_of_operations(tables, self._memory, keyed, after_ms=after_ms, limit=limit, read=operation_from), limit
        )

    def operations_at_hand(self, device: DeviceName, *, after_ms: int, limit: int) -> Page[Operation | ShownOperation] | None:
        key = self._living_key(device) if limit <= LARGE_PAGE else None
        if key is None:
            return None
        keyed = KeyedDevice(device, key)
        return page_of_operations(self._reads, self._memory, keyed, after_ms=after_ms, limit=limit, read=shown_operation_from)

    def _key(self, device: DeviceName) -> int | None:
        """The device's key, whether it is there or not; None: no device ever had this name."""
        state = self._memory.devices.get(device)
        return self._reads.device_key(device) if state is None else state.key

    def _living_key(self, device: DeviceName) -> int | None:
        """The device's key, if it is there."""
        key = self._key(device)
        return key if key is not None and key in self._memory.living else None

    async def open_operations(self, device: DeviceName) -> Sequence[Operation]:
        found = [(device, create_ms) for create_ms in self._memory.open.get(device, ())]
        operations = [self._memory.operations.get(key) for key in found]
        if None in operations:
            read = self._reads.operations([key for key, operation in zip(found, operations, strict=True) if operation is None])
            operations = [operation or read.get(key) for key, operation in zip(found, operations, strict=True)]
        return [operation for operation in operations if operation is not None and operation.open]

    def open_at_hand(self, device: DeviceName) -> Sequence[Operation] | None:
        found: list[Operation] = []
        for create_ms in self._memory.open.get(device, ()):
            operation = self._memory.operations.get((device, create_ms))
            if operation is None:
                return None
            if operation.open:
                found.append(operation)
        return found

    async def device(self, name: DeviceName) -> DeviceRecord | None:
        state = self._memory.devices.get(name) or self._reads.device_states((name,)).get(name)
        return state.record if state is not None else None

    def device_at_hand(self, name: DeviceName) -> DeviceRecord | None:
        state = self._memory.devices.get(name)
        return state.record if state is not None else None

    async def devices(self, enterprise: EnterpriseName, *, after: str, limit: int) -> Page[DeviceRecord]:
        return await self._records(_device, "page_of_devices", enterprise.enterprise, after, limit=limit)

    async def tombstone(self, name: DeviceName) -> Tombstone | None:
        state = self._memory.devices.get(name) or self._reads.device_states((name,)).get(name)
        return TOMBSTONES.living(state.tombstone, self._clock.now_us()) if state is not None else None

    async def by_credential(self, credential_hash: bytes) -> DeviceRecord | Tombstone | None:
        owner = self._memory.credentials.get(credential_hash) or self._reads.owners((credential_hash,)).get(credential_hash)
        if owner is None:
            return None
        device = await self.device(owner)
        if device is not None and device.credential_hash == credential_hash:
            return device
        tombstone = await self.tombstone(owner)
        return tombstone if tombstone is not None and tombstone.credential_hash == credential_hash else None

    async def record(self, kind: type[R], name: tuple[Any, ...]) -> R | None:
        row = kind_of(kind)
        recent = self._memory.records.get(row)
        found = recent.get(name) if recent is not None else None
        return row.living(self._reads.records(row, (name,)).get(name) if found is None else found, self._clock.now_us())

    async def records(self, kind: type[R], *parent: str, after: str, limit: int) -> Page[R]:
        row = kind_of(kind)
        now_us = (self._clock.now_us(),) if row.expires else ()
        return await self._records(row.from_row, row.names.page, *parent, after, *now_us, limit=limit)

    async def records_found(self, kind: type[R], value: str) -> Sequence[R]:
        return self._reads.records_found(kind_of(kind), (value,))

    async def devices_with_policy(self, name: PolicyName, *, after: str, limit: int) -> Page[DeviceRecord]:
        return await self._records(_device, "page_of_devices_with_policy", name.enterprise, str(name), after, limit=limit)

    async def claim(
        self, *, limit: int, now_us: int, until_us: int, each: int | None = None, busy: Mapping[str, int] = NOWHERE
    ) -> Sequence[OutboxMessage]:
        first_due_us = self._first_due_us()
        self._claims.forget(but=first_due_us, now_us=now_us)
        claimed: list[OutboxMessage] = []
        looked_at = [destination for destination, due_us in first_due_us.items() if due_us <= now_us]
        rooms = self._rota.rooms(looked_at, each=each or limit, busy=busy)
        for destination, room in rooms:
            most = min(room, limit - len(claimed))
            if not most:
                break
            due = self._due(destination, now_us, most)
            claimed += self._claims.take(destination, due, limit=most, now_us=now_us, until_us=until_us)
        self._rota.served(rooms, claimed)
        return sorted(claimed, key=soonest)

    def _first_due_us(self) -> dict[str, int]:
        """When the first message to each destination is due, claimed or not."""
        return dict(self._reads.one("waiting_destinations"))

    def _due(self, destination: str, by_us: int, count: int) -> Sequence[OutboxMessage]:
        """So many more messages than are claimed."""
        return tuple(map(message_from, self._reads.one("due_messages", destination, by_us, count + self._claims.of(destination))))

    async def next_messages_us(self) -> Mapping[str, int]:
        waiting = self._first_due_us().items()
        free = ((to, self._first_free_us(to) if self._claims.of(to) else due_us) for to, due_us in waiting)
        return {destination: due_us for destination, due_us in free if due_us is not None}

    def _first_free_us(self, destination: str) -> int | None:
        due = self._due(destination, LATEST_US, 1)
        return next((message.due_us for message in due if not self._claims.holds(message)), None)

    async def full_outboxes(self, *, most: int) -> Mapping[str, int]:
        return dict(await self._rows("full_outboxes", most))

    async def oldest_messages(self, enterprise: str, *, limit: int) -> Sequence[OutboxMessage]:
        return tuple(map(message_from, await self._rows("oldest_messages", enterprise, limit)))

    async def events(self, enterprise: EnterpriseName, *, after: int, limit: int) -> EventPage:
        return event_page(await self._rows("page_of_events", *page_of_events(enterprise, after, limit)))

    async def _rows(self, name: str, *values: object) -> list[Row]:
        return await self._in_thread(lambda: self._page_reads.one(name, *values))

    async def _audit_rows(self, name: str, *values: object) -> Sequence[ReadRow]:
        return await self._rows(name, *values)

    async def orphans(self, *, limit: int) -> Sequence[DeviceName]:
        return tuple(device_from(record).name for (record,) in await self._rows("orphans", limit))

    async def _records(self, from_row: Callable[[ReadRow], T], query: str, *values: object, limit: int) -> Page[T]:
        def read(tables: Tables) -> Page[T]:
            rows: list[Row] = tables.one(query, *values, limit + 1)
            return Page(items=tuple(map(from_row, rows[:limit])), more=len(rows) > limit)

        return await self._page(read, limit)

    async def _page(self, read: Callable[[Tables], Page[T]], limit: int) -> Page[T]:
        if limit <= LARGE_PAGE:
            return read(self._reads)
        return await self._in_thread(lambda: read(self._page_reads))

    def _serve_waiting(self) -> None:
        self._writer.serve_waiting()

    async def _in_thread(self, read: Callable[[], T]) -> T:
        if self._pages is None:
            return read()
        return await asyncio.wrap_future(self._pages.submit(read))

    async def newest_us(self) -> int:
        """No time in the store's rows is later, except future ones; 0: they have none. Read once, at start."""
        return max(at_us or 0 for at_us in self._reads.one("newest_times")[0])

    # Life.

    @property
    def sweeping(self) -> bool:
        """Whether operations are still moving into their devices' index: the writer continues while nothing else waits."""
        return self._writer.sweeping

    def waiting(self) -> LaneLoads:
        return self._rule_queue.loads()

    async def stats(self) -> StoreStats:
        return await self._in_thread(lambda: stats_of(self._connections.page_reader))

    def healthy(self) -> str | None:
        return self._writer.trouble or self._writer.hangs(self._clock.now_us())

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._rule_queue.close()
        if self._threads:
            await asyncio.to_thread(self._writer.join)
        self._rule_queue.end()
        if self._checkpointer is not None:
            await asyncio.to_thread(self._checkpointer.stop)
        if self._pages is not None:
            await asyncio.to_thread(self._pages.shutdown)
        self._connections.close()


def _nothing() -> None:
    """A database in memory has no log."""


def _device(row: ReadRow) -> DeviceRecord:
    return device_from(row[0])
