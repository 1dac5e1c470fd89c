"""A phone's way to a server in its own process: the same messages through the same ASGI app, without a socket.

Phones of a thousand worlds need no file descriptors, and what they say comes in one order: that in which the event loop runs.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

from heliograph.agent.client import CLOSE, TEXT, Denied, Frame, Socket, retry_after_of
from heliograph.agent.time_limits import TimeLimits
from heliograph.agent.transport import REPLY_WITHIN_S, ConnectionLost, Reply
from heliograph.asgi import DENIAL, Asgi, answer_of
from heliograph.protojson.errors import HeliographError

ROOT = "/device/v1/"
_CLIENT = ("127.0.0.1", 0)


class AppClient:
    """A `Client` into the app that `app()` gives when it is called: a reset world has a new one."""

    def __init__(self, app: Callable[[], Asgi]) -> None:
        self._app = app
        self._limits = TimeLimits()
        self._socket: AppSocket | None = None

    @contextlib.asynccontextmanager
    async def open_for(self, within_s: float) -> AsyncIterator[None]:
        """What is done inside must end in time and before the client is shut.  Raises: ConnectionLost."""
        try:
            async with self._limits.within(within_s):
                yield
        except TimeoutError:
            raise ConnectionLost("no answer") from None

    async def web_socket(self, headers: Mapping[str, str]) -> Socket:
        """A WebSocket to the device protocol.  Raises: Denied."""
        socket = self._socket = AppSocket()
        await socket.open(self._server(), _scope("websocket", "connect", headers))
        return socket

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The server's answer.  Raises: ConnectionLost."""
        async with self.open_for(REPLY_WITHIN_S):
            return await self._ask("POST", path, body, headers)

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> Reply:
        """The server's answer.  Raises: ConnectionLost."""
        async with self.open_for(within_s):
            return await self._ask("GET", path, b"", headers)

    async def shut(self) -> None:
        """The WebSocket is gone, and requests in progress lose their answers."""
        self._limits.end_all()
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    def _server(self) -> Asgi:
        try:
            return self._app()
        except HeliographError as error:  # the world is being made again, or ends
            raise ConnectionLost(error.message) from None

    async def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        start, answer = await answer_of(self._server(), {**_scope("http", path, headers), "method": method}, receive)
        return Reply(start["status"], answer, retry_after_of(_texts(start["headers"])))


class AppFrame(NamedTuple):
    """A `Frame`."""

    type: int
    data: Any
    extra: Any = None


class AppSocket:
    """A WebSocket to an ASGI app in this process."""

    def __init__(self) -> None:
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_phone: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._serving: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self, app: Asgi, scope: dict[str, Any]) -> None:
        """The app has accepted it.  Raises: Denied."""
        self._to_server.put_nowait({"type": "websocket.connect"})
        self._serving = asyncio.get_running_loop().create_task(self._serve(app, scope))
        first = await self._to_phone.get()
        if first["type"] != "websocket.accept":
            self._closed = True
            raise Denied(first.get("status", 403), retry_after_s=retry_after_of(_texts(first.get("headers", ()))))

    async def send_str(self, data: str) -> None:
        """The frame is on its way.  Raises: ConnectionResetError: the connection is closed."""
        if self._closed:
            raise ConnectionResetError("the connection is closed")
        self._to_server.put_nowait({"type": "websocket.receive", "text": data})

    async def receive(self) -> Frame:
        """The next frame, or the word that the connection is closed."""
        message = await self._to_phone.get() if not self._closed or not self._to_phone.empty() else {"type": "websocket.close"}
        if message["type"] == "websocket.send":
            return AppFrame(TEXT, message["text"])
        self._closed = True
        return AppFrame(CLOSE, message.get("code", 1000), message.get("reason", ""))

    async def close(self) -> bool:
        """The connection is closed, and the app has seen it."""
        was_open, self._closed = not self._closed, True
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})
        self._to_phone.put_nowait({"type": "websocket.close"})
        if self._serving is not None and self._serving is not asyncio.current_task():
            await asyncio.wait({self._serving})
        return was_open

    async def _serve(self, app: Asgi, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._to_server.get, self._send)
        finally:
            self._to_phone.put_nowait({"type": "websocket.close"})

    async def _send(self, message: Any) -> None:  # noqa: ANN401 - ASGI
        if self._closed and message["type"] == "websocket.send":
            raise OSError("the phone has gone")
        if message["type"] != f"{DENIAL}.body":
            self._to_phone.put_nowait(message)


def _scope(kind: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": kind,
        "path": f"{ROOT}{path.partition('?')[0]}",
        "query_string": path.partition("?")[2].encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": _CLIENT,
        "server": None,
        "scheme": "ws" if kind == "websocket" else "http",
        "extensions": {DENIAL: {}},
    }


def _texts(headers: Any) -> dict[str, str]:  # noqa: ANN401 - ASGI
    return {name.decode("latin-1").title(): value.decode("latin-1") for name, value in headers}
