"""The folder over which processes share one sandbox: its files, and locks that the kernel opens when their process ends."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from heliograph.machine import lock

READY = "sandbox.json"
"""`{"url", "pid"}` of the sandbox in a folder, as soon as it answers."""
USERS = "users"
"""The file whose lock is held, shared, by each process that uses the sandbox."""


def hold(file: Path, *, alone: bool, wait: bool = True) -> IO[bytes]:
    """The lock is held until the answer is closed.  Raises: BlockingIOError: not to `wait`, and someone else holds it."""
    opened = file.open("ab")
    try:
        lock(opened.fileno(), shared=not alone, wait=wait)
    except BaseException:
        opened.close()
        raise
    return opened


def is_still(opened: IO[bytes], file: Path) -> bool:
    """Whether the open file is the one that has this name, so that others who lock that name mean the same lock."""
    try:
        return os.path.samestat(os.fstat(opened.fileno()), file.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def held(file: Path, *, alone: bool) -> Iterator[None]:
    """The lock is held inside the block."""
    with hold(file, alone=alone):
        yield
