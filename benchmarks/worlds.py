"""A thousand worlds in one sandbox: what it takes to make, reset and end one, and what one holds at rest.

And in one world: a clock led over ten years, without and with notifications, and a fleet of phones locked in one go under Google's quota.

`python -m benchmarks --only worlds`, or by itself: `python -m benchmarks.worlds`.
"""

import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from benchmarks.figures import Figures, Number, Scale, percentile
from benchmarks.report import printed
from benchmarks.servers import Running, running
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.worlds import WorldPlan, Worlds
from heliograph.server import calm_garbage_collection
from heliograph.server.in_memory import memory_template
from tests.ports import reserved_port

WORLDS = 1_000
QUICK_WORLDS = 50
FLEET = 2_000
QUICK_FLEET = 200
OPERATIONS = 1_000
"""Open ones of a phone that is offline, as many as a device may have."""
CLOCKS, QUICK_CLOCKS = 20, 2
"""Worlds whose clocks are led, of each kind."""
FLEETS = 3
TEN_YEARS = "315576000s"
PHONE = "pixel8-a15-fully-managed"

Json = dict[str, Any]


def measure_worlds(scale: Scale) -> Figures:
    """All of it, on one `heliograph sandbox` in a process of its own."""
    return uvloop.run(_measured(QUICK_WORLDS if scale.rounds == 1 else WORLDS))


async def _measured(count: int) -> Figures:
    async with _sandbox() as server, aiohttp.ClientSession(raise_for_status=True) as http:
        url = server.url
        made: list[Json] = [await _asked(http, "POST", f"{url}/sandbox/v1/worlds") for _ in range(20)]
        before_kib, before_s = server.pss_kib(), server.cpu_s()
        create = [await _took(_keep(http, url, made)) for _ in range(count)]
        create_cpu_ms = (server.cpu_s() - before_s) / count * 1_000
        each_kib = (server.pss_kib() - before_kib) / count
        clocks = QUICK_CLOCKS if count == QUICK_WORLDS else CLOCKS
        ten_years = [await _ten_years(http, world["url"], notifications=place >= clocks) for place, world in enumerate(made[: 2 * clocks])]
        before_s = server.cpu_s()
        reset = [await _took(_call(http, "POST", f"{world['url']}/sandbox/v1:reset")) for world in made[: count // 2]]
        reset_cpu_ms = (server.cpu_s() - before_s) / (count // 2) * 1_000
        snapshots = [await _snapshot(http, world["url"]) for world in made[2 * clocks : 2 * clocks + 20]]
        load = [await _took(_keep(http, url, made, {"snapshot": snapshot})) for snapshot in snapshots]
        open_files = _open_files(server.pid)
        delete = [await _took(_call(http, "DELETE", f"{url}/sandbox/v1/{world['name']}")) for world in made]
    spent = await _in_process(count)
    fleet_size = QUICK_FLEET if count == QUICK_WORLDS else FLEET
    fleet = [await _fleet(fleet_size) for _ in range(1 if count == QUICK_WORLDS else FLEETS)]
    return Figures(
        numbers=[
            *_times(f"make a world, {count} at once", create, most=10.0),
            Number("the server's CPU for one, mean", [create_cpu_ms], "ms"),
            *_times("end a world", delete, most=5.0),
            *_times("reset a world", reset, most=10.0),
            Number("the server's CPU for one reset, mean", [reset_cpu_ms], "ms"),
            Number("memory of a world at rest, nine phones known", [each_kib], "KiB", most=300.0),
            *_times("make a world, CPU", spent["make"], most=10.0),
            *_times("reset a world, CPU", spent["reset"], most=10.0),
            *_times("end a world, CPU", spent["end"], most=5.0),
            *_times("make a world of a snapshot, one command in it", load, most=50.0),
            Number(f"file descriptors with {count} worlds, a port each", [float(open_files)], "files"),
            Number(f"lock {fleet_size:,} phones in one go under quota", fleet, "s", most=60.0),
            *_times(f"lead a clock over ten years with {OPERATIONS:,} open operations", ten_years[:clocks], most=50.0),
            *_times("the same, and each of them sends a notification", ten_years[clocks:], most=50.0),
        ]
    )


async def _in_process(count: int) -> dict[str, list[float]]:
    """CPU milliseconds, each one's, in this process and without HTTP: what a busy machine does not change."""

    async def nobody(*_asgi: object) -> None:
        """Answers nothing."""

    settings = SandboxSettings(port=0)
    worlds = Worlds(settings, steering=nobody, template=functools.cache(lambda: memory_template(0)))
    calm_garbage_collection(young=2_000, middle=10, old=100)
    spent: dict[str, list[float]] = {"make": [], "reset": [], "end": []}

    async def measured(what: str, work: Awaitable[object]) -> None:
        began_s = time.thread_time()
        await work
        spent[what].append((time.thread_time() - began_s) * 1_000)

    for _ in range(count):
        await measured("make", worlds.create(WorldPlan(settings=settings)))
    for resident in worlds.residents()[: count // 2]:
        await measured("reset", resident.world.reset())
    for resident in worlds.residents():
        await measured("end", worlds.delete(resident.id))
    await worlds.close()
    return spent


def _times(name: str, taken_ms: Sequence[float], *, most: float) -> list[Number]:
    ordered = sorted(taken_ms)
    return [
        Number(f"{name}, p50", [percentile(ordered, 0.5)], "ms"),
        Number(f"{name}, p95", [percentile(ordered, 0.95)], "ms", most=most),
    ]


async def _ten_years(http: aiohttp.ClientSession, url: str, *, notifications: bool) -> float:
    enabled = {"enabledNotificationTypes": ["COMMAND"] if notifications else []}
    await _asked(http, "PATCH", f"{url}/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", enabled)
    await _asked(http, "PATCH", f"{url}/sandbox/v1/devices/{PHONE}", {"online": False})
    for _ in range(OPERATIONS):
        await _asked(http, "POST", f"{url}/v1/enterprises/sandbox/devices/{PHONE}:issueCommand", {"type": "LOCK"})
    return await _took(_call(http, "POST", f"{url}/sandbox/v1/clock:advance", {"duration": TEN_YEARS}))


async def _snapshot(http: aiohttp.ClientSession, url: str) -> Json:
    await _asked(http, "POST", f"{url}/v1/enterprises/sandbox/devices/{PHONE}:issueCommand", {"type": "LOCK"})
    return await _asked(http, "POST", f"{url}/sandbox/v1:export")


async def _fleet(count: int) -> float:
    """Seconds until all phones of a world are locked, by a caller that waits as long as Retry-After says, by the world's clock."""
    phones = [{"deviceId": f"phone-{number}", "profile": PHONE, "overrides": {"serialNumber": f"S{number}"}} for number in range(count)]
    async with _sandbox() as server, aiohttp.ClientSession() as http:
        world = (await _asked(http, "POST", f"{server.url}/sandbox/v1/worlds", {"phones": phones, "quota": "amapi"}))["url"]
        began_s = time.perf_counter()
        for phone in phones:
            await _locked(http, world, f"{world}/v1/enterprises/sandbox/devices/{phone['deviceId']}:issueCommand")
        await _asked(http, "POST", f"{world}/sandbox/v1/clock:advance", {"duration": "1s"})
        took_s = time.perf_counter() - began_s
        devices = (await _asked(http, "GET", f"{world}/sandbox/v1/devices"))["devices"]
    if not all(device["phone"]["screen"] == "off" for device in devices):
        raise RuntimeError("not every phone is locked")
    return took_s


async def _locked(http: aiohttp.ClientSession, world: str, url: str) -> None:
    while True:
        async with http.post(url, json={"type": "LOCK"}) as answer:
            if answer.ok:
                return
            wait_s = answer.headers["Retry-After"]
        await _asked(http, "POST", f"{world}/sandbox/v1/clock:advance", {"duration": f"{wait_s}s"})


def _call(http: aiohttp.ClientSession, method: str, url: str, body: Json | None = None) -> Callable[[], Awaitable[object]]:
    return lambda: _asked(http, method, url, body)


def _keep(http: aiohttp.ClientSession, url: str, made: list[Json], wishes: Json | None = None) -> Callable[[], Awaitable[object]]:
    async def make() -> None:
        made.append(await _asked(http, "POST", f"{url}/sandbox/v1/worlds", wishes))

    return make


async def _asked(http: aiohttp.ClientSession, method: str, url: str, body: Json | None = None) -> Json:
    async with http.request(method, url, json=body or {}) as answer:
        found: Json = await answer.json()
        return found


async def _took(ask: Callable[[], Awaitable[object]]) -> float:
    began_s = time.perf_counter()
    await ask()
    return (time.perf_counter() - began_s) * 1_000


@asynccontextmanager
async def _sandbox() -> AsyncIterator[Running]:
    """`heliograph sandbox`, answering."""
    port = reserved_port()
    with running(["heliograph", "sandbox", "--port", str(port)], port) as server:
        yield server


def _open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


if __name__ == "__main__":
    print(printed(measure_worlds(Scale())))
