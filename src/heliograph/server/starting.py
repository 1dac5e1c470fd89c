"""What a server has to store before or as it begins to answer: a disk that is slow for a moment must not end it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from heliograph.domain.errors import Overloaded

T = TypeVar("T")

WAITS_MOST_S: Final = 30.0
"""How long a store may refuse what it is given at the start, before it counts as out of order."""
AGAIN_AFTER_S: Final = 0.2


async def once_accepted(act: Callable[[], Awaitable[T]], *, most_s: float = WAITS_MOST_S) -> T:
    """What `act()` gives; it is called again while the store is overloaded, and so has done nothing.

    Raises: what `act` raises; Overloaded: the store still is after `most_s`.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + most_s
    while True:
        try:
            return await act()
        except Overloaded:
            if loop.time() >= until_s:
                raise
        await asyncio.sleep(AGAIN_AFTER_S)
