"""The tail: it rings this server's own phones, once for each operation, and reads nothing while no phone is connected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest

from heliograph.channel.app import Channel
from heliograph.channel.peers import LinkState
from heliograph.domain.errors import Overloaded
from heliograph.domain.names import DeviceName
from heliograph.server.cluster_doorbell import OVERLAP_MS, ClusterDoorbell
from heliograph.service.metrics import DoorbellCounts
from heliograph.storage.postgres.cluster_bus import Word
from tests.patience import PATIENCE_S

HERE, AWAY = DeviceName("LC0", "here"), DeviceName("LC0", "away")
START_MS = 1_790_000_000_000


class Time:
    """A Clock that shows what it was set to."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_us(self) -> int:
        return self.ms * 1_000

    async def sleep_until(self, at_us: int) -> None:
        self.ms = max(self.ms, at_us // 1_000)


class Link:
    """A connection that notes how often it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    def state(self) -> LinkState:
        return LinkState(busy=False, closed=False, frames=0, looks=self.woken, again_us=None)

    def rest(self) -> None:
        """It never looks by itself."""

    def supersede(self, *, same_connection: bool) -> None:
        """Nothing to end."""

    async def drain(self) -> None:
        """Nothing to end."""


class Database:
    """What the tail reads; a look fails on request."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, DeviceName]] = []
        self.asked: list[int] = []
        self.failures = 0

    async def tail(self, after_ms: int, limit: int) -> Sequence[tuple[int, DeviceName]]:
        self.asked.append(after_ms)
        if self.failures:
            self.failures -= 1
            raise Overloaded
        return [row for row in sorted(self.rows) if row[0] > after_ms][:limit]


class Scene:
    """A server with one phone connected, and its look at the tail."""

    def __init__(self) -> None:
        self.time = Time()
        self.channel = Channel(self.time)
        self.counts = DoorbellCounts()
        self.others = ClusterDoorbell(self.channel, clock=self.time, counts=self.counts)
        self.database = Database()
        self.link = Link()

    def connect(self) -> None:
        """The phone is connected here."""
        self.channel.peers.heard(HERE, self.time.now_us()).link = self.link

    async def looks(self, times: int) -> None:
        """So many looks have ended since."""
        seen = len(self.database.asked)
        async with asyncio.timeout(PATIENCE_S):
            while len(self.database.asked) < seen + times + 1:  # noqa: ASYNC110 - a look has no event
                await asyncio.sleep(0.001)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Looks follow each other quickly, and read few rows at a time."""
    made = Scene()
    looking = asyncio.create_task(made.others.follow_tail(made.database.tail, every_s=0.002, rows_most=10))
    yield made
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking


async def test_a_new_operation_rings_its_phone_once(scene: Scene) -> None:
    scene.connect()
    scene.database.rows = [(START_MS + 5, HERE), (START_MS + 6, AWAY)]

    await scene.looks(3)

    assert 1 == scene.link.woken
    assert 1 == scene.counts.rings["tail"]


async def test_what_becomes_visible_late_is_found(scene: Scene) -> None:
    """Numbered before what was found already, committed after it."""
    scene.connect()
    scene.database.rows = [(START_MS + 500, HERE)]
    await scene.looks(1)
    scene.time.ms += 9_000

    scene.database.rows.append((START_MS + 1, HERE))
    await scene.looks(1)

    assert 2 == scene.link.woken


async def test_nothing_is_read_while_nobody_is_connected(scene: Scene) -> None:
    await asyncio.sleep(0.05)
    before = list(scene.database.asked)

    scene.connect()
    await scene.looks(1)

    assert [] == before
    assert START_MS - OVERLAP_MS == scene.database.asked[0]


async def test_after_looks_that_failed_the_next_goes_back_as_far(scene: Scene) -> None:
    scene.connect()
    await scene.looks(1)
    scene.database.failures = 3
    scene.database.rows = [(START_MS + 1, HERE)]
    scene.time.ms += 3_600_000

    await scene.looks(4)

    assert 1 == scene.link.woken


async def test_a_tail_of_many_rows_is_read_whole(scene: Scene) -> None:
    scene.connect()
    scene.database.rows = [(START_MS + number // 3, DeviceName("LC0", f"d{number}")) for number in range(100)] + [(START_MS + 40, HERE)]

    await scene.looks(30)

    assert 1 == scene.link.woken


async def test_what_the_bell_rang_for_is_not_counted_for_the_tail(scene: Scene) -> None:
    scene.connect()
    scene.time.ms += 10
    scene.others.heard(Word("ring", "LC0/here"), scene.time.now_us() - 3_000)

    scene.database.rows = [(START_MS + 5, HERE)]
    await scene.looks(2)

    assert (1, 0) == (scene.counts.rings["notify"], scene.counts.rings["tail"])
    assert 0.003 == pytest.approx(scene.counts.lag_s.total)


async def test_rings_for_phones_that_are_not_here_are_none_of_ours(scene: Scene) -> None:
    scene.connect()

    scene.others.heard(Word("ring", "LC0/away"), 0)

    assert (0, 0) == (scene.link.woken, scene.counts.rings["notify"])
