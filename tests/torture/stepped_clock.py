"""A server process whose wall clock is stepped while it runs, by libfaketime; CLOCK_BOOTTIME and CLOCK_MONOTONIC go on as ever."""

import asyncio
import functools
import random
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import aiohttp
import pytest

from heliograph.history.events import Fault, FaultKind
from heliograph.history.file import History
from tests.patience import WHOLE_JOB_S
from tests.socket_watch import with_watch
from tests.torture.server_process import Launch, ServerProcess

NEEDS = Path(__file__).parents[2] / "scripts" / "test_needs.sh"
NOTICED_S = 1.2
"""libfaketime looks into its file once a second."""


@functools.cache
def libfaketime() -> Path | None:
    """The library that is put in front of the C library; None: it is not there, and cannot be installed here."""
    if shutil.which("faketime") is None:
        subprocess.run([NEEDS, "faketime"], check=False, capture_output=True, timeout=WHOLE_JOB_S)
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


class SteppedClock:
    """The wall clock of the processes launched with it."""

    def __init__(self, folder: Path) -> None:
        """Skips the test where libfaketime is missing."""
        library = libfaketime()
        if library is None:
            pytest.skip("libfaketime is not there (Debian, Ubuntu: sudo apt-get install faketime)")
        self._file = folder / "wall clock"
        self.step(0)
        self.environment = {
            "LD_PRELOAD": with_watch(str(library)),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    @property
    def launch(self) -> Launch:
        """How a server is started that reads this clock."""
        return Launch(environment=self.environment)

    def step(self, seconds: int) -> None:
        """The clock is so far off the true time; its processes see it within about a second."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n", encoding="ascii")
        fresh.replace(self._file)


@dataclass(frozen=True, kw_only=True)
class StepClock:
    """The wall clock jumps, forwards and back, and is right in the end."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.CLOCK_STEPPED,)

    server: ServerProcess
    clock: SteppedClock
    history: History
    offsets_s: Sequence[int] = (3_600, -3_600, 86_400 * 40, 0)

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for offset_s in self.offsets_s:
            self.clock.step(offset_s)
            self.history.record(Fault(what=FaultKind.CLOCK_STEPPED, target=f"{offset_s:+d} s"))
            await asyncio.sleep(NOTICED_S + chance.uniform(0, 1.5))
        await self.server.wait_ready(http)
