"""An event loop whose time a test leads on: a quarter of an hour passes at once, for real servers and real sockets."""

import asyncio


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


def steered() -> SteeredLoop:
    """The running loop.  Raises: TypeError: it is not steered."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SteeredLoop):
        raise TypeError("this test must run in a SteeredLoop")
    return loop
