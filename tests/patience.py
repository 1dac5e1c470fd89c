"""How tests wait on a busy machine."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from heliograph.domain.errors import Overloaded

T = TypeVar("T")

PATIENCE_S: Final = 300
"""What takes longer hangs: far beyond what anything takes on a machine that does ten other things."""


async def surely(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer. Where a busy machine stands still for a second, who waits for the store is refused, and nothing was done."""
    while True:
        try:
            return await ask()
        except Overloaded:
            await asyncio.sleep(0.05)
