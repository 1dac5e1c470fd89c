"""Gets every end of an enterprise's commands, and writes it down."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from heliograph.history.events import Notified, Shown, Subscribed
from heliograph.history.file import History
from tests.notifications.endpoint import Received, listening
from tests.torture.callers import insist


@dataclass
class Listener:
    """A push endpoint. Every so many messages it does not take at once, so that they come again."""

    history: History
    url: str = ""
    told: set[str] = field(default_factory=set)
    """The operations whose ends came."""
    refuse_every: int = 20
    _count: int = 0

    async def hear(self, request: web.Request) -> web.Response:
        """One delivery."""
        received = Received(await request.json(), 0.0)
        if received.kind == "COMMAND":
            self._count += 1
            shown = Shown.of(received.resource)
            self.history.record(Notified(shown=shown, message=received.message_id))
            self.told.add(shown.name)
        return web.Response(status=204 if self._count % self.refuse_every else 503)

    async def subscribe(self, http: aiohttp.ClientSession, enterprise: str) -> None:
        """The enterprise is notified of every command that is issued from now on."""
        query = {"updateMask": "enabledNotificationTypes"}
        await insist(http, "PATCH", enterprise, body={"enabledNotificationTypes": ["COMMAND"]}, query=query)
        self.history.record(Subscribed(enterprise=enterprise))

    def lacks(self, operations: Iterable[Shown]) -> bool:
        """Whether an end of these is still to come."""
        return any(operation.done and operation.name not in self.told for operation in operations)


@contextlib.asynccontextmanager
async def listener_of(history: History) -> AsyncIterator[Listener]:
    """A listener that listens."""
    listener = Listener(history)
    async with listening(listener.hear) as endpoint:
        listener.url = endpoint.url
        yield listener
