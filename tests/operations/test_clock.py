"""A server starts at the wall clock's time or at the newest in its store, and runs on from there; a large difference is said aloud."""

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from heliograph.domain.device import EnterpriseRecord
from heliograph.sandbox.clock import AdvancingClock
from heliograph.server.clock import SLEW_SHARE, SystemClock
from heliograph.server.clock_watch import LARGE_US, LONG_US, started
from heliograph.service.ports import Put, PutDevice, PutOperation, Sees, Store
from heliograph.settings import Settings
from heliograph.storage.postgres.store import PostgresStore
from heliograph.storage.sqlite.store import SqliteStore
from tests.api.live import live_server, settings_for
from tests.patience import PATIENCE_S
from tests.postgres import Cluster
from tests.storage.records import (
    ENTERPRISE,
    SECOND_US,
    START_US,
    SetClock,
    device_name,
    device_record,
    ended,
    enterprise_record,
    issue,
    operation,
    write,
)

HOUR_US = 3_600 * SECOND_US
DEVICE = device_name(7)


class Machine:
    """A machine's two clocks: one that is set, and one that only goes on."""

    def __init__(self) -> None:
        self.wall_us = START_US
        self.boot_us = 5 * SECOND_US

    def clock(self) -> SystemClock:
        """A clock of a server that starts now."""
        return SystemClock(wall_us=lambda: self.wall_us, boot_ns=lambda: self.boot_us * 1_000)

    def pass_by(self, us: int) -> None:
        """Time passes."""
        self.wall_us += us
        self.boot_us += us


def test_a_clock_that_starts_behind_the_store_starts_at_the_stores_time_and_runs_on() -> None:
    machine = Machine()
    clock = machine.clock()

    clock.start_from(START_US + HOUR_US)
    first = clock.now_us()
    machine.pass_by(3 * SECOND_US)
    then = clock.now_us()

    assert START_US + HOUR_US == first
    assert first + 3 * SECOND_US - 3 * SECOND_US // SLEW_SHARE == then
    machine.pass_by(HOUR_US * SLEW_SHARE)
    assert machine.wall_us == clock.now_us()


def test_a_clock_that_is_later_than_the_store_is_left_alone() -> None:
    machine = Machine()
    clock = machine.clock()

    clock.start_from(START_US - HOUR_US)

    assert (START_US, 0) == (clock.now_us(), clock.ahead_us())


def test_every_step_is_logged_once_also_while_an_earlier_one_is_made_good() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.start_from(START_US + HOUR_US)

    with capture_logs() as logs:
        for step_us in (0, 0, 2 * HOUR_US, 0, 0, -HOUR_US, 0):
            machine.wall_us += step_us
            machine.pass_by(2 * SECOND_US)
            clock.now_us()

    assert [3_600, 0] == [round(line["off_ms"] / 1_000) for line in logs]
    assert ["clock.stepped"] * 2 == [line["event"] for line in logs]


def test_a_sandbox_that_is_kept_goes_on_from_where_it_was_advanced_to() -> None:
    clock = AdvancingClock()
    there_us = clock.now_us() + HOUR_US

    check = started(clock, there_us)

    assert None is check
    assert there_us <= clock.now_us() < there_us + HOUR_US


@pytest.mark.parametrize(
    "newest_us,events",
    [
        (0, []),
        (START_US - LONG_US + SECOND_US, []),
        (START_US + SECOND_US // 4, []),
        (START_US + SECOND_US, [("clock.behind_store", "warning")]),
        (START_US + LARGE_US, [("clock.behind_store", "error")]),
        (START_US - LONG_US, [("clock.far_ahead_of_store", "error")]),
    ],
)
def test_a_difference_at_the_start_is_logged_the_louder_the_larger_it_is(newest_us: int, events: list[tuple[str, str]]) -> None:
    with capture_logs() as logs:
        check = started(Machine().clock(), newest_us)

    assert events == [(line["event"], line["log_level"]) for line in logs]
    assert check is not None
    assert (1 if "error" in dict(map(reversed, events)) else 0) == len(check.notes())  # type: ignore[arg-type]


# With a server, on either engine.


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a server with an empty store."""
    plain = settings_for(tmp_path)
    if request.param == "sqlite":
        return plain
    postgres: Cluster = request.getfixturevalue("postgres")
    return dataclasses.replace(plain, database_url=postgres.fresh_database())


async def store_of(settings: Settings, at_us: int) -> Store:
    """The store as a server with this time has it."""
    if settings.database_url:
        return await PostgresStore.open(settings.database_url, clock=SetClock(at_us), ring=print, waits_most_s=PATIENCE_S)
    return SqliteStore.open(settings.database, clock=SetClock(at_us), ring=print, waits_most_s=PATIENCE_S)


async def fill(settings: Settings, at_us: int) -> None:
    """A device and a command that ended, at this time."""
    store = await store_of(settings, at_us)
    there = Put(EnterpriseRecord(name=ENTERPRISE, created_us=at_us, resource=enterprise_record().resource))
    await store.decide(Sees(enterprise=ENTERPRISE, device=DEVICE), write(there, PutDevice(device_record(DEVICE))))
    issued = await store.decide(Sees(device=DEVICE), issue(DEVICE))
    await store.decide(Sees(device=DEVICE), write(PutOperation(ended(issued, at_us))))
    await store.close()


def test_a_server_whose_clock_is_behind_its_store_lets_a_short_command_expire_and_says_so(settings: Settings) -> None:
    """Time in the store stood still for the hour, and so lived the command."""
    newest_us = time.time_ns() // 1_000 + HOUR_US
    asyncio.run(fill(settings, newest_us))

    with live_server(settings) as live:
        name = live.post(f"/v1/{DEVICE}:issueCommand", {"type": "LOCK", "duration": "0.3s"}).json["name"]
        shown = live.call("GET", f"/v1/{name}").json
        for _ in range(600):
            if shown.get("done"):
                break
            time.sleep(0.05)
            shown = live.call("GET", f"/v1/{name}").json
        ready = live.call("GET", "/readyz")
        metrics = live.call("GET", "/metrics").body.decode()

    assert 4 == shown["error"]["code"], "it expired"
    assert int(name.rpartition("/")[2]) >= newest_us // 1_000
    assert 200 == ready.status
    assert " s ahead of " in json.loads(ready.body)["note"]
    ahead = next(line for line in metrics.splitlines() if line.startswith("heliograph_clock_ahead_seconds "))
    assert 3_000 < float(ahead.split()[1]) <= 3_600


def test_a_server_whose_clock_is_far_ahead_of_its_store_says_so(settings: Settings) -> None:
    asyncio.run(fill(settings, time.time_ns() // 1_000 - 2 * LONG_US))

    with live_server(settings) as live:
        ready = live.call("GET", "/readyz")
        metrics = live.call("GET", "/metrics").body.decode()

    assert 200 == ready.status
    assert json.loads(ready.body)["note"].endswith(", 60 days before.")
    gap = next(line for line in metrics.splitlines() if line.startswith("heliograph_clock_start_gap_seconds "))
    assert 2 * LONG_US / 1_000_000 <= float(gap.split()[1])


def test_a_server_whose_clock_is_right_has_nothing_to_say(settings: Settings) -> None:
    asyncio.run(fill(settings, time.time_ns() // 1_000))

    with live_server(settings) as live:
        ready = live.call("GET", "/readyz")

    assert {"status": "ready"} == json.loads(ready.body)


@pytest.fixture
async def stores(settings: Settings) -> AsyncIterator[list[Store]]:
    opened: list[Store] = []
    yield opened
    for store in opened:
        await store.close()


async def test_the_newest_time_is_that_of_what_came_last_whatever_that_is(settings: Settings, stores: list[Store]) -> None:
    store = await store_of(settings, START_US)
    stores.append(store)
    one = operation(DEVICE, START_US // 1_000 + 1)
    times = [await store.newest_us()]  # type: ignore[attr-defined]  # what a server's store has besides
    for put in (
        Put(EnterpriseRecord(name=ENTERPRISE, created_us=START_US, resource=b"{}")),
        PutDevice(device_record(DEVICE)),
        PutOperation(one, new=True),
        PutOperation(ended(one, START_US + 5 * SECOND_US)),
    ):
        await store.decide(Sees(device=DEVICE, enterprise=ENTERPRISE), write(put))
        times.append(await store.newest_us())  # type: ignore[attr-defined]

    assert [0, START_US, START_US, START_US + 1_000, START_US + 5 * SECOND_US] == times
