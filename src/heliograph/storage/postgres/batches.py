"""Rules as batches over two sessions: while one commits, the other locks, reads, decides and writes the next batch.

Failure rules. Another server was faster, or two waited for each other: the batch runs again. The connection is lost, or the database
accepts no writes, before COMMIT was sent: nothing was done, and every rule gets Overloaded. Lost after it was sent: the outcome is unknown
(OutcomeUnknown), and nothing runs again. An error of our own ends the process: what the database holds is the truth.
"""

import asyncio
from collections.abc import Callable, Sequence

from heliograph.backoff import Backoff
from heliograph.domain.errors import Overloaded
from heliograph.protojson.errors import InvalidArgument, Unavailable
from heliograph.service.metrics import StoreCounts
from heliograph.storage.postgres.link import DATABASE_ERRORS, Link
from heliograph.storage.postgres.runner import UNFIT, Decided, Rejected, Runner, commit, nothing_done, trouble_of
from heliograph.storage.postgres.slices import apart
from heliograph.storage.queue.rule_queue import Entry, Outcome, Queued, QueuedSlice, RuleQueue, answer_all

OVERLAPS_FROM = 64
"""Rules that are worth a batch of their own while another one commits: fewer wait for that, since two small batches cost more than one."""
OVERLAPS_AFTER_S = 0.005
"""A commit that takes longer is not waited for."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
"""Between two attempts to reach the database."""


class Batches:
    """Takes what waits in the queue, batch by batch. `done` is called after each commit, right after the answers."""

    def __init__(
        self, links: Sequence[Link], runner: Runner, *, counts: StoreCounts, done: Callable[[Decided], None], waits_most_s: float
    ) -> None:
        self.trouble: str | None = None
        """Why writes do not work, if they do not."""
        self._woken = asyncio.Event()
        self.rule_queue = RuleQueue(counts, lambda _: None, wake=self._woken.set, waits_most_s=waits_most_s)
        self._counts = counts
        self._links = links
        self._runner = runner
        self._done = done
        self._turn = asyncio.Lock()
        self._committing_since_s: float | None = None
        self._loop = asyncio.get_running_loop()

    def start(self, ended: Callable[[asyncio.Task[None]], None]) -> Sequence[asyncio.Task[None]]:
        """Run a task for each link until the queue is closed and empty; call `ended` with each afterwards."""
        tasks = [asyncio.create_task(self._serve(link)) for link in self._links]
        for task in tasks:
            task.add_done_callback(ended)
        return tasks

    async def _serve(self, link: Link) -> None:
        while await self._reach(link):
            async with self._turn:
                entries = await self._next(link)
                if not entries and self.rule_queue.closed and link.connected:
                    return
                decided = await self._run_or_die(link, entries) if entries else None
                since_s = self._loop.time()
                if decided is not None:
                    self._committing_since_s = since_s
            if decided is not None:
                await self._commit(link, decided)
                if self._committing_since_s == since_s:
                    self._committing_since_s = None
                self._woken.set()

    async def _reach(self, link: Link) -> bool:
        """The link is connected, or the store closes and the link has nothing left to do."""
        backoff = Backoff(first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
        while not await self._reachable(link):
            if self.rule_queue.closed:
                # Rules that still wait are served over the other link, or refused when the store ends.
                return False
            # Rules that wait meanwhile are refused after a second; most restarts of a database take less.
            await asyncio.sleep(backoff.next_s())
        return True

    async def _reachable(self, link: Link) -> bool:
        if link.connected:
            return True
        try:
            await link.ready()
        except DATABASE_ERRORS as error:
            self.trouble = trouble_of(error)
            return False
        return True

    async def _next(self, link: Link) -> Sequence[Queued]:
        """What runs as the next batch; empty: the link was lost meanwhile, or the store closes."""
        while link.connected:
            self._woken.clear()
            closed = self.rule_queue.closed  # asked before: what comes between is taken at the next turn
            if closed or self._worth_a_batch():
                if entries := self.rule_queue.take():
                    return _as_rules(entries)
                if closed:
                    break
            await self._woken.wait()
        return ()

    def _worth_a_batch(self) -> bool:
        """Whether the next batch starts now; else it is looked again when something happens."""
        since_s = self._committing_since_s
        if since_s is None or self.rule_queue.waiting() >= OVERLAPS_FROM:
            return True
        over_s = since_s + OVERLAPS_AFTER_S
        if self._loop.time() >= over_s:
            return True
        self._loop.call_at(over_s, self._woken.set)
        return False

    async def _run_or_die(self, link: Link, entries: Sequence[Queued]) -> Decided | None:
        try:
            return await self._run(link, entries)
        except BaseException:
            answer_all(Outcome(entry.future, error=nothing_done(None)) for entry in entries)
            raise

    async def _run(self, link: Link, entries: Sequence[Queued], *, apart: bool = True) -> Decided | None:
        """`apart`: rules of devices that stay locked are refused, and the others run."""
        try:
            return await self._runner.run(link, entries)
        except Rejected as rejected:
            if rejected.locked and apart:
                return await self._run_free(link, entries)
            if rejected.unfit:
                return await self._run_fit(link, entries)
            self._reject(entries, rejected.trouble)
            return None

    async def _run_free(self, link: Link, entries: Sequence[Queued]) -> Decided | None:
        """A server that hangs in the middle of a batch harms the rules of that batch's devices only."""
        try:
            locked = await self._runner.locked_devices(link, entries)
        except DATABASE_ERRORS as error:
            self._reject(entries, Rejected(error).trouble)
            return None
        free = [entry for entry in entries if entry.sees.device not in locked]
        self._reject([entry for entry in entries if entry.sees.device in locked], None)
        return await self._run(link, free, apart=False) if free else None

    def _reject(self, entries: Sequence[Queued], trouble: str | None) -> None:
        self.trouble = trouble or self.trouble
        self._counts.refused["storage"] += len(entries)
        answer_all(Outcome(entry.future, error=nothing_done(trouble)) for entry in entries)

    async def _run_fit(self, link: Link, entries: Sequence[Queued]) -> Decided | None:
        """Rules that write a value which would spoil the batch for all are answered so; the others run, in one transaction as ever."""
        try:
            unfit = await self._unfit(link, entries)
        except Rejected as rejected:
            self._reject(entries, rejected.trouble)
            return None
        if not unfit:  # only together: then no one can say which
            unfit = {id(entry): entry for entry in entries}
        answer_all(Outcome(entry.future, error=InvalidArgument(UNFIT)) for entry in unfit.values())
        fit = [entry for entry in entries if id(entry) not in unfit]
        return await self._run(link, fit) if fit else None

    async def _unfit(self, link: Link, entries: Sequence[Queued]) -> dict[int, Queued]:
        """Those that cannot be written, by identity: found by writing halves, which is taken back.  Raises: Rejected."""
        try:
            await self._runner.run(link, entries)
        except Rejected as rejected:
            if not rejected.unfit:
                raise
        else:
            await link.rollback()
            return {}
        if len(entries) == 1:
            return {id(entries[0]): entries[0]}
        half = len(entries) // 2
        return await self._unfit(link, entries[:half]) | await self._unfit(link, entries[half:])

    async def _commit(self, link: Link, decided: Decided) -> None:
        since_s = self._loop.time()
        try:
            await commit(link, decided)
        except Unavailable as error:
            self.trouble = str(error)
            self._counts.refused["storage"] += len(decided.outcomes) if isinstance(error, Overloaded) else 0
            answer_all(Outcome(outcome.future, error=type(error)(str(error), retry_after_s=1)) for outcome in decided.outcomes)
        else:
            self.trouble = None
            answer_all(decided.outcomes)
            self._counts.committed(decided.batch.happened, rules=len(decided.outcomes), commit_s=self._loop.time() - since_s)
            self._done(decided)


def _as_rules(entries: Sequence[Entry]) -> Sequence[Queued]:
    first = entries[0]
    return apart(first) if isinstance(first, QueuedSlice) else [entry for entry in entries if isinstance(entry, Queued)]
