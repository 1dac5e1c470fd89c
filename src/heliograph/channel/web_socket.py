"""`GET /device/v1/connect`: a WebSocket around the same messages. An idle connection has no task, and no timer but what keeps it open."""

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable

import msgspec
import structlog

from heliograph.asgi import DENIAL, HAND_OVER, KEEP_ALIVE, HandOver, Receive, Scope, Send, Wire
from heliograph.channel.answer import GONE, INTERNAL_ERROR, OK, Answer, answer_to_error, come_again, encode
from heliograph.channel.asgi_wire import AsgiWire
from heliograph.channel.long_poll import DRAINED_COME_AGAIN_MS, OFFER_END, OFFER_START, POLICY_END, POLICY_START
from heliograph.channel.messages import read_frame
from heliograph.channel.peers import LinkState
from heliograph.channel.requests import send_answer
from heliograph.channel.session import Look, Session
from heliograph.channel.watch import NOT_AT_HAND, NotAtHand, Watch
from heliograph.domain.names import DeviceName
from heliograph.protocol import MESSAGE_MAX_BYTES, KeepAlive, Offer, PhonePolicy
from heliograph.protojson.errors import InvalidArgument, Unavailable

FIRST_FRAME_WITHIN_S = 10.0
MALFORMED_FRAMES_MOST = 3
LOOK_AGAIN_AFTER_ERROR_US = 1_000_000
ANSWERED_LOOK_S = 0.01

GOING_AWAY = 1001
TOO_BIG = 1009
FAILED = 1011
MALFORMED = 4400
UNAUTHENTICATED = 4401
NO_HELLO = 4408
NEWER_CONNECTION = 4409
DEVICE_GONE = 4410

KEPT_UNASKED = KeepAlive(every_s=30, server_pings=True)
"""For phones that ask for nothing."""

log = structlog.get_logger()


class WebSocket(Watch):
    """One accepted connection. Its frames are answered one after the other; offers are pushed between them."""

    __slots__ = (
        "_answering", "_behind", "_first_frame", "_frames", "_handling", "_malformed", "_owing", "_session", "closed", "greeted", "name",
        "wire",
    )  # fmt: skip

    wire: Wire
    """Set as soon as there is one."""

    def __init__(self, session: Session, name: DeviceName) -> None:
        super().__init__(session.now_us)
        self._session = session
        self._first_frame: asyncio.TimerHandle | None = None
        self._handling: asyncio.Task[None] | None = None
        self._behind: deque[bytes] | None = None
        """Frames that came before the one ahead of them was answered."""
        self._answering = False
        self._owing = False
        """Whether a look waits: for an answer that must come first, or for a phone that does not read."""
        self._malformed = self._frames = 0
        self.name = name
        self.greeted = False
        self.closed = False

    def begin(self, wire: Wire) -> None:
        """Frames may come."""
        self.wire = wire
        self._first_frame = asyncio.get_running_loop().call_later(FIRST_FRAME_WITHIN_S, self.close, NO_HELLO, "No hello arrived.")

    # What the device's peers call.

    def state(self) -> LinkState:
        busy = self.looking or self._answering or self.wire.waits
        return LinkState(busy, self.closed, self._frames, self.looks, self.again_us)

    def keep_alive(self, kept: KeepAlive | None) -> None:
        kept = kept or KEPT_UNASKED
        self.wire.keep_alive(kept.every_s, kept.server_pings)

    def supersede(self, *, same_connection: bool) -> None:
        self.close(NEWER_CONNECTION, "A newer connection of this device has taken over.")

    async def drain(self) -> None:
        while self._answering and not self.closed:  # noqa: ASYNC110 - a rule in progress is answered; no event for each idle connection
            await asyncio.sleep(ANSWERED_LOOK_S)
        self.close(GOING_AWAY, f"retryAfterMs={come_again(str(self.name), DRAINED_COME_AGAIN_MS)}")
        await self.wire.closed()

    # What the wire calls.

    @property
    def unread_most_s(self) -> float:
        return self._session.unread_most_s

    def take(self, message: bytes) -> None:
        """The frame is answered, after those before it."""
        if self._first_frame is not None:
            self._first_frame.cancel()
            self._first_frame = None
        if self.closed:
            return
        if self._answering or self._behind is not None or self.wire.waits:
            self._behind = self._behind or deque()
            self._behind.append(message)
            self.wire.pause()
        else:
            self._begin_answer(message)

    def ready(self) -> None:
        if self._owing and not self._answering:
            self._owing = False
            self.wake()
        self._go_on()

    def lost(self) -> None:
        if not self.closed:
            self.stop()
            self._session.leave(self.name, self)

    def close(self, code: int, reason: str) -> None:
        """Close; send and look for nothing more."""
        if not self.closed:
            self.lost()
            self.wire.close(code, reason)

    def stop(self) -> None:
        self.closed = True
        self._behind = None
        if self._first_frame is not None:
            self._first_frame.cancel()
            self._first_frame = None
        super().stop()

    # Answering.

    def _go_on(self) -> None:
        """What came meanwhile is answered."""
        behind = self._behind
        while behind and not self._answering and not self.closed and not self.wire.waits:
            self._begin_answer(behind.popleft())
        if behind is not None and not behind and not self.closed:
            self._behind = None
            self.wire.resume()

    def _begin_answer(self, body: bytes) -> None:
        if len(body) > MESSAGE_MAX_BYTES:
            return self.close(TOO_BIG, "The message is too large.")
        try:
            frame = read_frame(body)
        except InvalidArgument as error:
            return self._reject_malformed(error)
        if not self.greeted and frame.kind != "hello":
            return self.close(NO_HELLO, "The first frame must be hello.")
        self._answering = True
        answering, message = FrameAnswering(self, frame.kind, frame.id), bytes(frame.body)
        if not self._session.handle_at_once(frame.kind, message, answering):
            answering.go_on(self._session.handle(frame.kind, message, connection=self, link=self))
        return None

    def handled_by(self, task: asyncio.Task[None]) -> None:
        """The task answers the frame that is being answered."""
        self._handling = task

    def answer(self, kind: str, id: int, answer: Answer) -> None:
        """The frame is answered; the next one follows."""
        self._answering = False
        self._handling = None
        self._push(b'{"replyTo":%d,"status":%d,"body":%b}' % (id, answer.status, answer.body))
        if kind == "hello" and answer.status == OK:
            self.greeted = True
            self.wake()
        elif not self.greeted:
            self.close(NO_HELLO, "Hello was refused.")
        if self._owing:
            self._owing = False
            self.wake()
        if self._behind is not None:
            self._go_on()

    def _reject_malformed(self, error: InvalidArgument) -> None:
        self._push(answer_to_error(error).body)
        self._malformed += 1
        if self._malformed >= MALFORMED_FRAMES_MOST:
            self.close(MALFORMED, "Too many malformed frames.")

    # Looking.

    def look_at_hand(self) -> int | NotAtHand | None:
        """Everything due is pushed; the answer says when to look again."""
        while not self.closed:
            if self.wire.waits:
                self._owing = True
                return None
            look = self._session.look_at_hand(self, poll=False)
            if look is None:
                return NOT_AT_HAND
            if (again_us := self._show(look)) != 0:
                return again_us
        return None

    async def look(self) -> int | None:
        while not self.closed:
            if self.wire.waits:
                self._owing = True
                return None
            if (again_us := self._show(await self._session.look(self, poll=False))) != 0:
                return again_us
        return None

    def _show(self, look: Look) -> int | None:
        news = look.news
        if isinstance(news, Offer):  # mostly
            self._push(OFFER_START + encode(news) + OFFER_END)
        elif isinstance(news, PhonePolicy):
            self._push(POLICY_START + encode(news) + POLICY_END)
        elif news is not None:
            return self._tell(news)
        return look.again_us

    def _tell(self, answer: Answer) -> int | None:
        """What the look met instead of an offer: a device that is gone or unknown is closed, a busy store is asked again."""
        if self._answering:  # the answer to a final acknowledgement comes before the word that the device is gone
            self._owing = True
            return None
        if answer.status == GONE:
            self._push(b'{"gone":%b}' % answer.body)
            self.close(DEVICE_GONE, "The device is no longer managed.")
        elif answer.status < INTERNAL_ERROR:
            self._push(answer.body)
            self.close(UNAUTHENTICATED, "The credential is no longer known.")
        else:
            return self._session.now_us() + LOOK_AGAIN_AFTER_ERROR_US
        return None

    def _push(self, frame: bytes) -> None:
        if not self.closed:
            self._frames += 1
            self.wire.send(frame)


class FrameAnswering(msgspec.Struct, frozen=True):
    """An `Answering` of a frame."""

    socket: WebSocket
    kind: str
    id: int
    """The frame's."""

    def answered(self, answer: Answer) -> None:
        self.socket.answer(self.kind, self.id, answer)

    def go_on(self, answering: Awaitable[Answer]) -> None:
        """In a task of its own."""
        self.socket.handled_by(asyncio.get_running_loop().create_task(self._wait(answering)))

    async def _wait(self, answering: Awaitable[Answer]) -> None:
        try:
            answer = await answering
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            # Its message may hold any value, and values may be secrets.
            where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__, limit=-8)]
            log.error("channel.failed", kind=self.kind[:64], error=type(error).__qualname__, where=where)  # noqa: TRY400 - ditto
            self.socket.close(FAILED, "")
        else:
            self.answered(answer)


async def web_socket(session: Session, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the connection until it closes, or until it lives on without this task; one that may not connect gets an HTTP status."""
    await receive()  # websocket.connect
    name = await session.device()
    if isinstance(name, Answer):
        return await deny(scope, send, name)
    if session.draining:
        return await deny(scope, send, answer_to_error(Unavailable("The server is stopping.", retry_after_s=1)))
    await send({"type": "websocket.accept"})
    extensions = scope.get("extensions", {})
    hand_over: HandOver | None = extensions.get(HAND_OVER)
    socket = WebSocket(session, name)
    wire = hand_over(socket) if hand_over is not None else None
    if wire is not None:
        socket.begin(wire)
        return None
    wire = AsgiWire(send, socket, extensions.get(KEEP_ALIVE))
    socket.begin(wire)
    return await wire.serve(receive)


async def deny(scope: Scope, send: Send, answer: Answer) -> None:
    """Refuse the handshake with the answer, or with a bare 403 if the server cannot say more."""
    if DENIAL in scope.get("extensions", {}):
        await send_answer(send, answer, prefix=DENIAL)
    else:
        await send({"type": "websocket.close"})
