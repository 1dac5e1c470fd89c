"""Measures Heliograph beside the bare handler, interleaved, and prints one table: `make bench` (options: `--rounds`, `--seconds`)."""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.devices import Enrolled, enroll
from benchmarks.idle import measure_idle
from benchmarks.load import SATURATED, Run, wrk
from benchmarks.servers import LOAD_CORE, Running, free_port, running

BODY = '{"type":"LOCK","duration":"%ds"}'
CLIENTS = (1, 8, 64)
DEVICES = 2_000
"""So many that no device comes near its bound of open commands."""
CYCLE_PHONES, CYCLE_CALLERS = 2_000, 256


@dataclass(frozen=True)
class Servers:
    """Both servers, and the resources of one that requests name."""

    bare: Running
    heliograph: Running
    devices: list[Enrolled]

    def issue_paths(self) -> list[str]:
        """One issueCommand path a device, in an order that no cache likes."""
        paths = [f"/v1/{device.name}:issueCommand" for device in self.devices]
        random.Random(7).shuffle(paths)  # noqa: S311 - no secret
        return paths


def spread(values: list[float], form: Callable[[float], str]) -> str:
    """`median (smallest-largest)`."""
    return f"{form(statistics.median(values))} ({form(min(values))}–{form(max(values))})"


def fsync_p50_us(rounds: int = 500) -> float:
    """The median time of appending 4 KiB and syncing it, in microseconds: what durability costs on this disk."""
    times = []
    with tempfile.NamedTemporaryFile(dir=".") as file:
        for _ in range(rounds):
            began = time.perf_counter()
            os.write(file.fileno(), bytes(4_096))
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times)


@contextlib.contextmanager
def both() -> Iterator[Servers]:
    """The bare handler and a `heliograph serve` with phones enrolled, each pinned to the server's core."""
    folder = tempfile.mkdtemp(dir=".", prefix=".bench-")
    bare_port, port = free_port(), free_port()
    serve = ["heliograph", "serve", "--no-auth", "--port", str(port), "--data-dir", folder]
    try:
        with running(["benchmarks.bare", str(bare_port)], bare_port) as bare, running(serve, port) as heliograph:
            yield Servers(bare, heliograph, asyncio.run(enroll(heliograph.url, DEVICES)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def row(name: str, bare: list[Run], runs: list[Run]) -> None:
    """Prints one line of the table."""
    ratios = [run.per_cpu_s / yardstick.per_cpu_s for run, yardstick in zip(runs, bare, strict=True)]
    full = all(run.share_of_core >= SATURATED for run in runs)
    cells = [
        name,
        spread(ratios, lambda value: f"{value:.2f}") + ("" if full else " *"),
        spread([run.per_cpu_s for run in runs], lambda value: f"{value:,.0f}"),
        spread([run.per_s for run in runs], lambda value: f"{value:,.0f}"),
        f"{statistics.median(run.share_of_core for run in runs):.0%}",
        f"{statistics.median(run.p50_ms for run in runs):.2f} / {statistics.median(run.p99_ms for run in runs):.2f}",
    ]
    say("| " + " | ".join(cells) + " |")


def say(line: str) -> None:
    """One line of the report."""
    print(line, flush=True)


def measure_requests(servers: Servers, rounds: int, seconds: float) -> list[Run]:
    """Prints a line for each kind of request; the runs of the bare handler at the most clients."""
    issue = servers.issue_paths()
    bare: list[Run] = []
    for clients in CLIENTS:
        bare, durable = [], []
        for _ in range(rounds):
            bare.append(wrk(servers.bare, issue, method="POST", body=BODY, clients=clients, seconds=seconds))
            durable.append(wrk(servers.heliograph, issue, method="POST", body=BODY, clients=clients, seconds=seconds))
        row(f"issueCommand, durable, {clients} clients", bare, durable)
    for name, paths in reads(servers).items():
        yardsticks, runs = [], []
        for _ in range(rounds):
            yardsticks.append(wrk(servers.bare, issue, method="POST", body=BODY, clients=64, seconds=seconds))
            runs.append(wrk(servers.heliograph, paths, method="GET", body="", clients=64, seconds=seconds))
        row(f"{name}, 64 clients", yardsticks, runs)
    return bare


def reads(servers: Servers) -> dict[str, list[str]]:
    """Paths of operations that are there, and of lists of ten."""
    import urllib.request  # noqa: PLC0415 - only here

    lists = [f"/v1/{device.name}/operations?pageSize=10" for device in servers.devices[:200]]
    operations: list[str] = []
    for path in lists:
        with urllib.request.urlopen(servers.heliograph.url + path) as response:  # noqa: S310 - our own loopback URL
            operations += [f"/v1/{operation['name']}" for operation in json.load(response)["operations"]]
    return {"operations.get": operations, "operations.list of 10": lists}


def measure_cycle(servers: Servers, rounds: int, seconds: float) -> None:
    """Prints the line of the full cycle."""
    bare, cycles = [], []
    for _ in range(rounds):
        bare.append(wrk(servers.bare, servers.issue_paths(), method="POST", body=BODY, clients=64, seconds=seconds))
        cycles.append(_cycle(servers.heliograph, seconds))
    row(f"full cycle, {CYCLE_PHONES:,} phones", bare, cycles)


def _cycle(server: Running, seconds: float) -> Run:
    arguments = [server.url, str(CYCLE_PHONES), str(CYCLE_CALLERS), str(seconds)]
    command = ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "benchmarks.cycle", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None  # noqa: S101 - asked for
        client.stdout.readline()
        cpu_s, began = server.cpu_s(), time.monotonic()
        result = json.loads(client.stdout.readline() or "{}")
        cpu_s, elapsed = server.cpu_s() - cpu_s, time.monotonic() - began
    return Run(result["cycles"], elapsed, cpu_s, result["p50_ms"], result["p99_ms"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    say(f"append 4 KiB + fdatasync, p50: {fsync_p50_us():.0f} µs\n")
    say("| what | of bare, per server CPU second | per CPU second | per second | core used | p50 / p99 ms |")
    say("|---|---|---|---|---|---|")
    with both() as servers:
        bare = measure_requests(servers, options.rounds, options.seconds)
        measure_cycle(servers, options.rounds, options.seconds)
        say(f"\nbare handler, 64 clients: {spread([run.per_cpu_s for run in bare], lambda value: f'{value:,.0f}')} per CPU second")
        say(f"* the server did not use {SATURATED:.0%} of its core in every run: the figure tells cost, not capacity")
    idle = measure_idle()
    say(f"idle server, phone online, issue to executed: {worst(idle.issue_to_executed)}")
    say(f"idle server, expiry to EXPIRED written: {worst(idle.expiry_to_written)}")


def worst(times_ms: list[float]) -> str:
    """The median and the largest."""
    return f"p50 {statistics.median(times_ms):.2f} ms, worst of {len(times_ms)}: {max(times_ms):.2f} ms"


if __name__ == "__main__":
    main()
