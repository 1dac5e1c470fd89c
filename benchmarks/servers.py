"""Server processes under measurement: started pinned to one core, read by the kernel's own accounting."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.ports import reserved_port

SERVER_CORE, LOAD_CORE = "0", "1"
START_S = 60.0
"""A server that meets a large database with cold caches may take a while; one that takes longer is broken."""
STOP_S = 30.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Running:
    """A server that answers: where, and as which process."""

    url: str
    pid: int
    started_s: float = 0.0
    """From its exec to its first answer to `/readyz` (or whatever it was asked)."""

    def cpu_s(self) -> float:
        """CPU seconds, user and system, that the process and its children have used."""
        return family_cpu_s(self.pid)

    def read_bytes(self) -> int:
        """What the server has had read from the disk: pages that the machine's cache did not have, and what the machine read ahead."""
        lines = Path(f"/proc/{self.pid}/io").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes:"))

    def pss_kib(self) -> int:
        """The memory that is the process's own, shared pages counted in parts."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def family_cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children, those that ended included."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended while we looked
        if int(entry.name) == pid:
            ticks += sum(int(field) for field in fields[11:15])
        elif int(fields[1]) == pid:
            ticks += sum(int(field) for field in fields[11:13])
    return ticks / TICKS_PER_S


class Process:
    """`python -m ARGUMENTS` (or a program) pinned to a core; `start` and `stop` as often as one likes."""

    def __init__(
        self,
        arguments: Sequence[str],
        port: int,
        *,
        ready: str = "/readyz",
        environment: Mapping[str, str] | None = None,
        program: str = "",
    ) -> None:
        self._command = ["taskset", "-c", SERVER_CORE, *([program] if program else [sys.executable, "-m"]), *arguments]
        self._environment = {**os.environ, **(environment or {})}
        self._port, self._ready = port, ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Running:
        """The server, answering.  Raises: RuntimeError: it does not."""
        began = time.monotonic()
        # Its log is of no interest unless it does not start; a log on a terminal would be measured with it.
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._environment, start_new_session=True
        )
        url = f"http://127.0.0.1:{self._port}"
        self._wait_until_answering(url, self._process)
        return Running(url, self._process.pid, time.monotonic() - began)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """It has ended; by force where it does not hear."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _wait_until_answering(self, url: str, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and process.poll() is None:
            if _answers(url + self._ready) if self._ready else _listens(self._port):
                return
            time.sleep(0.01)
        self.stop(signal.SIGKILL)
        message = f"{' '.join(self._command)} does not answer"
        raise RuntimeError(message)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5)  # noqa: S310 - our own loopback URL
    except urllib.error.HTTPError as error:
        return error.code != 503  # noqa: PLR2004 - not ready yet
    except OSError:
        return False
    return True


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(arguments: Sequence[str], port: int, *, ready: str = "/readyz") -> Iterator[Running]:
    """`python -m ARGUMENTS` pinned to the server's core, answering on `port`; ended on leaving."""
    process = Process(arguments, port, ready=ready)
    try:
        yield process.start()
    finally:
        process.stop()


@contextlib.contextmanager
def bare() -> Iterator[Running]:
    """The yardstick."""
    port = reserved_port()
    with running(["benchmarks.bare", str(port)], port) as server:
        yield server
