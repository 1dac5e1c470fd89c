"""How tests wait on a busy machine."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from heliograph.domain.errors import Overloaded

if TYPE_CHECKING:  # every test run knows this module
    from heliograph.settings import Settings

T = TypeVar("T")

PATIENCE_S: Final = 300
"""What takes longer hangs: far beyond what anything takes on a machine that does ten other things."""
WHOLE_JOB_S: Final = 800
"""For a program that installs packages or runs tests itself; below pytest's `timeout`, so that its output is shown."""


def patient(settings: "Settings") -> "Settings":
    """Settings of a server in this process that refuses no one who waits for its store: what stands still for a second is the machine."""
    return dataclasses.replace(settings, store_waits_most_s=PATIENCE_S)


def was_overloaded(status: int, said: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether the answer says that a server as users have it could not wait any longer for its store: nothing was done, ask again."""
    return status == 503 and any(detail.get("reason") == Overloaded.reason for detail in said["error"].get("details", ()))


async def surely(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer. Where a busy machine stands still for a second, who waits for the store is refused, and nothing was done."""
    while True:
        try:
            return await ask()
        except Overloaded:
            await asyncio.sleep(0.05)
