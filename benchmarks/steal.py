"""How much of the processors' time the host of a virtual machine took away (steal), and runs repeated where that was too much."""

from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TypeVar

STAT = Path("/proc/stat")
STOLEN_MOST = 0.05
"""Of all processors' time: where the host takes more, a run measures the host."""
REPEATS_MOST = 3
"""A host that is never quiet must not keep a benchmark from its end."""
_COUNTED = 8
"""user, nice, system, idle, iowait, irq, softirq, steal: the time of guests, which follows, is in user and nice.  Source: proc_stat(5)."""

T = TypeVar("T")


class Ticks(NamedTuple):
    """Of all processors since the machine started."""

    stolen: int
    all: int

    def share_since(self, before: "Ticks") -> float:
        """The share of the time since then that the host took; 0 where no time has passed."""
        passed = self.all - before.all
        return (self.stolen - before.stolen) / passed if passed > 0 else 0.0


def ticks_in(text: str) -> Ticks:
    """What /proc/stat says; kernels before 2.6.11 know of no steal: none was taken.  Raises: ValueError: it does not count processors."""
    for line in text.splitlines():
        name, *fields = line.split()
        if name == "cpu":
            counted = [int(field) for field in fields[:_COUNTED]]
            return Ticks(counted[-1] if len(counted) == _COUNTED else 0, sum(counted))
    message = f"no line of all processors in {text[:80]!r}"
    raise ValueError(message)


def ticks() -> Ticks:
    """Of this machine, now; no steal where there is no /proc/stat."""
    return ticks_in(STAT.read_text(encoding="ascii")) if STAT.exists() else Ticks(0, 0)


def with_steal(act: Callable[[], T], *, look: Callable[[], Ticks] = ticks) -> tuple[T, float]:
    """What it returned, and the share of time that the host took meanwhile."""
    before = look()
    found = act()
    return found, look().share_since(before)


def calmest(act: Callable[[], T], *, repeats: int = REPEATS_MOST, look: Callable[[], Ticks] = ticks) -> tuple[T, float]:
    """As `with_steal`, repeated while the host takes more than `STOLEN_MOST`, `repeats` times at most; what it took least from is kept."""
    best = with_steal(act, look=look)
    while best[1] > STOLEN_MOST and repeats > 0:
        repeats -= 1
        best = min(best, with_steal(act, look=look), key=itemgetter(1))
    return best
