"""Whether a command's cost depends on the past: an empty database and one with millions of operations, served in turn in one run."""

import contextlib
import os
import random
import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figures, Number, Row, Run, Scale
from benchmarks.load import Load, wrk
from benchmarks.seed import Seeded, device_name
from benchmarks.signed_in import Deployment, Heliograph, scratch

CLIENTS = 64
EMPTY_DEVICES = 2_000
SAID_FROM_S = 5.0
"""A database that took longer to make is worth a note."""
READ = 20_000
"""Operations that are read, of all there are."""
COLD_S = 1.0
"""Caches are cold for no longer than that."""
COLD_ROUNDS = 3
EMPTY = "an empty one"
READS = ("operations.get", "operations.list of 10")
LIST = "operations?pageSize=10"
TIMES_MOST = {"operations.list of 10, warm": 1.15, "operations.get, cold": None}
"""The most times as long a request may take in a large file; of others, 1.25. None: no goal, since the small file is in memory at once."""
PAGES_READ_MOST = 5.0
"""The most pages that a get may have read from the disk, if nothing of the file is in memory: the leaves of three trees, and of the inner
pages what the first second's gets have to read."""
PAGE_BYTES = 4_096
MORE_CPU_MOST_US = {"operations.get, warm": 10.0, "issueCommand, warm": 10.0}
"""The most microseconds of CPU that a size may add to a request."""


@dataclass(frozen=True)
class Past:
    """One database and what is asked of it."""

    deployment: Deployment
    seeded: Seeded
    loads: dict[str, Load]


def measure_flat(scale: Scale) -> Figures:
    """Warm rounds in turn, then cold starts in turn."""
    figures = Figures()
    few = min(EMPTY_DEVICES, scale.devices)
    sizes = {EMPTY: (few, 0), f"{few * 10:,} operations": (few, few * 10)}
    for operations in (scale.operations // 10, scale.operations):
        sizes[f"{operations:,} operations"] = (scale.devices, operations)
    with scratch() as folder, contextlib.ExitStack() as stack:
        pasts: dict[str, Past] = {}
        for number, (name, (devices, operations)) in enumerate(sizes.items()):
            seeded = Seeded(devices, operations)
            took = seeded.make()
            if took > SAID_FROM_S:
                figures.notes.append(f"Made {name} with {devices:,} devices in {took:.0f} s: {seeded.path.stat().st_size / 1e6:,.0f} MB.")
            seeded.copy(folder / str(number))
            deployment = Deployment(folder / str(number))
            stack.callback(deployment.stop)
            pasts[name] = Past(deployment, seeded, _loads(seeded))
        _warm(figures, scale, pasts)
        _cold(figures, scale, pasts)
    return figures


def _loads(seeded: Seeded) -> dict[str, Load]:
    """What is asked of a seeded database: every device gets a command, any operation is read, any device's oldest ten are listed."""
    chance = random.Random(5)  # noqa: S311 - no secret
    names = [device_name(number) for number in range(seeded.devices)]
    chance.shuffle(names)
    loads = {"issueCommand": Load([f"/v1/{name}:issueCommand" for name in names], clients=CLIENTS)}
    if seeded.operations:
        read = [seeded.operation_name(chance.randrange(seeded.operations)) for _ in range(READ)]
        loads["operations.get"] = Load([f"/v1/{name}" for name in read], "GET", "", CLIENTS)
        loads["operations.list of 10"] = Load([f"/v1/{name}/{LIST}" for name in names[:READ]], "GET", "", CLIENTS)
    return loads


def _warm(figures: Figures, scale: Scale, pasts: dict[str, Past]) -> None:
    """All servers run; each round asks each."""
    servers = {name: past.deployment.start() for name, past in pasts.items()}
    _, little, *_, biggest = pasts
    for what in READS:
        _rows(figures, f"{what}, warm", _rounds(scale, what, {name: pasts[name] for name in (little, biggest)}, servers))
    runs = _rounds(scale, "issueCommand", {name: past for name, past in pasts.items() if name != little}, servers)
    _rows(figures, "issueCommand, warm", runs)
    figures.series["per second"] = [
        (pasts[name].seeded.operations, statistics.median(run.per_s for run in of)) for name, of in runs.items()
    ]
    figures.series["per CPU second"] = [
        (pasts[name].seeded.operations, statistics.median(run.per_cpu_s for run in of)) for name, of in runs.items()
    ]
    for past in pasts.values():
        past.deployment.stop()


def _rounds(scale: Scale, what: str, pasts: dict[str, Past], servers: dict[str, Heliograph]) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {name: [] for name in pasts}
    for _ in range(scale.rounds):
        for name, past in pasts.items():
            runs[name].append(_run(servers[name], past.loads[what], scale.seconds))
    return runs


def _run(server: Heliograph, load: Load, seconds: float) -> Run:
    return wrk(server.url, load, cpu_s=server.cpu_s, seconds=seconds, token=server.token)


def _rows(figures: Figures, what: str, runs: dict[str, list[Run]]) -> None:
    """A row and two ratios a size, each to the first one in the same round."""
    first = next(iter(runs))
    for name, rounds in runs.items():
        figures.rows.append(Row(f"{what}, {name}", rounds, runs[first], first))
        if name == first:
            continue
        pairs = list(zip(rounds, runs[first], strict=True))
        times, p99s = [other.per_s / run.per_s for run, other in pairs], [run.p99_ms / other.p99_ms for run, other in pairs]
        most = TIMES_MOST.get(what, 1.25)
        figures.numbers.append(Number(f"{what}, {name}: time per request, of that with {first}", times, "×", most=most))
        figures.numbers.append(Number(f"{what}, {name}: p99, of that with {first}", p99s, "×", most=most))
        if (more_most_us := MORE_CPU_MOST_US.get(what)) is not None:
            more_us = [1e6 / run.per_cpu_s - 1e6 / other.per_cpu_s for run, other in pairs]
            figures.numbers.append(Number(f"{what}, {name}: CPU per request, beyond that with {first}", more_us, "µs", most=more_most_us))


def _cold(figures: Figures, scale: Scale, pasts: dict[str, Past]) -> None:
    """A server that has just started, on a file of which the machine remembers nothing."""
    empty, little, *_, biggest = pasts
    starts: dict[str, list[float]] = {name: [] for name in (empty, little, biggest)}
    for what, first in (("issueCommand", empty), ("operations.get", little)):
        runs: dict[str, list[Run]] = {first: [], biggest: []}
        pages: list[float] = []
        for _ in range(min(COLD_ROUNDS, scale.rounds)):
            for name, of in runs.items():
                past = pasts[name]
                forget(past.deployment.folder)
                server = past.deployment.start()
                starts[name].append(server.server.started_s)
                before = server.server.read_bytes()
                of.append(_run(server, past.loads[what], COLD_S))
                if name == biggest:
                    pages.append((server.server.read_bytes() - before) / PAGE_BYTES / of[-1].requests)
                past.deployment.stop()
        _rows(figures, f"{what}, cold", runs)
        if what in READS:
            name = f"{what}, cold, {biggest}: pages read from the disk for each"
            figures.numbers.append(Number(name, pages, "pages", most=PAGES_READ_MOST))
    for name in (empty, biggest):
        figures.numbers.append(Number(f"start on a cold file, {name}: from exec to ready", starts[name], "s", most=3))


def forget(folder: Path) -> None:
    """The page cache holds nothing of the files in the folder."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
