"""What a command to each of 100,000 devices costs as bulk (`Store.decide_many`), and what other callers feel meanwhile.

`python -m benchmarks --only bulk`, or by itself: `python -m benchmarks.bulk [--devices N]`.

Measured inside of a whole server without its sockets, with audit trail, timers and doorbell, in a process of its own on the server's core:
`python -m benchmarks.bulk --inside FOLDER [--database URL]`.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path

import msgspec

from benchmarks.cluster import PostgresMissing, postgres
from benchmarks.figures import Figures, Number, Scale, percentile
from benchmarks.report import printed
from benchmarks.seed import Seeded, device_name
from benchmarks.servers import SERVER_CORE
from benchmarks.signed_in import scratch
from heliograph.cli.event_loop import run
from heliograph.commands import ENVELOPE
from heliograph.domain.audit import Acting
from heliograph.domain.device import DeviceRecord, DeviceReport
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.server import assembled, calm_garbage_collection
from heliograph.server.assembly import Parts
from heliograph.server.store import clock_for
from heliograph.service.acting import acting_as
from heliograph.service.issue_command import issue_command, issuing_to_each
from heliograph.service.rules import Decision, Facts, PutDevice, Rule, Sees
from heliograph.settings import Settings
from heliograph.storage.sqlite.store import SqliteStore

CPU_S, GROWTH_MIB, P99_MS = 1.0, 50.0, 50.0
"""The goals, for 100,000 operations."""
GOALS_FOR = 100_000
CALLERS = 16
PAUSE_S = 0.005
"""Between an answer and the next call of a caller: some 2,000 calls a second in all."""
ALONE_S = 3.0
WARM_TOGETHER = 256
ROUNDS_MOST = 3
INSIDE_MOST_S = 3_600
"""A measurement that takes so long hangs."""
LOCK = ENVELOPE.decode(b'{"type":"LOCK"}')


class Spent(msgspec.Struct):
    """What one bulk took."""

    cpu_s: float
    wall_s: float
    growth_mib: float
    """Of the largest resident memory meanwhile over what there was before."""


class Measured(msgspec.Struct):
    """What a process says of itself."""

    bulk: Spent
    alone_ms: list[float]
    """How long callers waited without bulk."""
    meanwhile_ms: list[float]


def measure_bulk(scale: Scale) -> Figures:
    """Several processes in turn, each with a database of its own."""
    figures = Figures()
    rounds = min(ROUNDS_MOST, scale.rounds)
    with scratch() as folder:
        seeded = Seeded(scale.devices, 0)
        seeded.make()
        warm: list[Measured] = []
        cold: list[Measured] = []
        for number in range(rounds):
            for found, name in ((warm, "warm"), (cold, "cold")):
                place = folder / f"{name}{number}"
                place.mkdir()
                seeded.copy(place)
                found.append(_inside(place, scale.devices, cold=name == "cold"))
        _show(figures, "SQLite", scale.devices, warm, goals=scale.devices == GOALS_FOR)
        _show_cold(figures, scale.devices, cold)
        try:
            with postgres() as cluster:
                found = [_inside(folder / "postgres", scale.devices, database=cluster.database("bulk"))]
            _show(figures, "PostgreSQL", scale.devices, found, goals=False)
        except (PostgresMissing, RuntimeError) as error:
            figures.notes.append(f"PostgreSQL was left out: {error}")
    return figures


def _inside(folder: Path, devices: int, *, database: str = "", cold: bool = False) -> Measured:
    folder.mkdir(exist_ok=True)
    options = ["--devices", str(devices), "--database", database, *(["--cold"] if cold else [])]
    program = ["taskset", "-c", SERVER_CORE, sys.executable, "-m", "benchmarks.bulk", "--inside", str(folder)]
    output = subprocess.run([*program, *options], check=True, stdout=subprocess.PIPE, timeout=INSIDE_MOST_S).stdout
    return msgspec.json.decode(output.splitlines()[-1], type=Measured)


def _show(figures: Figures, engine: str, devices: int, found: Sequence[Measured], *, goals: bool) -> None:
    what = f"{devices:,} LOCKs in slices, {engine}"
    most = (CPU_S, GROWTH_MIB) if goals else (None, None)
    of_callers = [(percentile(sorted(one.alone_ms), 0.99), percentile(sorted(one.meanwhile_ms), 0.99)) for one in found]
    figures.numbers += [
        Number(f"{what}: CPU of the server until all are durable", [one.bulk.cpu_s for one in found], "s", most=most[0]),
        Number(f"{what}: growth of its memory", [one.bulk.growth_mib for one in found], "MiB", most=most[1]),
        Number(f"{what}: until all are durable", [one.bulk.wall_s for one in found], "s"),
        Number(f"{what}: p99 of {CALLERS} other callers meanwhile", [during for _, during in of_callers], "ms", most=P99_MS),
        Number(f"{what}: p99 of these callers without it", [before for before, _ in of_callers], "ms"),
    ]


def _show_cold(figures: Figures, devices: int, found: Sequence[Measured]) -> None:
    what = f"{devices:,} LOCKs in slices, SQLite, the first thing after a start"
    figures.numbers += [
        Number(f"{what}: CPU", [one.bulk.cpu_s for one in found], "s"),
        Number(f"{what}: growth of its memory, SQLite's cache among it", [one.bulk.growth_mib for one in found], "MiB"),
    ]


# Inside of the process that is measured.


async def _measure(folder: Path, devices: int, database: str, *, cold: bool) -> None:
    settings = Settings(data_dir=folder, database_url=database)
    names = [device_name(number) for number in range(devices)]
    async with assembled(settings, clock=clock_for(settings)) as parts:
        await acting_as(Acting.server("bulk"), _cold(parts, names) if cold else _warm(parts, names))


async def _cold(parts: Parts, names: Sequence[DeviceName]) -> None:
    """Nothing is known of the devices."""
    calm_garbage_collection()
    _say(Measured(await _issued(parts, names), [], []))


async def _warm(parts: Parts, names: Sequence[DeviceName]) -> None:
    """The devices are in memory, as they are once their phones have said something."""
    if not isinstance(parts.store, SqliteStore):  # a SQLite file comes with its devices
        async for _ in parts.store.decide_many((name, Sees(), _enrol(name)) for name in names):
            pass
    for start in range(0, len(names), WARM_TOGETHER):
        await asyncio.gather(*(parts.store.decide(Sees(device=name), _look) for name in names[start : start + WARM_TOGETHER]))
    calm_garbage_collection()
    bulk = await _issued(parts, names)
    await _swept(parts)
    alone_ms = await _callers(parts, names, asyncio.sleep(ALONE_S))
    meanwhile_ms = await _callers(parts, names, _issued(parts, names))
    _say(Measured(bulk, alone_ms, meanwhile_ms))


def _say(measured: Measured) -> None:
    print(msgspec.json.encode(measured).decode())


async def _issued(parts: Parts, names: Sequence[DeviceName]) -> Spent:
    """A LOCK to each."""
    _forget_largest()
    before_kib, cpu_s, wall_s = _status_kib("VmRSS"), time.process_time(), time.perf_counter()
    issued = 0
    async for answers in parts.store.decide_many(issuing_to_each(parts.ports, names, LOCK)):
        issued += sum(type(answer) is Operation for answer in answers)
    spent = Spent(time.process_time() - cpu_s, time.perf_counter() - wall_s, (_status_kib("VmHWM") - before_kib) / 1_024)
    if issued != len(names):
        raise RuntimeError(f"{len(names) - issued} of {len(names)} were not issued")
    return spent


async def _swept(parts: Parts) -> None:
    """Its operations are in the index."""
    while isinstance(parts.store, SqliteStore) and parts.store.sweeping:  # noqa: ASYNC110 - a store offers no event
        await asyncio.sleep(0.02)


async def _callers(parts: Parts, names: Sequence[DeviceName], meanwhile: Awaitable[object]) -> list[float]:
    """How long each call took, in ms, of some callers who issue commands one by one until the other thing is done."""
    took_ms: list[float] = []

    async def caller(number: int) -> None:
        while True:
            number = (number + 7_919) % len(names)
            began_s = time.perf_counter()
            await issue_command(parts.ports, names[number], LOCK)
            took_ms.append((time.perf_counter() - began_s) * 1_000)
            await asyncio.sleep(PAUSE_S)

    async with _ended([caller(number) for number in range(CALLERS)]):
        await meanwhile
    return took_ms


@contextlib.asynccontextmanager
async def _ended(calling: Sequence[Awaitable[None]]) -> AsyncIterator[None]:
    """They run until the block ends.  Raises: what one of them raised."""
    tasks = [asyncio.ensure_future(one) for one in calling]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


def _look(_: Facts) -> Decision[None]:
    return Decision(None)


def _enrol(name: DeviceName) -> Rule[None]:
    record = DeviceRecord(
        name=name, credential_hash=name.device.encode(), installation_id="bench", enrollment_us=1, enrollment_token_name="",
        report=DeviceReport(api_level=34),
    )  # fmt: skip
    return lambda _: Decision(None, (PutDevice(record),))


def _forget_largest() -> None:
    """The largest resident memory so far is what there is now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status_kib(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:"))


def main() -> None:
    """Measure here, or what another process asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=Scale().devices)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--database", default="", help=argparse.SUPPRESS)
    parser.add_argument("--cold", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        run(_measure(given.inside, given.devices, given.database, cold=given.cold))
    else:
        print(printed(measure_bulk(Scale(devices=given.devices))))


if __name__ == "__main__":
    main()
