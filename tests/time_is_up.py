"""What a test says that ran out of time: what the programs that it started were doing, and its tasks. The rest is pytest-timeout's.

pytest-timeout says where each thread of pytest stands, but a test that hangs mostly waits for another program. And it lets go of a test
that has failed: what ends the test's programs could then wait for ever.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from typing import NamedTuple

import pytest
import pytest_timeout

from tests.hung import FAULT_HANDLER, family, last_words
from tests.patience import PATIENCE_S


class _Limit(NamedTuple):
    """Of one test."""

    began_s: float
    """After the machine's start."""
    most_s: float
    out_of_time: Callable[[], None]


LIMIT = pytest.StashKey[_Limit]()


def pytest_configure() -> None:
    """Programs in Python that tests start print their stacks when they are aborted."""
    os.environ[FAULT_HANDLER] = "1"


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> Generator[None, object, object]:
    """What pytest-timeout does at the end of the time comes after a report."""
    done = yield
    theirs = signal.getsignal(signal.SIGALRM) if sys.platform == "linux" else None
    if callable(theirs):  # pytest-timeout has other means where a signal cannot come

        def out_of_time() -> None:
            if not pytest_timeout.is_debugging():
                signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)  # the test's own end may hang as well
                print(_report(item.stash[LIMIT].began_s), file=sys.stderr)  # noqa: T201 - pytest shows it beside the failure
            theirs(signal.SIGALRM, None)

        item.stash[LIMIT] = _Limit(time.clock_gettime(time.CLOCK_BOOTTIME), settings.timeout, out_of_time)
        signal.signal(signal.SIGALRM, lambda *_: out_of_time())
    return done


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """A test that has failed, whose timer is off by then, has the same time again to end what it started."""
    if (limit := item.stash.get(LIMIT, None)) is not None and signal.getitimer(signal.ITIMER_REAL)[0] == 0:
        signal.signal(signal.SIGALRM, lambda *_: limit.out_of_time())
        signal.setitimer(signal.ITIMER_REAL, limit.most_s)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A program that was given up shows what it had said."""
    report = yield
    if call.excinfo is not None and isinstance(gone := call.excinfo.value, subprocess.TimeoutExpired):
        parts: dict[str, object] = {"output": gone.stdout, "errors": gone.stderr}
        for name, said in parts.items():
            if said:  # as bytes, whatever was asked for
                report.sections.append((f"{name} of {gone.cmd}", said.decode(errors="replace") if isinstance(said, bytes) else str(said)))
    return report


def _report(began_s: float) -> str:
    """What this thread's tasks wait for, and what the programs are doing; those that the test started have ended."""
    said = ["The test is out of time."]
    if (loop := asyncio._get_running_loop()) is not None:  # noqa: SLF001 - the public one wants to be called by a task
        said += map(_stack, asyncio.all_tasks(loop))
    for child in (one for one in family(os.getpid()) if one.parent == os.getpid()):
        if child.started_s < began_s - 1:
            said.append(f"Running since before the test: {child}")
        else:
            said.append(f"Started by the test, and ended now: {last_words(child.pid)}")
    return "\n".join(said)


def _stack(task: "asyncio.Task[object]") -> str:
    """Where it stands, down to what it awaits."""
    places = list[str]()
    awaited: object = task.get_coro()
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        places.append(f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}")
        awaited = getattr(awaited, "cr_await", None)
    return "\n".join((f"{task.get_name()} awaits {awaited!r}:", *places))
