"""A server that has nothing else to do: how long one command takes from its caller to its phone, how late an expiry is written."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import aiohttp
import uvloop

from benchmarks.devices import PROFILE, enroll
from benchmarks.servers import free_port, running
from heliograph.agent.clock import MachineClock
from heliograph.agent.phone import Line, PhoneRunner
from heliograph.agent.profiles import PROFILES
from heliograph.agent.virtual import EffectRecord, VirtualPhone
from heliograph.domain.wire_time import parse_timestamp_us

COMMANDS = 200
EXPIRIES = 50


@dataclass(frozen=True)
class Idle:
    """Milliseconds, one value a command."""

    issue_to_executed: list[float]
    """From sending issueCommand to the effect on a connected virtual phone, one command after the other."""
    expiry_to_written: list[float]
    """From `expiresAt` to the timeline's entry of the expiry."""


def measure_idle() -> Idle:
    """Both, on one `heliograph serve`."""
    port = free_port()
    with (
        TemporaryDirectory(dir=".", prefix=".bench-") as folder,
        running(["heliograph", "serve", "--no-auth", "--port", str(port), "--data-dir", folder], port) as server,
    ):
        return Idle(uvloop.run(_execution(server.url)), uvloop.run(_expiry(server.url)))


async def _expiry(url: str) -> list[float]:
    name = (await enroll(url, 1))[0].name
    async with aiohttp.ClientSession(url, raise_for_status=True) as session:
        operations = []
        for _ in range(EXPIRIES):
            async with session.post(f"/v1/{name}:issueCommand", json={"type": "LOCK", "duration": "1s"}) as response:
                operations.append((await response.json())["name"])
            await asyncio.sleep(0.02)
        await asyncio.sleep(1.5)
        return [await _late_ms(session, operation) for operation in operations]


async def _late_ms(session: aiohttp.ClientSession, operation: str) -> float:
    async with session.get(f"/heliograph/v1/{operation}/timeline") as response:
        timeline = await response.json()
    (written,) = (entry["time"] for entry in timeline["entries"] if entry["what"] == "expired")
    return (parse_timestamp_us(written) - parse_timestamp_us(timeline["expiresAt"])) / 1_000


async def _execution(url: str) -> list[float]:
    times: list[float] = []
    async with aiohttp.ClientSession(url, raise_for_status=True) as session, _phone(session, url) as phone:
        executed: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def began(effect: EffectRecord) -> None:
            if effect.step == "began":
                executed.set_result(time.perf_counter())

        phone.phone.on_effect = began
        for _ in range(COMMANDS):
            executed = asyncio.get_running_loop().create_future()
            sent = time.perf_counter()
            async with session.post(f"/v1/{phone.name}:issueCommand", json={"type": "LOCK"}) as response:
                operation = (await response.json())["name"]
            times.append((await executed - sent) * 1_000)
            await _until_done(session, operation)
    return times


@contextlib.asynccontextmanager
async def _phone(session: aiohttp.ClientSession, url: str) -> AsyncIterator[PhoneRunner]:
    async with session.post("/v1/enterprises?projectId=bench&agreementAccepted=true", json={}) as response:
        enterprise = (await response.json())["name"]
    async with session.post(f"/v1/{enterprise}/enrollmentTokens", json={}) as response:
        token = (await response.json())["value"]
    device = VirtualPhone(PROFILES[PROFILE].phone(), clock=MachineClock(), chance=random.SystemRandom())
    runner = PhoneRunner(device, Line(server_url=url))
    runner.start(token)
    await runner.wait_connected()
    try:
        yield runner
    finally:
        await runner.stop()


async def _until_done(session: aiohttp.ClientSession, operation: str) -> None:
    while True:
        async with session.get(f"/v1/{operation}") as response:
            if (await response.json()).get("done"):
                return
