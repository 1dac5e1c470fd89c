"""The server as an operator runs it: a process of its own, killed without warning and started again on the same data."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from heliograph.history.events import Fault, FaultKind
from heliograph.history.file import History
from tests.hung import Watched
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.torture.timing import request_under_way

DATABASE_AWAY = (2, 5)
"""The exit statuses of a server that cannot reach its database when it starts, or hears no answer from it then."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a server is started."""

    module: str = "heliograph"
    """What Python runs; whatever it is, it ends up being `heliograph serve`."""
    options: Sequence[str] = ()
    """Of `heliograph serve`, besides."""
    environment: Mapping[str, str] = field(default_factory=dict)
    data_dir: Path | None = None
    """Other than `data` in its folder."""
    supervised: bool = False
    """Whether it is started again when it ends while it starts, as a supervisor would: a server whose database is away ends then."""


PLAIN = Launch()


class ServerProcess:
    """`heliograph serve` on one port and one data directory, over as many lives as it takes."""

    def __init__(self, folder: Path, history: History, *, name: str = "server", launch: Launch = PLAIN) -> None:
        self.name = name
        self.data_dir = launch.data_dir or folder / "data"
        self.log = folder / f"{name}.log"
        self._history = history
        self._launch = launch
        self._process: asyncio.subprocess.Process | None = None
        self._may_end = False
        self._was_ready = False
        self.port = reserved_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """The process runs; it may not answer yet."""
        serve = ("serve", "--no-auth", "--port", str(self.port), "--data-dir", str(self.data_dir), *self._launch.options)
        environment = {**os.environ, "NO_COLOR": "1", **self._launch.environment}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._launch.module, *serve, stdout=log, stderr=log, env=environment
            )
        self._may_end = self._was_ready = False

    async def wait_ready(self, http: aiohttp.ClientSession) -> None:
        """Returns once the server answers, and takes writes.  Raises: TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.ready(http):
                await self._stay_alive()
                await asyncio.sleep(0.02)
        self._was_ready = True
        self._history.record(Fault(what=FaultKind.SERVER_READY, target=self.name))

    async def ready(self, http: aiohttp.ClientSession) -> bool:
        """Whether the server answers, and takes writes."""
        try:
            async with http.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def under_load(self) -> None:
        """Returns while a request is in progress, or after none was for long."""
        await request_under_way(self._history)

    async def kill(self, fault: FaultKind = FaultKind.SERVER_KILLED) -> None:
        """SIGKILL, and nothing of the process is left."""
        self.signal(signal.SIGKILL, fault, ends=True)
        await self.wait_ended()

    def signal(self, number: signal.Signals, fault: FaultKind, *, ends: bool = False) -> None:
        """The signal is sent, and recorded before: all that it causes is recorded after this. `ends`: it ends the process."""
        self._require_alive()
        self._may_end = ends
        self._history.record(Fault(what=fault, target=self.name))
        os.kill(self.pid, number)

    async def wait_ended(self) -> int:
        """The exit status, once nothing of the process is left."""
        assert self._process is not None
        with Watched(self._process.pid):
            return await self._process.wait()

    async def end(self) -> None:
        """The process is gone, whatever it did."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _stay_alive(self) -> None:
        if self._process is not None and self._process.returncode in DATABASE_AWAY and self._launch.supervised and not self._was_ready:
            await self.start()
        self._require_alive()

    def _require_alive(self) -> None:
        assert self._process is not None
        if self._process.returncode is not None and not self._may_end:
            self._history.record(Fault(what=FaultKind.SERVER_ENDED, target=f"exit status {self._process.returncode}, see {self.log}"))
            raise AssertionError(f"{self.name} ended by itself with exit status {self._process.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """The end of the server's log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
