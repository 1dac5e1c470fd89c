"""`heliograph sandbox -- COMMAND`: a command that has a sandbox for as long as it runs."""

import asyncio
import contextlib
import functools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from heliograph.cli.exit_codes import INTERRUPTED
from heliograph.cli.failure import print_error
from heliograph.machine import on_signal

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
"""As a shell reports them."""
OF_SIGNAL: Final = 128
"""A shell reports a program that a signal ended with this and the signal's number."""
FORWARDED: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Accompanied:
    """One run of the command `words`; `exit_code` is what the sandbox is to end with."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)
        self.exit_code = INTERRUPTED
        """Until it has run: a sandbox that ended before must not look like tests that passed."""

    @property
    def is_there(self) -> bool:
        """Whether there is such a program; if not, stderr and the exit code say so."""
        if shutil.which(self._words[0]) is None:
            self._reject(exists=Path(self._words[0]).exists())
            return False
        return True

    async def run(self, variables: Mapping[str, str]) -> None:
        """It has run with these additional environment variables; what it reads and writes is this process's."""
        try:
            process = subprocess.Popen(self._words, env={**os.environ, **variables})  # noqa: ASYNC220, S603 - back in milliseconds
        except OSError:
            self._reject(exists=True)
            return
        with _forwarding_to(process):
            # In a thread, for not every event loop can wait for a process.
            code = await asyncio.to_thread(process.wait)
        self.exit_code = code if code >= 0 else OF_SIGNAL - code

    def _reject(self, *, exists: bool) -> None:
        why = "this file cannot be executed" if exists else "no such program"
        print_error(f"Cannot run {self._words[0]!r}: {why}. After -- stands a command, as in heliograph sandbox -- pytest -q.")
        self.exit_code = NOT_EXECUTABLE if exists else NOT_FOUND


@contextlib.contextmanager
def _forwarding_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Signals that end a program are the command's: the sandbox ends after it."""

    def forward(number: int) -> None:
        if not (number == signal.SIGINT and _terminal_sends_to_all()):
            process.send_signal(number)

    with contextlib.ExitStack() as handlers:
        for number in FORWARDED:
            handlers.enter_context(on_signal(number, functools.partial(forward, number)))
        yield


def _terminal_sends_to_all() -> bool:
    """Whether Ctrl-C has reached the command already: a terminal sends it to its whole foreground group."""
    try:
        with open("/dev/tty", "rb") as terminal:  # noqa: PTH123 - the name of a device
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return os.name == "nt"
