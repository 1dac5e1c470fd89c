"""How long one command takes from its caller to its phone on a server that has nothing else to do."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from tempfile import TemporaryDirectory

import aiohttp
import uvloop

from benchmarks.devices import PROFILE
from benchmarks.servers import free_port, running
from heliograph.agent.clock import MachineClock
from heliograph.agent.phone import Line, PhoneRunner
from heliograph.agent.profiles import PROFILES
from heliograph.agent.virtual import EffectRecord, VirtualPhone

COMMANDS = 200


def issue_to_executed_ms() -> list[float]:
    """Milliseconds from sending issueCommand to the effect on a connected virtual phone, one command after the other."""
    port = free_port()
    with (
        TemporaryDirectory(dir=".", prefix=".bench-") as folder,
        running(["heliograph", "serve", "--no-auth", "--port", str(port), "--data-dir", folder], port) as server,
    ):
        return uvloop.run(_measure(server.url))


async def _measure(url: str) -> list[float]:
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
