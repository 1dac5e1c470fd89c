"""A private PostgreSQL for tests: real, started for the run, gone afterwards; an empty database for each test.

Fixtures (tests/conftest.py makes them known everywhere): `postgres`, the Cluster of the whole run; `database`, the URL of a
database that is this test's own. A test that stops or kills its PostgreSQL, or sets it up otherwise, starts a Cluster of its own.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Self

import pytest

from tests.files import held
from tests.hung import lives
from tests.not_tried import not_tried
from tests.patience import PATIENCE_S, WHOLE_JOB_S
from tests.ports import reserved_port
from tests.third_party import started

USER = "postgres"
"""The superuser of the cluster, and the system's user who runs it where we are root, as whom PostgreSQL refuses to run."""
PROGRAMS = ("initdb", "pg_ctl", "postgres", "psql")
STOP_S = 120
SETTINGS = {"max_connections": "200", "shared_buffers": "64MB", "max_wal_size": "256MB"}
"""What differs from PostgreSQL's defaults: a laptop is to bear it. Durability is as it comes."""
ENDS = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();"
"""All sessions in the database, but for the one that asks; gives the ids of their processes."""
EMPTIES = f"{ENDS} DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
_databases = count(1)


class NoPostgres(Exception):
    """PostgreSQL's programs are not here: scripts/test_needs.sh postgresql installs them."""


def programs() -> Path:
    """The folder of PostgreSQL's programs, the newest where there are several.  Raises: NoPostgres."""
    on_path = shutil.which("postgres")
    found = [Path(on_path).resolve().parent] if on_path else []
    # Debian keeps them out of the PATH, a folder for each version.
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    for folder in found:
        if all((folder / program).exists() for program in PROGRAMS):
            return folder
    raise NoPostgres(NoPostgres.__doc__)


class Cluster:
    """A PostgreSQL server with its own folder, on a port of 127.0.0.1 that stays the same over restarts."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """Raises: NoPostgres."""
        self.settings = SETTINGS | dict(settings or {})
        """PostgreSQL's settings by name; a change holds from the next start on."""
        self._programs = programs()
        self._user = USER if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="heliograph-postgres-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self.port = reserved_port()
        # A locale whose order is not that of bytes, as most databases have: nothing may rely on the latter.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US")

        def make() -> None:
            shutil.rmtree(self._data, ignore_errors=True)
            self._run("initdb", "--no-sync", "--auth=trust", f"--username={USER}", *locale, str(self._data), within_s=PATIENCE_S)

        started(make, or_else=subprocess.TimeoutExpired)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        """The database's address; `port`: where something stands between (a proxy)."""
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """It takes connections.  Raises: subprocess.CalledProcessError."""
        settings = {**self.settings, "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self._folder}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._control("start", "--wait", f"--timeout={PATIENCE_S}", f"--options={options}")
            except subprocess.CalledProcessError:
                # After kill(), the processes of the killed one may take a moment to notice.
                if time.monotonic() > until or not (self._data / "postmaster.pid").exists():
                    self._show(f"PostgreSQL did not start within {PATIENCE_S} s")
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self, mode: str = "fast", *, within_s: int = STOP_S) -> None:
        """It has ended: `fast` ends all connections, `immediate` does so without a checkpoint, `smart` waits for them to end.

        If it does not in time (a busy machine is long at a checkpoint), it is ended without one, and pytest shows why.
        """
        for how in dict.fromkeys((mode, "immediate")):
            try:
                self._control("stop", "--wait", f"--mode={how}", f"--timeout={within_s}")
            except subprocess.CalledProcessError:
                self._show(f"PostgreSQL did not stop ({how}) within {within_s} s")
                if not self.runs():
                    return
            else:
                return
        others = _children(self._process())
        self.kill()
        for other in others:  # one that does not move would keep the next start waiting
            with contextlib.suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)

    def kill(self) -> None:
        """Its first process is gone by SIGKILL, the others follow as soon as they notice: what a crash of the machine leaves of it."""
        process = self._process()
        os.kill(process, signal.SIGKILL)
        until = time.monotonic() + PATIENCE_S
        while lives(process) and time.monotonic() < until:
            time.sleep(0.01)

    def remove(self) -> None:
        """It has ended, and nothing is left of it."""
        if (self._data / "postmaster.pid").exists():
            if self.runs():
                self.stop("immediate")
            else:
                time.sleep(0.5)  # killed before, and its last processes are on their way out
        shutil.rmtree(self._folder, ignore_errors=True)

    def fresh_database(self, *, owner_settings: Mapping[str, str] | None = None) -> str:
        """The URL of a database that is empty and new; `owner_settings`: defaults of its sessions."""
        name = f"test_{os.getpid()}_{next(_databases)}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
        for setting, value in (owner_settings or {}).items():
            self.sql(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")
        return self.url(name)

    def empty(self, url: str) -> None:
        """The database is as new, without sessions: cheaper than another one, for DROP DATABASE waits for a checkpoint."""
        self.sql(EMPTIES, url=url)

    def sql(self, statement: str, *, url: str | None = None) -> str:
        """What psql prints for the statement: rows as lines, columns parted by |.  Raises: subprocess.CalledProcessError."""
        program = [str(self._programs / "psql"), "--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [*program, "-d", url or self.url(), "-c", statement], capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
        return done.stdout.strip()

    def change(self, setting: str, value: str) -> None:
        """From the next statement on every session has the setting, those that are there already too; `DEFAULT`: as at the start."""
        self.sql(f"ALTER SYSTEM SET {setting} = {value}")
        self._read_settings()

    def end_sessions(self, url: str) -> None:
        """All sessions in the database have ended, and so have their processes: whoever had them finds the connections closed."""
        ended = self.sql(ENDS, url=url)
        processes, until = [int(line.partition("|")[0]) for line in ended.splitlines()], time.monotonic() + PATIENCE_S
        while any(map(lives, processes)):
            assert time.monotonic() < until, f"sessions do not end: {processes}"
            time.sleep(0.01)

    def demand_password(self, role: str) -> None:
        """A session with this role must know its password."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n" + rules.read_text(encoding="utf-8"), encoding="utf-8")
        self._read_settings()

    def log(self) -> str:
        """What it wrote to its log."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def _show(self, what: str) -> None:
        """Pytest prints this where the test fails."""
        last = "\n".join(held(self._folder / "log").decode(errors="replace").splitlines()[-20:])
        print(f"{what}; the end of its log:\n{last}")  # noqa: T201

    def _read_settings(self) -> None:
        """Its files of settings were read again, and hold for every new session."""
        loaded, until = self.sql("SELECT pg_conf_load_time()"), time.monotonic() + PATIENCE_S
        self.sql("SELECT pg_reload_conf()")
        # A new session shows when the settings were read that it was born with: by then the old ones were signalled to read them, too.
        while self.sql("SELECT pg_conf_load_time()") == loaded:
            assert time.monotonic() < until, "PostgreSQL did not read its settings"

    def _process(self) -> int:
        """Its first process."""
        return int((self._data / "postmaster.pid").read_text(encoding="utf-8").split()[0])

    def runs(self) -> bool:
        """Whether its first process lives; it may not take connections."""
        process = held(self._data / "postmaster.pid").split()  # it removes the file when it ends
        return bool(process) and lives(int(process[0]))

    def _control(self, verb: str, *options: str) -> None:
        self._run("pg_ctl", verb, f"--pgdata={self._data}", f"--log={self._folder / 'log'}", "--silent", *options)

    def _run(self, program: str, *options: str, within_s: float = WHOLE_JOB_S) -> None:  # pg_ctl has patience of its own
        subprocess.run(
            [str(self._programs / program), *options],
            user=self._user, group=self._user, extra_groups=() if self._user else None, cwd=self._folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
            timeout=within_s,
        )  # fmt: skip


def _children(process: int) -> list[int]:
    """The processes that it started."""
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split()]
    return []


def here_or_skip() -> None:
    """PostgreSQL is here; else the test is skipped, and says so: in CI that is a failure."""
    try:
        programs()
    except NoPostgres as error:
        not_tried(str(error))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The cluster of this run, for tests that neither stop it nor change its settings."""
    here_or_skip()
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def emptied_databases() -> list[str]:
    """Databases that tests have left behind, empty."""
    return []


@pytest.fixture
def database(postgres: Cluster, emptied_databases: list[str]) -> Iterator[str]:
    """The URL of an empty database, this test's own."""
    url = emptied_databases.pop() if emptied_databases else postgres.fresh_database()
    yield url
    postgres.empty(url)
    emptied_databases.append(url)
