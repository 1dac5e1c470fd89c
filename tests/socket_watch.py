"""No test goes beyond this machine: whatever connects, sends, listens or looks up a name elsewhere fails the test during which it did.

Two watches, which refuse what they see and write it into one file for each process of pytest:

- in front of the C library of every process that the tests start (`socket_watch.c`, by LD_PRELOAD; pytest's workers are such, too), so that
  uvloop, gRPC, Java, Node and PostgreSQL are seen as well as Python;
- an audit hook in a pytest without workers, which nothing was put in front of.

Neither sees a program in Go, which asks the kernel itself, nor one that is started with an empty environment. What has to go out, to fetch
packages, does it within `beyond_loopback`, which a search finds. Without a C compiler, or on another system than Linux, only the hook
watches: in CI that is an error.
"""

import contextlib
import errno
import hashlib
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.one_at_a_time import CACHE, made_once
from tests.patience import PATIENCE_S

SOURCE = Path(__file__).with_suffix(".c")
FILE = "SOCKET_WATCH"
"""The environment variable that names the file; processes without it are not watched."""
PRELOAD = "LD_PRELOAD"
CONNECTIONS = {"socket.connect": "connects to", "socket.sendto": "sends to", "socket.sendmsg": "sends to"}
SEEN = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """This process and all that it starts are watched from now on."""
    handle, name = tempfile.mkstemp(prefix="heliograph-sockets-")
    os.close(handle)
    Path(name).chmod(0o666)  # PostgreSQL is another user where we are root
    config.stash[SEEN] = Path(name)
    os.environ[FILE] = name
    if preloaded():
        return
    sys.addaudithook(_hear)
    if (library := _library()) is not None:
        os.environ[PRELOAD] = with_watch(str(library))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing is left of it."""
    os.environ.pop(FILE, None)
    config.stash[SEEN].unlink(missing_ok=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test during which something went out has failed."""
    report = yield
    if call.when == "teardown" and (said := _taken(item.config.stash[SEEN])):
        report.outcome = "failed"
        report.longrepr = f"Something that this test started, or used, went beyond this machine (tests/socket_watch.py):\n{said}"
    return report


@contextlib.contextmanager
def beyond_loopback() -> Iterator[None]:
    """What is started inside, and this process meanwhile, may reach other machines: packages are fetched, or it is what a test is about."""
    file = os.environ.pop(FILE, None)
    try:
        yield
    finally:
        if file is not None:
            os.environ[FILE] = file


def preloaded() -> bool:
    """Whether the library stands in front of this process, too."""
    return "socket-watch" in os.environ.get(PRELOAD, "")


def with_watch(library: str) -> str:
    """LD_PRELOAD with one more library."""
    return os.pathsep.join(filter(None, (os.environ.get(PRELOAD, ""), library)))


def _taken(seen: Path) -> str:
    """What has been seen since the last look."""
    if not seen.stat().st_size:
        return ""
    said = seen.read_text(encoding="utf-8", errors="replace")
    seen.write_text("", encoding="utf-8")
    return said


def _library() -> Path | None:
    """The compiled watch; None: this machine cannot compile it.  Raises: UsageError: so, and in CI."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        if os.environ.get("CI") == "true":
            raise pytest.UsageError("The watch over sockets needs Linux and a C compiler: scripts/test_needs.sh gcc libc6-dev.")
        return None
    how = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror"]

    def compile_it(folder: Path) -> None:
        subprocess.run([*how, "-o", folder / "watch.so", SOURCE, "-ldl"], check=True, timeout=PATIENCE_S)

    return made_once(CACHE / f"socket-watch-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}", compile_it) / "watch.so"


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook.  Raises: OSError: it goes out, and is refused."""
    if event == "socket.getaddrinfo":
        did, where = "looks up", arguments[0]
        out = isinstance(where, str | bytes) and _is_looked_up(where if isinstance(where, str) else where.decode("ascii", "replace"))
    elif event in CONNECTIONS and isinstance(arguments[1], tuple):
        did, where = CONNECTIONS[event], f"{arguments[1][0]} port {arguments[1][1]}"
        out = not _is_here(str(arguments[1][0]))
    else:
        return
    if out and (file := os.environ.get(FILE)):
        with Path(file).open("a", encoding="utf-8") as seen:
            seen.write(f"{Path(sys.argv[0]).name} {did} {where} (process {os.getpid()})\n")
        raise OSError(errno.ENETUNREACH, f"{did} {where}: tests stay on this machine")


def _is_here(host: str) -> bool:
    """Whether the host of an address to connect to is this machine."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0] or "0.0.0.0")  # noqa: S104 - how a client says "this machine"
    except ValueError:
        return not _is_looked_up(host)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _is_looked_up(name: str) -> bool:
    """Whether a resolver would ask a server for the name."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name.partition("%")[0])
        return False
    with contextlib.suppress(OSError):
        socket.inet_aton(name)  # other spellings of an address: 0x7f.1
        return False
    return bool(name) and not name.lower().endswith("localhost") and name.lower() != socket.gethostname().lower()
