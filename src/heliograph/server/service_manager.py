"""What a service manager such as systemd is shown of this process: that it is ready, that it lives, that it stops.

Without one, or with one that does not ask, nothing happens.  Source: sd_notify(3), sd_watchdog_enabled(3).
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"
STATE_WITHIN_S = 1.0
"""How long the loop waits for a manager that is busy: a sign of life may be lost, being ready may not."""
SIGNS_WITHIN = 3
"""How many signs of life fall into the time after which the service manager gives the process up."""


def report(state: str) -> None:
    """The service manager knows of this state, if it listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    # A manager that does not read must not hold up the loop for long, and one that is gone is no trouble of ours.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(0 if state == ALIVE else STATE_WITHIN_S)
        manager.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)


@contextlib.asynccontextmanager
async def seen_alive() -> AsyncIterator[None]:
    """While inside, the service manager sees at intervals that this event loop turns; when it does not, it ends the process."""
    within_us = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    if not (within_us.isdecimal() and int(within_us) and meant):
        yield
        return
    signs = asyncio.create_task(_report_alive(int(within_us) / 1_000_000 / SIGNS_WITHIN))
    try:
        yield
    finally:
        signs.cancel()


async def _report_alive(every_s: float) -> None:
    while True:
        report(ALIVE)
        await asyncio.sleep(every_s)
