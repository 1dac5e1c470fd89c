"""Looks for offers whenever the bell rings, without a task in between."""

import asyncio
from collections.abc import Awaitable, Callable

LOOK_AGAIN_SOONEST_S = 0.005
LOOK_AGAIN_LATEST_S = 3_600.0
"""A timer's length is bounded, for the book may name a time that lies a century ahead."""


class Watch:
    """Runs `look()` once for every burst of rings, never twice at a time; what it answers is the seconds after which to look again.

    A ring during a look is not lost: the look is repeated. Between looks there is at most one timer.
    """

    __slots__ = ("_look", "_now_us", "_rung", "_stopped", "_task", "_timer", "again_us", "busy", "looks")

    def __init__(self, look: Callable[[], Awaitable[float | None]], now_us: Callable[[], int]) -> None:
        self._look = look
        self._now_us = now_us
        self._rung = False
        self._stopped = False
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.busy = False
        """Whether a look is in progress."""
        self.looks = 0
        """How often was looked."""
        self.again_us: int | None = None
        """When the next look is due without a ring. The timer runs by real time: a clock that is moved must take care of it itself."""

    def wake(self) -> None:
        """A look follows, at once if no look is in progress."""
        self._rung = True
        if not self.busy and not self._stopped:
            self.busy = True
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def look_now(self) -> None:
        """Looked, in the caller's own task."""
        self._rung = True
        if not self.busy and not self._stopped:
            self.busy = True
            await self._run()

    def stop(self) -> None:
        """No further look begins; one in progress ends by itself."""
        self._stopped = True
        self._rung = False
        self._set_timer(None)

    async def _run(self) -> None:
        try:
            while self._rung:
                self._rung = False
                self.looks += 1
                self._set_timer(await self._look())
        finally:
            self.busy = False
            self._task = None

    def _set_timer(self, after_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.again_us = None
        if after_s is not None and not self._stopped:
            self.again_us = self._now_us() + round(after_s * 1_000_000)
            bounded_s = min(max(after_s, LOOK_AGAIN_SOONEST_S), LOOK_AGAIN_LATEST_S)
            self._timer = asyncio.get_running_loop().call_later(bounded_s, self.wake)
