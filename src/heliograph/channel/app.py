"""The device channel of one server process: what verbs may ask of it, and the ASGI app under `/device/v1`."""

import asyncio
import functools
from collections.abc import Callable
from importlib.resources import files

from heliograph.asgi import Asgi, ClientGone, Exchange, Receive, Scope, Send
from heliograph.channel.answer import OK, Answer, answer_to_error
from heliograph.channel.doorbell import ChannelDoorbell
from heliograph.channel.lane import DeviceLane
from heliograph.channel.long_poll import long_poll
from heliograph.channel.peers import HttpConnection, Peers
from heliograph.channel.presence import ChannelPresence
from heliograph.channel.requests import connection_id, credential, read_message, send_answer
from heliograph.channel.session import KINDS, Session, enroll
from heliograph.channel.web_socket import deny, web_socket
from heliograph.protojson.errors import HeliographError, InvalidArgument, NotFound
from heliograph.service.ports import Clock, Ports

ROOT = "/device/v1/"
DRAIN_WITHIN_S = 2.0
"""How long a stopping server waits for slow phones to take their last answer."""

OF_OPERATION = frozenset({"acknowledge", "refuse", "begin", "report"})
OF_DEVICE = KINDS - OF_OPERATION


class Channel:
    """The connections of all devices to this process."""

    def __init__(self, clock: Clock) -> None:
        self.peers = Peers()
        self.doorbell = ChannelDoorbell(self.peers)
        self.presence = ChannelPresence(self.peers, clock.now_us)

    def app(self, ports: Ports, *, address_of: Callable[[Scope], str] = lambda _: "") -> Asgi:
        """The ASGI app; it wants to see whole paths, `/device/v1/…`. `address_of(scope)`: the IP address of a request's sender."""
        return _DeviceApp(ports, self.peers, address_of)

    def lane(
        self, ports: Ports, *, address_of: Callable[[Scope], str], around: Callable[[Asgi], Asgi]
    ) -> Callable[[Exchange], bool]:  # fmt: skip
        """The way around the app for what is hot (lane.py); `around`: what stands around the app."""
        return DeviceLane(ports, self.peers, root=ROOT, address_of=address_of, around=around).take

    def next_look_us(self) -> int | None:
        """When a connection next looks into the store without a ring; None: no connection does."""
        times_us = [state.again_us for link in self.peers.links() if (state := link.state()).again_us is not None]
        return min(times_us, default=None)

    def look_again(self, by_us: int) -> None:
        """Every connection that would look by then looks at once: for a clock that was moved."""
        for link in self.peers.links():
            again_us = link.state().again_us
            if again_us is not None and again_us <= by_us:
                link.wake()

    def stop_soon(self) -> None:
        """The server says that it is not ready, and keeps serving."""
        self.peers.stopping = True

    async def drain(self) -> None:
        """Every long-poll is answered and every WebSocket closed, each with a hint when to come again; new ones are turned away."""
        self.peers.stopping = self.peers.draining = True
        drains = [asyncio.create_task(link.drain()) for link in self.peers.links()]
        if drains:
            await asyncio.wait(drains, timeout=DRAIN_WITHIN_S)


class _DeviceApp:
    """Dispatch by raw path: no routing table stands between a phone and its answer."""

    def __init__(self, ports: Ports, peers: Peers, address_of: Callable[[Scope], str]) -> None:
        self._ports = ports
        self._peers = peers
        self._address_of = address_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        try:
            if scope["type"] == "websocket" and path == "/device/v1/connect":
                await web_socket(self._session(scope), scope, receive, send)
            elif scope["type"] == "http" and path == "/device/v1/commands" and scope["method"] == "GET":
                await long_poll(self._session(scope), scope, receive, send)
            elif scope["type"] == "http" and path.startswith(ROOT) and scope["method"] == "POST":
                await self._post(path[len(ROOT) :], scope, receive, send)
            elif scope["type"] == "http" and path == "/device/v1/schema" and scope["method"] == "GET":
                await send_answer(send, Answer(OK, schema()))
            else:
                raise _no_route(scope)
        except ClientGone:
            return
        except HeliographError as error:
            await _reject(scope, receive, send, answer_to_error(error))

    async def _post(self, rest: str, scope: Scope, receive: Receive, send: Send) -> None:
        operation, _, kind = rest.rpartition(":")
        of_operation = bool(operation) and kind in OF_OPERATION
        if not of_operation and rest not in OF_DEVICE and rest != "enroll":
            raise _no_route(scope)
        session = self._session(scope) if rest != "enroll" else None  # who shows no credential is not read
        connection = HttpConnection(connection_id(scope)) if rest == "hello" else None
        body = await read_message(receive)
        if session is None:
            answer = await enroll(self._ports, body, address=self._address_of(scope))
        elif of_operation:
            answer = await session.handle(kind, body, operation=operation)
        else:
            answer = await session.handle(rest, body, connection=connection)
        await send_answer(send, answer)

    def _session(self, scope: Scope) -> Session:
        return Session(self._ports, self._peers, credential(scope), address=self._address_of(scope))


@functools.cache
def schema() -> bytes:
    """The JSON Schema of all messages, made by `make docs`."""
    return files("heliograph.channel").joinpath("schema.json").read_bytes()


async def _reject(scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    if scope["type"] == "websocket":
        await receive()
        await deny(scope, send, answer)
    else:
        await send_answer(send, answer)


def _no_route(scope: Scope) -> HeliographError:
    if scope["path"] == "/device/v1/connect" and scope["type"] == "http":
        return InvalidArgument("/device/v1/connect is a WebSocket; over plain HTTP, poll /device/v1/commands.")
    return NotFound("The device protocol has no such method; see docs/device-protocol.md.")
