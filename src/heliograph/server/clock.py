"""The server's clock: it runs on CLOCK_BOOTTIME and keeps to the wall clock."""

import asyncio
import functools
import time
from collections.abc import Callable

import structlog

from heliograph.server.wall_clock import wall_now_us

log = structlog.get_logger()

SLEEP_MOST_S = 3_600.0
"""A sleeper looks at the clock at least this often: a suspended machine's timers stand still while CLOCK_BOOTTIME continues."""
STEP_US = 500_000
"""A difference to the wall clock from which on it is called a step and logged."""
SLEW_SHARE = 100
"""A step is made good at 1 % of the time that passes: durations stay true to within that."""
LOOK_EVERY_US = 1_000_000
"""How often the wall clock is looked at."""


boot_ns = functools.partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
"""Nanoseconds since this machine started, its sleep included: without a line of Python, since a server asks a dozen times a command."""


def boot_us() -> int:
    """Microseconds since this machine started, its sleep included."""
    return boot_ns() // 1_000


class Sleeps:
    """What clocks have in common: who sleeps by one looks at it again and again."""

    def now_us(self) -> int:
        """The time, in microseconds since 1970."""
        raise NotImplementedError

    async def sleep_until(self, at_us: int) -> None:
        """Returns at `at_us` or just after, never before."""
        while (left_us := at_us - self.now_us()) > 0:  # noqa: ASYNC110 - nothing else would wake it
            await asyncio.sleep(min(left_us / 1_000_000, SLEEP_MOST_S))


class SystemClock(Sleeps):
    """Wall time at start plus CLOCK_BOOTTIME since: never goes back, continues through suspend; later steps are logged and slewed.

    `start_from` sets it ahead if the store knows of a later time.
    """

    follows = "this machine's clock"

    def __init__(self, *, wall_us: Callable[[], int] = wall_now_us, boot_ns: Callable[[], int] = boot_ns) -> None:
        self._wall_now_us, self._boot_now_ns = wall_us, boot_ns
        self._last_boot_us = boot_ns() // 1_000
        self._ahead_of_boot_us = wall_us() - self._last_boot_us
        self._look_at_boot_us = self._last_boot_us + LOOK_EVERY_US
        self._known_off_us = 0
        """The wall clock's difference at the last look: a known difference is not logged again."""

    def now_us(self) -> int:
        boot_us = self._boot_now_ns() // 1_000
        if boot_us >= self._look_at_boot_us:
            self._slew(boot_us)
        return boot_us + self._ahead_of_boot_us

    def ahead_us(self) -> int:
        """By how much it is ahead of the wall clock; negative: behind."""
        return self.now_us() - self._wall_now_us()

    def start_from(self, newest_us: int) -> None:
        """It shows at least this time, and runs on from there; what it is ahead of the wall clock is slewed."""
        ahead_us = newest_us - self.now_us()
        if ahead_us > 0:
            self._ahead_of_boot_us += ahead_us
            self._known_off_us -= ahead_us

    def _slew(self, boot_us: int) -> None:
        since_us = boot_us - self._last_boot_us
        self._last_boot_us, self._look_at_boot_us = boot_us, boot_us + LOOK_EVERY_US
        off_us = self._wall_now_us() - (boot_us + self._ahead_of_boot_us)
        most_us = since_us // SLEW_SHARE
        if abs(off_us - self._known_off_us) >= STEP_US + most_us:
            log.warning("clock.stepped", off_ms=off_us // 1_000)
        slewed_us = max(-most_us, min(most_us, off_us))
        self._ahead_of_boot_us += slewed_us
        self._known_off_us = off_us - slewed_us
