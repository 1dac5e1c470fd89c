"""An event loop whose time a test leads on: a day passes in seconds, for real servers, real agents and real sockets."""

import asyncio
from collections.abc import Callable

TURNS_OF_REST = 16
"""What is on its way through the loop, or through a loopback socket, moves with every turn."""


class SteeredLoop(asyncio.SelectorEventLoop):
    """Its time is the machine's, and what the test adds to it."""

    _ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self._ahead_s

    async def lead(self, by_s: float) -> None:
        """So much later; what was due by then has been called."""
        self._ahead_s += by_s
        woken = self.create_future()
        self.call_soon_threadsafe(woken.set_result, None)  # the selector may be waiting for a timer as it was due before
        await woken
        for _ in range(3):  # one turn to find the timers that are due, one to call them, one for what they woke
            await asyncio.sleep(0)

    async def lead_on(self, by_s: float, *, stamp: Callable[[], object], stride_s: float) -> None:
        """So much later, in strides, each begun at rest: `stamp()` changes whenever something happens, None while something goes on."""
        until_s = self.time() + by_s
        while (left_s := until_s - self.time()) > 0:
            await self._rest(stamp)
            await self.lead(min(left_s, stride_s))

    async def _rest(self, stamp: Callable[[], object]) -> None:
        turns, before = 0, stamp()
        while turns < TURNS_OF_REST:
            await asyncio.sleep(0)
            now = stamp()
            turns = turns + 1 if now is not None and now == before else 0
            before = now


class StandingLoop(SteeredLoop):
    """Its time is what the test adds, and nothing else: what a busy machine takes does not count."""

    def time(self) -> float:
        return self._ahead_s


class LoopClock:
    """An `AgentClock` by the loop's time."""

    def now_us(self) -> int:
        return round(asyncio.get_running_loop().time() * 1_000_000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def steered() -> SteeredLoop:
    """The running loop.  Raises: TypeError: it is not steered."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SteeredLoop):
        raise TypeError("this test must run in a SteeredLoop")
    return loop
