"""A push endpoint like a user's own server: it records what it gets and answers as the test wants."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.patience import PATIENCE_S

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.Response]]
QUIET_S = 0.4
"""Long enough that a message sent DELAY_US after its commit would have come."""


@dataclass(frozen=True)
class Received:
    """One request."""

    body: Json
    at: float
    """time.monotonic() at its arrival."""
    raw: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case."""
    path: str = ""

    @property
    def message_id(self) -> str:
        """The message's id."""
        return str(self.body["message"]["messageId"])

    @property
    def kind(self) -> str:
        """The notification type."""
        return str(self.body["message"]["attributes"]["notificationType"])

    @property
    def resource(self) -> Json:
        """What its data holds, empty where it has none."""
        data = self.body["message"].get("data")
        return json.loads(base64.b64decode(data, validate=True)) if data else {}


class Endpoint:
    """Answers 204, or what `answers` holds next, or as it was made to."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.url = ""
        self._answer = answer
        self.received: list[Received] = []
        self.answers: list[int] = []
        self._came = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        """One delivery."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(await request.json(), time.monotonic(), await request.read(), headers, request.path))
        self._came.set()
        if self._answer is not None:
            return await self._answer(request)
        status = self.answers.pop(0) if self.answers else 204
        headers = {"Location": f"{self.url}/elsewhere"} if 300 <= status < 400 else {}
        return web.Response(status=status, headers=headers)

    def of_kind(self, kind: str) -> list[Received]:
        """The deliveries of one notification type."""
        return [one for one in self.received if one.kind == kind]

    async def has(self, count: int, kind: str = "COMMAND") -> Sequence[Received]:
        """The deliveries of the type, once there are so many.  Raises: TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.of_kind(kind)) < count:
                self._came.clear()
                await self._came.wait()
        return self.of_kind(kind)

    async def quiet(self) -> None:
        """Returns after a time in which whatever was still on its way has come."""
        await asyncio.sleep(QUIET_S)


@contextlib.asynccontextmanager
async def listening(answer: Answer | None = None, *, port: int = 0) -> AsyncIterator[Endpoint]:
    """An endpoint on a loopback port, that answers with `answer` where one is given."""
    endpoint = Endpoint(answer)
    app = web.Application()
    app.router.add_post("/{path:.*}", endpoint.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield endpoint
    finally:
        await runner.cleanup()
