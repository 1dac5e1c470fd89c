"""Programs of others that tests start and talk to: one that hangs before it is ready is started again, and the run says so.

Heliograph's own programs are never given a second try: there a start that hangs is the fault that a test is there to find.
"""

import contextlib
import subprocess
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

START_S: Final = 100
"""What is not ready by then hangs: on a machine that does ten other things a start takes a tenth of it."""
TRIES: Final = 3


@contextlib.contextmanager
def program(
    command: Sequence[str], *, ready: str, environment: Mapping[str, str] | None = None, start_s: float = START_S
) -> Iterator[None]:
    """A program that prints a line with `ready` in it, until the block ends.

    Raises: AssertionError: it ended before it was ready, or hung in each of `TRIES` tries.
    """
    for number in range(1, TRIES + 1):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                if (hung := _until_ready(process, ready, start_s)) is None:
                    yield
                    return
            finally:
                process.kill()
        assert number < TRIES, f"{command} hung {TRIES} times: {hung}"
        warnings.warn(f"{command[0]} hung and was started again: {hung}", stacklevel=3)


def _until_ready(process: "subprocess.Popen[str]", ready: str, start_s: float) -> str | None:
    """Wait for the line. None: it is there; else what the program said and where it stood after `start_s` seconds.

    Raises: AssertionError: the program ended.
    """
    assert process.stdout is not None
    stood: list[str] = []

    def give_up() -> None:
        stood.append(where_it_stands(process.pid))
        process.kill()

    timer = threading.Timer(start_s, give_up)
    timer.start()
    said = ""
    try:
        while ready not in said:
            line = process.stdout.readline()
            if not line and stood:
                return f"it had said {said!r}; {stood[0]}"
            assert line, f"{process.args!r} ended: {said}"
            said += line
    finally:
        timer.cancel()
        timer.join()
    return None


def where_it_stands(pid: int) -> str:
    """What the kernel says of each thread of a process: its name, state, and the call that it waits in (Linux)."""
    threads = []
    for task in sorted(Path(f"/proc/{pid}/task").glob("*")):
        with contextlib.suppress(OSError):
            name, status = ((task / file).read_text() for file in ("comm", "status"))
            state = next((line.split(":")[1].strip() for line in status.splitlines() if line.startswith("State")), "?")
            waits = [held for file in ("wchan", "syscall") if (held := _held(task / file))]
            threads.append(f"{name.strip()} {state} {' '.join(waits)}".strip())
    return "threads: " + "; ".join(threads)


def _held(file: Path) -> str:
    """What the file holds, if we may read it."""
    with contextlib.suppress(OSError):
        return file.read_text().strip()
    return ""
