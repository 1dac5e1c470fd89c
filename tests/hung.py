"""What a program was doing for which a test waited in vain; it is ended then, and with it everything that it started."""

import contextlib
import os
import signal
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.patience import PATIENCE_S

PROC = Path("/proc")
"""What Linux shows of each process. Elsewhere a program that hangs is ended, and nothing is known of it."""
FAULT_HANDLER = "PYTHONFAULTHANDLER"
"""The environment variable with which Python prints the stacks of its threads when a signal aborts it."""
SHOWN_MOST: Final = 20_000
"""Characters of one output: beyond that a report of pytest cannot be read."""
ENDS_WITHIN_S: Final = 10.0
"""An aborted Python needs milliseconds for its stacks; longer only on a machine that stands still."""


class Hung(AssertionError):
    """A program neither did what a test waited for nor ended."""


class Process(NamedTuple):
    """What the kernel says of a process."""

    pid: int
    parent: int
    state: str
    """`S` sleeps, `D` waits for a disk, `R` computes, `T` was stopped, `Z` has ended."""
    cpu_s: float
    started_s: float
    """After the machine's start."""

    @classmethod
    def read(cls, pid: int) -> "Process | None":
        """The process, if there is one.  Source: proc_pid_stat(5)."""
        try:
            fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        tick = os.sysconf("SC_CLK_TCK")
        return cls(pid, int(fields[1]), fields[0], (int(fields[11]) + int(fields[12])) / tick, int(fields[19]) / tick)

    @property
    def is_python(self) -> bool:
        """Whether it can print stacks."""
        with contextlib.suppress(OSError):
            return (PROC / str(self.pid) / "exe").readlink().name.startswith("python")
        return False

    def __str__(self) -> str:
        """Its command; of each thread its name, its state, and what it waits in: the kernel's function, and the call."""
        command = _text(PROC / str(self.pid) / "cmdline").replace("\0", " ")
        threads = []
        for task in sorted((PROC / str(self.pid) / "task").glob("*")):
            name, state = _text(task / "comm"), _text(task / "stat").rpartition(")")[2].strip()[:1]
            threads.append(" ".join(filter(None, (name, state, _text(task / "wchan"), _text(task / "syscall")))))
        return f"{self.pid} ({self.cpu_s:.2f} s of CPU): {command}; threads: {'; '.join(threads)}"


def lives(pid: int) -> bool:
    """Whether there is such a process, and it is more than a name that its parent has not read yet."""
    found = Process.read(pid)
    return found is not None and found.state != "Z"


def family(pid: int) -> list[Process]:
    """The process and all below it, parents first; nothing where it has ended, or no one knows."""
    found = [process for entry in PROC.glob("[0-9]*") if (process := Process.read(int(entry.name))) is not None]
    wanted, family = {pid}, list[Process]()
    while new := [process for process in found if (process.pid in wanted or process.parent in wanted) and process not in family]:
        family += new
        wanted |= {process.pid for process in new}
    return [process for process in family if process.state != "Z"]


def last_words(pid: int) -> str:
    """The process and all below it have ended; what each was doing, and what they had said that no one had read.

    Python prints the stacks of its threads first, if it was started with `FAULT_HANDLER`.
    """
    processes = family(pid)
    told = [str(process) for process in processes]
    with contextlib.ExitStack() as stack:
        outputs = [stack.enter_context(output) for output in _outputs(processes)]
        for process in processes:
            if process.is_python:
                _abort(process.pid)
        _wait_ended([process.pid for process in processes if process.is_python])
        for other in processes or [Process(pid, 0, "?", 0, 0)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(other.pid, signal.SIGKILL)
        _wait_ended([process.pid for process in processes])
        told += [f"{output.name} ends with:\n{said}" for output in outputs if (said := output.rest())]
    return "\n".join(told)


class Watched:
    """A block that waits for something that a program does, or for its end, on a thread or in a loop.

    Raises: Hung: after `within_s` the program had done nothing of it, and was ended.
    """

    def __init__(self, pid: int, *, within_s: float = PATIENCE_S) -> None:
        self._within_s = within_s
        self._pid = pid
        self._found: list[str] = []
        self._timer = threading.Timer(within_s, lambda: self._found.append(last_words(pid)))
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._timer.cancel()
        self._timer.join()  # it may be ending the program
        if self._found:
            message = f"{self._pid} hung: nothing of what the test waits for came within {self._within_s:.0f} s.\n{self._found[0]}"
            raise Hung(message) from error


class _Output:
    """What a process writes into: a pipe, or a file from a little before its end on."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def rest(self) -> str:
        """What was not read yet."""
        said = b""
        with contextlib.suppress(BlockingIOError):  # an empty pipe that someone could still write into
            while len(said) < SHOWN_MOST and (piece := os.read(self._descriptor, SHOWN_MOST)):
                said += piece
        return said.decode(errors="replace")


def _outputs(processes: Sequence[Process]) -> Iterator[_Output]:
    """Where they write to, each once. What they share with this process is left out: pytest shows it."""
    seen = {_identity(f"/proc/self/fd/{number}") for number in (1, 2)}
    for process in processes:
        for number, name in ((1, "standard output"), (2, "standard error")):
            path = f"/proc/{process.pid}/fd/{number}"
            identity = _identity(path)
            if identity is None or identity in seen:
                continue
            seen.add(identity)
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                size = os.fstat(descriptor).st_size
                if size:
                    os.lseek(descriptor, max(0, size - SHOWN_MOST // 2), os.SEEK_SET)
                yield _Output(f"{name} of {process.pid}", descriptor)


def _identity(path: str) -> tuple[int, int] | None:
    """Of the file or pipe; nothing for terminals and the like."""
    with contextlib.suppress(OSError):
        found = os.stat(path)  # noqa: PTH116 - the name of an open file is no path that Path could follow
        if stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode):
            return found.st_dev, found.st_ino
    return None


def _abort(pid: int) -> None:
    """It prints its stacks and ends; also if it was stopped."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGABRT)
        os.kill(pid, signal.SIGCONT)


def _wait_ended(pids: Sequence[int]) -> None:
    """They have ended, or are long at it."""
    until = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < until and any(map(lives, pids)):
        time.sleep(0.01)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # some we may not read
        return ""
