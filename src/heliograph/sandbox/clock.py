"""A world's time: the real clock plus what tests advanced it by; the server and its phones live in it together."""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Iterator
from typing import NamedTuple

from heliograph.server import SLEEP_MOST_S, SystemClock

FORGOTTEN_MOST = 64
"""Sleepers who were cancelled may lie about so many, or half of all: then they are thrown out."""


class Sleeper(NamedTuple):
    """Who sleeps until when; compared by time, then by number."""

    at_us: int
    number: int
    woken: asyncio.Future[None]
    who: str
    """A phone's name; empty: the server."""


class AdvancingClock:
    """Goes as the system's clock goes, jumps forward when asked, and can be made to stand while it is stepped from one time to the next.

    It knows who sleeps until when. Sleepers wake in the order of their times; those of one time in the order in which they lay down.
    The time may be read from any thread, everything else is for the event loop.
    """

    def __init__(self, *, starts_us: int | None = None) -> None:
        """`starts_us`: the time at which it stands, until it is made to go; None: it goes with the real time."""
        self._system = SystemClock()
        self._ahead_us = 0
        self._stands_at_us: int | None = starts_us
        self.frozen = starts_us is not None
        """Whether it stands until it is made to go."""
        self._numbers = itertools.count()
        self._sleepers: list[Sleeper] = []
        """A heap; a cancelled one stays until its turn comes, or until it is thrown out."""
        self._forgotten = 0
        self._alarm: asyncio.TimerHandle | None = None
        self.wakes = 0
        """How many sleepers woke."""

    def now_us(self) -> int:
        stands_at_us = self._stands_at_us  # read once: it may be made to go on meanwhile
        return self._system.now_us() + self._ahead_us if stands_at_us is None else stands_at_us

    async def sleep_until(self, at_us: int, who: str = "") -> None:
        """Returns at `at_us` or just after, never before; a jump past it counts. `who` sleeps: a phone's name; empty: the server."""
        while at_us > self.now_us():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._sleepers, Sleeper(at_us, next(self._numbers), future, who))
            self._set_alarm()
            try:
                await future
            except asyncio.CancelledError:
                self._forget(future)
                raise

    async def sleep(self, seconds: float, who: str = "") -> None:
        """Returns when this many seconds of this clock have passed; `who` as for `sleep_until`."""
        await self.sleep_until(self.now_us() + round(seconds * 1_000_000), who)

    def start_from(self, newest_us: int) -> None:
        """It shows at least this time: a world that is kept was advanced so far."""
        self._ahead_us += max(0, newest_us - self.now_us())

    def advance(self, by_us: int) -> int:
        """The time after a jump; `by_us` is positive. Who should have woken on the way wakes now, and finds it late."""
        if self._stands_at_us is None:
            self._ahead_us += by_us
        else:
            self._stands_at_us += by_us
        self._wake()
        return self.now_us()

    def next_us(self) -> int | None:
        """When the next sleeper wakes; None: nothing sleeps."""
        while self._sleepers and self._sleepers[0].woken.done():
            heapq.heappop(self._sleepers)
            self._forgotten = max(0, self._forgotten - 1)
        return self._sleepers[0].at_us if self._sleepers else None

    def due_by(self, at_us: int) -> list[Sleeper]:
        """Those who wake by this time, in their order."""
        return sorted(sleeper for sleeper in self._sleepers if sleeper.at_us <= at_us and not sleeper.woken.done())

    def next_but_server_us(self, at_us: int) -> int | None:
        """When the next sleeper wakes besides a part of the server that sleeps until `at_us` exactly; None: nobody else sleeps."""
        others = (
            sleeper.at_us for sleeper in self._sleepers if not sleeper.woken.done() and (sleeper.who or sleeper.at_us != at_us)
        )  # fmt: skip
        return min(others, default=None)

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """The time stands but for `step_to`; afterwards it continues from where it stands, unless it is frozen."""
        if self._stands_at_us is not None:
            yield
            return
        self._stand()
        try:
            yield
        finally:
            if not self.frozen:
                self._go()

    def freeze(self) -> None:
        """The time stands until `run`."""
        self.frozen = True
        if self._stands_at_us is None:
            self._stand()

    def run(self) -> None:
        """The time runs by itself from where it stands."""
        self.frozen = False
        self._go()

    def stop(self) -> None:
        """No sleeper is woken any more: the world ends."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._sleepers.clear()

    def step_to(self, at_us: int) -> None:
        """A standing clock shows this time, unless it is later already; who slept until then wakes."""
        if self._stands_at_us is not None:
            self._stands_at_us = max(self._stands_at_us, at_us)
        self._wake()

    def _stand(self) -> None:
        self._stands_at_us = self.now_us()
        self._set_alarm()

    def _go(self) -> None:
        if self._stands_at_us is not None:
            self._ahead_us = self._stands_at_us - self._system.now_us()
            self._stands_at_us = None
        self._set_alarm()

    def _wake(self) -> None:
        while (next_us := self.next_us()) is not None and next_us <= self.now_us():
            heapq.heappop(self._sleepers).woken.set_result(None)
            self.wakes += 1
        self._set_alarm()

    def _forget(self, future: asyncio.Future[None]) -> None:
        future.cancel()
        self._forgotten += 1
        if self._forgotten > max(FORGOTTEN_MOST, len(self._sleepers) // 2):
            self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper.woken.done()]
            heapq.heapify(self._sleepers)
            self._forgotten = 0

    def _set_alarm(self) -> None:
        """The loop's timer is set for the next sleeper, where the clock goes by itself."""
        next_us = self.next_us() if self._stands_at_us is None else None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if next_us is not None:
            left_s = min(max(0, next_us - self.now_us()) / 1_000_000, SLEEP_MOST_S)
            self._alarm = asyncio.get_running_loop().call_later(left_s, self._wake)


class PhoneClock:
    """The world's clock as a phone knows it: who sleeps has the phone's name."""

    def __init__(self, clock: AdvancingClock, who: str) -> None:
        self._clock = clock
        self._who = who

    def now_us(self) -> int:
        return self._clock.now_us()

    async def sleep(self, seconds: float) -> None:
        """Returns when this many seconds of the world's clock have passed."""
        await self._clock.sleep(seconds, self._who)
