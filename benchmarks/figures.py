"""What a benchmark leaves behind: every round's numbers as JSON, from which `benchmarks.report` makes tables and plots."""

import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import apsw
import msgspec

from tests.patience import PATIENCE_S

RESULTS = Path("benchmarks/results/latest.json")


class Run(msgspec.Struct, omit_defaults=True):
    """One run against one server."""

    requests: int
    seconds: float
    server_cpu_s: float
    p50_ms: float
    p99_ms: float
    database_cpu_s: float = 0.0
    """What PostgreSQL used beside the server, background writers included."""
    load_cpu_s: float = 0.0
    """What the load used of its own core, where it was asked."""
    refused: int = 0
    """Answers that were no success, beside `requests`: 503, for the server had more to do than it can do in a second."""
    stolen: float = 0.0
    """The share of all processors' time that the host took meanwhile (steal.py)."""

    @property
    def per_cpu_s(self) -> float:
        """Requests per second of the server's CPU."""
        return self.requests / self.server_cpu_s

    @property
    def per_whole_cpu_s(self) -> float:
        """Requests per second of CPU of the server and of PostgreSQL."""
        return self.requests / (self.server_cpu_s + self.database_cpu_s)

    @property
    def per_s(self) -> float:
        """Requests per second of the wall clock."""
        return self.requests / self.seconds

    @property
    def share_of_core(self) -> float:
        """How much of its core the server used."""
        return self.server_cpu_s / self.seconds


class Promise(msgspec.Struct):
    """What a caller may rely on."""

    version: str
    answer: str
    """What holds when the answer leaves."""
    then: str
    """What happens to the command afterwards, and what a caller can ask about it."""


class Row(msgspec.Struct, omit_defaults=True):
    """The rounds of one kind of load, each beside a round of another server in the same minute."""

    name: str
    runs: list[Run]
    beside: list[Run]
    beside_name: str = "bare"
    goal: float = 0.0
    """The least ratio per server CPU second; 0: none."""
    promise: Promise | None = None
    """Where servers that promise different things stand in one table."""

    @property
    def ratios(self) -> list[float]:
        """Per server CPU second, round by round."""
        return [run.per_cpu_s / other.per_cpu_s for run, other in zip(self.runs, self.beside, strict=True)]

    @property
    def stolen_most(self) -> float:
        """The share of time that the host took in the worst of the rounds, of both."""
        return max(run.stolen for run in [*self.runs, *self.beside])


class Number(msgspec.Struct, omit_defaults=True):
    """One figure that is no rate: its values round by round (or the one there is)."""

    name: str
    values: list[float]
    unit: str = ""
    most: float | None = None
    """The goal: not more than this."""
    least: float | None = None
    """The goal: not less than this."""
    gate: bool = False
    """Whether the run fails if the goal is not met: the figure does not depend on the machine."""

    @property
    def met(self) -> bool | None:
        """Whether the median meets the goal; None: there is none."""
        median = statistics.median(self.values)
        if self.most is None and self.least is None:
            return None
        return (self.most is None or median <= self.most) and (self.least is None or median >= self.least)


class Figures(msgspec.Struct, omit_defaults=True):
    """What one scenario gave."""

    rows: list[Row] = []
    numbers: list[Number] = []
    notes: list[str] = []
    """What a reader must know of this run: what was left out, and why."""
    series: dict[str, list[tuple[float, float]]] = {}
    """Points (x, y) for plots."""
    at: str = ""
    took_s: float = 0.0
    stolen: float | None = None
    """The share of all processors' time that the host took meanwhile; None: it was not measured."""
    failed: str = ""

    @property
    def passes(self) -> bool:
        """Whether every goal that gates is met."""
        return all(number.met is not False for number in self.numbers if number.gate)


class Results(msgspec.Struct):
    """One file of results; a scenario that ran alone later takes its older self's place and carries its own time."""

    machine: dict[str, str] = {}
    scenarios: dict[str, Figures] = {}


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured. The defaults are for a quiet machine; `QUICK` only shows that everything runs."""

    rounds: int = 4
    seconds: float = 2.0
    phones: int = 2_000
    idle_phones: int = 10_000
    devices: int = 100_000
    operations: int = 5_000_000
    open_loop_s: float = 20.0


QUICK = Scale(rounds=1, seconds=0.5, phones=100, idle_phones=300, devices=1_000, operations=20_000, open_loop_s=3.0)


def read_results(path: Path) -> Results:
    """What the file holds; nothing where there is none."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results()


def write_results(path: Path, results: Results) -> None:
    """The file holds the results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def spread(values: Sequence[float], form: Callable[[float], str]) -> str:
    """`median (smallest–largest)`; one value alone stands alone."""
    if len(values) == 1:
        return form(values[0])
    return f"{form(statistics.median(values))} ({form(min(values))}–{form(max(values))})"


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the sorted values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


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


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    ).stdout.strip()
    return {
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "uvloop": version("uvloop"),
        "sqlite": apsw.sqlite_lib_version(),
        "kernel": platform.release().split("-", maxsplit=1)[0],
        "commit": commit,
        "fsync_p50_us": f"{fsync_p50_us():.0f}",
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
