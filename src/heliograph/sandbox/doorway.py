"""The sandbox's one ASGI app: requests wait while a world is made, and those in progress end before it does.

Nothing of a world is held here, since it is made again behind this door.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.responses import Response

from heliograph.api.console.door import is_a_page
from heliograph.api.http.side_routes import error_response, json_response
from heliograph.asgi import HAND_OVER, Asgi
from heliograph.protojson.errors import HeliographError, Unavailable
from heliograph.sandbox.stage import Stage
from heliograph.sandbox.world import World

END_WITHIN_S = 2.0
"""Real time that requests in progress have to end by themselves, when their world does."""

WORLD = "heliograph.world"
"""Where an ASGI scope has the world that a request is for."""
WORLDS = "heliograph.worlds"
"""Where it has the worlds beside that one; absent at the address of any other than the sandbox's own."""
STEERING = "/sandbox/", "/retry_test"
DEVICES = "/device/v1/"
PAGES_THAT_STEER = "/console/sandbox"
"""Their forms may make the world again, which waits until every other request has ended."""
HEALTH, READINESS = "/healthz", "/readyz"


class Doorway:
    """See above; also the list of who is inside."""

    def __init__(self, world: World, *, steering: Asgi, beside: object = None) -> None:
        """`steering` answers below /sandbox/ whatever the stage; it finds the world in the scope, as `WORLD`, and so do pages.

        `beside`: the worlds that pages find there, too, as `WORLDS`; None: none.
        """
        self._world = world
        self._life = world.life
        self._steering = steering
        self._shown = {WORLD: world} if beside is None else {WORLD: world, WORLDS: beside}
        self._visits: set[asyncio.Task[Any]] = set()
        self._sent_away: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Answers one request, or serves one WebSocket."""
        path: str = scope["path"]
        stage = self._life.stage
        if scope["type"] == "http" and path.startswith(STEERING):
            await self._steering({**scope, WORLD: self._world}, receive, send)
        elif path == HEALTH and stage is not Stage.READY:
            await json_response({"status": "ok"})(scope, receive, send)
        elif path == READINESS and stage is not Stage.READY:
            await _not_ready(stage)(scope, receive, send)
        elif scope["type"] == "http" and is_a_page(scope):
            await self._show(path, {**scope, **self._shown}, receive, send)
        else:
            await self._let_in(path, scope, receive, send)

    async def empty(self) -> None:
        """No request is inside: those that remain are sent away, to come again."""
        if self._visits:
            await asyncio.wait(self._visits, timeout=END_WITHIN_S)
        if left := set(self._visits):
            self._sent_away |= left
            for visit in left:
                visit.cancel()
            await asyncio.wait(left)

    async def _show(self, path: str, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["method"] == "POST" and path.startswith(PAGES_THAT_STEER):
            try:
                await self._life.reached(Stage.READY)
            except HeliographError as error:
                await _reject(error, scope, receive, send)
            else:
                await self._world.parts.app(scope, receive, send)
        else:
            await self._let_in(path, scope, receive, send)

    async def _let_in(self, path: str, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        # Phones come while the world is filled: it is filled with them.
        stages = (Stage.FILLING, Stage.READY) if path.startswith(DEVICES) else (Stage.READY,)
        if scope["type"] == "websocket":
            scope.get("extensions", {}).pop(HAND_OVER, None)  # its visit lasts as long as the connection
        try:
            await self._life.reached(*stages)
            if scope["type"] == "http" and not path.startswith(DEVICES):
                await self._world.rest()
        except HeliographError as error:
            await _reject(error, scope, receive, send)
        else:
            await self._visit(self._world.parts.app, scope, receive, send)

    async def _visit(self, app: Asgi, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        answered = False

        async def passed_on(message: Any) -> None:  # noqa: ANN401 - ASGI
            nonlocal answered
            answered = True
            await send(message)

        visit = asyncio.current_task()
        if visit is None:  # never: uvicorn makes a task for each request
            return
        self._visits.add(visit)
        try:
            await app(scope, receive, passed_on)
        except asyncio.CancelledError:
            if visit not in self._sent_away:
                raise
            visit.uncancel()
            if not answered:
                await _reject(Unavailable("The sandbox was reset meanwhile.", retry_after_s=1), scope, receive, send)
        finally:
            self._visits.discard(visit)
            self._sent_away.discard(visit)


def _not_ready(stage: Stage) -> Response:
    body = msgspec.json.encode({"status": "not ready", "reason": stage.value})
    return Response(body, 503, media_type="application/json", headers={"Retry-After": "1"})


async def _reject(error: HeliographError, scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:  # noqa: ANN401 - ASGI
    if scope["type"] == "http":
        await error_response(error)(scope, receive, send)
    else:
        with contextlib.suppress(OSError, RuntimeError):  # it may be gone, or know already
            await send({"type": "websocket.close"})
