"""Programs of others that tests start: one that hangs before it is ready is started again, and the run says so.

Heliograph's own programs are never given a second try: there a start that hangs is the fault that a test is there to find.
"""

import contextlib
import re
import subprocess
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from tests.hung import Hung
from tests.running import Running

T = TypeVar("T")

START_S: Final = 100
"""What is not ready by then hangs: on a machine that does ten other things a start takes a tenth of it."""
TRIES: Final = 3


def started(start: Callable[[], T], *, or_else: type[Exception] = Hung) -> T:
    """What `start` returns. Where it raises `or_else`, and has left nothing behind, it is tried again.

    Raises: AssertionError: the program hung in each of `TRIES` tries.
    """
    for number in range(1, TRIES + 1):
        try:
            return start()
        except or_else as hung:
            if number == TRIES:
                message = f"a program hung {TRIES} times: {hung}"
                raise AssertionError(message) from hung
            # pyproject.toml knows these words: the warning fails no test, and stands at the end of the run.
            warnings.warn(f"a program of others hung and was started again: {hung}", stacklevel=2)
    raise AssertionError


@contextlib.contextmanager
def program(
    command: Sequence[str], *, ready: str, environment: Mapping[str, str] | None = None, start_s: float = START_S
) -> Iterator[None]:
    """A program that prints a line with `ready` in it, until the block ends.

    Raises: AssertionError: it ended before it was ready, or hung in each of `TRIES` tries.
    """

    def start() -> Running:
        with contextlib.ExitStack() as undo:
            pipe = subprocess.PIPE
            process = undo.enter_context(Running(command, within_s=start_s, env=environment, stdout=pipe, stderr=subprocess.STDOUT))
            process.until(re.escape(ready))
            undo.pop_all()
        return process

    with started(start) as process:
        try:
            yield
        finally:
            process.kill()
