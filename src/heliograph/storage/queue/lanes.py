"""Who goes next into the store, and who has waited too long: bounded lanes, a data structure without a clock or a lock."""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from heliograph.domain.errors import Overloaded
from heliograph.service.rules import Lane

E = TypeVar("E")

WAITS_MOST_S = 1.0
"""An entry not taken by then is refused: callers and phones that have given up must not find their command executed later."""
LANE_MOST = {Lane.PHONES: 20_000, Lane.CALLERS: 10_000, Lane.TIMERS: 1_000, Lane.BULK: 10_000}
"""Entries (of BULK: their rules) that may wait in a lane: about what a good disk takes in a second, so more could only become overdue.

More for phones: after a restart all of them say hello at once.
"""
SHARE = 8
"""One in this many places of a batch is kept for each lower lane that waits: the upper ones could fill every batch."""
ALONE_WAITS_MOST_S = 0.005
"""An entry that runs alone gives way to rules for this long: it costs its own batch. With fifty deadlines in each (expiry), ten
thousand deadlines a second are handled while rules keep coming."""
PASSED_MOST = 4
"""Batches that go before a slice while it waits. Counted, not timed: under full load bulk gets a batch in five, of the larger ones that
are gathered then; and whatever the load, no caller waits for more than one slice."""
RETRY_AFTER_S = 1


class Lanes(Generic[E]):
    """Entries that wait for the store.  Each is once either taken or overdue, in the order it came in its lane; no entry is lost.

    `now_s` may be any clock that does not go back, the same for all calls.
    """

    def __init__(self, *, waits_most_s: float = WAITS_MOST_S) -> None:
        self.waits_most_s = waits_most_s
        self._mixed: tuple[_Line[E], ...] = tuple(_Line() for _ in range(Lane.BULK))
        self._slices: _Slices[E] = _Slices()
        self._lanes: tuple[_Line[E], ...] = (*self._mixed, self._slices)
        self._alone: _Line[E] = _Line()
        self._lines = (*self._lanes, self._alone)
        self._passed = 0
        """Batches that went before the first slice."""
        self._late: list[E] = []

    def __len__(self) -> int:
        """How many wait to be taken."""
        return sum(line.length for line in self._lines)

    def room(self, lane: Lane) -> int:
        """How many more the lane takes."""
        return LANE_MOST[lane] - self._lanes[lane].length

    def load(self, lane: Lane, now_s: float) -> tuple[int, float]:
        """How many wait in the lane, and for how long the first of them has; what runs alone waits with the timers."""
        lines = (self._lanes[lane], self._alone) if lane is Lane.TIMERS else (self._lanes[lane],)
        oldest_s = min((line.bursts[0][0] for line in lines if line.bursts), default=now_s)
        return sum(line.length for line in lines), now_s - oldest_s

    def put(self, entry: E, *, lane: Lane, now_s: float) -> None:
        """The entry waits in the lane.  Raises: Overloaded: the lane is full."""
        self.put_all((entry,), lane=lane, now_s=now_s)

    def put_all(self, entries: Sequence[E], *, lane: Lane, now_s: float) -> None:
        """The entries wait in the lane, in this order.  Raises: Overloaded: it has no room for all of them; no entry waits."""
        if len(entries) > self.room(lane):
            raise Overloaded(retry_after_s=RETRY_AFTER_S)
        if lane is Lane.BULK:
            for entry in entries:
                self._slices.put_one(entry, 1, now_s)
        else:
            self._lanes[lane].put(entries, now_s)

    def put_slice(self, entry: E, *, rules: int, now_s: float) -> None:
        """The entry, of so many rules, waits in the lane BULK, to be taken by itself.  Raises: Overloaded: it has no room for them."""
        if rules > self.room(Lane.BULK):
            raise Overloaded(retry_after_s=RETRY_AFTER_S)
        self._slices.put_one(entry, rules, now_s)

    def put_alone(self, entry: E, *, now_s: float) -> None:
        """The entry waits for a batch of its own: until no rule waits, at most ALONE_WAITS_MOST_S.  Raises: Overloaded: too many do."""
        if self._alone.length >= LANE_MOST[Lane.TIMERS]:
            raise Overloaded(retry_after_s=RETRY_AFTER_S)
        self._alone.put((entry,), now_s)

    def take(self, most: int, now_s: float) -> list[E]:
        """The next batch: at most `most` entries, PHONES before CALLERS before TIMERS; or one that runs alone; or a slice.

        With `most` of at least 8, a lower lane gets an eighth of it, or all that it has. No overdue ones are taken.
        """
        self._set_late_aside(now_s)
        lanes = [lane for lane in self._mixed if lane.length]
        if self._slices.length:
            if self._passed >= PASSED_MOST or not (lanes or self._alone.length):
                self._passed = 0
                return list(self._slices.take_burst())
            self._passed += 1
        if self._alone.length and (not lanes or now_s - self._alone.bursts[0][0] >= ALONE_WAITS_MOST_S):
            return self._alone.take(1)
        if len(lanes) == 1:
            return lanes[0].take(most)
        taken: list[E] = []
        for number, lane in enumerate(lanes):
            kept = sum(min(lower.length, most // SHARE) for lower in lanes[number + 1 :])
            taken += lane.take(most - len(taken) - kept)
        return taken

    def overdue(self, now_s: float) -> list[E]:
        """Those that have waited `waits_most_s`, removed: they are never taken."""
        self._set_late_aside(now_s)
        late, self._late = self._late, []
        return late

    def take_all(self) -> list[E]:
        """Everything that waits, removed, the overdue ones too: for a store that ends."""
        everything, self._late = self._late, []
        for line in self._lines:
            while line.length:
                everything += line.take_burst()
        return everything

    def oldest_s(self) -> float | None:
        """When the longest waiting entry came; None: no entry waits, or only overdue ones."""
        return min((line.bursts[0][0] for line in self._lines if line.bursts), default=None)

    def _set_late_aside(self, now_s: float) -> None:
        for line in self._lines:
            while line.length and now_s - line.bursts[0][0] >= self.waits_most_s:
                self._late += line.take_burst()


class _Line(Generic[E]):
    """First come, first served. What came together is kept together: the hottest path of all pays for a burst, not for each entry."""

    __slots__ = ("bursts", "length")

    def __init__(self) -> None:
        self.bursts: deque[tuple[float, Sequence[E]]] = deque()
        """Non-empty ones, each with the time it came."""
        self.length = 0

    def put(self, entries: Sequence[E], since_s: float) -> None:
        if entries:
            self.bursts.append((since_s, entries))
            self.length += len(entries)

    def take_burst(self) -> Sequence[E]:
        """All that came with the oldest."""
        _, entries = self.bursts.popleft()
        self.length -= len(entries)
        return entries

    def take(self, most: int) -> list[E]:
        if self.length <= most and len(self.bursts) == 1:
            return list(self.take_burst())
        taken: list[E] = []
        while self.bursts and (room := most - len(taken)) > 0:
            since_s, entries = self.bursts[0]
            if len(entries) <= room:
                taken += self.take_burst()
            else:
                taken += entries[:room]
                self.bursts[0] = (since_s, entries[room:])
                self.length -= room
        return taken


class _Slices(_Line[E]):
    """Slices, each taken by itself; `length` counts their rules."""

    __slots__ = ("_rules",)

    def __init__(self) -> None:
        super().__init__()
        self._rules: deque[int] = deque()

    def put_one(self, entry: E, rules: int, since_s: float) -> None:
        self.bursts.append((since_s, (entry,)))
        self._rules.append(rules)
        self.length += rules

    def take_burst(self) -> Sequence[E]:
        """The oldest slice."""
        _, entries = self.bursts.popleft()
        self.length -= self._rules.popleft()
        return entries
