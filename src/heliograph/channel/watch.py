"""Looks for offers whenever the bell rings: at once if what it asks for is at hand, else in a task that lasts as long as the look."""

import asyncio
import enum
from collections.abc import Callable
from typing import Final

LOOK_AGAIN_SOONEST_S = 0.005
LOOK_AGAIN_LATEST_S = 3_600.0
"""A timer's length is bounded, for the book may name a time that lies a century ahead."""


class NotAtHand(enum.Enum):
    """In place of an answer: something must be waited for, and nothing was done."""

    NOT_AT_HAND = enum.auto()


NOT_AT_HAND: Final = NotAtHand.NOT_AT_HAND


class Watch:
    """Looks once for every burst of rings, never twice at a time. Base of what waits for a device's offers.

    A ring during a look is not lost: the look is repeated. Between looks there is at most one timer.
    """

    __slots__ = ("_again_s", "_now_us", "_rung", "_stopped", "_task", "_timer", "again_us", "looking", "looks")

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._rung = False
        self._stopped = False
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._again_s = 0.0
        """When the next look is due by the event loop's clock; the timer may fire before, and then sleeps on."""
        self.looking = False
        """Whether a look is in progress, or about to begin."""
        self.looks = 0
        """How often was looked."""
        self.again_us: int | None = None
        """When the next look is due without a ring. The timer runs by real time: a clock that is moved must take care of it itself."""

    def look_at_hand(self) -> int | NotAtHand | None:
        """Look without waiting: when to look again (us), None: when the bell rings; or NOT_AT_HAND."""
        return NOT_AT_HAND

    async def look(self) -> int | None:
        """Look; the answer is as `look_at_hand`'s."""
        raise NotImplementedError

    def wake(self) -> None:
        """A look follows, soon if no look is in progress."""
        self._rung = True
        if not self.looking and not self._stopped:
            self.looking = True
            # Not in the ringer's own time: it has more to ring, and what a look meets is not its business.
            asyncio.get_running_loop().call_soon(self._begin)

    def rest(self) -> None:
        """No look follows before the next ring, unless one is in progress: that knows better."""
        self.again_us = None

    async def look_now(self) -> None:
        """Looked, in the caller's own task."""
        self._rung = True
        if not self.looking and not self._stopped:
            self.looking = True
            await self._run()

    def stop(self) -> None:
        """No further look begins; one in progress ends by itself."""
        self._stopped = True
        self._rung = False
        self.again_us = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        again_us: int | NotAtHand | None = None
        try:
            if not self._stopped:
                self._rung = False
                self.looks += 1
                again_us = self.look_at_hand()
        finally:
            if again_us is NOT_AT_HAND:
                self.looks -= 1
                self._rung = True
                self._task = asyncio.get_running_loop().create_task(self._run())
            else:
                self.looking = False
                self._look_at(again_us)
                if self._rung:  # by what the look did
                    self.wake()

    async def _run(self) -> None:
        try:
            while self._rung:
                self._rung = False
                self.looks += 1
                self._look_at(await self.look())
        finally:
            self.looking = False
            self._task = None

    def _look_at(self, at_us: int | None) -> None:
        """Look again then, or when the bell rings: a timer that fires before is left as it is, for most looks come before it does."""
        if at_us is None or self._stopped:
            self.again_us = None
            return
        self.again_us = at_us
        after_s = (at_us - self._now_us()) / 1_000_000
        loop, timer = asyncio.get_running_loop(), self._timer
        self._again_s = again_s = loop.time() + min(max(after_s, LOOK_AGAIN_SOONEST_S), LOOK_AGAIN_LATEST_S)
        if timer is None or timer.when() > again_s:
            if timer is not None:
                timer.cancel()
            self._timer = loop.call_at(again_s, self._time_is_over)

    def _time_is_over(self) -> None:
        self._timer = None
        if self.again_us is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._again_s:
            self._timer = loop.call_at(self._again_s, self._time_is_over)
        else:
            self.wake()
