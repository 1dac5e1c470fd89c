"""How commands came out over time: counts by the hour in which they ended, and by how long they took."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from heliograph.domain.operation import State

HOUR_US: Final = 3_600_000_000
HOURS: Final = 24
TOOK_MOST_US: Final = (1_000_000, 10_000_000, 60_000_000, 600_000_000, HOUR_US)
"""Upper bounds of how long a command took, each for those that took longer than the bound before; a last class is above all."""
TOOK: Final = ("1 s", "10 s", "1 min", "10 min", "1 h", "longer")
"""The classes, for people."""


class EndedCount(NamedTuple):
    """So many commands ended in this state, in this class of TOOK."""

    state: State
    took: int
    number: int


class OutcomeHour(NamedTuple):
    """The commands of an enterprise that ended in one hour."""

    begin_us: int
    outcomes: Counter[State]
    took: Counter[int]
    """Those that succeeded, by class of TOOK."""

    @classmethod
    def of(cls, begin_us: int, counts: Iterable[EndedCount]) -> "OutcomeHour":
        """The hour that begins then, with these counts in it."""
        hour = cls(begin_us, Counter(), Counter())
        for state, took, number in counts:
            hour.outcomes[state] += number
            if state is State.SUCCEEDED:
                hour.took[took] += number
        return hour


def hours_until(now_us: int) -> list[int]:
    """When the last HOURS hours began, the one of `now_us` last; whole hours of UTC."""
    this_us = now_us - now_us % HOUR_US
    return [this_us - HOUR_US * ago for ago in reversed(range(HOURS))]
