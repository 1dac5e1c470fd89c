"""One batch of rules in one transaction: everything loaded, every rule run, every write written; and then its commit."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import asyncpg

from heliograph.domain.errors import Overloaded
from heliograph.domain.names import DeviceName
from heliograph.storage.batch.writes import Batch
from heliograph.storage.postgres.link import DATABASE_ERRORS, Link, Verdict, numbers, verdict
from heliograph.storage.postgres.loading import Loaded, Loader
from heliograph.storage.postgres.read_set import NotLoaded, ReadSet
from heliograph.storage.postgres.writing import write
from heliograph.storage.queue.rule_queue import Outcome, Queued, overloaded, run_rule

UNFIT = "A value has a character that the database cannot store: remove NUL."
RUNS_MOST = 20
"""Of one batch: it runs again when another server was faster, or when it wants what it did not foresee."""


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
    """A batch did not commit in RUNS_MOST runs: others were faster each time."""


class Rejected(Exception):
    """Nothing was done; `trouble` says what is wrong with the database, None: it was only busy."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        means = Verdict.BUSY if isinstance(error, Contended) else verdict(error)
        self.unfit = means is Verdict.UNFIT
        self.locked = isinstance(error, asyncpg.LockNotAvailableError)
        self.trouble = None if means in {Verdict.BUSY, Verdict.AGAIN, Verdict.UNFIT} else trouble_of(error)


def trouble_of(error: BaseException) -> str:
    """What /readyz says of the error."""
    if verdict(error) is Verdict.LOST:
        return f"The database cannot be reached: {str(error) or type(error).__name__}."
    return f"The database accepts no writes: {error}."


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

    async def run(self, link: Link, entries: Sequence[Queued]) -> Decided:
        """The rules have run and their writes are written, in a transaction that is still open.  Raises: Rejected."""
        read_set = ReadSet()
        read_set.add(entry.sees for entry in entries)
        for _ in range(RUNS_MOST):
            try:
                await link.ready()
                await link.begin()
                return await self._once(link, read_set, lambda loaded: _decide(loaded, entries))
            except NotLoaded as unforeseen:
                # From the beginning, so that locks are always taken in the same order.
                unforeseen.grow(read_set)
                await link.rollback()
            except DATABASE_ERRORS as error:
                await self._after(link, error)
            except BaseException:
                link.drop()
                raise
        raise Rejected(Contended())

    async def within(self, link: Link, read_set: ReadSet, decide: Callable[[Loaded], Decided]) -> Decided:
        """`decide` has run and what it wrote is written, in the link's transaction, which is still open.

        Raises: DATABASE_ERRORS; what `decide` raises.
        """
        for _ in range(RUNS_MOST):
            try:
                return await self._once(link, read_set, decide)
            except NotLoaded as unforeseen:
                unforeseen.grow(read_set)
        raise Rejected(Contended())

    async def locked_devices(self, link: Link, entries: Sequence[Queued]) -> set[DeviceName]:
        """The rules' devices that another session keeps locked now.  Raises: DATABASE_ERRORS."""
        await link.ready()
        keys = await self.loader.keys_of(link, {entry.sees.device for entry in entries if entry.sees.device is not None})
        free = {key for (key,) in await link.run("free_devices", numbers(keys.values()))}
        return {name for name, key in keys.items() if key not in free}

    async def _once(self, link: Link, read_set: ReadSet, decide: Callable[[Loaded], Decided]) -> Decided:
        loaded = await self.loader.load(link, read_set)
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
            raise Rejected(error) from error


def _decide(loaded: Loaded, entries: Sequence[Queued]) -> Decided:
    rings: list[DeviceName] = []
    batch = loaded.batch
    outcomes: list[Outcome] = []
    missing: list[NotLoaded] = []
    for entry in entries:
        try:
            outcomes.append(run_rule(batch, entry, rings))
        except NotLoaded as unforeseen:
            missing.append(unforeseen)
    if missing:
        # This run is void, but shows what all rules need: 100 phones that enrol at once take three runs, not 100.
        raise NotLoaded(lambda read_set: _grow(read_set, missing))
    return Decided(loaded, outcomes, rings)


def _grow(read_set: ReadSet, missing: Sequence[NotLoaded]) -> None:
    # What several want alike, as more numbers, is asked for once: it grows with each run.
    for grow in dict.fromkeys(unforeseen.grow for unforeseen in missing):
        grow(read_set)


async def commit(link: Link, decided: Decided) -> None:
    """The batch is durable.  Raises: OutcomeUnknown; Overloaded: nothing was done."""
    if not decided.batch.written:
        # Nothing to make durable; this releases every lock.
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
