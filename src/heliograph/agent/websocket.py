"""The WebSocket transport: a frame around the messages of the device protocol."""

import asyncio
from collections import deque

import msgspec

from heliograph.agent.client import BINARY, CLOSE, TEXT, Client, Denied, Frame, Socket, bearer
from heliograph.agent.keep_alive import Keeper
from heliograph.agent.traffic import Traffic
from heliograph.agent.transport import GONE, KIND_OF, NEWER_CONNECTION_RETRY_S, OK, REPLY_WITHIN_S, UNAUTHENTICATED, ConnectionLost, Reply
from heliograph.protocol import Hello, Message, Offer, OptionalRaw, PhonePolicy
from heliograph.protojson.messages import encode_message
from heliograph.protojson.parser import MALFORMED

NEWER_CONNECTION = 4409
"""The close code that says so."""


class _Sent(msgspec.Struct, frozen=True):
    """A frame of the phone."""

    id: int
    kind: str
    body: msgspec.Raw


class _Received(msgspec.Struct, frozen=True, rename="camel"):
    """A frame of the server: an answer, an offer, a policy that has changed, or the news that the device is managed no more."""

    reply_to: int = 0
    status: int = OK
    body: msgspec.Raw = msgspec.Raw(b"{}")
    offer: Offer | None = None
    policy: PhonePolicy | None = None
    gone: OptionalRaw = None


_decode = msgspec.json.Decoder(_Received).decode


class WebSocketTransport:
    """A `Transport` over one WebSocket; the caller that waits in `next_offer` reads it for all."""

    needs_pings = True

    def __init__(self, http_client: Client, traffic: Traffic | None = None, keeper: Keeper | None = None) -> None:
        """`keeper`: learns what silences the way to the server lets pass."""
        self._http_client = http_client
        self._keeper = keeper
        self._traffic = traffic or Traffic()
        self._socket: Socket | None = None
        self._lost = False
        """Whether the connection is lost; `cut` lets go of its socket."""
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._news: deque[Offer | PhonePolicy | Reply] = deque()

    async def connect(self, credential: str, hello: Hello) -> Reply:
        await self.cut()
        async with self._http_client.open_for(REPLY_WITHIN_S):
            try:
                return await self._shake_hands(credential, hello)
            except Denied as denied:
                return await self._rejected(denied, credential, hello)

    async def send(self, message: Message) -> Reply:
        reply = await self._ask(message)
        try:
            async with asyncio.timeout(REPLY_WITHIN_S):
                return await reply
        except TimeoutError:
            if self._keeper is not None:
                self._keeper.lost()
            await self.cut()
            raise ConnectionLost("no answer in time") from None

    async def next_offer(self) -> Offer | PhonePolicy | Reply:
        while not self._news:
            await self._read()
        return self._news.popleft()

    async def post(self, message: Message, credential: str = "") -> Reply:
        return await self._http_client.post(KIND_OF[type(message)], encode_message(message), bearer(credential))

    async def cut(self) -> None:
        socket, self._socket = self._socket, None
        self._fail("the connection was cut")
        self._news.clear()
        try:
            await self._http_client.shut()
        finally:
            if socket is not None:
                await socket.close()  # says nothing, the line is down: aiohttp only lets go of it

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        await self.cut()

    async def _shake_hands(self, credential: str, hello: Hello) -> Reply:
        self._socket = await self._http_client.web_socket(bearer(credential))
        self._lost = False
        self._traffic.frames = 0
        reply = await self._ask(hello)
        while not reply.done():
            await self._read()
        return reply.result()

    async def _ask(self, message: Message) -> asyncio.Future[Reply]:
        """What will be the answer, after the message was sent."""
        if self._socket is None or self._lost:
            raise ConnectionLost("not connected")
        self._last_id += 1
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = reply
        frame = _Sent(self._last_id, KIND_OF[type(message)], msgspec.Raw(encode_message(message)))
        if self._keeper is not None:
            self._keeper.sent()
        try:
            await self._socket.send_str(msgspec.json.encode(frame).decode())
        except OSError as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error
        return reply

    async def _read(self) -> None:
        """One frame taken in."""
        socket = self._socket
        if socket is None or self._lost:
            raise ConnectionLost("not connected")
        message = await socket.receive()
        if message.type not in {TEXT, BINARY}:
            if self._keeper is not None and socket is self._socket and message.type != CLOSE:
                self._keeper.lost()  # neither this phone nor its server closed it
            raise self._fail("the connection was closed", retry_after_s=_retry_after_s(message))
        self._traffic.frames += 1
        if self._keeper is not None:
            self._keeper.heard()
        try:
            frame = _decode(message.data)
        except MALFORMED as error:
            raise self._fail(f"not a frame: {error}") from None
        if frame.offer is not None:
            self._news.append(frame.offer)
        if frame.policy is not None:
            self._news.append(frame.policy)
        if frame.gone is not None:
            self._news.append(Reply(GONE, bytes(frame.gone)))
        waiting = self._waiting.pop(frame.reply_to, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(Reply(frame.status, bytes(frame.body)))

    async def _rejected(self, denied: Denied, credential: str, hello: Hello) -> Reply:
        """The server's answer with its body: aiohttp gives no body with a failed handshake, so the same question is asked over HTTP."""
        if denied.status in {GONE, UNAUTHENTICATED}:
            return await self._http_client.post(KIND_OF[Hello], encode_message(hello), bearer(credential))
        return Reply(denied.status, retry_after_s=denied.retry_after_s)

    def _fail(self, why: str, *, retry_after_s: float | None = None) -> ConnectionLost:
        """The connection is lost; everyone who waits for an answer learns that there will be none."""
        self._lost = True
        waiting, self._waiting = self._waiting, {}
        for reply in waiting.values():
            if not reply.done():
                reply.set_exception(ConnectionLost(why))
                reply.exception()  # read here: a waiter that was killed does not
        return ConnectionLost(why, retry_after_s=retry_after_s)


def _retry_after_s(closing: Frame) -> float | None:
    """When the server that closed the connection wants to be called again."""
    if closing.data == NEWER_CONNECTION:
        return NEWER_CONNECTION_RETRY_S
    _, hint, milliseconds = str(closing.extra or "").partition("retryAfterMs=")
    return int(milliseconds) / 1_000 if hint and milliseconds.isdigit() else None
