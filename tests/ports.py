"""Ports that a test may bind, free and bind again: no one else takes them meanwhile, not even another run of these tests.

A port that was found by binding port 0 and closing it belongs to the next who asks: another worker, or the near end of somebody's
connection. So these lie below the range from which the kernel gives ports by itself, and each is locked until this process ends.
"""

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

LOCKS = Path(tempfile.gettempdir()) / f"heliograph-test-ports-{os.getuid()}"
LOWEST, HIGHEST = 10_000, 30_000
KERNELS_OWN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_held: dict[int, IO[bytes]] = {}


def reserved_port() -> int:
    """A free port of 127.0.0.1, this process's own until it ends.  Raises: AssertionError: there is none."""
    LOCKS.mkdir(exist_ok=True)
    for port in random.SystemRandom().sample(_candidates(), k=1_000):
        if port not in _held and (lock := _locked(port)):
            _held[port] = lock
            return port
    raise AssertionError("nobody could reserve a port")


def _candidates() -> range:
    """Those that the kernel does not give away; all, if it gives away all."""
    with contextlib.suppress(OSError):
        lowest_of_kernel = int(KERNELS_OWN.read_text(encoding="utf-8").split()[0])
        if lowest_of_kernel > LOWEST + 1_000:
            return range(LOWEST, min(HIGHEST, lowest_of_kernel))
    return range(LOWEST, HIGHEST)


def _locked(port: int) -> IO[bytes] | None:
    """The lock of the port; None if another process holds it, or listens there without asking for it."""
    lock = (LOCKS / str(port)).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return None
    return lock
