"""Destinations that take nothing are left alone for a while, so that they hold up no others."""

from collections import Counter
from collections.abc import Callable, Iterator

from heliograph.backoff import pause_after
from heliograph.service.outbox import NotPublished

FAILURES_BEFORE_REST = 3
"""In a row: one failure is not yet an outage."""
FIRST_REST_US = 1_000_000
LONGEST_REST_US = 60 * 1_000_000
"""An endpoint that is back gets what waits within a minute."""
LONGEST_ASKED_US = 3_600 * 1_000_000
"""Of what a Retry-After asks for."""


class Rests:
    """How the destinations of one server fared lately, in memory: after a restart, each is tried at once."""

    def __init__(self, until_us: dict[str, int], *, chance: Callable[[], float]) -> None:
        """`until_us`: the ends of rests, for others to read."""
        self._until_us = until_us
        self._chance = chance
        self._failures: Counter[str] = Counter()
        """In a row."""

    def failed(self, destination: str, error: NotPublished, now_us: int) -> None:
        """The destination did not take a message: it rests if it asks to, or after a few failures."""
        if error.retry_after_us is not None:
            self._rest(destination, now_us + min(error.retry_after_us, LONGEST_ASKED_US))
        if error.only_this:
            return
        self._failures[destination] += 1
        if (further := self._failures[destination] - FAILURES_BEFORE_REST) >= 0:
            self._rest(destination, now_us + round(pause_after(further, first=FIRST_REST_US, most=LONGEST_REST_US, chance=self._chance)))

    def _rest(self, destination: str, until_us: int) -> None:
        self._until_us[destination] = max(until_us, self._until_us.get(destination, 0))

    def worked(self, destination: str) -> None:
        """The destination took a message."""
        self._failures.pop(destination, None)

    def until_us(self, destination: str) -> int:
        """The end of the destination's rest; 0: it does not rest."""
        return self._until_us.get(destination, 0)

    def busy(self, now_us: int, *, each: int) -> Iterator[tuple[str, int]]:
        """By how many of `each` messages at a time less a destination gets: none while it rests, one while it is not known to work."""
        for destination in [destination for destination, until_us in self._until_us.items() if until_us <= now_us]:
            del self._until_us[destination]
        yield from ((destination, each) for destination in self._until_us)
        for destination, failures in self._failures.items():
            if failures >= FAILURES_BEFORE_REST and destination not in self._until_us:
                yield destination, each - 1
