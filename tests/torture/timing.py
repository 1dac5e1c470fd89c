"""When faults come: while a request is in progress, otherwise they prove little."""

import asyncio

from heliograph.history.events import Completed, Invoked
from heliograph.history.file import History

PATIENCE_S = 5.0
"""Longer than anything is answered late; then trouble comes all the same."""
LOOK_EVERY_S = 0.005


def under_way(history: History) -> bool:
    """Whether a caller waits for an answer."""
    return sum(isinstance(event, Invoked) - isinstance(event, Completed) for event in history.events) > 0


async def request_under_way(history: History) -> None:
    """Returns while a caller waits for an answer, or when none did for long."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + PATIENCE_S
    while not under_way(history) and loop.time() < until_s:  # noqa: ASYNC110 - a history signals nothing
        await asyncio.sleep(LOOK_EVERY_S)
