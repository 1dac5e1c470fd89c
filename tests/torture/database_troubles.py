"""Who makes trouble for the database under the servers, and for their connections with it."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import aiohttp
import asyncpg

from heliograph.history.events import Fault, FaultKind
from heliograph.history.file import History
from tests.patience import PATIENCE_S
from tests.postgres import Cluster
from tests.torture.cutting_proxy import CuttingProxy, Link, Way
from tests.torture.server_process import ServerProcess
from tests.torture.small_disk import SmallDisk
from tests.torture.timing import request_under_way, under_way

COMMIT = b"COMMIT\x00"
"""The end of PostgreSQL's simple query that commits."""
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'heliograph'"
LOCKS = "LOCK TABLE device_keys IN EXCLUSIVE MODE"
"""Taken by another session, it keeps every batch waiting."""


@dataclass(frozen=True, kw_only=True)
class KillDatabase:
    """PostgreSQL is killed or stopped at once, and started again."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.DATABASE_KILLED,)

    cluster: Cluster
    history: History
    times: int
    pause_s: tuple[float, float] = (0.3, 2.5)
    away_s: tuple[float, float] = (0.0, 2.0)

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for _ in range(self.times):
            await asyncio.sleep(chance.uniform(*self.pause_s))
            how = chance.choice((self.cluster.kill, self._stop_immediately, self.cluster.stop))
            await request_under_way(self.history)
            self.history.record(Fault(what=FaultKind.DATABASE_KILLED, target=how.__name__.strip("_")))
            await asyncio.to_thread(how)
            await asyncio.sleep(chance.uniform(*self.away_s))
            await asyncio.to_thread(self.cluster.start)
            self.history.record(Fault(what=FaultKind.DATABASE_READY))

    def _stop_immediately(self) -> None:
        self.cluster.stop("immediate")


@dataclass(frozen=True, kw_only=True)
class FillDatabaseDisk:
    """PostgreSQL's disk is full for some seconds, data and log alike: it refuses writes, or it ends; then it is started again."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.DISK_FULL,)

    cluster: Cluster
    disk: SmallDisk
    servers: Sequence[ServerProcess]
    history: History
    times: int

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for _ in range(self.times):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            await request_under_way(self.history)
            self.history.record(Fault(what=FaultKind.DISK_FULL))
            self.disk.fill(chance.choice((0, 100_000)))
            async with asyncio.timeout(PATIENCE_S):
                while await self.servers[0].ready(http):  # noqa: ASYNC110 - it is full when it says so
                    await asyncio.sleep(0.02)
            await asyncio.sleep(chance.uniform(0.1, 1.5))
            self.history.record(Fault(what=FaultKind.DISK_FREED))
            self.disk.free()
            await asyncio.to_thread(self._revive)
            for server in self.servers:
                await server.wait_ready(http)

    def _revive(self) -> None:
        """It takes connections: where the full disk ended it, it is started, as its supervisor would; else it recovers by itself."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.cluster.sql("SELECT 1")
            except subprocess.CalledProcessError:
                assert time.monotonic() < until, self.cluster.log()
                if not self.cluster.runs():
                    self.cluster.start()
                time.sleep(0.1)
            else:
                return


@dataclass(frozen=True, kw_only=True)
class KillBackends:
    """A process that serves one session is killed, on which PostgreSQL ends all others and recovers; or it is asked to end alone."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.BACKEND_KILLED,)

    cluster: Cluster
    url: str
    history: History
    times: int

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        killed = 0
        while killed < self.times:
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            # There may be no session, and no database, just now.
            with contextlib.suppress(subprocess.CalledProcessError, ProcessLookupError):
                backends = (await asyncio.to_thread(self.cluster.sql, BACKENDS, url=self.url)).split()
                if backends:
                    number = chance.choice((signal.SIGKILL, signal.SIGTERM))
                    await request_under_way(self.history)
                    self.history.record(Fault(what=FaultKind.BACKEND_KILLED, target=number.name))
                    os.kill(int(chance.choice(backends)), number)
                    killed += 1


@dataclass(frozen=True, kw_only=True)
class CutDatabase:
    """A server's connections with its database are cut, fall silent, are refused."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.DATABASE_CUT,)

    proxy: CuttingProxy
    history: History
    times: int

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for _ in range(self.times):
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            how = chance.choice((self._cut_some, self._silence_some, self._refuse))
            await request_under_way(self.history)
            self.history.record(Fault(what=FaultKind.DATABASE_CUT, target=how.__name__.strip("_")))
            await how(chance)
        self.proxy.heal()

    async def _cut_some(self, chance: random.Random) -> None:
        self.proxy.cut_some(chance)

    async def _silence_some(self, chance: random.Random) -> None:
        for link in tuple(self.proxy.links):
            if chance.random() < 0.5:
                link.silence(*chance.choice(((Way.IN,), (Way.OUT,), tuple(Way))))
        await asyncio.sleep(chance.uniform(0.1, 2.0))
        self.proxy.heal()

    async def _refuse(self, chance: random.Random) -> None:
        await self.proxy.refuse_for(chance.uniform(0.1, 1.5))


@dataclass(frozen=True, kw_only=True)
class CutAtCommit:
    """The connection is cut when COMMIT was sent: before it arrived, or before its answer did; the outcome is unknown."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.COMMIT_CUT,)

    proxy: CuttingProxy
    history: History
    times: int
    _asked: set[Link] = field(default_factory=set)
    """Links whose COMMIT was passed on, and whose answer is to be lost."""

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        gone, cut = 0, False
        while gone < self.times or not cut:
            await asyncio.sleep(chance.uniform(0.2, 1.0))
            done = asyncio.Event()
            self.proxy.watch = self._before if chance.random() < 0.3 else self._after
            self.proxy.watch = self._told(self.proxy.watch, done)
            # Somebody else may have healed the proxy meanwhile, and nothing may be committed at all.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), 2.0)
            gone, cut = gone + 1, cut or done.is_set()

    def _told(self, watch: Callable[[Link, Way, bytes], bool], done: asyncio.Event) -> Callable[[Link, Way, bytes], bool]:
        def told(link: Link, way: Way, chunk: bytes) -> bool:
            passed = done.is_set() or watch(link, way, chunk) or not under_way(self.history)
            if not passed:
                self.history.record(Fault(what=FaultKind.COMMIT_CUT, target=watch.__name__.strip("_")))
                done.set()
                link.cut()
            return passed

        return told

    def _before(self, link: Link, way: Way, chunk: bytes) -> bool:
        return not (way is Way.IN and chunk.endswith(COMMIT))

    def _after(self, link: Link, way: Way, chunk: bytes) -> bool:
        if way is Way.IN and chunk.endswith(COMMIT):
            self._asked.add(link)
        return not (way is Way.OUT and link in self._asked)


@dataclass(frozen=True, kw_only=True)
class SlowDatabase:
    """Every answer takes long, or another session holds a lock that every batch needs."""

    kinds: ClassVar[Sequence[FaultKind]] = (FaultKind.DATABASE_SLOW,)

    proxy: CuttingProxy
    url: str
    history: History
    times: int

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        for number in range(self.times):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            async with self._locked() if number % 2 else self._delayed(chance):
                self.history.record(Fault(what=FaultKind.DATABASE_SLOW, target="locked" if number % 2 else "delayed"))
                await asyncio.sleep(chance.uniform(0.5, 3.0))
                self.history.record(Fault(what=FaultKind.DATABASE_FAST, target="locked" if number % 2 else "delayed"))

    @contextlib.asynccontextmanager
    async def _delayed(self, chance: random.Random) -> AsyncIterator[None]:
        self.proxy.delay_s = chance.uniform(0.02, 0.3)
        yield
        self.proxy.delay_s = 0.0

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        connection = await self._lock()
        yield
        if connection is not None:
            connection.terminate()

    async def _lock(self) -> "asyncpg.Connection[asyncpg.Record] | None":
        """The session that holds the lock; None: there is no database to lock just now."""
        try:
            connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(self.url)
            await connection.execute("BEGIN")
            await connection.execute(LOCKS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        return connection
