"""Haste: on request, parts that hold something back for a moment do it at once (glossary: settle)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Haste:
    """Timers hold things back: deadlines of a moment share a commit, a notification leaves its caller time to store the name.

    A server never asks for haste. A sandbox does, since what it was asked to do must have happened when it answers. Event loop only.
    """

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener()` on every request for haste."""
        self._listeners.append(listener)

    def ask(self) -> None:
        """Everything due but held back is done at once."""
        for listener in self._listeners:
            listener()


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until the first of them ends; then stop the others."""
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
