"""`heliograph` without the half second of imports that it begins with: what tests start is a fork of a process that has them behind it.

A command that begins with `HELIOGRAPH` is forked off by one of two servers of this process (`tests/fork_server.py`), whether `subprocess`
starts it or `asyncio`. It is a process of its own and a child of this one, with the streams, folder, variables, arguments, signals and
session that it would have otherwise; `tests/e2e/test_forks.py` compares. It differs in this: modules that another command imported are
there already, and all forks of one server hash strings with one seed (docs/adr/0076).

What a test asks for that a fork cannot have (another user, a terminal, another `LD_PRELOAD`), the system starts as ever. So it does in
tests that carry the mark `by_exec`, and everywhere if HELIOGRAPH_TESTS_BY_EXEC is set or the system is not Linux.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fork_server import CLONE, LASTING
from tests.patience import PATIENCE_S

HELIOGRAPH = (sys.executable, "-m", "heliograph")
BY_EXEC = "HELIOGRAPH_TESTS_BY_EXEC"
SERVER = Path(__file__).with_name("fork_server.py")
ROOM = " " * 4_096
READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "GLIBC_")
"""How the names of variables begin that the interpreter and the C library read once."""
ORDINARY = (True, -1, None, None, None, -1, None)
"""Of Popen: restore_signals, process_group, group, extra_groups, user, umask and preexec_fn, where a test asks for nothing of the kind."""


class Unfit(Exception):
    """A fork would differ from what was asked for."""


class ForkServer:
    """The process that forks; started when the first program is."""

    def __init__(self, kind: str) -> None:
        """`kind`: `lasting` or `brief`, the programs that it is for."""
        self._kind = kind
        self.count = 0
        """How many programs it has started."""
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._read_at_start: dict[str, str] = {}

    def start(self, command: list[str], files: Sequence[int], *, folder: str, environment: Mapping[str, str], new_session: bool) -> int:
        """The id of a new child of this process.  Raises: Unfit."""
        with self._lock:
            line = self._line or self._started()
            if read_at_start(environment) != self._read_at_start:
                raise Unfit
            request = {"command": command, "folder": folder, "environment": dict(environment), "new_session": new_session}
            answer = b""
            with contextlib.suppress(ConnectionError):
                socket.send_fds(line, [json.dumps(request).encode()], files)
                answer = line.recv(32)
            if not answer:  # it was killed: the next program has another
                self.end()
                raise Unfit
            self.count += 1
        return int(answer)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()

    def end(self) -> None:
        """It has ended; what it forked has not."""
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait(PATIENCE_S)
            self._line = None

    def _started(self) -> socket.socket:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            descriptor = theirs.fileno()
            command = [sys.executable, str(SERVER), str(descriptor), self._kind, ROOM]
            self._process = subprocess.Popen(command, pass_fds=[descriptor], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._read_at_start = read_at_start(os.environ)
        return self._line


class Starter:
    """In place of what subprocess calls to start a program (`_fork_exec`): a fork where that is the same."""

    def __init__(self) -> None:
        self.lasting = ForkServer("lasting")
        self.brief = ForkServer("brief")
        self.forks = not os.environ.get(BY_EXEC)
        self._exec = subprocess._fork_exec  # type: ignore[attr-defined]  # noqa: SLF001 - every start of a program comes by

    @contextlib.contextmanager
    def by_exec(self) -> Iterator[None]:
        """Within the block nothing is forked."""
        before, self.forks = self.forks, False
        try:
            yield
        finally:
            self.forks = before

    def __call__(self, *call: Any) -> int:  # noqa: ANN401 - as subprocess has them
        """The id of the new process."""
        try:
            return self._forked(*call)
        except Unfit:
            started: int = self._exec(*call)
            return started

    def _forked(self, words: Any, programs: Any, close: bool, kept: Any, folder: Any, variables: Any, *more: Any) -> int:  # noqa: ANN401, FBT001
        """Raises: Unfit."""
        streams, (restore, new_session, *others) = (more[0], more[3], more[5]), more[8:16]
        command, folder = [os.fsdecode(word) for word in words], os.fsdecode(folder or Path.cwd())
        files = [number if stream == -1 else stream for number, stream in enumerate(streams)]
        asked = (restore, *others) == ORDINARY and close and len(kept) == 1 and programs == (os.fsencode(sys.executable),)
        if not (self.forks and asked and tuple(command[:3]) == HELIOGRAPH and Path(folder).is_dir()) or any(map(os.isatty, files)):
            raise Unfit
        environment = os.environ if variables is None else dict(os.fsdecode(one).split("=", 1) for one in variables)
        server = self.lasting if any(word in LASTING for word in command[3:4]) else self.brief
        return server.start(command, files, folder=folder, environment=environment, new_session=new_session)


STARTER = pytest.StashKey[Starter]()


def pytest_configure(config: pytest.Config) -> None:
    """From now on `heliograph` is forked."""
    if sys.platform == "linux" and os.uname().machine in CLONE:
        starter = config.stash[STARTER] = Starter()
        patch = pytest.MonkeyPatch()
        patch.setattr(subprocess, "_fork_exec", starter)
        patch.setattr(subprocess, "_USE_POSIX_SPAWN", False)  # the way past `_fork_exec`
        config.add_cleanup(starter.lasting.end)
        config.add_cleanup(starter.brief.end)
        config.add_cleanup(patch.undo)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test with the mark starts programs as users do."""
    starter = item.config.stash.get(STARTER, None)
    with starter.by_exec() if starter is not None and item.get_closest_marker("by_exec") else contextlib.nullcontext():
        return (yield)


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that hold for as long as a process lives."""
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}
