"""What operating systems do differently, in one place. Linux and macOS have all of it; Windows lacks it (and was not tried)."""

import contextlib
import os
import signal
import stat
from collections.abc import Callable, Coroutine, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final


def _module(name: str) -> Any:  # noqa: ANN401 - a module
    """The module, or None if this system does not have it."""
    try:
        return import_module(name)
    except ImportError:
        return None


fcntl: Final = _module("fcntl")
resource: Final = _module("resource")
LOCKS_ARE_KEPT: Final = fcntl is not None
"""If not, `lock` does nothing: Windows."""

CLOSE_ON_EXEC: Final = getattr(os, "O_CLOEXEC", 0)
NOT_A_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
BYTES: Final = getattr(os, "O_BINARY", 0)
"""Windows would change ends of lines."""


def open_files_allowed() -> int | None:
    """How many files this process may have open at a time; None: no limit, or unknown."""
    if resource is None:
        return None
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if most == resource.RLIM_INFINITY else most


def allow_open_files(wanted: int | None = None) -> None:
    """Raise the limit of open files to this many, or to what the system allows; None: as many as it allows."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    most = hard if wanted is None else wanted if hard == endless else min(wanted, hard)
    if endless in {soft, most} or most <= soft:
        return
    with contextlib.suppress(ValueError, OSError):  # macOS has a limit below the one that it names
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def lock(descriptor: int, *, shared: bool = False, wait: bool = False) -> None:
    """The open file is this process's until it is closed, kill -9 included; `shared`: and others', if they share it.

    Raises: BlockingIOError: another process has it, and this one is not to `wait`.
    """
    if LOCKS_ARE_KEPT:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))


def sync_folder(folder: Path) -> None:
    """Names in the folder survive a power cut."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY | CLOSE_ON_EXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def others_may_read(mode: int) -> bool:
    """Whether a file of this mode is open to other users; Windows keeps that elsewhere."""
    return os.name != "nt" and bool(stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO))


@contextlib.contextmanager
def on_signal(number: int, call: Callable[[], object]) -> Iterator[None]:
    """`call()` is made by the running event loop when the signal comes; after the block the signal has its default effect."""
    import asyncio  # noqa: PLC0415 - what needs only a lock or a flag starts without it

    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, call)
        undo = loop.remove_signal_handler
    except NotImplementedError:  # Windows' loops
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(call))
        undo = bool  # type: ignore[assignment]
    try:
        yield
    finally:
        undo(number)
        signal.signal(number, signal.SIG_DFL)


def run_to_end(coroutine: Coroutine[Any, Any, None]) -> None:
    """The coroutine has ended, run by uvloop if there is one."""
    import asyncio  # noqa: PLC0415 - commands that run no event loop start without it

    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        # Windows' usual loop cannot watch a socket that it did not make.
        factory = asyncio.SelectorEventLoop if os.name == "nt" else None
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(coroutine)
        return
    uvloop.run(coroutine)
