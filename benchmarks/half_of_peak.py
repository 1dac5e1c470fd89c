"""Latency at half of the peak, requests leaving at fixed times, while commands expire, retention deletes and checkpoints run."""

import asyncio
from typing import Any

import apsw

from benchmarks.devices import enroll, issue_paths
from benchmarks.figures import Figures, Number, Scale
from benchmarks.load import Load, wrk
from benchmarks.open_loop import Arrivals, CompilerMissing, OpenLoop, open_loop
from benchmarks.seed import Seeded
from benchmarks.servers import Running, bare
from benchmarks.signed_in import Deployment, Heliograph, scratch
from heliograph.domain.operation import State

SOON = '{"type":"LOCK","duration":"2.%06ds"}'
"""Expires while the run goes on: every command that is issued is also expired."""
PEAK_CLIENTS, PEAK_S = 64, 6.0
"""Three times as long as a command lives, so that what expires is part of the peak."""
OLD_DAYS = 40
"""Past the retention of 30 days."""
OLD_PER_S = 10_000
"""Retention takes 500 each 50 ms: so many last for the whole run."""


def measure_half_of_peak(scale: Scale) -> Figures:
    """The bare handler at half of its peak, then Heliograph at half of its own."""
    figures = Figures()
    try:
        with open_loop() as load, bare() as yardstick, scratch() as folder:
            paths = [f"/v1/enterprises/LC00bench1/devices/{number:016x}:issueCommand" for number in range(scale.phones)]
            _measure(figures, "bare handler", _peak(yardstick, paths, "", scale), (load, yardstick, paths, ""), scale)
            seconds = scale.open_loop_s + PEAK_S + 10
            old = Seeded(1_000, int(OLD_PER_S * seconds), days_ago=OLD_DAYS)
            old.copy(folder)
            deployment = Deployment(folder)
            try:
                server = deployment.start()
                paths = issue_paths(asyncio.run(enroll(server.url, scale.phones, server.token)))
                _measure(figures, "Heliograph", _peak(server, paths, server.token, scale), (load, server, paths, server.token), scale)
            finally:
                deployment.stop()
            _prove(figures, deployment, old)
    except CompilerMissing as error:
        figures.notes.append(f"left out: {error}")
    return figures


def _peak(server: Running | Heliograph, paths: list[str], token: str, scale: Scale) -> float:
    """Requests a second that 64 clients get who wait for each answer."""
    body = SOON.replace("%06d", "%d")
    return wrk(
        server.url, Load(paths, body=body, clients=PEAK_CLIENTS), cpu_s=server.cpu_s, seconds=min(PEAK_S, scale.open_loop_s), token=token
    ).per_s


def _measure(figures: Figures, name: str, peak: float, of: tuple[OpenLoop, Running | Heliograph, list[str], str], scale: Scale) -> None:
    load, server, paths, token = of
    seconds = scale.open_loop_s if token else scale.open_loop_s / 2
    found = load.run(server.url, Arrivals(paths, SOON, peak / 2, seconds), cpu_s=server.cpu_s, token=token)
    share = found.percentiles()
    figures.numbers += [
        Number(f"{name}: peak, {PEAK_CLIENTS} clients", [peak], "/s"),
        Number(f"{name}: half of it, for {seconds:g} s; share of the core used", [found.run.share_of_core]),
        Number(f"{name}: p50", [share[0.5]], "ms"),
        Number(f"{name}: p90", [share[0.9]], "ms"),
        Number(f"{name}: p99", [share[0.99]], "ms"),
        Number(f"{name}: p99.9", [share[0.999]], "ms"),
        Number(f"{name}: worst", [share[1.0]], "ms"),
        Number(f"{name}: p99 / p50", [share[0.99] / share[0.5]], "×", most=5 if token else None),
        Number(f"{name}: answers that were no success, or never came", [found.errors + found.unsent], "", most=0 if token else None),
    ]
    figures.series[name] = found.curve()


def _prove(figures: Figures, deployment: Deployment, old: Seeded) -> None:
    """That what was to run beside the load did run: counted in the database."""
    path = deployment.folder / "heliograph.db"
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    counted: Any = connection.execute("SELECT state, count(*) FROM operations GROUP BY state").fetchall()
    by_state: dict[int, int] = dict(counted)
    connection.close()
    figures.numbers += [
        Number("Heliograph: commands that expired in the run", [float(by_state.get(State.EXPIRED.value, 0))], "", least=1),
        Number(
            "Heliograph: operations that retention deleted in it",
            [old.operations - float(by_state.get(State.SUCCEEDED.value, 0))],
            "",
            least=1,
        ),
        Number("Heliograph: its database afterwards", [path.stat().st_size / 1e6], "MB"),
    ]
