"""How long to wait before the next attempt."""

from collections.abc import Callable


class Backoff:
    """Waiting times that double; with `chance`, half of each is chance, so that what failed together is not repeated together."""

    def __init__(self, chance: Callable[[], float] | None = None, *, first_s: float, most_s: float) -> None:
        self._chance = chance
        self._first_s = first_s
        self._most_s = most_s
        self._failures = 0

    def next_s(self, retry_after_s: float | None = None) -> float:
        """How long to wait after one more failure; never less than what the other side asked for."""
        pause_s = pause_after(self._failures, first=self._first_s, most=self._most_s, chance=self._chance)
        self._failures += 1
        return pause_s if retry_after_s is None else retry_after_s + pause_s

    def reset(self) -> None:
        """Something worked: the next failure is a first one."""
        self._failures = 0


def pause_after(failures: int, *, first: float, most: float, chance: Callable[[], float] | None = None) -> float:
    """The pause, in the unit of `first` and `most`, after this many failures before this one."""
    longest = min(most, first * 2.0 ** min(failures, 30))
    return longest if chance is None else longest * (0.5 + chance() / 2)
