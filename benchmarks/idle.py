"""A server that has nothing else to do: how long one command takes from its caller to its phone, how late an expiry is written."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import aiohttp
import uvloop

from benchmarks.devices import PROFILE, enroll
from benchmarks.figures import Figures, Number, Scale, percentile
from benchmarks.signed_in import Heliograph, heliograph
from heliograph.agent.clock import MachineClock
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner
from heliograph.agent.virtual_phone import EffectRecord, VirtualPhone
from heliograph.protojson.times import parse_timestamp_us

COMMANDS = 200
EXPIRIES = 50


def measure_idle(scale: Scale) -> Figures:
    """Both, on one `heliograph serve`."""
    commands, expiries = min(COMMANDS, 50 * scale.rounds), min(EXPIRIES, 13 * scale.rounds)
    with heliograph() as server:
        executed = sorted(uvloop.run(_execution(server, commands)))
        expired = sorted(uvloop.run(_expiry(server, expiries)))
    return Figures(
        numbers=[
            Number("from sending issueCommand to the effect on a connected virtual phone, p50", [percentile(executed, 0.5)], "ms"),
            Number(f"the same, worst of {len(executed)}", [executed[-1]], "ms"),
            Number("from a command's expiry to EXPIRED in the database, p50", [percentile(expired, 0.5)], "ms"),
            Number(f"the same, worst of {len(expired)}", [expired[-1]], "ms"),
            Number("from a command's expiry to EXPIRED in the database, earliest", [expired[0]], "ms", least=0),
        ]
    )


def _session(server: Heliograph) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(server.url, raise_for_status=True, headers={"Authorization": f"Bearer {server.token}"})


async def _expiry(server: Heliograph, count: int) -> list[float]:
    """Milliseconds from `expiresAt` to the timeline's entry of the expiry."""
    name = (await enroll(server.url, 1, server.token))[0].name
    async with _session(server) as session:
        operations = []
        for _ in range(count):
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


async def _execution(server: Heliograph, count: int) -> list[float]:
    """Milliseconds from sending issueCommand to the effect, one command after the other."""
    times: list[float] = []
    async with _session(server) as session, _phone(session, server.url) as phone:
        executed: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def began(effect: EffectRecord) -> None:
            if effect.step == "began":
                executed.set_result(time.perf_counter())

        phone.phone.on_effect = began
        for _ in range(count):
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
    device = VirtualPhone(PROFILES[PROFILE].phone("IDLE"), clock=MachineClock(), chance=random.SystemRandom())
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
