"""The time as a phone knows it: handed in, so that a sandbox can advance it."""

import asyncio
import time
from typing import Protocol

US_PER_S = 1_000_000


class AgentClock(Protocol):
    """A phone's time: microseconds since 1970, and waiting by the same time."""

    def now_us(self) -> int: ...

    async def sleep(self, seconds: float) -> None:
        """Returns when this much of the clock's time has passed; sooner, by the machine's time, if the clock is advanced."""


async def sleep_unless(clock: AgentClock, seconds: float, event: asyncio.Event) -> None:
    """Returns when this many seconds of the clock have passed, or the event has come."""
    waits: list[asyncio.Task[object]] = [asyncio.create_task(clock.sleep(seconds)), asyncio.create_task(event.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


class MachineClock:
    """The machine's own time."""

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    async def sleep(self, seconds: float) -> None:
        """Returns after this many seconds."""
        await asyncio.sleep(seconds)
