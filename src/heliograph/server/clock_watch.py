"""Whether the server's clock is right, as far as that can be known: compared with the clock it follows, and with the store at the start."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import structlog

from heliograph.protojson.times import format_timestamp
from heliograph.server.clock import STEP_US

log = structlog.get_logger()

LARGE_US = 60_000_000
"""From here on /readyz says so: NTP keeps machines within a second, and no command is given less than seconds."""
LONG_US = 30 * 86_400_000_000
"""A store unused for this long is not an error, but a clock in the future would end retention and last orders."""


@runtime_checkable
class SetAhead(Protocol):
    """A clock that can start later than the one it follows."""

    def now_us(self) -> int: ...

    def start_from(self, newest_us: int) -> None:
        """It shows at least this time, and runs on from there."""


@runtime_checkable
class Follows(SetAhead, Protocol):
    """A clock that goes after another one."""

    follows: str
    """Which one, in words."""

    def ahead_us(self) -> int:
        """By how much it is ahead of that one."""


class ClockWatch:
    """A `ports.ClockCheck`: notes about the clock."""

    def __init__(self, clock: Follows, newest_us: int) -> None:
        """`newest_us`: the newest time that the store knew before the clock started; 0: it was empty."""
        self._clock = clock
        self._since_us = clock.now_us() - newest_us if newest_us else 0
        self._newest_us = newest_us

    def ahead_us(self) -> int:
        """By how much the server's clock is ahead of the one it follows; negative: behind."""
        return self._clock.ahead_us()

    def start_gap_us(self) -> int:
        """How much later the server started than the newest time in its store; 0: the store was empty, or newer."""
        return max(0, self._since_us)

    def notes(self) -> Sequence[str]:
        """Sentences for readers of /readyz."""
        notes = []
        ahead_us = self.ahead_us()
        if abs(ahead_us) >= LARGE_US:
            where = "ahead of" if ahead_us > 0 else "behind"
            notes.append(f"The server's clock is {abs(ahead_us) // 1_000_000} s {where} {self._clock.follows}: {self._why()}.")
        if self._since_us >= LONG_US:
            newest = format_timestamp(self._newest_us)
            notes.append(f"At the start, the newest time in the store was {newest}, {self._since_us // 86_400_000_000} days before.")
        return notes

    def _why(self) -> str:
        return "it started after a later time in the store, or was set since; it is corrected at 1 %"


def started(clock: object, newest_us: int) -> ClockWatch | None:
    """The clock is not behind the store's newest time; how far apart they were is logged. None: no clock to compare with."""
    if not isinstance(clock, SetAhead):
        return None
    ahead_us = newest_us - clock.now_us()
    clock.start_from(newest_us)
    if not isinstance(clock, Follows):
        return None  # the sandbox's: tests set it ahead
    facts = {"newest": format_timestamp(newest_us), "clock": clock.follows}
    if ahead_us >= LARGE_US:
        log.error("clock.behind_store", ahead_ms=ahead_us // 1_000, **facts)
    elif ahead_us >= STEP_US:
        log.warning("clock.behind_store", ahead_ms=ahead_us // 1_000, **facts)
    elif newest_us and -ahead_us >= LONG_US:
        log.error("clock.far_ahead_of_store", days=-ahead_us // 86_400_000_000, **facts)
    return ClockWatch(clock, newest_us)
