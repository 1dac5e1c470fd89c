"""Where a phone is that may be at another server: who asks gets the answer, whoever else asks the same."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from heliograph.channel.app import Channel
from heliograph.domain.names import DeviceName
from heliograph.server import SystemClock
from heliograph.server.presence import ANSWERS_WITHIN_S, SharedPresence, word_of
from heliograph.service.ports import Sighting, Whereabouts
from heliograph.storage.postgres.cluster_bus import Word
from tests.steered_loop import StandingLoop, steered

PHONE = DeviceName("LC0", "phone")


class Scene:
    """A server without phones, which asks the others; a test answers for them."""

    def __init__(self) -> None:
        self.said: list[Word] = []
        self.presence = SharedPresence(Channel(SystemClock()).presence, say=self._say)

    def _say(self, word: Word) -> bool:
        self.said.append(word)
        return True

    async def asked(self) -> "asyncio.Task[Sighting]":
        """One who waits for the others' answer."""
        before = len(self.said)
        asking = asyncio.create_task(self.presence.sighting(PHONE))
        while len(self.said) == before:  # noqa: ASYNC110 - time stands still: turns of the loop go on
            await asyncio.sleep(0)
        return asking


def lead_through(scenario: Callable[[Scene], Awaitable[None]]) -> None:
    """The scenario has run in a loop whose time stands still but for what it leads."""

    async def run() -> None:
        await scenario(Scene())

    with asyncio.Runner(loop_factory=StandingLoop) as runner:
        runner.run(run())


async def runs_out(asking: "asyncio.Task[Sighting]") -> None:
    await steered().lead(0.2 * ANSWERS_WITHIN_S)
    assert Whereabouts.NOWHERE is (await asking).where


async def is_given_up(asking: "asyncio.Task[Sighting]") -> None:
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("end", [runs_out, is_given_up])
def test_a_question_that_ends_takes_nobody_elses_answer_away(end: Callable[["asyncio.Task[Sighting]"], Awaitable[None]]) -> None:
    async def scenario(scene: Scene) -> None:
        first = await scene.asked()
        await steered().lead(0.9 * ANSWERS_WITHIN_S)
        second = await scene.asked()

        await end(first)
        scene.presence.answered(PHONE, 0)
        await steered().lead(0)  # who has the answer goes on
        await steered().lead(ANSWERS_WITHIN_S)  # who has none waits no longer

        assert Whereabouts.AT_ANOTHER_SERVER is (await second).where
        assert [Word("ask", word_of(PHONE))] * 2 == scene.said

    lead_through(scenario)


def test_an_answer_that_nobody_waits_for_is_not_kept() -> None:
    async def scenario(scene: Scene) -> None:
        await is_given_up(await scene.asked())
        scene.presence.answered(PHONE, 0)

        later = await scene.asked()
        await steered().lead(ANSWERS_WITHIN_S)

        assert Whereabouts.NOWHERE is (await later).where

    lead_through(scenario)
