"""The sandbox that the tests of this process use: one that runs already, one that all pytest-xdist workers share, or one of its own."""

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from heliograph.machine import LOCKS_ARE_KEPT
from heliograph.testing.connection import Connection
from heliograph.testing.shared_folder import READY, USERS, held, hold, is_still

START_MOST_S = 120.0
END_MOST_S = 20.0
LOG = "sandbox.log"
_LOOK_EVERY_S = 0.005


def running_elsewhere() -> str:
    """The URL of the sandbox that the environment names; empty: it names no sandbox."""
    if url := os.environ.get("HELIOGRAPH_URL", ""):
        return url.rstrip("/")
    host = os.environ.get("AMAPI_EMULATOR_HOST", "")
    return (host if "://" in host else f"http://{host}").rstrip("/") if host else ""


class Server:
    """A sandbox in use. Several processes that name the same folder use the same one."""

    def __init__(self, folder: Path) -> None:
        """Raises: RuntimeError: it does not start; the message shows what it said."""
        self._folder = folder
        self.url = ""
        while not self.url:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with held(folder / "starting", alone=True):
                self._use = hold(folder / USERS, alone=False)  # while one is ending, this waits
                if is_still(self._use, folder / USERS):
                    self.url = _answering(folder) or _start(folder)
                else:  # the one that ended took its folder with it
                    self._use.close()

    def leave(self) -> None:
        """This process does not use it any more."""
        self._use.close()


class _Ours:
    """What this process uses."""

    def __init__(self) -> None:
        self.shared_folder: Path | None = None
        """Of the workers of one run; None: this process has a sandbox of its own."""
        self._server: Server | None = None
        self._own_folder: Path | None = None
        self._connections: dict[str, Connection] = {}

    def url(self) -> str:
        """Where the sandbox is; it runs from now on.  Raises: RuntimeError."""
        if url := running_elsewhere():
            return url
        if self._server is None:
            if self.shared_folder is None or not LOCKS_ARE_KEPT:
                self._own_folder = Path(tempfile.mkdtemp(prefix="heliograph-testing-"))
            self._server = Server(self._own_folder or self.shared_folder or Path())
            atexit.register(self.leave)
        return self._server.url

    def connection(self, url: str) -> Connection:
        """One for each sandbox."""
        if url not in self._connections:
            self._connections[url] = Connection(url)
        return self._connections[url]

    def leave(self) -> None:
        """The sandbox is not used any more; if it is this process's own, it has ended."""
        atexit.unregister(self.leave)
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        pid = None if self._own_folder is None else _pid_of(self._own_folder)  # it takes its folder with it once nobody uses it
        if self._server is not None:
            self._server.leave()
            self._server = None
        if self._own_folder is not None:
            end_server(self._own_folder, pid)
            self._own_folder = None
        for process in _started:
            if process.poll() is None:  # others use it: they end it, and to forget it while it runs would warn
                process.returncode = 0


OURS = _Ours()


def end_server(folder: Path, pid: int | None = None) -> None:
    """The sandbox of this folder has ended, if there is one, and the folder is gone; no one may use it any more.

    `pid`: the sandbox's, if the caller knows it from before the last user left.
    """
    if pid is None:
        pid = _pid_of(folder)
    if pid is not None:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
            if not _within(END_MOST_S, lambda: not _is_there(pid)):
                os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    if folder.exists():
        _within(END_MOST_S, lambda: not _is_ending(folder))
        shutil.rmtree(folder, ignore_errors=True)


def _pid_of(folder: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return int(json.loads((folder / READY).read_text(encoding="utf-8"))["pid"])
    return None


def _is_ending(folder: Path) -> bool:
    """Whether a sandbox of this folder has seen that nobody uses it, and is not gone yet."""
    try:
        hold(folder / USERS, alone=True, wait=False).close()
    except BlockingIOError:
        return True
    except OSError:  # the folder is gone
        return False
    return False


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds by then."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def _is_there(pid: int) -> bool:
    for child in _started:
        if child.pid == pid:
            return child.poll() is None
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


_started: list[subprocess.Popen[bytes]] = []
"""Kept: a Popen that is forgotten while its process runs warns."""


def _start(folder: Path) -> str:
    command = [sys.executable, "-P", "-m", "heliograph.testing.kept_server", str(folder)]
    (folder / READY).unlink(missing_ok=True)
    with (folder / LOG).open("wb") as log:
        # A session of its own: Ctrl-C ends the tests, which then end their worlds and it.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
    _started.append(process)
    deadline = time.monotonic() + START_MOST_S
    # Meanwhile, since most tests want it: an extra, and slow to import. If it is missing, `client` says so.
    with contextlib.suppress(Exception):
        import googleapiclient.discovery  # noqa: F401, PLC0415
    while not (url := _said(folder)):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            said = (folder / LOG).read_text(encoding="utf-8", errors="replace")[-4_000:]
            raise RuntimeError(f"The sandbox did not start: {' '.join(command)}\n{said}")
        time.sleep(_LOOK_EVERY_S)
    return url


def _answering(folder: Path) -> str:
    """The URL of the sandbox that runs there; empty: no sandbox runs, or it was killed."""
    url = _said(folder)
    if url:
        connection = Connection(url)
        try:
            connection.ask("GET", f"{url}/sandbox/v1/worlds")
        except OSError:
            return ""
        finally:
            connection.close()
    return url


def _said(folder: Path) -> str:
    try:
        return str(json.loads((folder / READY).read_text(encoding="utf-8"))["url"])
    except FileNotFoundError:
        return ""
