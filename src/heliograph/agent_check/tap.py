"""What stands between an agent and its server: it hears every message, and loses, holds, changes or repeats what a case wants.

It is an ASGI app around the server's, so what an agent meets is real: a connection that breaks, an answer that comes late.
"""

import asyncio
import contextlib
import errno
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from heliograph.api.http.cutting import cut_off
from heliograph.asgi import HAND_OVER, Asgi, ClientGone, Message, Receive, Scope, Send
from heliograph.channel.answer import Answer
from heliograph.channel.app import ROOT
from heliograph.channel.requests import header, read_message, send_answer
from heliograph.channel.web_socket import deny

Json = dict[str, Any]

CONNECT, POLL = "connect", "commands"
"""What is no message, and asks for a connection or for an offer."""
RETRY_AFTER = b"retry-after"
LOST = 1011
"""The close code of a WebSocket that is cut: to an agent, a lost connection."""
UNKNOWN = 4401
NOTHING = Answer(200, b"{}")
NOT_HERE = Answer(404, b'{"error": {"code": 404, "message": "This server has no WebSocket.", "status": "NOT_FOUND"}}')


@dataclass(eq=False)
class Heard:
    """A message of an agent, and what was answered to it."""

    kind: str
    operation: str
    body: Json
    credential_hash: str
    """SHA-256 of its credential, in hex; of an enrolment, the one that it sends."""
    at_s: float
    """By the event loop's clock."""
    web_socket: bool = False
    reply: Answer | None = None
    """None: not answered yet, or never."""

    @property
    def answered(self) -> int:
        """The status that the agent got; 0: none."""
        return self.reply.status if self.reply is not None else 0


PassOn = Callable[[], Awaitable[Answer]]
"""The server's answer to the message."""
Interception = Callable[[Heard, PassOn], Awaitable[Answer | None]]
"""What becomes of a message: the answer that its agent gets; None: its connection breaks instead."""


async def lose(_heard: Heard, _pass_on: PassOn) -> None:
    """The message never reaches the server."""


async def lose_answer(_heard: Heard, pass_on: PassOn) -> None:
    """The server has taken the message, and the agent does not learn of it."""
    await pass_on()


@dataclass(eq=False)
class Tap:
    """Around a server's app. Event loop only."""

    app: Asgi
    web_sockets: bool = True
    """Whether agents may have one."""
    heard: list[Heard] = field(default_factory=list)
    """In the order of arrival."""
    offered: list[tuple[str, str]] = field(default_factory=list)
    """Credential hash and operation of each offer that went out."""
    rejection: Answer | None = None
    """Answered to everything, connections included, while it is set."""
    _interceptions: dict[str, list[Interception]] = field(default_factory=dict)
    _repeated: list[bytes] = field(default_factory=list)
    """Answers that the next polls get again."""
    _repeats: int = 0
    """How many offers shall go out twice."""
    _breaking: asyncio.Event = field(default_factory=asyncio.Event)
    """Set for a moment: every connection breaks."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def intercept(self, kind: str, interception: Interception) -> None:
        """The next message of this kind that was not intercepted yet goes this way."""
        self._interceptions.setdefault(kind, []).append(interception)

    def repeat_next_offer(self) -> None:
        """The next offer goes out twice."""
        self._repeats += 1

    def forget_plans(self) -> None:
        """Everything is passed on as it comes."""
        self._interceptions.clear()
        self._repeated.clear()
        self._repeats, self.rejection, self.web_sockets = 0, None, True

    def break_connections(self) -> None:
        """Every open poll and WebSocket ends."""
        breaking, self._breaking = self._breaking, asyncio.Event()
        breaking.set()

    async def until(self, condition: Callable[[], bool], *, within_s: float) -> bool:
        """Whether the condition came to hold in that time; looked at with each message, and a few times a second."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not condition():
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), 0.1)
                return True
        return condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket of an agent; nothing else of the server is reached."""
        path: str = scope["path"]
        try:
            if scope["type"] == "websocket":
                await self._web_socket(scope, receive, send)
            elif scope["type"] == "http" and path.startswith(ROOT):
                await self._http(scope, receive, send)
            else:
                await send_answer(send, NOT_HERE)
        except ClientGone:
            return

    def note(self, kind: str, operation: str, body: Json, credential_hash: str, *, web_socket: bool = False) -> Heard:
        """The message was heard now."""
        if kind == "enroll":
            credential_hash = str(body.get("credentialHash", ""))
        heard = Heard(kind, operation, body, credential_hash, asyncio.get_running_loop().time(), web_socket=web_socket)
        self.heard.append(heard)
        self._news.set()
        return heard

    def took(self, heard: Heard, reply: Answer) -> None:
        """The agent gets this answer."""
        heard.reply = reply
        if heard.kind == POLL and "offer" in _object(reply.body) and self.went_out(heard.credential_hash, reply.body):
            self._repeated.append(reply.body)
        self._news.set()

    def went_out(self, credential_hash: str, offer: bytes) -> bool:
        """The offer goes to the agent; returns whether it shall go out twice."""
        self.offered.append((credential_hash, str(_object(offer)["offer"]["operation"])))
        self._news.set()
        twice, self._repeats = self._repeats > 0, max(0, self._repeats - 1)
        return twice

    def taken(self, kind: str) -> Interception | None:
        """What was planned for the next message of this kind."""
        waiting = self._interceptions.get(kind)
        return waiting.pop(0) if waiting else None

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        rest = scope["path"][len(ROOT) :]
        operation, _, kind = rest.rpartition(":")
        body = await read_message(receive) if scope["method"] == "POST" else b""
        heard = self.note(kind, operation, _object(body), _hash(scope))
        reply = await self._answered(heard, scope, _replaying(body, receive))
        if reply is None:
            cut_off(scope, reset=True)
            await send_answer(send, NOTHING)  # an app must answer; this one is lost
            return
        self.took(heard, reply)
        await send_answer(send, reply)

    async def _answered(self, heard: Heard, scope: Scope, receive: Receive) -> Answer | None:
        if self.rejection is not None:
            return self.rejection
        if heard.kind == POLL and self._repeated:
            return Answer(200, self._repeated.pop(0))

        async def pass_on() -> Answer:
            return await _answer_of(self.app, scope, receive)

        interception = self.taken(heard.kind)
        if interception is not None:
            return await interception(heard, pass_on)
        async with _unless(self._breaking, pass_on) as reply:
            return self.rejection if reply is None else reply

    async def _web_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"].pop(HAND_OVER, None)  # what passes is seen here
        heard = self.note(CONNECT, "", {}, _hash(scope), web_socket=True)
        rejection = self.rejection or (None if self.web_sockets else NOT_HERE)
        if rejection is not None:
            await receive()
            self.took(heard, rejection)
            await deny(scope, send, rejection)
            return
        socket = TappedSocket(self, heard.credential_hash, receive, send)
        async with _unless(self._breaking, lambda: socket.serve(self.app, scope)) as ended:
            if ended is None:
                await socket.close(LOST if self.rejection is None else UNKNOWN)


class TappedSocket:
    """A WebSocket of an agent: what it sends goes by the plans of its tap, and so does what is sent to it."""

    def __init__(self, tap: Tap, credential_hash: str, receive: Receive, send: Send) -> None:
        self._tap = tap
        self._credential_hash = credential_hash
        self._receive = receive
        self._send = send
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._awaited: dict[int, tuple[Heard, asyncio.Future[Answer] | None]] = {}
        """Messages that the server has not answered, by their ids; with a future, the answer is not for the agent."""
        self._tasks: set[asyncio.Task[None]] = set()
        """Interceptions; one that kills the agent outlives its connection."""
        self._closed = False

    async def serve(self, app: Asgi, scope: Scope) -> bool:
        """The connection has ended."""
        pump = asyncio.get_running_loop().create_task(self._pump())
        try:
            await app(scope, self._events.get, self._sent)
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            for _, waiting in self._awaited.values():
                if waiting is not None and not waiting.done():
                    waiting.set_exception(ClientGone())
        return True

    async def close(self, code: int) -> None:
        """The agent finds its connection closed."""
        self._closed = True
        with contextlib.suppress(OSError, RuntimeError):  # it may have ended by itself
            await self._send({"type": "websocket.close", "code": code, "reason": ""})

    async def _pump(self) -> None:
        while True:
            event = await self._receive()
            if event["type"] != "websocket.receive":
                self._events.put_nowait(event)
                continue
            frame = _object((event.get("text") or "").encode() or event.get("bytes") or b"")
            body = frame.get("body") or {}
            kind, number = str(frame.get("kind", "")), int(frame.get("id", 0))
            heard = self._tap.note(kind, str(body.get("operation", "")), body, self._credential_hash, web_socket=True)
            interception = self._tap.taken(kind)
            if interception is None:
                self._awaited[number] = heard, None
                self._events.put_nowait(event)
            else:
                task = asyncio.get_running_loop().create_task(self._intercepted(number, heard, interception, event))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _intercepted(self, number: int, heard: Heard, interception: Interception, event: Message) -> None:
        async def pass_on() -> Answer:
            answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._awaited[number] = heard, answer
            self._events.put_nowait(event)
            return await answer

        try:
            reply = await interception(heard, pass_on)
        except ClientGone:
            return
        if reply is None:
            self._events.put_nowait({"type": "websocket.disconnect", "code": LOST})
            await self.close(LOST)
            return
        self._tap.took(heard, reply)
        with contextlib.suppress(OSError, RuntimeError):
            await self._send(
                {"type": "websocket.send", "text": f'{{"replyTo":{number},"status":{reply.status},"body":{reply.body.decode()}}}'}
            )

    async def _sent(self, message: Message) -> None:
        if self._closed:
            raise OSError(errno.EPIPE, "the connection was broken")
        text = message.get("text") or ""
        if message["type"] == "websocket.send" and text.startswith('{"offer"'):
            if self._tap.went_out(self._credential_hash, text.encode()):
                self._tap.went_out(self._credential_hash, text.encode())
                await self._send(dict(message))
        elif message["type"] == "websocket.send" and text.startswith('{"replyTo"'):
            frame = json.loads(text)
            heard, waiting = self._awaited.pop(frame["replyTo"], (None, None))
            reply = Answer(frame["status"], json.dumps(frame["body"]).encode())
            if waiting is not None:
                if not waiting.done():
                    waiting.set_result(reply)
                return
            if heard is not None:
                self._tap.took(heard, reply)
        await self._send(message)


@contextlib.asynccontextmanager
async def _unless(breaking: asyncio.Event, work: Callable[[], Awaitable[Any]]) -> AsyncIterator[Any]:
    """What the work gives; None: its connection was broken first."""
    tasks = [asyncio.ensure_future(work()), asyncio.ensure_future(breaking.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        yield tasks[0].result() if tasks[0].done() else None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body, which was read already, and then what comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying() -> Message:
        return first.pop() if first else await receive()

    return replaying


async def _answer_of(app: Asgi, scope: Scope, receive: Receive) -> Answer:
    """What the app answers, as soon as it has: a poll waits for its client to hang up after that.

    Raises: ClientGone: it hung up before.
    """
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    start: Message = {}
    chunks: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        chunks.append(message.get("body", b""))
        if not message.get("more_body") and not answered.done():
            kept = tuple((name, value) for name, value in start["headers"] if name == RETRY_AFTER)
            answered.set_result(Answer(start["status"], b"".join(chunks), kept))

    running = asyncio.ensure_future(app(scope, receive, send))
    both: list[asyncio.Future[Any]] = [running, answered]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            running.result()
            raise ClientGone
        return answered.result()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _hash(scope: Scope) -> str:
    credential = header(scope, b"authorization").partition(b" ")[2].strip()
    return hashlib.sha256(credential).hexdigest() if credential else ""


def _object(body: bytes) -> Json:
    """The JSON object; {} if it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
