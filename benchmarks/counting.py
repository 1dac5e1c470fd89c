"""A server and its clients in one process, whose requests are counted in opcodes; the last line that it prints is the figures as JSON."""

import asyncio
import gc
import itertools
import statistics
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from benchmarks.devices import enroll
from benchmarks.lean import Caller, Phone
from benchmarks.opcodes import Tally
from heliograph.settings import Settings
from tests.sign_in.conftest import Guarded, bearer_of, guarded_server

CLIENTS = 64
WARM_UP = 8
"""Rounds that do not count: caches fill, and connections become known."""
LOTS, SINGLES = 24, 200
"""Rounds of 64 requests, and of one. Their median counts: what timers do meanwhile falls into few of them."""

Act = Callable[[], Awaitable[object]]


class Clients:
    """Signed-in callers, each with a phone that is enrolled and not connected; and one phone more, which can be."""

    def __init__(self, server: Guarded) -> None:
        self._server = server
        self._address = "127.0.0.1", server.port
        self._bearer = bearer_of(server.key_file(["*"])).removeprefix("Bearer ")
        self._durations_s = itertools.count(100_000)

    async def connect(self) -> None:
        """The callers' connections are open."""
        loop = asyncio.get_running_loop()
        self._loop = self._server.run(_running_loop())
        *self._phones, self._spare = await enroll(self._server.url, CLIENTS + 1, self._bearer)
        connections = [await loop.create_connection(lambda: Caller(self._bearer), *self._address) for _ in range(CLIENTS)]
        self._callers = [caller for _, caller in connections]

    async def issue_together(self) -> None:
        """Every caller issues a command, and the server's loop meets all of them in one turn: one batch, however busy the machine is."""
        standing, free = threading.Lock(), threading.Lock()
        standing.acquire()
        free.acquire()
        self._loop.call_soon_threadsafe(standing.release)
        self._loop.call_soon_threadsafe(free.acquire)  # there it stands still; neither call is an opcode
        standing.acquire()
        names = [phone.name for phone in self._phones]
        asked = [asyncio.ensure_future(self._issue(caller, name)) for caller, name in zip(self._callers, names, strict=True)]
        await asyncio.sleep(0)  # each has written
        free.release()
        await asyncio.gather(*asked)

    async def issue_alone(self) -> str:
        """One caller issues a command: the operation."""
        return await self._issue(self._callers[0], self._phones[0].name)

    async def getting(self) -> Act:
        """One caller gets an operation."""
        path = f"/v1/{await self.issue_alone()}"
        return lambda: self._callers[0].ask("GET", path)

    async def listing(self) -> Act:
        """One caller lists ten operations of a phone."""
        for _ in range(10):
            await self.issue_alone()
        path = f"/v1/{self._phones[0].name}/operations?pageSize=10"
        return lambda: self._callers[0].ask("GET", path)

    async def cycling(self) -> Act:
        """A cycle: issue, offer, acknowledge, report, by a phone on a WebSocket that has nothing else to do."""
        phone, greeted, reports = Phone(self._spare, self._address), asyncio.Event(), asyncio.Queue[str]()
        phone.greeted, phone.reported = lambda _: greeted.set(), reports.put_nowait
        await phone.connect()
        await greeted.wait()

        async def cycle() -> None:
            await self._issue(self._callers[0], self._spare.name)
            await reports.get()

        return cycle

    async def _issue(self, caller: Caller, device: str) -> str:
        body = b'{"type":"LOCK","duration":"%ds"}' % next(self._durations_s)
        name: str = msgspec.json.decode(await caller.ask("POST", f"/v1/{device}:issueCommand", body))["name"]
        return name


async def _running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def opcodes(tally: Tally, act: Act, *, rounds: int, requests: int = 1) -> int:
    """Of one request: the median of the rounds."""
    found = []
    for _ in range(WARM_UP + rounds):
        before = tally.read()
        await act()
        found.append((tally.read() - before) / requests)
    return round(statistics.median(found[WARM_UP:]))


async def _count(server: Guarded, tally: Tally, *, lane: bool) -> dict[str, int]:
    clients = Clients(server)
    await clients.connect()
    tally.begin()
    together = await opcodes(tally, clients.issue_together, rounds=LOTS, requests=CLIENTS)
    if not lane:
        return {"issueCommand, 64 at once, --no-hot-lane": together}
    return {
        "issueCommand, 64 at once": together,
        "issueCommand, alone": await opcodes(tally, clients.issue_alone, rounds=SINGLES),
        "operations.get": await opcodes(tally, await clients.getting(), rounds=SINGLES),
        "operations.list of 10": await opcodes(tally, await clients.listing(), rounds=SINGLES),
        "cycle of a phone: issue, offer, acknowledge, report": await opcodes(tally, await clients.cycling(), rounds=SINGLES),
    }


def counted(*, lane: bool) -> dict[str, int]:
    """The figures of a server with the hot lane, or without."""
    tally = Tally()
    # Whether a commit waits for the disk is no matter of opcodes.
    with (
        tempfile.TemporaryDirectory() as folder,
        tally.threads_counted(),
        guarded_server(Settings(data_dir=Path(folder), durable=False, hot_lane=lane)) as server,
    ):
        counts = asyncio.run(_count(server, tally, lane=lane))
        tally.end()
        return counts


if __name__ == "__main__":
    gc.disable()  # it would come at another place in each run
    figures = {**counted(lane=True), **counted(lane=False)}
    print(f"\n{msgspec.json.encode(figures).decode()}")
