"""The sandbox's time: the real clock plus what tests advanced it by; the server and its phones live in it together."""

import asyncio

from heliograph.server import SLEEP_MOST_S, SystemClock


class AdvancingClock:
    """Goes as the system's clock goes, and jumps forward when told; whoever sleeps past the jump wakes at once."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead_us = 0
        self._jumped = asyncio.Event()

    def now_us(self) -> int:
        """The time."""
        return self._system.now_us() + self._ahead_us

    async def sleep_until(self, at_us: int) -> None:
        """Returns at `at_us` or just after, never before; a jump past it counts."""
        while (left_us := at_us - self.now_us()) > 0:
            jumped = self._jumped
            try:
                await asyncio.wait_for(jumped.wait(), min(left_us / 1_000_000, SLEEP_MOST_S))
            except TimeoutError:
                continue

    async def sleep(self, seconds: float) -> None:
        """Returns when this many seconds of this clock have passed."""
        await self.sleep_until(self.now_us() + round(seconds * 1_000_000))

    def start_from(self, newest_us: int) -> None:
        """It shows at least this time: a world that is kept was advanced so far."""
        self._ahead_us += max(0, newest_us - self.now_us())

    def advance(self, by_us: int) -> int:
        """The time after the jump; `by_us` is positive."""
        self._ahead_us += by_us
        jumped, self._jumped = self._jumped, asyncio.Event()
        jumped.set()
        return self.now_us()
