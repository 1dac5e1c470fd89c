"""The Store in PostgreSQL, which many servers may share: everything on the event loop, over a few sessions."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Self, TypeVar

import asyncpg

from heliograph.domain.audit import Acting
from heliograph.domain.device import DeviceRecord, Tombstone
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName, PolicyName
from heliograph.domain.operation import Operation
from heliograph.service.acting import ACTING
from heliograph.service.changes import Thing
from heliograph.service.event_log import EventPage
from heliograph.service.metrics import LaneLoads, StoreCounts, StoreStats
from heliograph.service.outbox import NOWHERE, OutboxMessage
from heliograph.service.ports import Clock, DueRule, Lane, Page, Rule, Sees, Waiter
from heliograph.storage.audit_verbs import AuditVerbs
from heliograph.storage.batch.view import check_names
from heliograph.storage.codec import device_from
from heliograph.storage.count_verbs import CountVerbs
from heliograph.storage.exit_now import exit_at_once
from heliograph.storage.kind import ReadRow
from heliograph.storage.kinds import TOMBSTONES, kind_of
from heliograph.storage.outbox import message_from
from heliograph.storage.postgres.batches import Batches
from heliograph.storage.postgres.commits import PostgresCommitListeners
from heliograph.storage.postgres.health import Health
from heliograph.storage.postgres.keys import PostgresSealingKey
from heliograph.storage.postgres.link import DATABASE_ERRORS, Link, Record, open_all, unusable
from heliograph.storage.postgres.loading import Loader
from heliograph.storage.postgres.migrations import migrate
from heliograph.storage.postgres.reading import Reader
from heliograph.storage.postgres.runner import Decided, Runner
from heliograph.storage.postgres.timers import Timers
from heliograph.storage.queue.bulk_verbs import BulkVerbs
from heliograph.storage.queue.lanes import WAITS_MOST_S
from heliograph.storage.queue.rule_queue import Queued, QueuedSlice, reject
from heliograph.storage.record_verbs import RecordVerbs
from heliograph.storage.service_keys import StoredServiceKeys

T = TypeVar("T")
R = TypeVar("R")

BATCH_LINKS = 2
READ_LINKS = 2


class PostgresStore(RecordVerbs, AuditVerbs, CountVerbs, BulkVerbs):
    """A Store (service/ports.py) in a PostgreSQL database, which other servers may use, too.  Made by `open`."""

    def __init__(
        self,
        links: Sequence[Link],
        loader: Loader,
        *,
        clock: Clock,
        ring: Callable[[DeviceName], None],
        on_fatal: Callable[[BaseException], None],
        waits_most_s: float,
    ) -> None:
        """`links` are open: one for what the store does by itself, then BATCH_LINKS, then READ_LINKS."""
        self.counts = StoreCounts()
        self._clock = clock
        self._on_fatal = on_fatal
        self._links = links
        self._closing = False
        self._dead: str | None = None
        runner = Runner(loader, now_us=clock.now_us)
        self._timers = Timers(links[0], runner)
        self._batches = Batches(links[1 : 1 + BATCH_LINKS], runner, counts=self.counts, done=self._committed, waits_most_s=waits_most_s)
        self._reader = Reader(links[1 + BATCH_LINKS :], loader)
        self._commit_listeners = PostgresCommitListeners(ring)
        self._health = Health(self._reader, self._timers, self._batches, self._commit_listeners)
        self.service_keys = StoredServiceKeys(self)
        self.sealing_key = PostgresSealingKey(self._reader, self._timers)
        self._serving = self._batches.start(self._ended)
        self._watching = asyncio.create_task(self._health.watch())
        self._watching.add_done_callback(self._ended)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock,
        ring: Callable[[DeviceName], None],
        on_fatal: Callable[[BaseException], None] = exit_at_once,
        may_be_new: bool = True,
        waits_most_s: float = WAITS_MOST_S,
    ) -> Self:
        """The store in this database (postgresql://…), its tables migrated if needed, and created if the database `may_be_new`.

        `ring` is called on the event loop after a commit. What waits for the store for longer than `waits_most_s` is refused.

        Raises: DatabaseTooNew, Unreachable, NotAdmitted, AddressUnfit, DatabaseMissing.
        """
        links = [Link(url) for _ in range(1 + BATCH_LINKS + READ_LINKS)]
        loader = Loader()
        try:
            async with contextlib.AsyncExitStack() as undo:
                for link in links:
                    undo.push_async_callback(link.close)
                await open_all(links[:1])
                await migrate(links[0], clock.now_us(), may_be_new=may_be_new)
                await open_all(links[1:])
                await loader.stock(links[0])
                store = cls(links, loader, clock=clock, ring=ring, on_fatal=on_fatal, waits_most_s=waits_most_s)
                undo.push_async_callback(store.close)
                await store._health.look()
                undo.pop_all()
        except DATABASE_ERRORS as error:
            raise unusable("The database could not be asked while the store opened", error) from error
        return store

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task of ours has ended: because the store closes, or by an unexpected error."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._dead = f"The store stopped: {error!r}."
        reject(self._batches.rule_queue.fail(self._dead))
        self._on_fatal(error)

    # Writes.

    async def decide(self, sees: Sees, rule: Rule[T], *, lane: Lane = Lane.CALLERS) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.decide_for(future, sees, rule, ACTING.get(), lane=lane)
        return await future

    def decide_for(self, waiter: Waiter[T], sees: Sees, rule: Rule[T], acting: Acting, *, lane: Lane = Lane.CALLERS) -> None:
        check_names(sees.records)
        self._batches.rule_queue.put(Queued(sees, rule, waiter, self._recorded(acting)), lane)

    async def _slice_answered(self, entry: QueuedSlice[T], answered: asyncio.Future[Sequence[T | Exception]]) -> Sequence[T | Exception]:
        self._batches.rule_queue.put_slice(entry)
        return await answered

    async def decide_due(self, rule: DueRule, *, limit: int) -> int:
        decided = await self._timers.decide_due(rule, limit=limit, acting=self._acting())
        if decided is not None:
            self.counts.count(decided.batch.happened)
            self._committed(decided)
        if decided is None or decided.due < limit:
            await self._health.look()
        return decided.due if decided is not None else 0

    async def retire(self, *, ended_before_us: int, events_before_us: int = 0, limit: int) -> int:
        await self._reader.number_events()  # those that no one reads grow old, too
        return await self._timers.retire(
            ended_before_us=ended_before_us, events_before_us=events_before_us, limit=limit, acting=self._acting()
        )

    async def sweep_audit(self, until: int, *, limit: int) -> int:
        return len(await self._timers.run("sweep_audit", until, limit))

    async def next_messages_us(self) -> Mapping[str, int]:
        return {}  # other servers may add some at any time: the sender looks every second

    async def claim(
        self, *, limit: int, now_us: int, until_us: int, each: int | None = None, busy: Mapping[str, int] = NOWHERE
    ) -> Sequence[OutboxMessage]:
        return await self._timers.claim(limit=limit, now_us=now_us, until_us=until_us, each=each or limit, busy=busy)

    async def full_outboxes(self, *, most: int) -> Mapping[str, int]:
        return dict(map(tuple, await self._timers.run("full_outboxes", most)))

    async def oldest_messages(self, enterprise: str, *, limit: int) -> Sequence[OutboxMessage]:
        return tuple(message_from(tuple(row)) for row in await self._timers.run("oldest_messages", enterprise, limit))

    def _committed(self, decided: Decided) -> None:
        self._commit_listeners.committed(decided.batch, decided.rings)

    def nearest_deadline_us(self) -> int | None:
        return self._commit_listeners.nearest_us

    def on_deadline(self, listener: Callable[[], None]) -> None:
        self._commit_listeners.on_deadline.append(listener)

    def on_published(self, listener: Callable[[Sequence[int]], None]) -> None:
        self._commit_listeners.on_published.append(listener)

    def on_events(self, listener: Callable[[Collection[EnterpriseName]], None]) -> None:
        self._commit_listeners.on_events.append(listener)

    def on_rings(self, listener: Callable[[Sequence[DeviceName]], None]) -> None:
        self._commit_listeners.on_rings.append(listener)

    def on_changes(self, listener: Callable[[Collection[Thing]], None]) -> None:
        self._commit_listeners.on_changes.append(listener)

    # Reads.

    async def operation(self, name: OperationName) -> Operation | None:
        return await self._reader.operations.get(name)

    def operation_at_hand(self, name: OperationName) -> Operation | None:
        return None  # another server may change it at any time

    def operations_at_hand(self, device: DeviceName, *, after_ms: int, limit: int) -> None:
        return None

    async def operations(self, device: DeviceName, *, after_ms: int, limit: int) -> Page[Operation]:
        return await self._reader.page_of_operations(device, after_ms=after_ms, limit=limit)

    async def open_operations(self, device: DeviceName) -> Sequence[Operation]:
        return tuple(await self._reader.open_operations.get(device) or ())

    def open_at_hand(self, device: DeviceName) -> Sequence[Operation] | None:
        return None

    async def device(self, name: DeviceName) -> DeviceRecord | None:
        state = await self._reader.states.get(name)
        return state.record if state is not None else None

    def device_at_hand(self, name: DeviceName) -> DeviceRecord | None:
        return None  # as above

    async def devices(self, enterprise: EnterpriseName, *, after: str, limit: int) -> Page[DeviceRecord]:
        return await self._reader.page("page_of_devices", _device, enterprise.enterprise, after, limit=limit)

    async def tombstone(self, name: DeviceName) -> Tombstone | None:
        state = await self._reader.states.get(name)
        return TOMBSTONES.living(state.tombstone, self._clock.now_us()) if state is not None else None

    async def by_credential(self, credential_hash: bytes) -> DeviceRecord | Tombstone | None:
        holder = await self._reader.holders.get(credential_hash)
        return TOMBSTONES.living(holder, self._clock.now_us()) if isinstance(holder, Tombstone) else holder

    async def record(self, kind: type[R], name: tuple[Any, ...]) -> R | None:
        row = kind_of(kind)
        return row.living(await self._reader.records[row].get(name), self._clock.now_us())

    async def records(self, kind: type[R], *parent: str, after: str, limit: int) -> Page[R]:
        row = kind_of(kind)
        now_us = (self._clock.now_us(),) if row.expires else ()
        return await self._reader.page(row.names.page, row.from_row, *parent, after, *now_us, limit=limit)

    async def records_found(self, kind: type[R], value: str) -> Sequence[R]:
        row = kind_of(kind)
        return tuple(map(row.from_row, await self._reader.run(row.names.found, [value])))

    async def devices_with_policy(self, name: PolicyName, *, after: str, limit: int) -> Page[DeviceRecord]:
        return await self._reader.page("page_of_devices_with_policy", _device, name.enterprise, str(name), after, limit=limit)

    async def events(self, enterprise: EnterpriseName, *, after: int, limit: int) -> EventPage:
        return await self._reader.events(enterprise, after=after, limit=limit)

    async def _rows(self, name: str, *values: object) -> Sequence[ReadRow]:
        return await self._reader.run(name, *values)

    async def _audit_rows(self, name: str, *values: object) -> Sequence[ReadRow]:
        await self._reader.link_audit()
        return await self._reader.run(name, *values)

    async def orphans(self, *, limit: int) -> Sequence[DeviceName]:
        return tuple(device_from(record).name for (record,) in await self._reader.run("orphans", limit))

    async def newest_us(self) -> int:
        """No time in the store's rows is later, except future ones; 0: they have none.  Raises: Overloaded."""
        return max(at_us or 0 for at_us in (await self._reader.run("newest_times"))[0])

    # For other servers' phones (server/cluster_doorbell.py).

    async def tail(self, after_ms: int, limit: int) -> Sequence[tuple[int, DeviceName]]:
        """The oldest `limit` of the open operations created after that, with their devices.  Raises: Overloaded."""
        rows = await self._reader.run("newest_open", after_ms, limit)
        return [(create_ms, DeviceName(enterprise, device)) for create_ms, enterprise, device in rows]

    async def database_now_us(self) -> int:
        """The database's time.  Raises: Overloaded."""
        return int((await self._reader.run("database_now_us"))[0][0])

    async def connect(self) -> "asyncpg.Connection[Record]":
        """A session for a listener.  Raises: asyncpg's errors, OSError, TimeoutError."""
        return await self._links[0].another()

    # Life.

    def waiting(self) -> LaneLoads:
        return self._batches.rule_queue.loads()

    async def stats(self) -> StoreStats:
        ((open_operations, notifications, oldest_us),) = await self._reader.run("stats")
        ((database_bytes,),) = await self._reader.run("database_bytes")
        return StoreStats(
            engine="PostgreSQL",
            open_operations=open_operations,
            notifications=notifications,
            oldest_notification_us=oldest_us,
            database_bytes=database_bytes,
        )

    def healthy(self) -> str | None:
        return self._dead or self._health.trouble()

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._batches.rule_queue.close()
        self._health.stop()
        await asyncio.gather(*self._serving, self._watching, return_exceptions=True)
        self._batches.rule_queue.end()
        await asyncio.gather(*(link.close() for link in self._links))


def _device(row: ReadRow) -> DeviceRecord:
    return device_from(row[0])
