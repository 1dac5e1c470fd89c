"""Rules as batches over two sessions: while one commits, the other locks, reads, decides and writes the next batch.

Failure rules. Another server was faster, or two waited for each other: the batch runs again. The connection is lost, or the database
takes no writes, before COMMIT was sent: nothing was done, and everybody is told so (Overloaded). Lost after it was sent: nobody knows
(OutcomeUnknown), and nothing runs again. An error of our own ends the process: what the database holds is the truth.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from heliograph.domain.errors import InvalidArgument, Overloaded, Unavailable
from heliograph.domain.names import DeviceName
from heliograph.service.counts import StoreCounts
from heliograph.storage.batch import Batch
from heliograph.storage.entrance import Entrance, Outcome, Waiting, overloaded
from heliograph.storage.postgres_link import DATABASE_ERRORS, Link, Verdict, verdict
from heliograph.storage.postgres_loading import Loaded, Loader
from heliograph.storage.postgres_wants import Unforeseen, Wants
from heliograph.storage.postgres_writing import write

RUNS_MOST = 20
"""Of one batch: it runs again when another server was faster, or when it wants what it did not foresee."""
UNFIT = "One of these values has a character that the database cannot hold: leave out NUL."
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
"""Between two attempts to reach the database."""


class Decided(NamedTuple):
    """A batch whose rules have run."""

    loaded: Loaded
    outcomes: Sequence[Outcome]
    rings: Sequence[DeviceName] = ()
    due: int = 0
    """Operations that were decided because their time had come."""

    @property
    def batch(self) -> Batch:
        """What the rules wrote."""
        return self.loaded.batch


class Contended(Exception):
    """A batch did not come to its end in RUNS_MOST runs: others were faster each time."""


class Refused(Exception):
    """Nothing was done; `trouble` says what is wrong with the database, None: it was only busy."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        means = Verdict.BUSY if isinstance(error, Contended) else verdict(error)
        self.unfit = means is Verdict.UNFIT
        self.trouble = None if means in {Verdict.BUSY, Verdict.AGAIN, Verdict.UNFIT} else trouble_of(error)


def trouble_of(error: BaseException) -> str:
    """What /readyz says of the error."""
    if verdict(error) is Verdict.LOST:
        return f"The database cannot be reached: {str(error) or type(error).__name__}."
    return f"The database takes no writes: {error}."


class Runner:
    """Runs batches of rules on links, each until it is written or refused; commits nothing."""

    def __init__(self, loader: Loader, *, now_us: Callable[[], int]) -> None:
        self.loader = loader
        self._clock_us = now_us
        self._now_us = 0

    def now_us(self) -> int:
        """The time, which never goes back for rules."""
        self._now_us = max(self._now_us, self._clock_us())
        return self._now_us

    async def run(self, link: Link, entries: Sequence[Waiting]) -> Decided:
        """The rules have run and their writes are written, in a transaction that is still open.  Raises: Refused."""
        wants = Wants()
        wants.add(entry.sees for entry in entries)
        for _ in range(RUNS_MOST):
            try:
                await link.ready()
                await link.begin()
                return await self._once(link, wants, lambda loaded: _decide(loaded, entries))
            except Unforeseen as unforeseen:
                # From the beginning, so that locks are always taken in the same order.
                unforeseen.grow(wants)
                await link.rollback()
            except DATABASE_ERRORS as error:
                await self._after(link, error)
            except BaseException:
                link.drop()
                raise
        raise Refused(Contended())

    async def within(self, link: Link, wants: Wants, decide: Callable[[Loaded], Decided]) -> Decided:
        """`decide` has run and what it wrote is written, in the link's transaction, which is still open.

        Raises: DATABASE_ERRORS; what `decide` raises.
        """
        for _ in range(RUNS_MOST):
            try:
                return await self._once(link, wants, decide)
            except Unforeseen as unforeseen:
                unforeseen.grow(wants)
        raise Refused(Contended())

    async def _once(self, link: Link, wants: Wants, decide: Callable[[Loaded], Decided]) -> Decided:
        loaded = await self.loader.load(link, wants)
        loaded.batch.now_us = self.now_us()
        with self.loader.numbers_for_one_run():
            decided = decide(loaded)
        await write(link, loaded)
        return decided

    async def _after(self, link: Link, error: Exception) -> None:
        if verdict(error) is Verdict.LOST:
            link.drop()
        else:
            await link.rollback()
        if verdict(error) is not Verdict.AGAIN:
            raise Refused(error) from error


def _decide(loaded: Loaded, entries: Sequence[Waiting]) -> Decided:
    rings: list[DeviceName] = []
    batch = loaded.batch
    outcomes: list[Outcome] = []
    missing: list[Unforeseen] = []
    for entry in entries:
        try:
            outcomes.append(_one(batch, entry, rings))
        except Unforeseen as unforeseen:
            missing.append(unforeseen)
    if missing:
        # This run is worth nothing any more, but tells what all rules need: 100 phones that enrol at once take three, not 100.
        raise Unforeseen(lambda wants: _grow(wants, missing))
    return Decided(loaded, outcomes, rings)


def _grow(wants: Wants, missing: Sequence[Unforeseen]) -> None:
    # What several want alike, as more numbers, is asked for once: it grows with each run.
    for grow in dict.fromkeys(unforeseen.grow for unforeseen in missing):
        grow(wants)


def _one(batch: Batch, entry: Waiting, rings: list[DeviceName]) -> Outcome:
    sees, rule, future = entry
    facts = batch.facts(sees)
    try:
        decision = rule(facts)
        batch.take(decision.writes)
    except Exception as error:  # noqa: BLE001 - it belongs to whoever gave the rule
        return Outcome(future, error=error)
    if decision.ring is not None:
        rings.append(decision.ring)
    return Outcome(future, decision.answer)


class Batches:
    """Takes what waits at the entrance, batch by batch. `done` is called after each commit, right after the answers."""

    def __init__(self, links: Sequence[Link], runner: Runner, *, counts: StoreCounts, done: Callable[[Decided], None]) -> None:
        self.trouble: str | None = None
        """Why writes do not work, if they do not."""
        self.entrance = Entrance(counts, lambda _: None, wake=self._wake)
        self._counts = counts
        self._links = links
        self._runner = runner
        self._done = done
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def start(self, ended: Callable[[asyncio.Task[None]], None]) -> Sequence[asyncio.Task[None]]:
        """The tasks run, one for each link, until the entrance is closed and nothing waits; `ended` is called with each afterwards."""
        tasks = [asyncio.create_task(self._serve(link)) for link in self._links]
        for task in tasks:
            task.add_done_callback(ended)
        return tasks

    def _wake(self) -> None:
        self._news.set()

    async def _serve(self, link: Link) -> None:
        while await self._reach(link):
            async with self._turn:
                entries = await self._next(link)
                if not entries and self.entrance.closed and link.connected:
                    return
                decided = await self._run_or_die(link, entries) if entries else None
            if decided is not None:
                await self._commit(link, decided)

    async def _reach(self, link: Link) -> bool:
        """The link is connected; or the store closes, and there is nothing left for it to do."""
        pause_s = FIRST_PAUSE_S
        while not await self._reachable(link):
            if self.entrance.closed:
                # Whoever still waits is served over the other link, or refused when the store ends.
                return False
            # Who waits meanwhile is told after a second; most restarts of a database take less.
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
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

    async def _next(self, link: Link) -> Sequence[Waiting]:
        """What runs as the next batch; nothing: the link was lost meanwhile, or the store closes."""
        while link.connected:
            self._news.clear()
            closed = self.entrance.closed  # asked before: what comes between is taken at the next turn
            if entries := self.entrance.take():
                return [entry for entry in entries if isinstance(entry, Waiting)]
            if closed:
                break
            await self._news.wait()
        return ()

    async def _run_or_die(self, link: Link, entries: Sequence[Waiting]) -> Decided | None:
        try:
            return await self._run(link, entries)
        except BaseException:
            _tell(Outcome(entry.future, error=nothing_done(None)) for entry in entries)
            raise

    async def _run(self, link: Link, entries: Sequence[Waiting]) -> Decided | None:
        try:
            return await self._runner.run(link, entries)
        except Refused as refused:
            if not refused.unfit:
                self.trouble = refused.trouble or self.trouble
                self._counts.refused["storage"] += len(entries)
                _tell(Outcome(entry.future, error=nothing_done(refused.trouble)) for entry in entries)
            elif len(entries) == 1:
                _tell((Outcome(entries[0].future, error=InvalidArgument(UNFIT)),))
            else:
                await self._one_by_one(link, entries)
            return None

    async def _one_by_one(self, link: Link, entries: Sequence[Waiting]) -> None:
        """Each rule is a batch of its own: one of them holds a value that would spoil it for all."""
        for entry in entries:
            decided = await self._run(link, (entry,))
            if decided is not None:
                await self._commit(link, decided)

    async def _commit(self, link: Link, decided: Decided) -> None:
        since_s = self._loop.time()
        try:
            await commit(link, decided)
        except Unavailable as error:
            self.trouble = str(error)
            self._counts.refused["storage"] += len(decided.outcomes) if isinstance(error, Overloaded) else 0
            _tell(outcome._replace(error=type(error)(str(error), retry_after_s=1)) for outcome in decided.outcomes)
        else:
            self.trouble = None
            _tell(decided.outcomes)
            self._counts.committed(decided.batch.happened, rules=len(decided.outcomes), commit_s=self._loop.time() - since_s)
            self._done(decided)


def _tell(outcomes: Iterable[Outcome]) -> None:
    """Whoever waits for these is answered."""
    for future, answer, error in outcomes:
        if future.done():  # whoever waited was cancelled
            continue
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)


async def commit(link: Link, decided: Decided) -> None:
    """The batch is durable.  Raises: OutcomeUnknown; Overloaded: nothing was done."""
    if not decided.batch.written:
        # Nothing to make durable, and every lock is let go as well.
        await link.rollback()
        return
    try:
        await link.commit()
    except DATABASE_ERRORS as error:
        await link.rollback()
        raise nothing_done(trouble_of(error)) from error


def nothing_done(why: str | None) -> Overloaded:
    """Not run, safe to repeat; and why."""
    return overloaded(f"{why} Nothing was done: try again." if why else "")
