"""What a rule is, and what it says."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from heliograph.history.evidence import Evidence

ROUNDING_US = 1_000
"""An operation's time counts from a whole millisecond, so it may seem to expire up to one early."""
SLEW = 0.01
"""A stepped wall clock is made good at one per cent: durations are true to within that (server.SystemClock)."""


class Breach(NamedTuple):
    """A promise was broken."""

    about: str
    """The operation, device, enterprise or phone whose story shows it; empty: the whole run's."""
    sentence: str


Rule = Callable[[Evidence], Iterator[Breach]]
"""Its docstring's first line is the promise, its name says the same in fewer words."""
