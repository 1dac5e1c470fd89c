"""`heliograph serve` in a process of its own, ended by signals."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.hung import Watched
from tests.patience import PATIENCE_S


class ServeProcess:
    """The process; use as a context manager, which kills what is left of it."""

    def __init__(self, folder: Path, *options: str, program: Sequence[str] = ("-m", "heliograph")) -> None:
        """`program`: what Python runs in place of the command line, with the same arguments after it."""
        self._folder = folder
        self._program = program
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""
        self.port = 0

    async def __aenter__(self) -> Self:
        """It answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        command = ("serve", "--no-auth", "--port", "0", "--data-dir", str(self._folder / "data"), *self._options)
        with self.log.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._program, *command, stdout=asyncio.subprocess.PIPE, stderr=errors,
                env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"},
            )  # fmt: skip
        assert self._process.stdout is not None
        with Watched(self._process.pid):
            line = (await self._process.stdout.readline()).decode()
        assert "http://" in line, self.errors()
        self.url = "http://" + line.split("http://")[1].split()[0]
        self.port = int(self.url.rpartition(":")[2])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing of it is left."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def tell(self, number: signal.Signals) -> None:
        """The process gets the signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def exit_status(self, within_s: float = PATIENCE_S) -> int:
        """Its exit status (negative: the signal that ended it), once it has ended.  Raises: TimeoutError.

        A server that was asked to end is forced after ten seconds, which the status shows: more time is the machine's.
        """
        assert self._process is not None
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    @property
    def log(self) -> Path:
        """Where it logs."""
        return self._folder / "stderr"

    def errors(self) -> str:
        """What it logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")
