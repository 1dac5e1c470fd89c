"""Runs the tests again and again on a busy machine, and says how often each run was green and which tests failed (`make stress`).

The load is `stress-ng`, a worker for each core, if it is there; else a second run of the same tests beside each. What follows `--` goes
to pytest: `python -m scripts.stress_tests --times 10 -- tests -m torture` runs the long ones. Every run's output is kept, and the folders
of tests that failed.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALL = ("tests", "-n", "auto", "--dist=worksteal")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?::.*?|\S+\.py)(?: - .*)?$", re.MULTILINE)
CLOSING = re.compile(r"^=*\s*(\d+ (?:passed|failed|error).*?)\s*=*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run of the tests."""

    status: int
    seconds: float
    output: Path

    @property
    def failed(self) -> list[str]:
        """The tests that failed; the run itself if it ended badly and named none."""
        found = FAILED.findall(self.output.read_text(encoding="utf-8", errors="replace"))
        return found or ([f"(exit status {self.status})"] if self.status else [])

    def __str__(self) -> str:
        closing = CLOSING.findall(self.output.read_text(encoding="utf-8", errors="replace"))
        colour = "red" if self.status else "green"
        return f"{colour}, {self.seconds:.0f} s: {closing[-1] if closing else 'no closing line'} ({self.output})"


@contextlib.contextmanager
def busy(workers: int) -> Iterator[None]:
    """So many processes compute as long as the block lasts."""
    with subprocess.Popen(["stress-ng", "--quiet", "--cpu", str(workers)]) as load:
        try:
            yield
            if load.poll() is not None:
                message = "stress-ng ended by itself: the machine was not busy"
                raise SystemExit(message)
        finally:
            load.terminate()


def kept(output: Path) -> tuple[str, ...]:
    """What failed tests wrote, histories and logs, stays beside the output: pytest's own folders are gone after three more runs."""
    return f"--basetemp={output.with_suffix('.folders')}", "--override-ini=tmp_path_retention_policy=failed"


def run(outputs: Sequence[Path], arguments: Sequence[str]) -> list[Ended]:
    """Runs of the tests side by side, one for each output, ended."""
    began = time.monotonic()
    running = []
    for output in outputs:
        with output.open("wb") as file:
            command = [sys.executable, "-m", "pytest", "-rfE", "-p", "no:cacheprovider", *kept(output), *arguments]
            running.append(subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL))
    return [
        Ended(status=process.wait(), seconds=time.monotonic() - began, output=output)
        for process, output in zip(running, outputs, strict=True)
    ]


def main() -> None:
    """Exits with 1 if any run was red."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="how often the tests run (20)")
    parser.add_argument("--load", type=int, default=os.cpu_count(), help="workers of stress-ng (one for each core); 0: a quiet machine")
    parser.add_argument("--side-by-side", action="store_true", help="two runs at a time instead of stress-ng")
    parser.add_argument("pytest", nargs="*", help="what pytest runs (all but the long tests, on every core)")
    given = parser.parse_args()
    side_by_side = given.side_by_side or (given.load > 0 and shutil.which("stress-ng") is None)
    folder = Path(tempfile.mkdtemp(prefix="heliograph-stress-"))
    ended: list[Ended] = []
    while len(ended) < given.times:
        outputs = [folder / f"run-{len(ended) + number:02d}.txt" for number in ((1, 2) if side_by_side else (1,))]
        with busy(given.load) if given.load > 0 and not side_by_side else contextlib.nullcontext():
            new = run(outputs, given.pytest or ALL)
        ended += new
        for one in new:
            print(one, flush=True)
    green = sum(not one.failed for one in ended)
    print(f"\n{green} of {len(ended)} runs were green{', two side by side' if side_by_side else ''}.")
    for test, times in Counter(test for one in ended for test in set(one.failed)).most_common():
        print(f"  failed {times} times: {test}")
    sys.exit(green < len(ended))


if __name__ == "__main__":
    main()
