"""The server's clock: the one place that reads the real one."""

import asyncio
import time

import structlog

log = structlog.get_logger()

SLEEP_MOST_S = 3_600.0
"""A sleeper looks at the clock at least this often: a suspended machine's timers stand still while CLOCK_BOOTTIME goes on."""
STEP_US = 500_000
"""A difference to the wall clock from which on it is called a step and logged."""
SLEW_SHARE = 100
"""A step is made good at 1 % of the time that passes: durations stay true to within that."""


class SystemClock:
    """Wall time at start plus CLOCK_BOOTTIME since: never goes back, goes on through suspend; later steps are logged and slewed."""

    def __init__(self) -> None:
        self._wall_us = time.time_ns() // 1_000
        self._boot_us = self._last_boot_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
        self._slewed_us = 0
        self._step_logged = False

    def now_us(self) -> int:
        """The time."""
        boot_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
        since_us = boot_us - self._last_boot_us
        if since_us >= 1_000_000:  # noqa: PLR2004 - once a second is often enough to look at the wall clock
            self._slew(boot_us, since_us)
        return self._wall_us + (boot_us - self._boot_us) + self._slewed_us

    def _slew(self, boot_us: int, since_us: int) -> None:
        self._last_boot_us = boot_us
        off_us = time.time_ns() // 1_000 - (self._wall_us + (boot_us - self._boot_us) + self._slewed_us)
        if abs(off_us) < STEP_US:
            self._step_logged = False
        elif not self._step_logged:
            self._step_logged = True
            log.warning("clock.stepped", off_ms=off_us // 1_000)
        most_us = since_us // SLEW_SHARE
        self._slewed_us += max(-most_us, min(most_us, off_us))

    async def sleep_until(self, at_us: int) -> None:
        """Returns at `at_us` or just after, never before."""
        while (left_us := at_us - self.now_us()) > 0:  # noqa: ASYNC110 - nothing else would wake it
            await asyncio.sleep(min(left_us / 1_000_000, SLEEP_MOST_S))
