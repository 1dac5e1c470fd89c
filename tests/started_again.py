"""Programs of others that now and then hang at their start, on a busy machine or by a fault of theirs: they are started twice, visibly.

Ours never are: if Heliograph hangs at its start, that is what a test must find.
"""

import warnings
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class StartedAgain(UserWarning):
    """A program of others did not start at first; pytest shows this at the end of a run."""


def at_the_second_go(start: Callable[[], T], *, or_else: type[Exception] | tuple[type[Exception], ...]) -> T:
    """What `start` returns; where it raises one of `or_else`, and has left nothing behind, what it returns the next time."""
    try:
        return start()
    except or_else as error:
        warnings.warn(StartedAgain(f"it was started again after: {error}"), stacklevel=2)
        return start()
