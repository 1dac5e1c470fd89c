"""What changed on this server a moment ago, by name, for pages that show it: a hint where to look, never the truth itself.

Only the newest change of each thing counts, so a thousand changes of one device are one, and memory is bounded by the things that change.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from heliograph.domain.names import DeviceName

REMEMBERED_MOST: Final = 10_000
"""Things; readers that come back after more have changed must look at everything."""

KEPT_FOR: Final = 1_000
"""Changes after the last watcher left: some seconds of a busy server, in which a browser whose line broke is back. Then no one comes."""


@dataclass(frozen=True, slots=True)  # not a named tuple, which would equal a DeviceName
class Shelf:
    """The records of one kind, of an enterprise or (empty) of the server."""

    enterprise: str
    table: str

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/{self.table}" if self.enterprise else self.table


Thing = DeviceName | Shelf
"""A device with its commands; or the records of a kind."""


class Changes:
    """The things that changed, in the order of their newest change. Event loop only."""

    def __init__(self) -> None:
        self._newest: dict[Thing, int] = {}
        """The number of each thing's newest change, the longest ago first."""
        self._waiting: set[asyncio.Event] = set()
        self._watchers = 0
        self._left = 0
        """The newest change when the last watcher left."""
        self.last = 0
        """The number of the newest change."""
        self._forgotten = 0
        """What changed until this number is no longer known."""
        self.stopped = False
        """The server ends: no one watches any more."""

    def heard(self, things: Collection[Thing]) -> None:
        """These have changed, and that is durable."""
        if not things:
            return
        self.last += 1
        if not self._watchers and (not self._newest or self.last - self._left > KEPT_FOR):  # no page is open, or was a moment ago
            self._newest.clear()
            self._forgotten = self.last
            return
        for thing in things:
            self._newest.pop(thing, None)
            self._newest[thing] = self.last
        while len(self._newest) > REMEMBERED_MOST:
            oldest = next(iter(self._newest))
            self._forgotten = self._newest.pop(oldest)
        self._ring()

    def since(self, number: int, *, most: int) -> Collection[Thing] | None:
        """What has changed after the change of this number; None: more than `most`, or it is no longer known."""
        if number < self._forgotten or number > self.last:
            return None
        found: list[Thing] = []
        for thing in reversed(self._newest):
            if self._newest[thing] <= number:
                break
            if len(found) == most:
                return None
            found.append(thing)
        return found

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """What changes until the block ends is remembered, and for a while after it, so that a reader who lost its line finds it."""
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1
            self._left = self.last

    async def wait(self, number: int) -> None:
        """Returns when there is a change after this one, or the server stops."""
        if self.last > number or self.stopped:
            return
        bell = asyncio.Event()
        self._waiting.add(bell)
        try:
            await bell.wait()
        finally:
            self._waiting.discard(bell)

    def __len__(self) -> int:
        """How many watch."""
        return self._watchers

    def stop(self) -> None:
        """Everyone stops watching."""
        self.stopped = True
        self._ring()

    def _ring(self) -> None:
        for bell in self._waiting:
            bell.set()
        self._waiting.clear()
