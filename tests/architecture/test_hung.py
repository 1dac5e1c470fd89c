"""A program that hangs costs a test its patience, never the run its time, and it says what it was doing."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.hung import Hung, Process, Watched, last_words
from tests.patience import PATIENCE_S
from tests.running import Running

HANGS = """
import sys, threading

def hangs_here(lock):
    print("unread", file=sys.stderr, flush=True)
    print("first words", flush=True)
    lock.acquire()
    lock.acquire()

hangs_here(threading.Lock())
"""


def hanging(program: str = HANGS) -> Running:
    return Running([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_program_in_python_that_hangs_says_where_and_what_no_one_had_read() -> None:
    with hanging() as program:
        assert "first words\n" == program.line()

        said = last_words(program.pid)

    assert "hangs_here" in said
    assert "unread" in said
    assert "python" in said
    assert -signal.SIGABRT == program.returncode


def test_one_that_was_stopped_says_so_too() -> None:
    with hanging() as program:
        assert "first words\n" == program.line()
        program.send_signal(signal.SIGSTOP)
        while (found := Process.read(program.pid)) is None or found.state != "T":
            pass

        said = last_words(program.pid)

    assert re.search(r"threads: \S+ [tT] ", said)
    assert "hangs_here" in said


def test_what_a_program_has_written_into_a_file_is_shown(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        Running(["sh", "-c", "echo written >&2; echo here; exec sleep 600"], stdout=subprocess.PIPE, stderr=log) as program,
    ):
        assert "here\n" == program.line()

        said = last_words(program.pid)

    assert "written" in said
    assert "sleep 600" in said


def test_what_the_program_started_ends_with_it() -> None:
    """Otherwise it would keep the pipe open, and who reads would wait on."""
    with Running(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE) as program:
        below = int(program.line())

        said = last_words(program.pid)
        rest = program.line()

    assert f"{below} (" in said
    assert "" == rest
    assert (left := Process.read(below)) is None or left.state == "Z"


WAITS: dict[str, Callable[[Running], object]] = {
    "a line": Running.line,
    "a complaint": Running.complaint,
    "words": lambda program: program.until("never"),
    "its end": Running.wait,
    "its output": Running.communicate,
    "the end of the block": lambda program: program.__exit__(None, None, None),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_no_wait_for_a_program_is_without_an_end(wait: Callable[[Running], object]) -> None:
    with hanging(HANGS.replace('print("unread", file=sys.stderr, flush=True)', "pass")) as program:
        program.line()
        program.within_s = 0.1
        with pytest.raises(Hung) as hung:
            wait(program)

    assert "hangs_here" in str(hung.value)
    assert "first words" in str(hung.value)


async def test_a_wait_in_a_loop_ends_too() -> None:
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", HANGS, stdout=pipe, stderr=pipe)
    assert program.stdout is not None
    with Watched(program.pid):
        assert b"first words\n" == await program.stdout.readline()

    with pytest.raises(Hung, match="hangs_here"), Watched(program.pid, within_s=0.1):
        await program.communicate()


def test_a_program_that_goes_on_in_time_is_left_alone() -> None:
    with Running(
        [sys.executable, "-c", "print('one'); print('two'); print(input())"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        two = program.until("t(w)o")
        rest, _ = program.communicate("three\n")

    assert ("w", "three\n", 0) == (two[1], rest, program.returncode)
    assert ["one\n", "two\n"] == program.heard


def test_who_ends_before_the_word_is_not_waited_for() -> None:
    with (
        pytest.raises(AssertionError, match="exit status 3: a line"),
        Running(["sh", "-c", "echo a line; exit 3"], stdout=subprocess.PIPE) as program,
    ):
        program.until("another")


INNER = f"""
import signal, subprocess, sys, time
import pytest

HANGS = {HANGS!r}

@pytest.fixture
def program():
    program = subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True)
    assert "first words\\n" == program.stdout.readline()
    yield program
    time_is_up()
    program.wait()

def time_is_up():
    signal.setitimer(signal.ITIMER_REAL, 0.1)
"""


def test_a_test_that_is_out_of_time_says_what_its_programs_were_doing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"""{INNER}
def test_that_hangs(program):
    time_is_up()
    program.stdout.readline()

def test_after_it(): ...
""")

    done = inner(pytester)

    done.assert_outcomes(failed=1, passed=1)
    done.stdout.fnmatch_lines(["*Timeout (>*", "*in hangs_here*", "*Started by the test, and ended now: * of CPU): *"])


def test_a_test_that_has_failed_has_only_so_long_to_end_what_it_started(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"""{INNER}
def test_that_fails(program):
    assert False

def test_after_it(): ...
""")

    done = inner(pytester)

    done.assert_outcomes(failed=1, errors=1, passed=1)
    done.stdout.fnmatch_lines(["*ERROR at teardown of test_that_fails*", "*in hangs_here*"])


def test_of_a_loop_it_says_what_each_task_awaits(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"""{INNER}
import asyncio
import re

async def never_comes(event):
    await event.wait()

async def test_that_hangs():
    task = asyncio.create_task(never_comes(asyncio.Event()))
    await asyncio.sleep(0)
    time_is_up()
    await task
""")

    done = inner(pytester, "-o", "asyncio_mode=auto")

    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["* never_comes", "*locks.py:* wait"])


def test_a_command_that_took_too_long_shows_what_it_had_said(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
import subprocess

def test_that_waits():
    subprocess.run(["sh", "-c", "echo so far; exec sleep 600"], capture_output=True, timeout=2)
""")

    done = inner(pytester)

    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*so far*"])


def inner(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """The tests, run with what all tests here are run with."""
    plugins = ("-p", "tests.time_is_up", "-p", "no:heliograph", "-p", "no:cacheprovider")
    return pytester.runpytest_subprocess("--timeout=600", *plugins, "-o", f"pythonpath={ROOT}", *options, timeout=PATIENCE_S)
