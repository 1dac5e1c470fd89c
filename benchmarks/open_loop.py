"""Open-loop load: `open_loop.c`, compiled on the fly, for wrk waits with its next request for the answer to the one before."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Run, percentile
from benchmarks.servers import LOAD_CORE
from tests.patience import PATIENCE_S

SOURCE = Path(__file__).with_suffix(".c")
CONNECTIONS = 256
"""More than there ever are requests on their way at half of the peak: a request must not wait for a connection."""
SHARES = (0.5, 0.9, 0.99, 0.999, 1.0)
POINTS = 200
"""Of a latency's distribution, for a plot."""


class CompilerMissing(RuntimeError):
    """No C compiler is installed (Debian: apt-get install gcc)."""


@dataclass(frozen=True)
class Arrivals:
    """What leaves when: issueCommand by these paths in turn, so many a second."""

    paths: Sequence[str]
    body: str
    """One `%06d` in it becomes another number each time."""
    rate: float
    seconds: float


@dataclass(frozen=True)
class OpenRun:
    """What one open-loop run gave."""

    run: Run
    errors: int
    """Answers that were no success."""
    unsent: int
    """Requests that never left, since nothing answered any more."""
    latencies_ms: list[float]
    """Sorted; from when each request was due to its answer."""

    def percentiles(self) -> dict[float, float]:
        """Latency in ms by share."""
        return {share: percentile(self.latencies_ms, share) for share in SHARES}

    def curve(self) -> list[tuple[float, float]]:
        """(how many in a million are slower, ms): the tail drawn as wide as the body."""
        count = len(self.latencies_ms)
        places = sorted({int(count * (1 - (1 / count) ** (step / POINTS))) for step in range(POINTS + 1)})
        return [((count - place) / count * 1e6, self.latencies_ms[place]) for place in places if place < count]


class OpenLoop:
    """The compiled program."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def run(self, url: str, arrivals: Arrivals, *, cpu_s: Callable[[], float], token: str = "") -> OpenRun:
        """One run at this rate.  Raises: subprocess.CalledProcessError: the server closed a connection."""
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
            file.write("\n".join(arrivals.paths) + "\n")
            file.flush()
            port = url.rsplit(":", 1)[1]
            given = [port, f"{arrivals.rate:.3f}", f"{arrivals.seconds:g}", str(CONNECTIONS), file.name, token or "none", arrivals.body]
            before, began = cpu_s(), time.monotonic()
            command = ["taskset", "-c", LOAD_CORE, str(self._program), *given]
            output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout.splitlines()
            used, elapsed = cpu_s() - before, time.monotonic() - began
        latencies = sorted(float(line) / 1_000 for line in output[:-1])
        _, errors, _, unsent = output[-1].split()
        run = Run(len(latencies), elapsed, used, percentile(latencies, 0.5), percentile(latencies, 0.99))
        return OpenRun(run, int(errors), int(unsent), latencies)


@contextlib.contextmanager
def open_loop() -> Iterator[OpenLoop]:
    """The program, compiled again.  Raises: CompilerMissing."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise CompilerMissing(CompilerMissing.__doc__)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "open_loop"
        subprocess.run([compiler, "-O2", "-o", str(program), str(SOURCE)], check=True, timeout=PATIENCE_S)
        yield OpenLoop(program)
