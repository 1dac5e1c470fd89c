"""The one thread that writes: it takes all waiting rules as one batch, commits once, then answers them all.

Failure rules. Not enough disk, or busy: the whole batch is refused (Overloaded), reads go on, and a probe finds out when writes work
again. COMMIT failed in any other way: the outcome is unknown. That, an I/O error, a corrupt file or an error of our own end the
process: what stands on disk is the truth, and a restart reads it.
"""

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import apsw

from heliograph.domain.errors import OutcomeUnknown, Overloaded
from heliograph.domain.names import DeviceName
from heliograph.service.counts import Happened, StoreCounts
from heliograph.service.ports import Rule, Sees
from heliograph.storage.batch import Batch
from heliograph.storage.memory import Memory
from heliograph.storage.tables import Tables

BATCH_MOST = 512
PROBE_BYTES = 65_536
"""Room for a batch or two."""
PROBE_S = 1.0
"""How often an unhealthy store tries whether writes work again."""
NO_ROOM = (apsw.FullError, apsw.BusyError, apsw.LockedError, apsw.ReadOnlyError)


class Waiting(NamedTuple):
    """A rule that waits for its batch."""

    sees: Sees
    rule: Rule[Any]
    future: asyncio.Future[Any]


class Alone(NamedTuple):
    """Something that needs a batch for itself: `act(batch)` gives the answer, and may write past the batch."""

    act: Callable[[Batch], object]
    future: asyncio.Future[Any]


class Outcome(NamedTuple):
    """What becomes of one future."""

    future: asyncio.Future[Any]
    answer: object = None
    error: Exception | None = None


class Done(NamedTuple):
    """What the event loop is told after a batch."""

    outcomes: Sequence[Outcome]
    rings: Sequence[DeviceName]
    nearest_deadline_us: int | None
    message_ids: Sequence[int] = ()
    """Of the messages that came into the outbox."""
    happened: Happened | None = None
    """What the batch did to operations; None: it was not committed."""
    commit_us: int = 0
    """How long it took to write and commit it."""

    def count_in(self, counts: StoreCounts) -> None:
        """The counts tell of the batch, if it was committed."""
        if self.happened is not None:
            counts.committed(self.happened, rules=len(self.outcomes), commit_s=self.commit_us / 1_000_000)


class Writer:
    """Runs rules and commits what they wrote. `done` is called on the event loop once per batch, `on_fatal` in the writer's thread."""

    def __init__(
        self,
        tables: Tables,
        memory: Memory,
        *,
        now_us: Callable[[], int],
        done: Callable[[Done], None],
        between_batches: Callable[[], None],
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self.trouble: str | None = None
        """Why writes do not work, if they do not."""
        self.dead = False
        self._tables = tables
        self._memory = memory
        self._clock_us = now_us
        self._now_us = 0
        self._nearest_us = tables.nearest_deadline_us()
        self._done = done
        self._between_batches = between_batches
        self._on_fatal = on_fatal
        self._handed_over: queue.SimpleQueue[Sequence[Waiting | Alone] | None] = queue.SimpleQueue()
        self._next: deque[Waiting | Alone] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="heliograph-writer", daemon=True)

    def start(self) -> None:
        """The thread runs."""
        self._thread.start()

    def hand_over(self, entries: Sequence[Waiting | Alone]) -> None:
        """The entries wait for their batch, in this order."""
        self._handed_over.put(entries)

    def stop(self) -> None:
        """Everything handed over has been answered, and the thread has ended. Blocks."""
        self._handed_over.put(None)
        self._thread.join()

    # In the thread.

    def _run(self) -> None:
        entries: Sequence[Waiting | Alone] = ()
        try:
            while True:
                self._wait()
                entries = self._take()
                if entries:
                    self._serve(entries)
                elif self._stopping:
                    return
                else:
                    self._probe()
                self._between_batches()
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody else would ever hear of it
            self._die(error, entries)

    def _wait(self) -> None:
        """All that was handed over is next; without anything, after waiting for it."""
        try:
            while not self._next and not self._stopping:
                self._receive(self._handed_over.get(timeout=PROBE_S if self.trouble else None))
            for _ in range(self._handed_over.qsize()):
                self._receive(self._handed_over.get_nowait())
        except queue.Empty:
            return

    def _receive(self, entries: Sequence[Waiting | Alone] | None) -> None:
        if entries is None:
            self._stopping = True
        else:
            self._next.extend(entries)

    def _take(self) -> Sequence[Waiting | Alone]:
        """What runs as the next batch: one that runs alone, or the rules before the next such."""
        coming = self._next
        if coming and isinstance(coming[0], Alone):
            return (coming.popleft(),)
        entries: list[Waiting | Alone] = []
        while coming and len(entries) < BATCH_MOST and not isinstance(coming[0], Alone):
            entries.append(coming.popleft())
        return entries

    def _serve(self, entries: Sequence[Waiting | Alone]) -> None:
        self._now_us = max(self._now_us, self._clock_us())
        batch = Batch(self._memory, self._tables, self._now_us)
        rings: list[DeviceName] = []
        try:
            outcomes = self._decide(batch, entries, rings)
            commit_us = self._settle(batch)
        except NO_ROOM as error:
            self._roll_back()
            self.trouble = f"The database takes no writes: {error}."
            refused = Overloaded(f"{self.trouble} Nothing was done: try again.", retry_after_s=1)
            self._tell([Outcome(entry.future, error=refused) for entry in entries])
        except AloneFailed as error:
            self._roll_back()
            self._tell([Outcome(entries[0].future, error=error.cause)])
        else:
            batch.remember()
            if batch.written or isinstance(entries[0], Alone):
                self._nearest_us = self._tables.nearest_deadline_us()
            message_ids = [message.message_id for message in batch.written.outbox.new]
            happened = None if commit_us is None else batch.happened
            tell_loop(self._done, Done(outcomes, rings, self._nearest_us, message_ids, happened, commit_us or 0))

    def _decide(self, batch: Batch, entries: Sequence[Waiting | Alone], rings: list[DeviceName]) -> list[Outcome]:
        first = entries[0]
        if isinstance(first, Alone):
            return [Outcome(first.future, self._alone(first, batch))]
        batch.foresee([entry.sees for entry in entries if isinstance(entry, Waiting)])
        return [self._one(batch, entry, rings) for entry in entries if isinstance(entry, Waiting)]

    def _alone(self, entry: Alone, batch: Batch) -> object:
        self._tables.one("begin")
        try:
            return entry.act(batch)
        except apsw.Error:
            raise
        except Exception as error:
            raise AloneFailed(error) from error

    def _one(self, batch: Batch, entry: Waiting, rings: list[DeviceName]) -> Outcome:
        facts = batch.facts(entry.sees)
        try:
            decision = entry.rule(facts)
            batch.take(decision.writes)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever gave the rule
            return Outcome(entry.future, error=error)
        if decision.ring is not None:
            rings.append(decision.ring)
        return Outcome(entry.future, decision.answer)

    def _settle(self, batch: Batch) -> int | None:
        """The batch is durable. How long that took in microseconds; None: there was nothing to write."""
        if not self._tables.in_transaction:
            if not batch.written:
                return None
            self._tables.one("begin")
        from_us = self._clock_us()
        self._tables.write(batch)
        try:
            self._tables.one("commit")
        except NO_ROOM:
            raise
        except apsw.Error as error:
            raise CommitFailed from error
        self.trouble = None
        return self._clock_us() - from_us

    def _roll_back(self) -> None:
        if self._tables.in_transaction:
            self._tables.one("rollback")

    def _probe(self) -> None:
        """Whether there is room again, shown by taking some and giving it back."""
        try:
            self._tables.one("give_room_back")
            self._tables.one("take_room", bytes(PROBE_BYTES))
            self._tables.one("give_room_back")
        except NO_ROOM as error:
            self._roll_back()
            self.trouble = f"The database takes no writes: {error}."
        else:
            self.trouble = None

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        tell_loop(self._done, Done(outcomes, (), self._nearest_us))

    def _die(self, error: BaseException, entries: Sequence[Waiting | Alone]) -> None:
        self.dead = True
        self.trouble = f"The database writer stopped: {error!r}."
        unknown: Exception = OutcomeUnknown() if isinstance(error, CommitFailed) else Overloaded(self.trouble)
        outcomes = [Outcome(entry.future, error=unknown) for entry in entries]
        outcomes += [Outcome(entry.future, error=Overloaded(self.trouble)) for entry in self._next]
        self._on_fatal(error)
        tell_loop(self._done, Done(outcomes, (), self._nearest_us))


class CommitFailed(Exception):
    """The commit failed in a way that tells nothing about the disk's contents."""


class AloneFailed(Exception):
    """What ran alone raised `cause`, and has written nothing."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def tell_loop(done: Callable[[Done], None], what: Done) -> None:
    """`done(what)` runs on the event loop of these futures, unless that has ended: then nobody waits."""
    with contextlib.suppress(RuntimeError):
        if what.outcomes:
            what.outcomes[0].future.get_loop().call_soon_threadsafe(done, what)
