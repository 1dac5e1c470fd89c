"""A `heliograph` that tests/forks.py forks is, to all who look at it, the one that the system starts."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.forks import HELIOGRAPH, STARTER, ForkServer, Starter
from tests.patience import PATIENCE_S

NOWHERE = ("--server", "http://127.0.0.1:9")
IN_STATUS = ("SigBlk", "SigIgn", "SigCgt", "Uid", "Gid", "Groups", "Umask", "NoNewPrivs", "Threads")


@pytest.fixture
def starter(request: pytest.FixtureRequest) -> Starter:
    """What starts this run's programs."""
    if STARTER not in request.config.stash:
        pytest.skip("nothing is forked on this system")
    return request.config.stash[STARTER]


def forked(starter: Starter) -> int:
    """How many programs it has forked."""
    return starter.lasting.count + starter.brief.count


@pytest.fixture
def both_ways(starter: Starter, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[Any]]:
    """What a function gives whose program is forked, and what it gives whose program the system starts."""

    def called(what: Callable[[], Any]) -> list[Any]:
        monkeypatch.setattr(starter, "forks", True)
        before = forked(starter)
        by_fork = what()
        assert before + 1 == forked(starter)
        with starter.by_exec():
            by_exec = what()
        assert before + 1 == forked(starter)
        return [by_fork, by_exec]

    return called


def shown(pid: int) -> dict[str, Any]:
    """What the system shows of a process."""
    place = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (place / "status").read_text(encoding="utf-8").splitlines())
    stat = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return {
        "command": (place / "cmdline").read_bytes().rstrip(b"\0").split(b"\0"),
        "name": (place / "comm").read_text(encoding="utf-8"),
        "folder": (place / "cwd").readlink(),
        "limits": (place / "limits").read_text(encoding="utf-8"),
        "parent": stat[1],
        "leads a group": stat[2] == str(pid),
        "leads a session": stat[3] == str(pid),
        "files": sorted(re.sub(r"\d+", "", str(file.readlink())) for file in (place / "fd").iterdir()),
    } | {name: status[name] for name in IN_STATUS}


@contextlib.contextmanager
def sandbox(**how: Any) -> Iterator[subprocess.Popen[str]]:  # noqa: ANN401 - as Popen has them
    """A sandbox that answers; what of it still runs in the end is killed."""
    with subprocess.Popen([*HELIOGRAPH, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True, **how) as process:
        try:
            assert process.stdout is not None
            while "Steer the phones" not in process.stdout.readline():
                assert process.poll() is None
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("new_session", [False, True])
def test_the_system_shows_the_same_of_both(both_ways: Callable[..., list[Any]], tmp_path: Path, *, new_session: bool) -> None:
    def seen() -> dict[str, Any]:
        with sandbox(cwd=tmp_path, start_new_session=new_session, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            return shown(process.pid)

    by_fork, by_exec = both_ways(seen)

    assert by_exec == by_fork
    assert (str(os.getpid()), new_session) == (by_fork["parent"], by_fork["leads a session"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("version",),
        ("--help",),
        ("devise", "list"),
        ("issue", "phone", "LOCK", *NOWHERE),
        ("issue", "phone", "LOCK"),
        ("check-history", "here"),
    ],
    ids=" ".join,
)
def test_a_command_reads_and_says_the_same_in_both(both_ways: Callable[..., list[Any]], tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "here").write_text("no history\n")
    environment = {**os.environ, "HELIOGRAPH_SERVER": "http://127.0.0.1:8", "COLUMNS": "70"}

    def said() -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            [*HELIOGRAPH, *arguments], cwd=tmp_path, env=environment, input=b"", capture_output=True, timeout=PATIENCE_S, check=False
        )
        return done.returncode, done.stdout, done.stderr

    by_fork, by_exec = both_ways(said)

    assert by_exec == by_fork
    assert by_fork[1] + by_fork[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGQUIT])
def test_a_signal_ends_both_alike(both_ways: Callable[..., list[Any]], tmp_path: Path, number: signal.Signals) -> None:
    def status() -> int:
        with sandbox(stderr=subprocess.DEVNULL, cwd=tmp_path) as process:
            process.send_signal(number)
            return process.wait(timeout=PATIENCE_S)

    by_fork, by_exec = both_ways(status)

    assert by_exec == by_fork


def test_asyncio_reads_and_waits_for_both(both_ways: Callable[..., list[Any]]) -> None:
    async def ended() -> tuple[bytes, int]:
        async with asyncio.timeout(PATIENCE_S):
            process = await asyncio.create_subprocess_exec(*HELIOGRAPH, "version", stdout=asyncio.subprocess.PIPE)
            out, _ = await process.communicate()
            return out, await process.wait()

    by_fork, by_exec = both_ways(lambda: asyncio.run(ended()))

    assert by_exec == by_fork


@pytest.mark.parametrize(
    "asked",
    [
        {"env": {**os.environ, "PYTHONWARNINGS": "error"}},
        {"preexec_fn": lambda: None},
        {"umask": 0o77},
        {"pass_fds": [0]},
        {"close_fds": False},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_a_fork_cannot_have_the_system_starts(starter: Starter, asked: dict[str, Any]) -> None:
    before = forked(starter)

    done = subprocess.run([*HELIOGRAPH, "version"], stdout=subprocess.PIPE, timeout=PATIENCE_S, check=True, **asked)

    assert done.stdout.strip()
    assert before == forked(starter)


def test_a_fork_server_that_was_killed_is_replaced(starter: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends a test that hangs ends all that pytest has started."""
    monkeypatch.setattr(starter, "brief", ForkServer("brief"))

    def said() -> bytes:
        return subprocess.run([*HELIOGRAPH, "version"], stdout=subprocess.PIPE, timeout=PATIENCE_S, check=True).stdout

    before, count = said(), starter.brief.count
    starter.brief.kill()
    after, at_last = said(), said()
    starter.brief.end()

    assert before == after == at_last
    assert (1, 2) == (count, starter.brief.count)


def test_a_folder_that_is_not_there_is_refused_as_ever(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        subprocess.run([*HELIOGRAPH, "version"], cwd=tmp_path / "nowhere", check=True, timeout=PATIENCE_S)
