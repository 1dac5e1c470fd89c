"""A caller that the server answers with "overloaded" sends the same again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from heliograph.domain.errors import Overloaded

T = TypeVar("T")


async def surely(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer. Where a busy machine stands still for a second, who waits for the store is refused, and nothing was done."""
    while True:
        try:
            return await ask()
        except Overloaded:
            await asyncio.sleep(0.05)
