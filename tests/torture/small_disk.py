"""A disk so small that it can be filled: a tmpfs where it may be mounted, else a drive that says it is full (driven_server)."""

import asyncio
import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import aiohttp

from heliograph.history.events import Fault, FaultKind
from heliograph.history.file import History
from tests.patience import PATIENCE_S
from tests.torture.driven_server import FULL_WHILE
from tests.torture.server_process import Launch, ServerProcess
from tests.torture.timing import request_under_way

SIZE_MIB = 160
"""Twice the log at its longest, and the database."""
BALLAST = "ballast"


@contextlib.contextmanager
def tmpfs(folder: Path, *, size_mib: int = SIZE_MIB) -> Iterator[bool]:
    """Whether `folder`, which is new, is a small file system of its own until the block ends."""
    folder.mkdir()
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    mount = [*sudo, "mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0777", "tmpfs", str(folder)]
    try:
        mounted = (
            shutil.which(mount[0]) is not None
            and subprocess.run(mount, check=False, capture_output=True, timeout=PATIENCE_S).returncode == 0
        )
        yield mounted
    finally:
        if os.path.ismount(folder):
            subprocess.run([*sudo, "umount", "--lazy", str(folder)], check=True, timeout=PATIENCE_S)


class SmallDisk:
    """A disk that is full on demand."""

    def __init__(self, folder: Path, *, real: bool) -> None:
        self.folder = folder
        self.real = real
        """Whether it is a file system that is really full."""
        self._ballast = folder / BALLAST if real else folder.with_name(BALLAST)

    @property
    def launch(self) -> Launch:
        """How a server is started whose data is on this disk."""
        if self.real:
            return Launch(data_dir=self.folder / "data")
        return Launch(data_dir=self.folder / "data", module="tests.torture.driven_server", environment={FULL_WHILE: str(self._ballast)})

    def fill(self, leave_bytes: int) -> None:
        """About so many bytes are left, none where the disk only says that it is full."""
        with self._ballast.open("wb") as ballast:
            while self.real:
                room = os.statvfs(self.folder)
                with contextlib.suppress(OSError):  # the server was faster
                    os.posix_fallocate(ballast.fileno(), 0, max(1, room.f_bavail * room.f_frsize - leave_bytes))
                    break

    def free(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class FillDisk:
    """The disk of a server is full for some seconds, again and again: it says so, reads go on, and it heals by itself."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.DISK_FULL,)

    server: ServerProcess
    disk: SmallDisk
    history: History
    times: int

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for _ in range(self.times):
            await self.server.wait_ready(http)
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            await request_under_way(self.history)
            self.history.record(Fault(what=FaultKind.DISK_FULL))
            self.disk.fill(chance.choice((0, 5_000, 100_000, 1_000_000)))
            # A log that is begun again gives the server some room of its own, and writes go on for a while.
            while not await self._refuses(http) or await self.server.ready(http):  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.02)
            await self._see_reads_go_on(http)
            await asyncio.sleep(chance.uniform(0.1, 1.5))
            self.history.record(Fault(what=FaultKind.DISK_FREED))
            self.disk.free()
        await self.server.wait_ready(http)

    async def _refuses(self, http: aiohttp.ClientSession) -> bool:
        """Whether a write is refused; the refusal says when to come again."""
        agreed = {"projectId": "full", "agreementAccepted": "true"}
        try:
            async with http.post(f"{self.server.url}/v1/enterprises", json={}, params=agreed) as response:
                refused = response.status == 503
                assert refused or response.status == 200, await response.text()
                assert not refused or (response.headers["Retry-After"] == "1" and "OVERLOADED" in await response.text())
                return refused
        except TimeoutError:  # a busy machine
            return False

    async def _see_reads_go_on(self, http: aiohttp.ClientSession) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with http.get(f"{self.server.url}/v1/enterprises", params={"projectId": "full"}) as response:
                    assert response.status == 200, await response.text()
                    return
