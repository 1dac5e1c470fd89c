"""Brings operations from the tail into `history`, sorted and many at a time: written with each command they would cost a third of the rate.

A round goes through the tail in history's order, in slices with a commit each, so that nobody waits for long; its last slice moves
the watermark. Until then a crash leaves rows both in history and, after the restart, in the tail, and they are swept again.
"""

from heliograph.storage.memory import Memory
from heliograph.storage.tables import Tables
from heliograph.storage.tail import TailRow
from heliograph.storage.writer import NO_ROOM

TAIL_MOST = 65_536
"""Operations in the tail when a round begins: 100,000 devices' histories share 20,000 pages, so that three or four rows come into each
that a round writes; a tail of 16,384 costs half more per row, one of 131,072 a third less but 40 MB of memory."""
SLICES = 512
"""In a round that nothing comes on top of: 128 rows each, half a millisecond."""
CATCH_UP = 2
"""Rows swept for each row that came since the slice before: a round comes to its end however fast the tail grows."""


class Sweeper:
    """The sweeper, in the writer's thread. `tail_most` operations in the tail start a round."""

    def __init__(self, tables: Tables, memory: Memory, *, tail_most: int = TAIL_MOST) -> None:
        self._tables = tables
        self._memory = memory
        self._tail_most = tail_most
        self._slice = max(1, tail_most // SLICES)
        self._size_before = memory.tail.size
        self._places: list[int] = []
        """Where this round still goes, the next one last."""
        self._until_ms = 0

    def step(self) -> bool:
        """A slice more is in history, if a round is under way or due. Whether it is worth asking again before anything else is written."""
        tail = self._memory.tail
        if not self._places and not self._begin():
            self._size_before = tail.size
            return False
        most = max(self._slice, CATCH_UP * (tail.size - self._size_before))
        rows, places_left = self._next(most)
        if not self._swept(rows, watermark_ms=0 if places_left else self._until_ms):
            return False
        tail.drop_oldest(rows)
        self._size_before = tail.size
        del self._places[places_left:]
        return places_left > 0

    def _begin(self) -> bool:
        """A round begins, if it is due: it takes in everything that was created before now."""
        tail, given = self._memory.tail, self._memory.given
        if tail.size < self._tail_most or not given.past_ms:
            return False
        self._until_ms = given.past_ms
        given.raise_floor(self._until_ms)
        self._places = tail.places()[::-1]
        return True

    def _next(self, most: int) -> tuple[list[TailRow], int]:
        """What the next slice sweeps, and how many places the round has left then."""
        rows: list[TailRow] = []
        left = len(self._places)
        while left and len(rows) < most:
            wanted = most - len(rows)
            found = self._memory.tail.oldest(self._places[left - 1], wanted + 1)
            rows += found[:wanted]
            if len(found) > wanted:
                break
            left -= 1
        return rows, left

    def _swept(self, rows: list[TailRow], *, watermark_ms: int) -> bool:
        """The rows are in history, durably; False: there is no room, and nothing changed."""
        try:
            self._tables.one("begin")
            self._tables.many("put_history", sorted((key, create_ms) for _, key, create_ms in rows))
            if watermark_ms:
                self._tables.one("move_watermark", watermark_ms)
            self._tables.one("commit")
        except NO_ROOM:
            if self._tables.in_transaction:
                self._tables.one("rollback")
            return False
        return True
