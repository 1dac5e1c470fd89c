"""The server as an operator runs it: a process of its own, killed without warning and started again on the same data."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

from heliograph.history.events import Fault, FaultKind
from heliograph.history.file import History

READY_WITHIN_S = 30.0


class ServerProcess:
    """`heliograph serve` on one port and one data directory, over as many lives as it takes."""

    def __init__(self, folder: Path, history: History) -> None:
        self._folder = folder
        self._history = history
        self._process: asyncio.subprocess.Process | None = None
        self._killed = False
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"

    async def start(self) -> None:
        """The process runs; it may not answer yet."""
        serve = ("serve", "--no-auth", "--port", str(self.port), "--data-dir", str(self._folder / "data"))
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "heliograph", *serve, stdout=log, stderr=log, env={**os.environ, "NO_COLOR": "1"}
            )  # fmt: skip
        self._killed = False

    async def wait_ready(self, http: aiohttp.ClientSession) -> None:
        """Returns once the server answers."""
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                self._require_alive()
                try:
                    async with http.get("/readyz") as response:
                        if response.status == 200:
                            break
                except (aiohttp.ClientError, OSError, TimeoutError):
                    pass
                await asyncio.sleep(0.02)
        self._history.record(Fault(what=FaultKind.SERVER_READY))

    async def kill(self) -> None:
        """SIGKILL, and nothing of the process is left."""
        assert self._process is not None
        self._require_alive()
        self._killed = True
        self._process.send_signal(signal.SIGKILL)
        # Before the wait: whoever hears of it hears of it after this.
        self._history.record(Fault(what=FaultKind.SERVER_KILLED, target=str(self._process.pid)))
        await self._process.wait()

    async def end(self) -> None:
        """The process is gone, whatever it did."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _require_alive(self) -> None:
        assert self._process is not None
        if self._process.returncode is not None and not self._killed:
            self._history.record(Fault(what=FaultKind.SERVER_ENDED, target=f"exit status {self._process.returncode}, see {self.log}"))
            raise AssertionError(f"the server ended by itself with exit status {self._process.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """The end of the server's log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
