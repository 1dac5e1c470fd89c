"""The wire between the servers of one PostgreSQL: NOTIFY and LISTEN on a connection of its own.

Messages may get lost and delay no answer: the truth is in the tables, and the listener looks there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from importlib import resources
from typing import Any, Literal, NoReturn, Protocol, TypeAlias

import asyncpg
import msgspec
import structlog

from heliograph.backoff import Backoff
from heliograph.protojson.errors import HeliographError
from heliograph.protojson.parser import MALFORMED
from heliograph.storage.postgres.link import DATABASE_ERRORS

log = structlog.get_logger()

CHANNEL = "heliograph"
PING_EVERY_S = 5.0
"""A connection that only listens does not notice when it breaks, so it sends itself a message."""
PING_WITHIN_S = 5.0
CONNECTED_WITHIN_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
"""Between attempts to listen; half of it is random, because every server tries when the database is back."""
WAITING_MOST = 10_000
"""Messages that wait for a slow connection; the others' tails find what is dropped."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_NOTIFY = (resources.files(__package__) / "cluster_bus.sql").read_text(encoding="utf-8")

PAYLOAD_MOST = 7_900
"""For words: PostgreSQL takes 7,999 bytes, head and tail included."""

Kind = Literal["ring", "policy", "ask", "seen", "access"]
"""`ring`: the device's commands changed. `policy`: its policy or state changed. `ask`: who has it? `seen`: this server heard it.
`access`: a key, a role or a binding was changed, of no device."""

_encode = msgspec.json.Encoder().encode


class BusSilent(Exception):
    """The server does not receive its own notification: something between it and the database (a pooler?) swallows LISTEN."""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One thing that is said of one device."""

    kind: Kind
    device: str
    detail: int = 0
    """For `seen`: when the device was last heard (us), 0 if it is connected now."""


class Listener(Protocol):
    """Receives what other servers send; everything runs on the event loop."""

    def heard(self, word: Word, sent_us: int) -> None:
        """Another server said this at its time."""

    def mended(self) -> None:
        """From now on everything is heard; until now, what was said may have been missed."""

    def silent(self) -> None:
        """No messages arrive until `mended`."""


class BusMessage(msgspec.Struct, frozen=True, array_like=True):
    """What one server says at one time; without words, it only wants to hear itself."""

    server: str
    sent_us: int
    words: tuple[Word, ...] = ()


class ClusterBus:
    """Says words to the other servers, and hears theirs. `run` keeps it going."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        listener: Listener,
        *,
        server: str,
        now_us: Callable[[], int],
        chance: Callable[[], float],
    ) -> None:
        """`server` identifies this process among all; `chance` returns 0 to 1."""
        self._connect = connect
        self._listener = listener
        self._server = server
        self._now_us = now_us
        self._chance = chance
        self._words: dict[Word, None] = {}
        self._ping = False
        self._wake = asyncio.Event()
        self._echo = asyncio.Event()
        self._told_silent = False
        self._mended_at_s = 0.0
        self.listening = False
        """Whether other servers' words arrive."""

    def say(self, word: Word) -> bool:
        """The others hear it soon, if at all; nothing waits for that. Returns whether other servers can now be heard and reached."""
        if self.listening and len(self._words) < WAITING_MOST:
            self._words[word] = None
            self._wake.set()
        return self.listening

    async def run(self) -> NoReturn:
        """Says and hears, for ever; a broken connection is opened again, after growing pauses."""
        backoff = Backoff(self._chance, first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
        while True:
            try:
                await self._listen()
            except (HeliographError, BusSilent, *DATABASE_ERRORS) as error:
                if self._has_listened():
                    backoff.reset()
                self._tell_silent(error)
            await asyncio.sleep(backoff.next_s())

    def _has_listened(self) -> bool:
        """Whether it listened for a while: a bus that is cut again and again must not retry at once."""
        return self.listening and asyncio.get_running_loop().time() - self._mended_at_s >= PING_EVERY_S

    async def _listen(self) -> None:
        """Never returns.  Raises: what broke the connection."""
        ended = asyncio.Event()
        async with asyncio.timeout(CONNECTED_WITHIN_S):
            connection = await self._connect()
        try:
            connection.add_termination_listener(lambda *_: ended.set())
            async with asyncio.timeout(PING_WITHIN_S):
                await connection.add_listener(CHANNEL, self._heard)
            await _first_error(self._send(connection), self._ping_on(), _connection_lost(ended))
        finally:
            connection.terminate()

    async def _send(self, connection: Connection) -> NoReturn:
        while True:
            await self._wake.wait()
            self._wake.clear()
            words, self._words = self._words, {}
            ping, self._ping = self._ping, False
            if words or ping:
                for payload in payloads(self._server, self._now_us(), words):
                    await connection.execute(_NOTIFY, CHANNEL, payload, timeout=PING_WITHIN_S)

    async def _ping_on(self) -> NoReturn:
        while True:
            self._echo.clear()
            self._ping = True
            self._wake.set()
            try:
                async with asyncio.timeout(PING_WITHIN_S):
                    await self._echo.wait()
            except TimeoutError:
                raise BusSilent(BusSilent.__doc__) from None
            if not self.listening:
                self._tell_mended()
            await asyncio.sleep(PING_EVERY_S)

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:  # noqa: ANN401 - asyncpg's proxy
        message = message_from(str(payload))
        if message is None:
            return
        if message.server == self._server:
            self._echo.set()
        else:
            self._hear(message)

    def _hear(self, message: BusMessage) -> None:
        for word in message.words:
            self._listener.heard(word, message.sent_us)

    def _tell_mended(self) -> None:
        self.listening = True
        self._mended_at_s = asyncio.get_running_loop().time()
        if self._told_silent:
            log.info("doorbell.mended")
        self._told_silent = False
        self._listener.mended()

    def _tell_silent(self, error: Exception) -> None:
        """Said once: the look at the tail does meanwhile what the bus would do, a second later."""
        self.listening = False
        self._words = {}
        self._listener.silent()
        if not self._told_silent:
            self._told_silent = True
            log.warning("doorbell.silent", reason=f"{type(error).__qualname__}: {error}"[:200])


async def _connection_lost(ended: asyncio.Event) -> NoReturn:
    await ended.wait()
    raise ConnectionResetError("the connection to the database ended")


async def _first_error(*runs: Awaitable[NoReturn]) -> None:
    """Raises: the error of the first that ends; the others are stopped."""
    tasks = [asyncio.ensure_future(run) for run in runs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


_decode = msgspec.json.Decoder(BusMessage).decode


def payloads(server: str, sent_us: int, words: Iterable[Word]) -> Iterator[str]:
    """The words in as few messages as they fit into; without words, one empty message."""
    head, tail = f'["{server}",{sent_us},[', "]]"
    gathered: list[str] = []
    room = PAYLOAD_MOST
    for word in words:
        text = _encode(word).decode()
        room -= len(text.encode()) + 1
        if room < 0 and gathered:
            yield head + ",".join(gathered) + tail
            gathered, room = [], PAYLOAD_MOST - len(text.encode()) - 1
        gathered.append(text)
    yield head + ",".join(gathered) + tail


def message_from(payload: str) -> BusMessage | None:
    """The message; None if it is not ours: anyone with the database's password can notify on the channel."""
    try:
        return _decode(payload)
    except MALFORMED:
        return None
