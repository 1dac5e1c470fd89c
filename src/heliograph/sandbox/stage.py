"""Where a sandbox's world is in its life, and who waits for what of it."""

import asyncio
import enum

from heliograph.protojson.errors import Unavailable

WAITS_MOST_S = 30.0
"""Real time that a request waits for a world that is being made; that takes a third of a second."""


class Stage(enum.Enum):
    """The stages of a world, each with what a request is answered that cannot wait for the next one."""

    MAKING = "The sandbox is being made."
    FILLING = "The sandbox's phones are not there yet."
    READY = ""
    BROKEN = "The sandbox could not be reset; POST /sandbox/v1:reset tries again."
    ENDED = "The sandbox ends."


class Life:
    """The stage that a world is in."""

    def __init__(self) -> None:
        self.stage = Stage.MAKING
        self._changed = asyncio.Event()

    def becomes(self, stage: Stage) -> None:
        """Its waiters continue. What has ended stays so."""
        if self.stage is not Stage.ENDED:
            self.stage = stage
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    async def reached(self, *stages: Stage) -> None:
        """The world is in one of these stages.

        Raises: Unavailable: it cannot be by itself, or was not in time; repeat the request.
        """
        try:
            async with asyncio.timeout(WAITS_MOST_S):
                while self.stage not in stages:
                    if self.stage in {Stage.BROKEN, Stage.ENDED}:
                        raise self.rejection()
                    await self._changed.wait()
        except TimeoutError:
            raise self.rejection() from None

    def rejection(self) -> Unavailable:
        """What a request is answered in this stage."""
        return Unavailable(self.stage.value, retry_after_s=1)
