"""Who makes trouble for a server: kills it, cuts its power, suspends it, steps its clock, fills its disk, breaks its lines."""

import asyncio
import random
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import aiohttp

from heliograph.history.events import Fault, FaultKind
from heliograph.history.file import History
from tests.torture.cutting_proxy import CuttingProxy, Way
from tests.torture.driven_server import POWER_OUT
from tests.torture.server_process import ServerProcess
from tests.torture.timing import request_under_way


@dataclass(frozen=True, kw_only=True)
class KillServer:
    """kill -9, again and again."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.SERVER_KILLED,)

    server: ServerProcess
    times: int
    life_s: tuple[float, float] = (0.1, 2.5)
    """How long the server lives between two kills, counted from when it answers."""
    young: float = 0.2
    """How often it is killed while it starts instead."""

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for _ in range(self.times):
            if chance.random() < self.young:
                await asyncio.sleep(chance.uniform(0, self.life_s[1]))
            else:
                await self.server.wait_ready(http)
                await asyncio.sleep(chance.uniform(*self.life_s))
                await self.server.under_load()
            await self.server.kill()
            await self.server.start()
        await self.server.wait_ready(http)


@dataclass(frozen=True, kw_only=True)
class CutPower:
    """The power of a driven server goes: what its disk keeps of what was not synced is a matter of chance."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.POWER_CUT,)

    server: ServerProcess
    survivors: Path
    """The folder that a driven server leaves behind."""
    times: int
    life_s: tuple[float, float] = (0.1, 1.5)

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for _ in range(self.times):
            await self.server.wait_ready(http)
            await asyncio.sleep(chance.uniform(*self.life_s))
            await self.server.under_load()
            self.server.signal(signal.SIGUSR1, FaultKind.POWER_CUT, ends=True)
            assert await self.server.wait_ended() == POWER_OUT, self.server.tail()
            await asyncio.to_thread(shutil.rmtree, self.server.data_dir)
            self.survivors.rename(self.server.data_dir)
            await self.server.start()
        await self.server.wait_ready(http)


@dataclass(frozen=True, kw_only=True)
class SuspendServer:
    """The server stands still for some seconds, as on a machine that is suspended or migrated."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.SERVER_SUSPENDED,)

    server: ServerProcess
    times: int
    for_s: tuple[float, float] = (0.2, 2.0)

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for _ in range(self.times):
            await asyncio.sleep(chance.uniform(0.1, 1.5))
            await self.server.under_load()
            self.server.signal(signal.SIGSTOP, FaultKind.SERVER_SUSPENDED)
            await asyncio.sleep(chance.uniform(*self.for_s))
            self.server.signal(signal.SIGCONT, FaultKind.SERVER_RESUMED)
        await self.server.wait_ready(http)


@dataclass(frozen=True, kw_only=True)
class CutLines:
    """Connections through a proxy are cut, fall silent in one direction or both, are half closed, or everything is slow for a while."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.LINE_CUT,)

    proxy: CuttingProxy
    whose: str
    history: History
    times: int
    pause_s: float = 0.3

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for _ in range(self.times):
            await asyncio.sleep(chance.expovariate(1 / self.pause_s))
            how = chance.choice((self._cut_some, self._cut_at_a_byte, self._silence_some, self._half_close_some, self._refuse, self._delay))
            await request_under_way(self.history)
            self.history.record(Fault(what=FaultKind.LINE_CUT, target=f"{self.whose}: {how.__name__.strip('_')}"))
            await how(chance)
        self.proxy.heal()

    async def _cut_some(self, chance: random.Random) -> None:
        self.proxy.cut_some(chance)

    async def _cut_at_a_byte(self, chance: random.Random) -> None:
        for link in tuple(self.proxy.links):
            way = chance.choice(tuple(Way))
            link.cut_after[way] = link.moved[way] + chance.randrange(1, 600)

    async def _silence_some(self, chance: random.Random) -> None:
        for link in tuple(self.proxy.links):
            link.silence(*chance.choice(((Way.IN,), (Way.OUT,), tuple(Way))))
        await asyncio.sleep(chance.uniform(0.1, 1.0))
        self.proxy.heal()

    async def _half_close_some(self, chance: random.Random) -> None:
        for link in tuple(self.proxy.links):
            if chance.random() < 0.3:
                link.half_close(chance.choice(tuple(Way)))

    async def _refuse(self, chance: random.Random) -> None:
        await self.proxy.refuse_for(chance.uniform(0.05, 0.5))

    async def _delay(self, chance: random.Random) -> None:
        self.proxy.delay_s = chance.uniform(0.02, 0.2)
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        self.proxy.heal()
