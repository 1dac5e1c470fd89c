"""`GET /device/v1/connect`: a WebSocket around the same messages. One task (the transport's own) per idle connection."""

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

from heliograph.asgi import DENIAL, KEEP_ALIVE, Receive, Scope, Send
from heliograph.channel.answer import GONE, INTERNAL_ERROR, OK, Answer, answer_to_error, come_again, encode
from heliograph.channel.long_poll import DRAINED_COME_AGAIN_MS, OFFER_END, OFFER_START, POLICY_END, POLICY_START
from heliograph.channel.messages import Frame, read_frame
from heliograph.channel.peers import LinkState
from heliograph.channel.requests import send_answer
from heliograph.channel.session import Session
from heliograph.channel.watch import Watch
from heliograph.domain.names import DeviceName
from heliograph.protocol import MESSAGE_MAX_BYTES, KeepAlive, Offer, PhonePolicy
from heliograph.protojson.errors import InvalidArgument, Unavailable

FIRST_FRAME_WITHIN_S = 10.0
MALFORMED_FRAMES_MOST = 3
LOOK_AGAIN_AFTER_ERROR_S = 1.0
ANSWERED_LOOK_S = 0.01

GOING_AWAY = 1001
TOO_BIG = 1009
MALFORMED = 4400
UNAUTHENTICATED = 4401
NO_HELLO = 4408
NEWER_CONNECTION = 4409
DEVICE_GONE = 4410


Keep = Callable[[float, bool], None]
"""Sets after how many seconds of silence the connection is in doubt, and whether the server pings then."""

KEPT_UNASKED = KeepAlive(every_s=30, server_pings=True)
"""For phones that ask for nothing."""


class WebSocket:
    """One accepted connection. Its frames are answered one after the other; offers are pushed between them."""

    __slots__ = (
        "_answering", "_closing", "_frames", "_keep", "_malformed", "_owing", "_reader", "_send", "_session", "_watch", "closed",
        "greeted", "name",
    )  # fmt: skip

    def __init__(self, session: Session, name: DeviceName, send: Send, keep: Keep | None = None) -> None:
        """`keep` sets how the connection below is kept open, if it can be lost unnoticed."""
        self._session = session
        self._send = send
        self._keep = keep
        self._watch = Watch(self._look, session.now_us)
        self._reader = asyncio.current_task()
        self._closing: asyncio.Task[None] | None = None
        self._answering = False
        self._owing = False
        """Whether a look waits for an answer that must come first."""
        self._malformed = self._frames = 0
        self.name = name
        self.greeted = False
        self.closed = False

    def wake(self) -> None:
        self._watch.wake()

    def state(self) -> LinkState:
        watch = self._watch
        return LinkState(watch.busy or self._answering, self.closed, self._frames, watch.looks, watch.again_us)

    def keep_alive(self, kept: KeepAlive | None) -> None:
        if self._keep is not None:
            kept = kept or KEPT_UNASKED
            self._keep(kept.every_s, kept.server_pings)

    def supersede(self, *, same_connection: bool) -> None:
        closing = self.close(NEWER_CONNECTION, "A newer connection of this device has taken over.")
        self._closing = asyncio.get_running_loop().create_task(closing)

    async def drain(self) -> None:
        while self._answering and not self.closed:  # noqa: ASYNC110 - a rule in progress is answered; no event for each idle connection
            await asyncio.sleep(ANSWERED_LOOK_S)
        await self.close(GOING_AWAY, f"retryAfterMs={come_again(str(self.name), DRAINED_COME_AGAIN_MS)}")

    async def take(self, text: str | None, data: bytes | None) -> None:
        """The frame is answered."""
        body = text.encode() if text is not None else data or b""
        if len(body) > MESSAGE_MAX_BYTES:
            return await self.close(TOO_BIG, "The message is too large.")
        try:
            frame = read_frame(body)
        except InvalidArgument as error:
            return await self._reject_malformed(error)
        if not self.greeted and frame.kind != "hello":
            return await self.close(NO_HELLO, "The first frame must be hello.")
        self._answering = True
        try:
            await self._answer(frame)
        finally:
            self._answering = False
            if self._owing:
                self._owing = False
                self.wake()

    async def close(self, code: int, reason: str) -> None:
        """Close; send and look for nothing more."""
        if not self.closed:
            self.stop()
            await self._send_in_time({"type": "websocket.close", "code": code, "reason": reason})

    def stop(self) -> None:
        self.closed = True
        self._watch.stop()

    async def _answer(self, frame: Frame) -> None:
        answer = await self._session.handle(frame.kind, bytes(frame.body), connection=self, link=self)
        await self._push(b'{"replyTo":%d,"status":%d,"body":%b}' % (frame.id, answer.status, answer.body))
        if frame.kind == "hello" and answer.status == OK:
            self.greeted = True
            self.wake()
        elif not self.greeted:
            await self.close(NO_HELLO, "Hello was refused.")

    async def _reject_malformed(self, error: InvalidArgument) -> None:
        answer = answer_to_error(error)
        await self._push(answer.body)
        self._malformed += 1
        if self._malformed >= MALFORMED_FRAMES_MOST:
            await self.close(MALFORMED, "Too many malformed frames.")

    async def _look(self) -> float | None:
        """Everything due is pushed; the answer says when to look again."""
        while not self.closed:
            news, again_s = await self._session.look(self, poll=False)
            if isinstance(news, Answer):
                return await self._tell(news)
            if isinstance(news, PhonePolicy):
                await self._push(POLICY_START + encode(news) + POLICY_END)
            elif isinstance(news, Offer):
                await self._push(OFFER_START + encode(news) + OFFER_END)
            if again_s is None or again_s > 0:
                return again_s
        return None

    async def _tell(self, answer: Answer) -> float | None:
        """What the look met instead of an offer: a device that is gone or unknown is closed, a busy store is asked again."""
        if self._answering:  # the answer to a final acknowledgement comes before the word that the device is gone
            self._owing = True
            return None
        if answer.status == GONE:
            await self._push(b'{"gone":%b}' % answer.body)
            await self.close(DEVICE_GONE, "The device is no longer managed.")
        elif answer.status < INTERNAL_ERROR:
            await self._push(answer.body)
            await self.close(UNAUTHENTICATED, "The credential is no longer known.")
        else:
            return LOOK_AGAIN_AFTER_ERROR_S
        return None

    async def _push(self, frame: bytes) -> None:
        if not self.closed:
            self._frames += 1
            await self._send_in_time({"type": "websocket.send", "text": frame.decode()})

    async def _send_in_time(self, message: dict[str, object]) -> None:
        """Sent; a device that has gone or does not read is given up."""
        sender = asyncio.current_task()
        # Not asyncio.timeout, which costs as much as the sending itself.
        timer = asyncio.get_running_loop().call_later(self._session.unread_most_s, self._give_up, sender)
        try:
            await self._send(message)
        except OSError:  # ASGI's word for a peer that has gone
            self._give_up(None)
        finally:
            timer.cancel()

    def _give_up(self, sender: asyncio.Task[None] | None) -> None:
        """Nothing more is read from the device, and no one waits to send to it."""
        self.stop()
        for task in (self._reader, sender):
            if task is not None and task is not asyncio.current_task():
                task.cancel()


async def web_socket(session: Session, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the connection until it closes; a device that may not connect gets an HTTP status instead of a handshake."""
    await receive()  # websocket.connect
    name = await session.device()
    if isinstance(name, Answer):
        return await deny(scope, send, name)
    if session.draining:
        return await deny(scope, send, answer_to_error(Unavailable("The server is stopping.", retry_after_s=1)))
    await send({"type": "websocket.accept"})
    socket = WebSocket(session, name, send, scope.get("extensions", {}).get(KEEP_ALIVE))
    try:
        await _serve(socket, receive)
    except asyncio.CancelledError:
        if not socket.closed:  # else it was cut off here: its device does not read
            raise
    finally:
        socket.stop()
        session.leave(name, socket)


async def _serve(socket: WebSocket, receive: Receive) -> None:
    message: MutableMapping[str, Any] = {"type": ""}
    try:
        async with asyncio.timeout(FIRST_FRAME_WITHIN_S):
            message = await receive()
    except TimeoutError:
        await socket.close(NO_HELLO, "No hello arrived.")
    while message["type"] == "websocket.receive":
        await socket.take(message.get("text"), message.get("bytes"))
        if socket.closed:
            return
        message = await receive()


async def deny(scope: Scope, send: Send, answer: Answer) -> None:
    """Refuse the handshake with the answer, or with a bare 403 if the server cannot say more."""
    if DENIAL in scope.get("extensions", {}):
        await send_answer(send, answer, prefix=DENIAL)
    else:
        await send({"type": "websocket.close"})
