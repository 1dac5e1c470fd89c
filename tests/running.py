"""A program that a test started and speaks with: no wait for it is without an end, and one that hung says what it was doing."""

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tests.hung import Hung, Watched, last_words
from tests.patience import PATIENCE_S


class Running(subprocess.Popen[str]):
    """The program. As a context manager it waits in the end until the program has ended; to end it is the block's, unless it failed.

    Every wait without a `timeout` of its own ends after `within_s` at the latest, and so does the program then.

    Raises: Hung: so it ended; with what the program and those that it started were doing.
    """

    def __init__(self, command: Sequence[str | Path], *, within_s: float = PATIENCE_S, **how: Any) -> None:  # noqa: ANN401 - as Popen has them
        self.within_s = within_s
        self.command = shlex.join(map(str, command))
        self.heard: list[str] = []
        """The lines that were read."""
        super().__init__(command, text=True, **how)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """It has ended. Where the block failed it is not waited for, and what it was doing is a note to the failure."""
        if error is not None and self.poll() is None:
            error.add_note(last_words(self.pid))
        super().__exit__(kind, error, trace)

    def line(self) -> str:
        """Its next line on standard output; nothing once it has closed that."""
        return self._next(self.stdout)

    def lines(self) -> Iterator[str]:
        """The lines of its standard output until it closes that."""
        return iter(self.line, "")

    def complaint(self) -> str:
        """Its next line on standard error; nothing once it has closed that."""
        return self._next(self.stderr)

    def until(self, pattern: str) -> re.Match[str]:
        """The first match in a line of its standard output.  Raises: AssertionError: it ended before."""
        for line in self.lines():
            if found := re.search(pattern, line):
                return found
        message = f"{self.command} said nothing like {pattern!r} before its end, with exit status {self.wait()}: {''.join(self.heard)}"
        raise AssertionError(message)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended.  Raises: Hung; with a timeout: subprocess.TimeoutExpired."""
        if timeout is not None or self.returncode is not None:
            return super().wait(timeout)
        with Watched(self.pid, within_s=self.within_s):
            return super().wait()

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """The rest of its output and its errors, once it has ended.  Raises: Hung; with a timeout: subprocess.TimeoutExpired."""
        if timeout is not None:
            return super().communicate(input, timeout)
        said = ("", "")
        try:
            with Watched(self.pid, within_s=self.within_s):
                said = super().communicate(input)
        except Hung as hung:
            raise self._with_what_it_said(hung, *said) from hung.__cause__
        return said

    def _next(self, stream: IO[str] | None) -> str:
        assert stream is not None, f"nothing of {self.command} can be read"
        line = ""
        try:
            with Watched(self.pid, within_s=self.within_s):
                line = stream.readline()
        except Hung as hung:
            os.set_blocking(stream.fileno(), False)  # it has ended, but may have left the pipe to someone
            with contextlib.suppress(TypeError):  # so TextIOWrapper says that nothing is there
                line += stream.read()
            raise self._with_what_it_said(hung, line) from hung.__cause__
        self.heard.append(line)
        return line

    def _with_what_it_said(self, hung: Hung, *more: str | None) -> Hung:
        return Hung(f"{hung}\nWhat was read of it:\n{''.join((*self.heard, *filter(None, more)))}")
