"""Between the event loop, where rules arrive, and the writer's thread, which runs them: the lanes, behind one lock.

The loop removes what has waited too long by itself, so that this works while the writer hangs in a commit.
"""

import asyncio
import functools
import queue
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from heliograph.domain.audit import Acting
from heliograph.domain.errors import Overloaded
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.service.changes import Thing
from heliograph.service.metrics import Happened, LaneLoad, LaneLoads, StoreCounts
from heliograph.service.ports import Ask, Lane, Rule, Sees, Waiter
from heliograph.storage.batch.view import is_plain
from heliograph.storage.batch.writes import Batch
from heliograph.storage.queue.lanes import RETRY_AFTER_S, WAITS_MOST_S, Lanes

T = TypeVar("T")
BATCH_MOST = 512
GATHERED_MOST = 64
"""Rules that are handed to the writer without waiting for more."""
SWEEP_EVERY_S = 0.05
"""How often to look for overdue rules while rules wait: a rejection is at most this late."""
LANES = tuple(Lane)


class Queued(msgspec.Struct, frozen=True):
    """A rule that waits for its batch."""

    sees: Sees
    rule: Rule[Any]
    future: Waiter[Any]
    acting: Acting | None = None
    """Who is recorded in the audit trail; None: no one."""


class QueuedSlice(msgspec.Struct, Generic[T], frozen=True):
    """A slice that waits for its batch: one entry and one who waits, for to have both for each of its rules cost a fifth of bulk."""

    asks: Sequence[Ask[T]]
    future: Waiter[Sequence[T | Exception]]
    """Gets the answers in the order of `asks`, with the error of a rule that raised in the place of its answer."""
    acting: Acting | None = None


class Exclusive(NamedTuple):
    """Something that needs a batch for itself: `act(batch)` gives the answer, and may write past the batch."""

    act: Callable[[Batch], object]
    future: asyncio.Future[Any]


Entry = Queued | QueuedSlice[Any] | Exclusive


class Outcome(msgspec.Struct, frozen=True):
    """The outcome for one who waits."""

    future: Waiter[Any]
    answer: object = None
    error: Exception | None = None


class Done(NamedTuple):
    """What the event loop learns after a batch."""

    outcomes: Sequence[Outcome]
    rings: Sequence[DeviceName]
    nearest_deadline_us: int | None
    message_ids: Sequence[int] = ()
    """Of the messages that came into the outbox."""
    happened: Happened | None = None
    """What the batch did to operations; None: it was not committed."""
    commit_us: int = 0
    """How long it took to write and commit it."""
    event_streams: Collection[EnterpriseName] = ()
    """The enterprises that have new events."""
    changed: Collection[Thing] = ()
    """What the batch changed."""
    rules: int = 0
    """How many the batch had."""
    refused: int = 0
    """How many rules were not run."""

    def count_in(self, counts: StoreCounts) -> None:
        """Count the batch, if it was committed."""
        if self.happened is not None:
            counts.committed(self.happened, rules=self.rules, commit_s=self.commit_us / 1_000_000)
        elif self.refused:
            counts.refused["storage"] += self.refused


class RuleQueue:
    """Where rules wait for the writer, and their answers return.

    Every entry is once either taken, or removed and its future set to Overloaded. `done` is called on the event loop once per batch,
    after its futures have their answers.
    """

    def __init__(
        self,
        counts: StoreCounts,
        done: Callable[[Done], None],
        *,
        wake: Callable[[], None] | None = None,
        waits_most_s: float = WAITS_MOST_S,
    ) -> None:
        """`wake` is called when something waits, in place of waking who sleeps in `wait`: by a store without a thread."""
        self.closed = False
        """Everything that ever comes has been handed over."""
        self._counts = counts
        self._done = done
        self._rejection: str | None = None
        """Why no more rules are accepted; empty: because the store ends."""
        self._lanes: Lanes[Entry] = Lanes(waits_most_s=waits_most_s)
        self._lock = threading.Lock()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._wake = wake or functools.partial(self._bell.put, None)
        self._gathered: dict[Lane, list[Entry]] = {}
        self._room: dict[Lane, int] = {}
        """How many more each lane of `_gathered` takes."""
        self._count = self._seen = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # On the event loop.

    def put(self, entry: Queued, lane: Lane) -> None:
        """The rule waits for its batch.  Raises: Overloaded: its lane is full, or the store ends."""
        if self._rejection is not None:
            raise overloaded(self._rejection)
        gathered = self._gathered.get(lane)
        if gathered is None:
            gathered = self._gathered[lane] = []
            self._room[lane] = self._lanes.room(lane)  # until these are handed over, it only grows
        if len(gathered) >= self._room[lane]:
            self._counts.refused["full"] += 1
            raise overloaded()
        if not self._count:
            # The writer wakes once for all requests that came together.
            asyncio.get_running_loop().call_soon(self._gather)
        self._count += 1
        gathered.append(entry)

    def put_slice(self, entry: QueuedSlice[Any]) -> None:
        """Its rules wait for a batch of their own.  Raises: Overloaded: too many slices wait, or the store ends."""
        if self._rejection is not None:
            raise overloaded(self._rejection)
        loop = asyncio.get_running_loop()
        try:
            with self._lock:
                self._lanes.put_slice(entry, rules=len(entry.asks), now_s=loop.time())
        except Overloaded:
            self._counts.refused["full"] += len(entry.asks)
            raise
        self._wake_writer(loop)

    def put_alone(self, entry: Exclusive) -> None:
        """It waits for a batch of its own.  Raises: Overloaded: too many do, or the store ends."""
        if self._rejection is not None:
            raise overloaded(self._rejection)
        loop = asyncio.get_running_loop()
        with self._lock:
            self._lanes.put_alone(entry, now_s=loop.time())
        self._wake_writer(loop)

    def close(self) -> None:
        """Accept nothing more; what came before is handed over."""
        self._rejection = self._rejection or ""
        self._hand_over()
        self.closed = True
        self._wake()

    def end(self) -> None:
        """Refuse everything that the writer, which has ended, left here."""
        if self._sweep is not None:
            self._sweep.cancel()
        with self._lock:
            left = self._lanes.take_all()
        reject(left)

    def waiting(self) -> int:
        """How many wait, those included that came in this turn of the loop."""
        return len(self._lanes) + self._count

    def loads(self) -> LaneLoads:
        """What waits, lane by lane; what runs alone waits with the timers."""
        if self._loop is None:
            return {lane: LaneLoad(0) for lane in LANES}
        now_s = self._loop.time()
        with self._lock:
            return {lane: LaneLoad(*self._lanes.load(lane, now_s)) for lane in LANES}

    def _gather(self) -> None:
        if self._seen < self._count < GATHERED_MOST:
            # This turn of the loop brought more: so may the next, and one large batch costs less than two small ones.
            self._seen = self._count
            asyncio.get_running_loop().call_soon(self._gather)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        if not self._count:
            return
        self._count = self._seen = 0
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        gathered, self._gathered = self._gathered, {}
        with self._lock:
            for lane, entries in gathered.items():
                self._lanes.put_all(entries, lane=lane, now_s=now_s)
        self._wake_writer(loop)

    def _wake_writer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._wake()
        if self._sweep is None:
            self._sweep = loop.call_later(self._lanes.waits_most_s, self._remove_overdue)

    def _remove_overdue(self) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            overdue = self._lanes.overdue(loop.time())
            oldest_s = self._lanes.oldest_s()
        self._counts.refused["waited"] += rules_in(overdue)
        reject(overdue)
        if oldest_s is None:
            self._sweep = None
        else:
            self._sweep = loop.call_at(max(loop.time() + SWEEP_EVERY_S, oldest_s + self._lanes.waits_most_s), self._remove_overdue)

    def _answer(self, done: Done) -> None:
        done.count_in(self._counts)
        answer_all(done.outcomes)
        self._done(done)

    # In the writer's thread.

    def wait(self, timeout_s: float | None) -> None:
        """Something waits, or nothing will, or the time is over."""
        if not len(self._lanes) and not self.closed:
            try:
                self._bell.get(timeout=timeout_s)
            except queue.Empty:
                return
        for _ in range(self._bell.qsize()):
            self._bell.get_nowait()

    def take(self) -> list[Entry]:
        """What runs as the next batch: rules, a slice, or one that runs alone; empty: nothing waits."""
        with self._lock:
            return self._lanes.take(BATCH_MOST, self._loop.time() if self._loop is not None else 0.0)

    def fail(self, rejection: str) -> list[Entry]:
        """Refuse everything that waits, and accept nothing more: the writer has died."""
        with self._lock:
            self._rejection = rejection
            return self._lanes.take_all()

    def answer(self, done: Done) -> None:
        """Answer the waiting futures on the event loop, unless that has ended: then no one waits."""
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._answer, done)
            except RuntimeError:
                return


def run_rule(batch: Batch, entry: Queued, rings: list[DeviceName]) -> Outcome:
    """Run the rule: its writes join the batch's, and the device that it rings joins `rings`; if it raises, neither."""
    facts = batch.facts(entry.sees)
    try:
        decision = entry.rule(facts)
        batch.take(decision.writes, entry.acting)
    except Exception as error:  # noqa: BLE001 - the error belongs to the rule's caller
        return Outcome(entry.future, None, error)
    if decision.ring is not None:
        rings.append(decision.ring)
    return Outcome(entry.future, decision.answer)


def run_slice(batch: Batch, entry: QueuedSlice[T], rings: list[DeviceName]) -> list[T | Exception]:
    """As `run_rule`, of each of its rules: their answers, and the error of one that raised in the place of its answer."""
    answers: list[T | Exception] = []
    acting = entry.acting
    before: Sees | None = None
    plain = False
    for device, sees, rule in entry.asks:
        if sees is not before:
            before, plain = sees, is_plain(sees)
        facts = batch.facts_of_device(device) if plain else batch.facts(msgspec.structs.replace(sees, device=device))
        try:
            decision = rule(facts)
            batch.take(decision.writes, acting)
        except Exception as error:  # noqa: BLE001 - the error belongs to the rule's caller
            answers.append(error)
            continue
        if decision.ring is not None:
            rings.append(decision.ring)
        answers.append(decision.answer)
    return answers


def rules_in(entries: Iterable[Entry]) -> int:
    """How many rules these are."""
    return sum(len(entry.asks) if type(entry) is QueuedSlice else 1 for entry in entries)


def answer_all(outcomes: Iterable[Outcome]) -> None:
    """Answer the waiting futures. On the event loop."""
    for outcome in outcomes:
        future = outcome.future
        if future.done():  # its waiter was cancelled
            continue
        if outcome.error is None:
            future.set_result(outcome.answer)
        else:
            future.set_exception(outcome.error)


def reject(entries: Iterable[Entry]) -> None:
    """Refuse the waiting futures: nothing was done."""
    for entry in entries:
        if not entry.future.done():  # otherwise its waiter was cancelled
            entry.future.set_exception(overloaded())


def overloaded(message: str = "") -> Overloaded:
    """Not run, safe to repeat."""
    return Overloaded(message, retry_after_s=RETRY_AFTER_S)
