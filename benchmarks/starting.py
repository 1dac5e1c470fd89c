"""What a person waits for: the command line from its exec to its end, and a sandbox from its exec until its phones are there.

`python -m benchmarks --only starting`, or by itself: `python -m benchmarks.starting`.
"""

import contextlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figures, Number, Scale
from benchmarks.report import printed
from benchmarks.servers import family_cpu_s
from tests.running import Running

HELIOGRAPH = str(Path(sys.executable).with_name("heliograph"))
PHONE = "pixel8-a15-fully-managed"
TIMES, QUICK_TIMES = 15, 2
WITHIN_S = 60.0
VERSION_S, ISSUE_S, READY_S, RESIDENT_MIB = 0.15, 0.25, 0.8, 70.0
"""The goals: below what one notices, and less than a browser's tab."""


class Spent(NamedTuple):
    """What a command line took until it ended."""

    cpu_s: float
    wall_s: float


class Started(NamedTuple):
    """A sandbox that is ready: where, and what it took until then."""

    url: str
    wall_s: float
    cpu_s: float
    resident_mib: float


def measure_starting(scale: Scale) -> Figures:
    """Each command line several times in turn, after one that fills the machine's page cache; and several sandboxes."""
    times = QUICK_TIMES if scale.rounds == 1 else TIMES
    with _sandbox() as sandbox:
        lines: dict[str, tuple[Sequence[str], float | None]] = {
            "version": (("version",), VERSION_S),
            "--help": (("--help",), VERSION_S),
            "issue PHONE LOCK": (("issue", PHONE, "LOCK", "--server", sandbox.url), ISSUE_S),
            "devices list": (("devices", "list", "--server", sandbox.url), None),
        }
        spent: dict[str, list[Spent]] = {name: [] for name in lines}
        for words, _ in lines.values():
            _spent(words)
        for _ in range(times):
            for name, (words, _) in lines.items():
                spent[name].append(_spent(words))
    sandboxes = [_started() for _ in range(times)]
    return Figures(
        numbers=[
            *(Number(f"heliograph {name}, CPU", [one.cpu_s for one in spent[name]], "s", most=most) for name, (_, most) in lines.items()),
            *(Number(f"heliograph {name}, from exec to its end", [one.wall_s for one in spent[name]], "s") for name in lines),
            Number("heliograph sandbox, from exec to ready", [one.wall_s for one in sandboxes], "s", most=READY_S),
            Number("heliograph sandbox, CPU until then", [one.cpu_s for one in sandboxes], "s"),
            Number("heliograph sandbox, resident memory then", [one.resident_mib for one in sandboxes], "MiB", most=RESIDENT_MIB),
        ]
    )


def _spent(words: Sequence[str]) -> Spent:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([HELIOGRAPH, *words], stdout=subprocess.DEVNULL, check=True, timeout=WITHIN_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - began)


def _started() -> Started:
    with _sandbox() as started:
        return started


@contextlib.contextmanager
def _sandbox() -> Iterator[Started]:
    began = time.monotonic()
    command = [HELIOGRAPH, "sandbox", "--port", "0", "--json"]
    with Running(command, within_s=WITHIN_S, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            ready = json.loads(process.line())
            wall_s = time.monotonic() - began
            yield Started(ready["url"], wall_s, family_cpu_s(process.pid), _resident_kib(process.pid) / 1_024)
        finally:
            process.terminate()
            process.communicate()


def _resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


if __name__ == "__main__":
    print(printed(measure_starting(Scale())))
