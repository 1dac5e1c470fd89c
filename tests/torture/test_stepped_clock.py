"""What a step of the wall clock does to deadlines and ids: nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.files import written
from tests.torture.callers import insist
from tests.torture.phones import Phone
from tests.torture.run import history_of
from tests.torture.server_process import ServerProcess
from tests.torture.stepped_clock import StepClock, SteppedClock

LIFE_S = 3
SLEW = 0.01
ROUNDING_S = 0.001
SOON_S = 60.0
"""Long for a busy machine, and nothing against the hour by which the clock is off."""


@pytest.fixture
def clock(tmp_path: Path) -> SteppedClock:
    return SteppedClock(tmp_path)


@pytest.fixture
async def http(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[aiohttp.ClientSession]:
    """Callers' way to a server with that clock."""
    history = history_of(tmp_path, "none", StepClock.kinds)
    server = ServerProcess(tmp_path, history, launch=clock.launch)
    async with aiohttp.ClientSession(server.url) as session:
        try:
            await server.start()
            await server.wait_ready(session)
            yield session
        finally:
            await server.end()
            history.close()


@pytest.fixture
async def device(tmp_path: Path, http: aiohttp.ClientSession) -> str:
    """A device whose phone is switched off."""
    enterprise = await insist(http, "POST", "enterprises", body={}, query={"projectId": "p", "agreementAccepted": "true"})
    token = await insist(http, "POST", f"{enterprise['name']}/enrollmentTokens", body={})
    history = history_of(tmp_path, "none", ())
    phone = Phone(str(http._base_url), history, 0, folder=tmp_path, seed="")  # noqa: SLF001 - what it was made with
    await phone.enroll(token["value"])
    await phone.runner.stop()
    history.close()
    return phone.device


async def issued(http: aiohttp.ClientSession, device: str) -> str:
    """The operation of a command that lives for LIFE_S."""
    return str((await insist(http, "POST", f"{device}:issueCommand", body={"type": "LOCK", "duration": f"{LIFE_S}s"}))["name"])


async def ended(http: aiohttp.ClientSession, name: str) -> float:
    """When it was seen to have ended."""
    done = False
    while not done:
        await asyncio.sleep(0.02)
        done = (await insist(http, "GET", name)).get("done", False)
    return time.monotonic()


async def test_a_deadline_is_kept_and_ids_go_on_increasing_over_steps_of_the_clock(
    tmp_path: Path, clock: SteppedClock, http: aiohttp.ClientSession, device: str
) -> None:
    lived_s, names = [], []
    for step_s in (3_600, -3_600):
        began = time.monotonic()
        names.append(await issued(http, device))
        clock.step(step_s)
        lived_s.append(await ended(http, names[-1]) - began)
        names.append(await issued(http, device))

    ids = [int(name.rpartition("/")[2]) for name in names]
    assert sorted(set(ids)) == ids
    assert written(tmp_path / "server.log", lambda log: "clock.stepped" in log)
    assert all(LIFE_S * (1 - SLEW) - ROUNDING_S <= lived <= SOON_S for lived in lived_s), lived_s
