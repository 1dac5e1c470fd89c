"""The time of several servers: their database's, so that all of them agree on deadlines."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from heliograph.protojson.errors import Unavailable
from heliograph.server.clock import SLEW_SHARE, STEP_US, Sleeps, boot_us
from heliograph.server.wall_clock import wall_now_us

log = structlog.get_logger()

AskDatabase = Callable[[], Awaitable[int]]
"""What time the database's machine says it is (us)."""

EVERY_S = 30.0
"""Quartz clocks part by some 50 ppm: 1.5 ms in this time."""
TRIES = 3
"""The quickest of this many questions counts: the answer lies within its round trip."""


class DatabaseClock(Sleeps):
    """A Clock (service/ports.py): CLOCK_BOOTTIME and the offset to the database's clock, which is measured again and again.

    A difference is corrected slowly, at 1 % of the time that passes: it never goes back, and durations stay true to within
    that. A step of the database's clock is logged. `start_from` sets it ahead if the store knows of a later time.
    """

    follows = "the database's clock"

    def __init__(self, *, boot_us: Callable[[], int] = boot_us) -> None:
        self._boot_us = boot_us
        self._offset_us = wall_now_us() - boot_us()
        """Until `set` is called: this machine's own wall clock."""
        self._wanted_us = self._offset_us
        self._slewed_at_us = boot_us()

    def now_us(self) -> int:
        now_us = self._boot_us()
        if self._wanted_us != self._offset_us:
            self._slew(now_us)
        return now_us + self._offset_us

    def wall_us(self) -> int:
        """The database's time as last measured, not slewed: for what others have dated by their own clocks."""
        return self._boot_us() + self._wanted_us

    def ahead_us(self) -> int:
        """By how much it is ahead of the database's clock, as that was measured last; negative: behind."""
        self.now_us()
        return self._offset_us - self._wanted_us

    def start_from(self, newest_us: int) -> None:
        """It shows at least this time, and runs on from there; what it is ahead of the database's clock is slewed."""
        ahead_us = newest_us - self.now_us()
        if ahead_us > 0:
            self._offset_us += ahead_us
            self._slewed_at_us = self._boot_us()

    def _slew(self, boot_us: int) -> None:
        most_us = (boot_us - self._slewed_at_us) // SLEW_SHARE
        if most_us:
            self._slewed_at_us = boot_us
            self._offset_us += max(-most_us, min(most_us, self._wanted_us - self._offset_us))

    async def set(self, ask: AskDatabase) -> None:
        """It shows the database's time from now on; called before the first request.  Raises: what `ask` raises."""
        self._offset_us, _ = await self._measured(ask)
        self._wanted_us = self._offset_us

    async def follow(self, ask: AskDatabase) -> NoReturn:
        """It keeps to the database's time; without an answer it continues as before."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.correct(ask)
            except (Unavailable, OSError):
                continue

    async def correct(self, ask: AskDatabase) -> None:
        """From now on it goes towards the database's time.  Raises: what `ask` raises."""
        measured_us, error_us = await self._measured(ask)
        off_us = measured_us - self._offset_us
        # A difference within the round trip cannot be known.
        wrong_us = off_us - max(-error_us, min(error_us, off_us))
        if abs(wrong_us) >= STEP_US and abs(measured_us - self._wanted_us) >= STEP_US:
            log.warning("clock.stepped", off_ms=off_us // 1_000, of="database")
        self._slewed_at_us = self._boot_us()
        self._wanted_us = self._offset_us + wrong_us

    async def _measured(self, ask: AskDatabase) -> tuple[int, int]:
        """The offset of the database's clock to CLOCK_BOOTTIME, and by how much that may be wrong either way."""
        best_us, error_us = 0, -1
        for _ in range(TRIES):
            before_us = self._boot_us()
            database_us = await ask()
            after_us = self._boot_us()
            if error_us < 0 or (after_us - before_us) // 2 < error_us:
                error_us = (after_us - before_us) // 2
                best_us = database_us - (before_us + after_us) // 2
        return best_us, error_us
