"""The one thread that writes: it takes all waiting rules as one batch, commits once, then answers them all.

Failure rules. Not enough disk, or busy: the whole batch is refused (Overloaded), reads continue, and a probe finds out when writes work
again. COMMIT failed in any other way: the outcome is unknown. That, an I/O error, a corrupt file or an error of our own end the
process: what stands on disk is the truth, and a restart reads it.
"""

import threading
from collections.abc import Callable, Sequence
from operator import attrgetter
from time import perf_counter
from typing import cast

import apsw

from heliograph.domain.errors import OutcomeUnknown, Overloaded
from heliograph.domain.names import DeviceName
from heliograph.service.ports import Sees
from heliograph.storage.batch.writes import Batch
from heliograph.storage.queue.rule_queue import (
    Done,
    Entry,
    Exclusive,
    Outcome,
    Queued,
    QueuedSlice,
    RuleQueue,
    rules_in,
    run_rule,
    run_slice,
)
from heliograph.storage.sqlite.memory import Memory
from heliograph.storage.sqlite.sweeper import Sweeper
from heliograph.storage.sqlite.tables import NO_ROOM, Tables

PROBE_BYTES = 65_536
"""Room for a batch or two."""
HANGS_US = 5_000_000
"""A batch that takes this long waits for a disk that does not answer; a slow one takes a second."""
PROBE_S = 1.0
"""How often an unhealthy store tries whether writes work again."""
SLICE_APART_S = 0.002
"""How long the sweeper waits for a batch that its next slice could go with."""


_sees_of: Callable[[Queued], Sees] = attrgetter("sees")


class Writer:
    """Runs the rules that come through the queue and commits what they wrote. `on_fatal` is called in the writer's thread.

    The sweeper writes with its batches, and by itself while nothing waits. `between_batches` is called after each of both.
    """

    def __init__(  # noqa: PLR0913 - the parts that it drives
        self,
        tables: Tables,
        memory: Memory,
        *,
        rule_queue: RuleQueue,
        now_us: Callable[[], int],
        sweeper: Sweeper,
        between_batches: Callable[[], None],
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self.trouble: str | None = None
        """Why writes do not work, if they do not."""
        self._tables = tables
        self._memory = memory
        self._clock_us = now_us
        self._now_us = 0
        self._busy_since_us = 0
        """Since when a batch is in progress; 0: no batch."""
        self._nearest_us = tables.nearest_deadline_us()
        self._rule_queue = rule_queue
        self._between_batches = between_batches
        self._on_fatal = on_fatal
        self._sweeper = sweeper
        self._stuck = False
        """The sweeper had no room; it tries again with the next batch."""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin the thread: made here, since a store without one is one of a thousand, and a thread's object has two KiB."""
        self._thread = threading.Thread(target=self._run, name="heliograph-writer", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Everything that the queue let in before it closed has been answered, and the thread has ended. Blocks."""
        if self._thread is not None:
            self._thread.join()

    def hangs(self, now_us: int) -> str | None:
        """A sentence, if a batch has been in progress for longer than any disk needs. Asked from any thread."""
        since_us = self._busy_since_us
        late = since_us and now_us - since_us > HANGS_US
        return f"The disk has not answered for {(now_us - since_us) // 1_000_000} s." if late else None

    @property
    def sweeping(self) -> bool:
        """Whether operations are on their way into the index, or would be if the disk had room. Asked from any thread."""
        return self._sweeper.due

    def serve_waiting(self) -> None:
        """Everything that waits is decided and answered, in the caller's thread: for a store without a thread of its own."""
        entries: Sequence[Entry] = ()
        try:
            while entries := self._rule_queue.take():
                self._serve(entries)
                self._busy_since_us = 0
        except BaseException as error:  # noqa: BLE001 - as in the thread
            self._die(error, entries)

    # In the thread.

    def _run(self) -> None:
        entries: Sequence[Entry] = ()
        try:
            while True:
                self._rule_queue.wait(self._pause_s())
                closed = self._rule_queue.closed  # asked before: what comes between is taken at the next turn
                entries = self._rule_queue.take()
                if entries:
                    self._serve(entries)
                elif closed:
                    return
                elif self.trouble:
                    self._probe()
                else:
                    self._stuck = not self._sweeper.step()
                self._between_batches()
                self._busy_since_us = 0
        except BaseException as error:  # noqa: BLE001 - any error here would go unnoticed
            self._die(error, entries)

    def _pause_s(self) -> float | None:
        if self.trouble:
            return PROBE_S
        return SLICE_APART_S if self._sweeper.due and not self._stuck else None

    def _serve(self, entries: Sequence[Entry]) -> None:
        self._now_us = self._busy_since_us = max(self._now_us, self._clock_us())
        batch = Batch(self._memory, self._tables, self._now_us)
        rings: list[DeviceName] = []
        bulk = isinstance(entries[0], QueuedSlice)
        try:
            outcomes = self._decide(batch, entries, rings)
            commit_us = self._settle(batch, bulk=bulk)
        except NO_ROOM as error:
            self._tables.roll_back()
            self.trouble = f"The database accepts no writes: {error}."
            refused = Overloaded(f"{self.trouble} Nothing was done: try again.", retry_after_s=1)
            self._tell([Outcome(entry.future, error=refused) for entry in entries], refused=rules_in(entries) if bulk else len(entries))
        except ExclusiveFailed as error:
            self._tables.roll_back()
            self._tell([Outcome(entries[0].future, error=error.cause)])
        else:
            self._memory.remember(batch, in_passing=bulk)  # a slice comes once, so what it sees and writes displaces nothing
            self._stuck = False
            if batch.written.operations or isinstance(entries[0], Exclusive):
                self._nearest_us = self._tables.nearest_deadline_us()
            elif batch.written.new_operations:
                self._nearest_us = batch.nearest_us(self._nearest_us)
            new_messages = batch.written.outbox.new
            message_ids = [message.message_id for message in new_messages] if new_messages else ()
            happened = None if commit_us is None else batch.happened
            done = Done(
                outcomes, rings, self._nearest_us, message_ids, happened, commit_us or 0, batch.event_streams(), batch.changed_things(),
                rules_in(entries) if bulk else len(entries),
            )  # fmt: skip
            self._rule_queue.answer(done)

    def _decide(self, batch: Batch, entries: Sequence[Entry], rings: list[DeviceName]) -> list[Outcome]:
        first = entries[0]
        if isinstance(first, Exclusive):
            return [Outcome(first.future, self._alone(first, batch))]
        if isinstance(first, QueuedSlice):
            batch.foresee_slice(first.asks)
            return [Outcome(first.future, run_slice(batch, first, rings))]
        queued = cast("Sequence[Queued]", entries)  # what is neither first is none later
        batch.foresee([*map(_sees_of, queued)])
        return [run_rule(batch, entry, rings) for entry in queued]

    def _alone(self, entry: Exclusive, batch: Batch) -> object:
        self._tables.one("begin")
        try:
            return entry.act(batch)
        except apsw.Error:
            raise
        except Exception as error:
            raise ExclusiveFailed(error) from error

    def _settle(self, batch: Batch, *, bulk: bool) -> int | None:
        """Make the batch (`bulk`: of a slice) durable. Returns how long that took in microseconds; None: there was nothing to write."""
        alone = self._tables.in_transaction
        if not alone:
            if not batch.written:
                return None
            self._tables.one("begin")
        from_s = perf_counter()
        self._tables.write(batch)
        if bulk and (indexed := self._sweeper.write_at_once(batch.written.new_operations)) is not None:
            batch.written.indexed = True
            batch.afterwards.append(indexed)
        if self._sweeper.due and not alone:  # what ran alone may have removed what would be swept
            batch.afterwards.append(self._sweeper.write(came=0 if batch.written.indexed else len(batch.written.new_operations)))
        try:
            self._tables.one("commit")
        except NO_ROOM:
            raise
        except apsw.Error as error:
            raise CommitFailed from error
        self.trouble = None
        return round((perf_counter() - from_s) * 1_000_000)

    def _probe(self) -> None:
        """Whether there is room again, shown by taking some and giving it back."""
        try:
            self._tables.one("give_room_back")
            self._tables.one("take_room", bytes(PROBE_BYTES))
            self._tables.one("give_room_back")
        except NO_ROOM as error:
            self._tables.roll_back()
            self.trouble = f"The database accepts no writes: {error}."
        else:
            self.trouble = None

    def _tell(self, outcomes: Sequence[Outcome], *, refused: int = 0) -> None:
        self._rule_queue.answer(Done(outcomes, (), self._nearest_us, refused=refused))

    def _die(self, error: BaseException, entries: Sequence[Entry]) -> None:
        self.trouble = f"The database writer stopped: {error!r}."
        refused = Overloaded(self.trouble)
        unknown: Exception = OutcomeUnknown() if isinstance(error, CommitFailed) else refused
        outcomes = [Outcome(entry.future, error=unknown) for entry in entries]
        left = self._rule_queue.fail(self.trouble)
        outcomes += [Outcome(entry.future, error=refused) for entry in left]
        self._on_fatal(error)
        self._tell(outcomes, refused=rules_in(left if unknown is not refused else (*entries, *left)))


class CommitFailed(Exception):
    """The commit failed in a way that leaves the disk's contents unknown."""


class ExclusiveFailed(Exception):
    """A function that ran alone raised `cause` and has written nothing."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause
