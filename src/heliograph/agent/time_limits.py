"""Time limits of a client's requests in progress; all of them end at once when the client is shut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class TimeLimits:
    """Those that have begun and not ended."""

    def __init__(self) -> None:
        self._begun: set[asyncio.Timeout] = set()

    @contextlib.asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """What is done inside must end in time, and before `end_all`.  Raises: TimeoutError."""
        limit = asyncio.timeout(seconds)
        self._begun.add(limit)
        try:
            async with limit:
                yield
        finally:
            self._begun.discard(limit)

    def end_all(self) -> None:
        """The time of each is over."""
        for limit in self._begun:
            if not limit.expired():
                limit.reschedule(0)
