"""Where a phone is, if it may be connected to another server."""

import asyncio
from collections.abc import Callable, Mapping

from heliograph.channel.presence import ChannelPresence
from heliograph.domain.names import DeviceName
from heliograph.service.ports import Sighting, Whereabouts
from heliograph.storage.postgres.cluster_bus import Word

ANSWERS_WITHIN_S = 0.5
"""How long a question about a phone waits for the other servers."""


class _Question:
    """Where a phone is; what the others have answered so far."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.last_seen_us = 0
        self.waiting = 0
        """How many wait for the answer: it is theirs, too, if the first of them waits no longer."""


class SharedPresence:
    """A ports.Presence: this server's own connections, and the others' by asking them."""

    def __init__(self, here: ChannelPresence, *, say: Callable[[Word], bool]) -> None:
        """`say` asks the other servers, and returns whether they hear."""
        self._here = here
        self._say = say
        self._questions: dict[DeviceName, _Question] = {}

    @property
    def draining(self) -> bool:
        return self._here.draining

    def transports(self) -> Mapping[str, int]:
        """How many devices are connected to this server."""
        return self._here.transports()

    def connected(self, device: DeviceName) -> bool:
        """Whether the device is connected to this server."""
        return self._here.connected(device)

    async def sighting(self, device: DeviceName) -> Sighting:
        """Where the device is. A server that does not answer in time counts as not having it."""
        here = await self._here.sighting(device)
        if here.where is Whereabouts.HERE:
            return here
        if not self._say(Word("ask", word_of(device))):
            return Sighting(Whereabouts.NOT_HERE, here.last_seen_us)
        question = self._questions.setdefault(device, _Question())
        question.waiting += 1
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await question.connected.wait()
        except TimeoutError:
            return Sighting(Whereabouts.NOWHERE, max(here.last_seen_us, question.last_seen_us))
        finally:
            question.waiting -= 1
            if not question.waiting:
                del self._questions[device]
        return Sighting(Whereabouts.AT_ANOTHER_SERVER, 0)

    def asked(self, device: DeviceName) -> None:
        """Another server wants to know where the device is."""
        if self._here.connected(device):
            self._say(Word("seen", word_of(device)))
        elif last_seen_us := self._here.last_seen_us(device):
            self._say(Word("seen", word_of(device), last_seen_us))

    def answered(self, device: DeviceName, last_seen_us: int) -> None:
        """Another server heard the device then; 0: it is connected there."""
        question = self._questions.get(device)
        if question is None:
            return
        question.last_seen_us = max(question.last_seen_us, last_seen_us)
        if not last_seen_us:
            question.connected.set()


def word_of(device: DeviceName) -> str:
    """The device as servers name it to each other."""
    return f"{device.enterprise}/{device.device}"


def device_of(word: str) -> DeviceName:
    """The device that `word_of` named."""
    enterprise, _, device = word.partition("/")
    return DeviceName(enterprise, device)
