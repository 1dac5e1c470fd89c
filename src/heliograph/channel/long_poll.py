"""`GET /device/v1/commands?wait=SECONDS` or `?keepAlive=SECONDS`: the mandatory transport.

An idle poll holds no task of its own and no timer but its end.
"""

import asyncio

from heliograph.asgi import Receive, Scope, Send
from heliograph.channel.answer import EMPTY, OK, Answer, answer_to_error, come_again, encode
from heliograph.channel.negotiation import bounded_s
from heliograph.channel.peers import HttpConnection, LinkState
from heliograph.channel.requests import connection_id, send_answer, whole_number
from heliograph.channel.session import Session
from heliograph.channel.watch import Watch
from heliograph.domain.names import DeviceName
from heliograph.protocol import LONG_POLL_MAX_S, Offer, PhonePolicy
from heliograph.protojson.errors import Aborted

DRAINED_COME_AGAIN_MS = 5_000
"""Phones of a server that stops come back spread over this long."""

OFFER_START, OFFER_END = b'{"offer":', b"}"
POLICY_START, POLICY_END = b'{"policy":', b"}"


class NewerConnection(Aborted):
    """A newer connection of this device has taken over. If it is not yours, wait at least 60 s before you connect again."""

    reason = "NEWER_CONNECTION"


class LongPoll(Watch):
    """One open poll: answered exactly once, by an offer, an error or its end."""

    __slots__ = ("_answering", "_connection", "_send", "_session", "answered", "ended", "name")

    def __init__(self, session: Session, name: DeviceName, connection: HttpConnection, send: Send) -> None:
        super().__init__(session.now_us)
        self._session = session
        self._connection = connection
        self._send = send
        self._answering: asyncio.Task[None] | None = None
        self.name = name
        self.answered = False
        self.ended: Answer | None = None
        """Ends the poll as soon as no look is in progress: a look may bring an offer, which must not be lost."""

    def state(self) -> LinkState:
        return LinkState(self.looking, self.answered, int(self.answered), self.looks, self.again_us)

    def supersede(self, *, same_connection: bool) -> None:
        self.end(EMPTY if same_connection else answer_to_error(NewerConnection()))

    async def drain(self) -> None:
        self.end(drained(self.name))
        if self._answering is not None:
            await self._answering

    def end(self, answer: Answer = EMPTY) -> None:
        """Answer the poll without an offer, unless one is being looked for and found."""
        self.ended = self.ended or answer
        if not self.looking and not self.answered:
            self._answering = asyncio.get_running_loop().create_task(self.answer(self.ended))

    def stop(self) -> None:
        self.answered = True
        super().stop()

    async def answer(self, answer: Answer) -> None:
        """Answer the poll with this, unless it was answered before."""
        if not self.answered:
            self.stop()
            await send_answer(self._send, answer)

    async def look(self) -> int | None:
        """Look once; answer the poll if there is something to say."""
        look = await self._session.look(self._connection, poll=True)
        news = look.news
        if isinstance(news, Offer):
            await self.answer(Answer(OK, OFFER_START + encode(news) + OFFER_END))
        elif isinstance(news, PhonePolicy):
            await self.answer(Answer(OK, POLICY_START + encode(news) + POLICY_END))
        elif isinstance(news, Answer):
            await self.answer(news)
        elif self.ended is not None:
            await self.answer(self.ended)
        else:
            return look.again_us
        return None


async def long_poll(session: Session, scope: Scope, receive: Receive, send: Send) -> None:
    """The poll is answered, or its device hung up.  Raises: InvalidArgument."""
    wait_s = _longest_wait_s(session, scope)
    chosen_id = connection_id(scope)
    name = await session.device()
    if isinstance(name, Answer):
        return await send_answer(send, name)
    if session.draining:
        return await send_answer(send, drained(name))
    connection = session.http_connection(name, chosen_id)
    poll = LongPoll(session, name, connection, send)
    session.take_over(name, connection, poll)
    try:
        await poll.look_now()
        await _wait(poll, wait_s, receive)
    finally:
        poll.stop()
        session.leave(name, poll)


def _longest_wait_s(session: Session, scope: Scope) -> int:
    """As the phone asks in the poll itself: the next server, or this one started again, knows nothing of its hello."""
    kept_s = whole_number(scope, "keepAlive")
    if kept_s is not None:
        return bounded_s(kept_s, session.keep_alive_most_s)
    return min(whole_number(scope, "wait") or 0, LONG_POLL_MAX_S)


async def _wait(poll: LongPoll, wait_s: int, receive: Receive) -> None:
    """The poll was answered, or its device hung up: ASGI says "disconnect" for both, so one wait serves."""
    if wait_s == 0:
        await poll.answer(poll.ended or EMPTY)
    if poll.answered:
        return
    end = asyncio.get_running_loop().call_later(wait_s, poll.end)
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        end.cancel()


def drained(name: DeviceName) -> Answer:
    """An empty answer that says when to come again: the server stops, and its phones come back one by one."""
    return Answer(OK, b'{"retryAfterMs":%d}' % come_again(str(name), DRAINED_COME_AGAIN_MS))
