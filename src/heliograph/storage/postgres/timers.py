"""What a store does by itself, on its own session, so that no caller waits for it: deadlines, retention, claims; and its health."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from heliograph.domain.audit import Acting
from heliograph.domain.errors import OutcomeUnknown
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import Unavailable
from heliograph.service.outbox import OutboxMessage
from heliograph.service.ports import DueRule
from heliograph.storage.batch.audit import block_rows, row_of_removal
from heliograph.storage.kinds import KINDS
from heliograph.storage.outbox import Rota, message_from, soonest
from heliograph.storage.postgres.link import DATABASE_ERRORS, Link, Record, Verdict, verdict
from heliograph.storage.postgres.loading import Loaded
from heliograph.storage.postgres.read_set import ReadSet
from heliograph.storage.postgres.runner import Decided, Rejected, Runner, commit, nothing_done, trouble_of

PROBE_BYTES = 65_536
"""Room for a batch or two."""


class Timers:
    """One session, which its users take in turn.  Raises (any method): Overloaded, OutcomeUnknown."""

    def __init__(self, link: Link, runner: Runner) -> None:
        self._link = link
        self._runner = runner
        self._turn = asyncio.Lock()
        self._rota = Rota()

    async def decide_due(self, rule: DueRule, *, limit: int, acting: Acting | None = None) -> Decided | None:
        """Everything due is decided and durable, except operations of locked devices; None: nothing was due."""
        async with self._alone():
            due = await self._link.run("lock_due", self._runner.now_us(), limit)
            if not due:
                await self._link.rollback()  # what others run here next has a transaction of its own
                return None
            decided = await self._runner.within(self._link, _read_set(due), lambda loaded: _decide(loaded, due, rule, acting))
            await commit(self._link, decided)
            return decided

    async def retire(self, *, ended_before_us: int, events_before_us: int, limit: int, acting: Acting | None = None) -> int:
        """How many rows went: operations that ended before the time, records past their expiry, kind by kind; and old events."""
        now_us = self._runner.now_us()
        async with self._alone():
            removed = len(await self._link.run("retire_operations", ended_before_us, limit))
            for kind in [kind for kind in KINDS if kind.expires]:
                removed += len(await self._link.run(kind.names.retire, now_us, limit - removed))
            removed += len(await self._link.run("retire_events", events_before_us, limit))
            if acting is not None and removed:
                await self._link.run_rows("append_audit_arrivals", tuple(block_rows((row_of_removal(acting, removed),), now_us)))
            await self._link.commit()
        return removed

    async def claim(self, *, limit: int, now_us: int, until_us: int, each: int, busy: Mapping[str, int]) -> Sequence[OutboxMessage]:
        """As Outbox.claim; claimed in the database, for other servers claim too."""
        due = sorted(destination for destination, first_due_us in await self.run("waiting_destinations") if first_due_us <= now_us)
        rooms = self._rota.rooms(due, each=each, busy=busy)
        if not rooms:
            return ()
        rows = await self.run("claim_messages", now_us, until_us, *map(list, zip(*rooms, strict=True)), limit)
        claimed = sorted((message_from(tuple(row)) for row in rows), key=soonest)
        self._rota.served(rooms, claimed)
        return claimed

    async def run(self, name: str, *values: object) -> list[Record]:
        """The rows of the statement, which has a transaction of its own."""
        async with self._turn:
            sent = False
            try:
                await self._link.ready()
                sent = True
                return await self._link.run(name, *values)
            except DATABASE_ERRORS as error:
                if sent and verdict(error) is Verdict.LOST:
                    raise OutcomeUnknown from error
                raise nothing_done(Rejected(error).trouble) from error

    async def probe(self) -> str | None:
        """None if the database accepts writes, shown by making one; otherwise why not."""
        try:
            async with self._alone():
                await self._link.run("take_room", bytes(PROBE_BYTES))
                await self._link.run("give_room_back")
                await self._link.commit()
        except Unavailable as error:
            return trouble_of(error.__cause__ or error)
        return None

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """A transaction; the block commits it.  Raises: Overloaded."""
        async with self._turn:
            try:
                await self._link.ready()
                await self._link.begin()
                yield
            except Rejected as rejected:
                raise nothing_done(rejected.trouble) from rejected
            except DATABASE_ERRORS as error:
                await self._link.rollback()
                raise nothing_done(Rejected(error).trouble) from error
            except BaseException:
                await self._link.rollback()
                raise


def _read_set(due: Iterable[Record]) -> ReadSet:
    read_set = ReadSet()
    for enterprise, device, create_ms in due:
        name = DeviceName(enterprise, device)
        read_set.devices.add(name)
        read_set.operations.add((name, create_ms))
        read_set.subscriptions.add(name.parent)
    return read_set


def _decide(loaded: Loaded, due: Iterable[Record], rule: DueRule, acting: Acting | None) -> Decided:
    """Decide what is still due: an operation may have ended between the look and the lock."""
    batch, decided = loaded.batch, 0
    for enterprise, device, create_ms in due:
        name = DeviceName(enterprise, device)
        operation = batch.operation((name, create_ms))
        if operation is None or operation.deadline_us is None or operation.deadline_us > batch.now_us:
            continue
        batch.decide_due(operation, rule, acting)
        decided += 1
    return Decided(loaded, (), (), decided)
