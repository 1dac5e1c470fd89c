"""Reads beside the batches, on sessions of their own: those that come together are one statement."""

import asyncio
import functools
import itertools
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from importlib import resources
from typing import Any, Generic, TypeVar

from heliograph.domain.device import DeviceRecord, Tombstone
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName
from heliograph.domain.operation import Operation
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.event_log import EventPage
from heliograph.service.ports import Page
from heliograph.storage.batch.rows import DeviceState
from heliograph.storage.codec import operations_from, tombstone_from
from heliograph.storage.event_rows import event_page, page_of_events
from heliograph.storage.kind import Kind, ReadRow
from heliograph.storage.kinds import OF_RECORD
from heliograph.storage.postgres.link import DATABASE_ERRORS, Link, Record, Verdict, verdict
from heliograph.storage.postgres.loading import Loader
from heliograph.storage.postgres.runner import UNFIT, nothing_done, trouble_of

_LINK_AUDIT = (resources.files(__package__) / "link_audit.sql").read_text(encoding="utf-8")
_NUMBER_EVENTS = (resources.files(__package__) / "number_events.sql").read_text(encoding="utf-8")

K = TypeVar("K")
V = TypeVar("V")

TOGETHER_MOST = 512
"""Keys in one statement."""
AT_ONCE_MOST = 2
"""Statements of one kind in progress: more would only be smaller ones."""


class Gathered(Generic[K, V]):
    """A read of many keys, shared: it takes everything asked in one turn of the loop, or while the last read runs."""

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._read = read
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """The row of this key, as it is now.  Raises: Overloaded, InvalidArgument."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V | None] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._start)
        self._waiting.setdefault(key, []).append(future)
        return await future

    def _start(self) -> None:
        if self._waiting and len(self._running) < AT_ONCE_MOST:
            keys = list(itertools.islice(self._waiting, TOGETHER_MOST))
            task = asyncio.create_task(self._run({key: self._waiting.pop(key) for key in keys}))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    async def _run(self, waiting: Mapping[K, Sequence[asyncio.Future[V | None]]]) -> None:
        try:
            found = await self._read(list(waiting))
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            if isinstance(error, InvalidArgument) and len(waiting) > 1:
                # One of the keys spoils the statement for all.
                await asyncio.gather(*(self._run({key: futures}) for key, futures in waiting.items()))
                return
            for future in (future for futures in waiting.values() for future in futures if not future.done()):
                future.set_exception(error)
        else:
            for key, futures in waiting.items():
                for future in futures:
                    if not future.done():
                        future.set_result(found.get(key))


class Reader:
    """Reads over a few sessions, which their users take in turn."""

    def __init__(self, links: Sequence[Link], loader: Loader) -> None:
        """Records are decoded by `loader`, so that what a batch has read is not decoded again, nor kept twice."""
        self._free: asyncio.LifoQueue[Link] = asyncio.LifoQueue()
        for link in links:
            self._free.put_nowait(link)
        self._devices = loader.devices
        self._from_row = loader.from_row
        self.operations = Gathered(self._read_operations)
        self.open_operations = Gathered(self._read_open)
        self.states = Gathered(self._read_states)
        self.holders = Gathered(self._read_holders)
        self._numbering = Gathered(self._number_events)
        self._linking = Gathered(self._link_audit)
        self.records = {kind: Gathered(functools.partial(self._read_records, kind)) for kind in OF_RECORD.values()}

    async def run(self, name: str, *values: object) -> list[Record]:
        """The rows of the statement, which only reads.  Raises: Overloaded, InvalidArgument: no row can ever have such a value."""
        return await self._on_a_link(lambda link: link.run(name, *values))

    async def _on_a_link(self, act: Callable[[Link], Awaitable[V]]) -> V:
        link = await self._free.get()
        try:
            return await self._run(link, act)
        except DATABASE_ERRORS as error:
            if verdict(error) is Verdict.UNFIT:
                raise InvalidArgument(UNFIT) from error
            raise nothing_done(trouble_of(error)) from error
        finally:
            self._free.put_nowait(link)

    async def _run(self, link: Link, act: Callable[[Link], Awaitable[V]]) -> V:
        fresh = not link.connected
        await link.ready()
        try:
            return await act(link)
        except DATABASE_ERRORS as error:
            if verdict(error) is not Verdict.LOST:
                raise
            link.drop()
            if fresh:
                raise
        # The session may have ended while idle, which only shows now.
        await link.ready()
        return await act(link)

    async def page(self, name: str, from_row: Callable[[ReadRow], V], *values: object, limit: int) -> Page[V]:
        """At most `limit` records.  Raises: Overloaded."""
        rows = await self.run(name, *values, limit + 1)
        return Page(items=tuple(map(from_row, rows[:limit])), more=len(rows) > limit)

    async def page_of_operations(self, device: DeviceName, *, after_ms: int, limit: int) -> Page[Operation]:
        """At most `limit` operations of the device after one of them, oldest first.  Raises: Overloaded."""
        rows = await self.run("page_of_operations", *device, after_ms, limit + 1)
        return Page(items=tuple(operations_from(rows[:limit])), more=len(rows) > limit)

    async def events(self, enterprise: EnterpriseName, *, after: int, limit: int) -> EventPage:
        """As EventLog says.  Raises: Overloaded."""
        all_numbered = False
        while True:
            rows = await self.run("page_of_events", *page_of_events(enterprise, after, limit))
            page = event_page(rows)
            ends_before_waiting = len(page.events) == limit or (page.events and page.events[-1].number < page.last)
            if all_numbered or ends_before_waiting or not rows[0]["waiting"]:
                return page
            all_numbered = not await self._numbering.get(None)

    async def number_events(self) -> None:
        """No event that was committed before the call waits for its number.  Raises: Overloaded."""
        while (await self.run("event_waits"))[0][0] and await self._numbering.get(None):
            pass

    async def _number_events(self, _: Sequence[None]) -> Mapping[None, int]:
        """How many got their numbers; none: what still waits is being deleted with its enterprise, by a server that may hang."""
        # Repeated if the session was lost: what has its number waits no more.
        return {None: await self._on_a_link(lambda link: link.script(_NUMBER_EVENTS))}

    async def link_audit(self) -> None:
        """No block of the audit trail that was committed before the call waits for its link.  Raises: Overloaded."""
        ((_, newest),) = await self.run("audit_waits")
        oldest = newest
        while 0 < oldest <= newest:
            await self._linking.get(None)
            ((oldest, _),) = await self.run("audit_waits")

    async def _link_audit(self, _: Sequence[None]) -> Mapping[None, None]:
        # Repeated if the session was lost: what is linked waits no more.
        await self._on_a_link(lambda link: link.script(_LINK_AUDIT))
        return {None: None}

    async def _read_operations(self, names: Sequence[OperationName]) -> Mapping[OperationName, Operation]:
        rows = await self._columns("operations_named", [(*device, create_ms) for device, create_ms in names])
        return {operation.name: operation for operation in operations_from(rows)}

    async def _read_open(self, names: Sequence[DeviceName]) -> Mapping[DeviceName, Sequence[Operation]]:
        found: dict[DeviceName, list[Operation]] = {}
        for operation in operations_from(await self._columns("operations_open", names)):
            found.setdefault(operation.device, []).append(operation)
        return found

    async def _read_states(self, names: Sequence[DeviceName]) -> Mapping[DeviceName, DeviceState]:
        return {
            DeviceName(enterprise, device): DeviceState(
                key,
                self._devices.value(record, key) if record is not None else None,
                tombstone_from(tombstone) if tombstone is not None else None,
            )
            for enterprise, device, key, record, tombstone in await self._columns("device_states", names)
        }

    async def _read_holders(self, credential_hashes: Sequence[bytes]) -> Mapping[bytes, DeviceRecord | Tombstone]:
        """The living before the dead, the newest before the older, should two phones ever have said the same."""
        return {
            credential_hash: self._devices.value(record) if living else tombstone_from(record)
            for living, _, credential_hash, record in await self.run("holders", credential_hashes)
        }

    async def _read_records(self, kind: Kind[Any, Any], names: Sequence[Any]) -> Mapping[Any, Any]:
        records = map(self._from_row[kind], await self._columns(kind.names.named, names))
        return {kind.key_of(record): record for record in records}

    async def _columns(self, name: str, rows: Collection[Sequence[Any]]) -> list[Record]:
        return await self.run(name, *zip(*rows, strict=True))
