"""ASGI: its types, a request's body read, an answer taken or sent, JSON as it leaves; no request objects on the hot path.

Source: asgi.readthedocs.io, HTTP & WebSocket.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Protocol

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json; charset=UTF-8")
HTTP = "http.response"
DENIAL = "websocket.http.response"
"""In place of a WebSocket: the extension "WebSocket Denial Response"."""
KEEP_ALIVE = "heliograph.keep_alive"
"""Our extension of a WebSocket's scope: a function that sets how the connection is kept open (api/http/ws_protocol.py)."""
HAND_OVER = "heliograph.hand_over"
"""Our extension of a WebSocket's scope: a `HandOver`. Who stands around the app, and would see what passes, takes it out of the scope."""


class Exchange(Protocol):
    """A request and its answer, for who answers without a task."""

    scope: Scope

    @property
    def whole_body(self) -> bytes | bytearray | None:
        """The body, if it is there and no one waits for a word before sending it."""

    def answer(self, status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> None:
        """The whole answer is written, the length of its body before these headers, unless it has nowhere to go."""

    def start(self, app: Asgi) -> None:
        """A task of its own answers it."""


class Wire(Protocol):
    """A WebSocket, written to without waiting."""

    @property
    def waits(self) -> bool:
        """Whether the peer has left so much unread that something waits to be sent. Who would send more waits for `Listener.ready`."""

    def send(self, text: bytes) -> None:
        """The text is on its way; it waits if the peer has left too much unread, and if that lasts, the connection is cut."""

    def close(self, code: int, reason: str) -> None:
        """The connection ends, and no more is taken from it. Calling it again does nothing."""

    async def closed(self) -> None:
        """What was to be sent before the end is on its way."""

    def pause(self) -> None:
        """The peer is not read until `resume`."""

    def resume(self) -> None:
        """The peer is read again."""

    def keep_alive(self, every_s: float, server_pings: bool) -> None:  # noqa: FBT001 - the extension KEEP_ALIVE is called by position
        """With `server_pings`, the peer is pinged this often; else it is given up if it is silent for too long."""


class Listener(Protocol):
    """Who takes what comes from a WebSocket. Called on the event loop."""

    @property
    def unread_most_s(self) -> float:
        """How long the peer may leave unread what waits for it."""

    def take(self, message: bytes) -> None:
        """A whole message has come."""

    def ready(self) -> None:
        """What waited is sent."""

    def lost(self) -> None:
        """Nothing comes any more, and nothing that is sent arrives. Calling it again does nothing."""


HandOver = Callable[[Listener], Wire | None]
"""Takes an accepted WebSocket from the ASGI server: the app may return, and the connection lives on. None: not now."""


def indented(json: bytes) -> bytes:
    """The JSON as people read it, and a newline at its end."""
    return msgspec.json.format(json, indent=2) + b"\n"


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


async def rest_of_body(first: Message, receive: Receive, *, max_bytes: int, drain_bytes: int = 0) -> bytes | None:
    """The whole body, of which `first` is the first message; None: it is larger than `max_bytes`.

    Of a larger one, up to `drain_bytes` more are read and thrown away: most clients read no answer while they send.

    Raises: ClientGone.
    """
    message = first
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= max_bytes:
            chunks.append(chunk)
        if not message.get("more_body") or size > max_bytes + drain_bytes:
            break
        message = await receive()
    return b"".join(chunks) if size <= max_bytes else None


async def answer_of(app: Asgi, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """What the app answers instead of sending it: the message that starts the answer, empty if there is none, and the whole body."""
    start: Message = {}
    chunks: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            chunks.append(message.get("body", b""))

    await app(scope, receive, send)
    return start, b"".join(chunks)


def content_length(length: int) -> tuple[bytes, bytes]:
    """The header that says how long the body is."""
    return b"content-length", b"%d" % length


async def send_whole(send: Send, status: int, body: bytes, headers: Headers, *, prefix: str = HTTP) -> None:
    """The answer is sent, with the length of its body."""
    await send({"type": f"{prefix}.start", "status": status, "headers": [content_length(len(body)), *headers]})
    await send({"type": f"{prefix}.body", "body": body})
