"""Brings unswept operations into the index, sorted and many at a time: written with each command they would cost a third of the rate.

A round goes through them in the index's order, in slices, so that no one waits for long: one with each batch, in its commit, and more
while nothing waits. Its last slice moves the watermark. Until then a crash leaves rows both in the index and, after the restart, among the
unswept, and they are swept again.
"""

from collections.abc import Callable, Mapping

from heliograph.storage.batch.rows import OperationKey
from heliograph.storage.sqlite.memory import Memory
from heliograph.storage.sqlite.tables import NO_ROOM, Tables
from heliograph.storage.sqlite.unswept import NEIGHBOURS, UnsweptRow

UNSWEPT_MOST = 65_536
"""Unswept operations when a round begins: the indexes of 100,000 devices share 20,000 pages, so that three or four rows come into each
that a round writes; 16,384 cost half more per row, 131,072 a third less but 40 MB of memory."""
SLICES = 512
"""In a round without new rows: 128 rows each, half a millisecond."""
CATCH_UP = 2
"""Rows swept for each that comes with the same batch: a round comes to its end however fast new operations come."""
TOGETHER = 16
"""Rows for NEIGHBOURS devices: that a command goes to one device after the other, as a campaign does, is as good as a round of the sweeper,
which finds some forty of 100,000 devices' rows there."""


class Sweeper:
    """The sweeper, in the writer's thread. `unswept_most` operations past the watermark start a round."""

    def __init__(self, tables: Tables, memory: Memory, *, unswept_most: int = UNSWEPT_MOST) -> None:
        self._tables = tables
        self._memory = memory
        self._unswept_most = unswept_most
        self._slice = max(1, unswept_most // SLICES)
        self._places: list[int] = []
        """The places that this round still visits, the next one last."""
        self._sorted: int | None = None
        """The place that the round came to last: what was there then is sorted."""
        self._until_ms = 0
        self._at_once = 0
        """Operations past the watermark that `write_at_once` brought into the index. A start would read them as unswept."""
        self._at_once_before = 0
        """Of these, how many there were when the round began: its end moves the watermark past them."""

    @property
    def due(self) -> bool:
        """A round is in progress, or enough operations are unswept for one."""
        if self._places:
            return True
        return self._memory.unswept.size + self._at_once >= self._unswept_most and bool(self._memory.given.past_ms)

    def write(self, came: int = 0) -> Callable[[], None]:
        """A slice more of a round that is due is in the index, if the transaction that is open is committed; what must be called then.

        `came` operations come unswept with the same transaction.
        """
        if not self._places:
            self._begin()
        rows, places_left = self._next(max(self._slice, CATCH_UP * came))
        self._tables.many("put_indexed", sorted((key, create_ms) for _, key, create_ms in rows))
        if not places_left:
            self._tables.one("move_watermark", self._until_ms)
        return lambda: self._keep(rows, places_left)

    def write_at_once(self, new: Mapping[OperationKey, int]) -> Callable[[], None] | None:
        """These operations (with their devices' keys) are in the index, if the transaction that is open is committed; then call this.

        None: their devices lie so far apart that to sweep them with others is cheaper; nothing is done.
        """
        if not new or len(new) < TOGETHER * len({key // NEIGHBOURS for key in new.values()}):
            return None
        self._tables.many("put_indexed", sorted((key, create_ms) for (_, create_ms), key in new.items()))
        return lambda: self._count(len(new))

    def _count(self, indexed: int) -> None:
        self._at_once += indexed

    def _keep(self, rows: list[UnsweptRow], places_left: int) -> None:
        self._memory.unswept.drop_oldest(rows)
        del self._places[places_left:]
        if not self._places:
            self._at_once -= self._at_once_before
            self._at_once_before = 0

    def step(self) -> bool:
        """Move one more slice into the index, if a round is due, by its own commit. False: no round is due, or there is no room."""
        if not self.due:
            return False
        try:
            self._tables.one("begin")
            keep = self.write()
            self._tables.one("commit")
        except NO_ROOM:
            self._tables.roll_back()
            return False
        keep()
        return True

    def _begin(self) -> None:
        """A round begins, which takes in everything that was created before now."""
        unswept, given = self._memory.unswept, self._memory.given
        self._until_ms = given.past_ms
        given.raise_floor(self._until_ms)
        self._at_once_before = self._at_once
        self._places = unswept.places()[::-1]
        self._sorted = None

    def _next(self, most: int) -> tuple[list[UnsweptRow], int]:
        """What the next slice sweeps, and how many places the round has left then."""
        rows: list[UnsweptRow] = []
        left = len(self._places)
        while left and len(rows) < most:
            wanted, place = most - len(rows), self._places[left - 1]
            if place != self._sorted:
                self._memory.unswept.sort(place)
                self._sorted = place
            found = self._memory.unswept.oldest(place, wanted + 1)
            rows += found[:wanted]
            if len(found) > wanted:
                break
            left -= 1
        return rows, left
