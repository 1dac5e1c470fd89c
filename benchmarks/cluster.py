"""A private PostgreSQL for one benchmark: made, pinned to the load's core, asked what CPU it used, and removed."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import LOAD_CORE, family_cpu_s
from tests.patience import PATIENCE_S
from tests.ports import reserved_port

USER = "postgres"
"""PostgreSQL refuses root."""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "max_connections": "200",
    "unix_socket_directories": "",
}
"""Durability as it comes (fsync, full_page_writes, synchronous_commit are on); only room for the load."""


REST_S, REST_MOST_S = 0.2, 5.0


class PostgresMissing(RuntimeError):
    """No PostgreSQL is installed."""


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL."""

    port: int
    pid: int
    binaries: Path

    def cpu_s(self) -> float:
        """CPU seconds that all of its processes have used."""
        return family_cpu_s(self.pid)

    def rest(self) -> None:
        """Returns when it has nothing left to do of what was asked before, or does not come to rest: that belongs to no later run."""
        deadline, before = time.monotonic() + REST_MOST_S, self.cpu_s()
        while time.monotonic() < deadline:
            time.sleep(REST_S)
            used, before = self.cpu_s() - before, self.cpu_s()
            if used <= REST_S / 10:
                return

    def database(self, name: str) -> str:
        """The URL of a new, empty database."""
        command = [str(self.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, name]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"


def binaries() -> Path:
    """The folder of the newest PostgreSQL.  Raises: PostgresMissing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if not found and not on_path:
        raise PostgresMissing("no PostgreSQL is installed (Debian: apt-get install postgresql)")
    return found[-1].parent if found else Path(str(on_path)).parent


@contextlib.contextmanager
def postgres() -> Iterator[Cluster]:
    """A cluster on the disk of this checkout, beside the load on its core; gone on leaving.  Raises: PostgresMissing."""
    programs = binaries()
    # Not inside the checkout: the user postgres may not be allowed to look into it.
    folder = Path(tempfile.mkdtemp(prefix="heliograph-bench-", dir="/var/tmp"))
    as_user: dict[str, str | int] = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam(USER)
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_user = {"user": account.pw_uid, "group": account.pw_gid}
    data, port = folder / "data", reserved_port()
    try:
        make = [str(programs / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **as_user)  # type: ignore[call-overload]
        settings = [word for name, value in {**SETTINGS, "port": str(port)}.items() for word in ("-c", f"{name}={value}")]
        command = ["taskset", "-c", LOAD_CORE, str(programs / "postgres"), "-D", str(data), *settings]
        with (folder / "log").open("wb") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **as_user)  # type: ignore[call-overload]
        try:
            wait = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            _until(wait)
            yield Cluster(port, process.pid, programs)
        finally:
            # Fast shutdown: connections that a server left open must not hold it.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _until(command: list[str]) -> None:
    """Raises: RuntimeError: PostgreSQL does not answer within 30 s."""
    deadline = time.monotonic() + 30
    while subprocess.run(command, check=False, timeout=PATIENCE_S).returncode:
        if time.monotonic() > deadline:
            message = "PostgreSQL does not answer"
            raise RuntimeError(message)
        time.sleep(0.1)
