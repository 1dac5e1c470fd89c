"""The push endpoints of one world: several, set and removed while it runs."""

import asyncio
from collections.abc import Iterable

from heliograph.domain.push_addresses import PushAddresses
from heliograph.notifications.push import PushPublisher
from heliograph.protojson.errors import NotFound, ResourceExhausted
from heliograph.service.outbox import NotPublished, OutboxMessage

MOST = 16
TAKEN_MOST = 10_000
"""Messages of which is known which endpoints took them; of older ones, an endpoint may get one twice."""


class NoPushEndpoint(NotFound):
    """The world has no such push endpoint."""

    reason = "PUSH_ENDPOINT_NOT_FOUND"


class PushEndpoints:
    """A `Publisher` to every endpoint that there is: a message is taken when all of them have taken it; those that have get it once."""

    def __init__(self, urls: Iterable[str] = (), *, addresses: PushAddresses | None = None) -> None:
        """`addresses`: those that may be pushed to; None: all.  Raises: InvalidArgument: not an absolute http or https URL."""
        self._addresses = addresses
        self._publishers: dict[str, tuple[str, PushPublisher]] = {}
        self._last = 0
        self._taken: dict[int, set[str]] = {}
        for url in urls:
            self.add(url)

    def __len__(self) -> int:
        return len(self._publishers)

    def add(self, url: str) -> dict[str, str]:
        """The new endpoint.  Raises: InvalidArgument; ResourceExhausted: there are MOST."""
        if len(self._publishers) >= MOST:
            raise ResourceExhausted(f"A world has at most {MOST} push endpoints: DELETE one first.")
        publisher = PushPublisher(url, addresses=self._addresses)
        self._last += 1
        self._publishers[str(self._last)] = url, publisher
        return self._view(str(self._last))

    async def remove(self, number: str) -> None:
        """Nothing goes to the endpoint any more.  Raises: NoPushEndpoint."""
        if number not in self._publishers:
            there = ", ".join(f"pushEndpoints/{known}" for known in self._publishers) or "none"
            raise NoPushEndpoint(f"There is no pushEndpoints/{number[:64]}. There are: {there}.")
        _url, publisher = self._publishers.pop(number)
        await publisher.close()

    def views(self) -> list[dict[str, str]]:
        """All endpoints, oldest first."""
        return [self._view(number) for number in self._publishers]

    async def publish(self, message: OutboxMessage) -> None:
        """Every endpoint has taken the message.  Raises: NotPublished: not all have."""
        if not self._publishers:
            self._taken.pop(message.message_id, None)
            return
        taken = self._taken.setdefault(message.message_id, set())
        left = [(number, publisher) for number, (_url, publisher) in self._publishers.items() if number not in taken]
        outcomes = await asyncio.gather(*(publisher.publish(message) for _number, publisher in left), return_exceptions=True)
        taken |= {number for (number, _), outcome in zip(left, outcomes, strict=True) if outcome is None}
        if refusals := [outcome for outcome in outcomes if outcome is not None]:
            self._forget_old()
            raise NotPublished("; ".join(map(str, refusals)))
        del self._taken[message.message_id]

    async def close(self) -> None:
        """All connections are closed."""
        for _url, publisher in self._publishers.values():
            await publisher.close()

    def _view(self, number: str) -> dict[str, str]:
        return {"name": f"pushEndpoints/{number}", "url": self._publishers[number][0]}

    def _forget_old(self) -> None:
        while len(self._taken) > TAKEN_MOST:
            del self._taken[next(iter(self._taken))]
