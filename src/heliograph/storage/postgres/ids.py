"""Numbers that no other server gives: taken from sequences in blocks, given out one by one."""

from collections.abc import Sequence


class OutOfNumbers(Exception):
    """Another block is needed."""


class Numbers:
    """Numbers from blocks. Numbers given to a batch that did not commit are given again."""

    def __init__(self, block_size: int) -> None:
        self._block_size = block_size
        self._free: list[int] = []
        self._given = 0

    def give(self) -> int:
        """A number that no one else has.  Raises: OutOfNumbers."""
        if self._given >= len(self._free):
            raise OutOfNumbers
        self._given += 1
        return self._free[self._given - 1]

    def blocks_for(self, count: int) -> int:
        """How many blocks are missing before this many numbers can be given."""
        return -(-max(count - len(self._free) + self._given, 0) // self._block_size)

    def add(self, blocks: Sequence[int]) -> None:
        """These blocks, numbered from 1, are ours."""
        for block in blocks:
            self._free += range((block - 1) * self._block_size + 1, block * self._block_size + 1)

    def keep(self) -> None:
        """What was given is used."""
        del self._free[: self._given]
        self._given = 0

    def take_back(self) -> None:
        """What was given since `keep` is not used."""
        self._given = 0
