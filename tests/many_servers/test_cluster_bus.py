"""What servers say to each other: on a real PostgreSQL between two buses, and in payloads that it takes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

from heliograph.protojson.errors import InvalidArgument
from heliograph.settings import database_url
from heliograph.storage.postgres.cluster_bus import PAYLOAD_MOST, BusMessage, ClusterBus, Word, message_from, payloads
from heliograph.storage.postgres.link import connect
from tests.patience import PATIENCE_S

NOW_US = 1_790_000_000_000_000


class Ear:
    """A Listener that notes what it hears."""

    def __init__(self) -> None:
        self.words: list[tuple[Word, int]] = []
        self.mends = 0
        self.silences = 0

    def heard(self, word: Word, sent_us: int) -> None:
        self.words.append((word, sent_us))

    def mended(self) -> None:
        self.mends += 1

    def silent(self) -> None:
        self.silences += 1


@contextlib.asynccontextmanager
async def bus(database: str, server: str) -> AsyncIterator[tuple[ClusterBus, Ear]]:
    """A bus that listens, and its ear."""
    ear = Ear()
    made = ClusterBus(lambda: connect(database), ear, server=server, now_us=lambda: NOW_US, chance=lambda: 0.0)
    running = asyncio.create_task(made.run())
    try:
        await until(lambda: made.listening)
        yield made, ear
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition: object) -> None:
    """Returns once the condition holds."""
    assert callable(condition)
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - an ear has no event
            await asyncio.sleep(0.005)


def device(number: int) -> str:
    """A device as servers name it to each other."""
    return f"LC0enterprise/{number:016x}"


async def test_what_one_says_the_others_hear_and_itself_does_not(database: str) -> None:
    async with bus(database, "a") as (one, own), bus(database, "b") as (_, other):
        words = [Word("ring", device(1)), Word("policy", device(2)), Word("seen", device(3), 17)]
        for word in words:
            assert one.say(word)
        await until(lambda: len(other.words) == 3)

    assert [(word, NOW_US) for word in words] == other.words
    assert [] == own.words


async def test_many_words_arrive_however_long_they_are_together(database: str) -> None:
    async with bus(database, "a") as (one, _), bus(database, "b") as (_, other):
        for number in range(2_000):
            one.say(Word("ring", device(number)))
        await until(lambda: len(other.words) == 2_000)

    assert {device(number) for number in range(2_000)} == {word.device for word, _ in other.words}


async def test_what_is_no_word_of_ours_is_not_heard(database: str) -> None:
    """Whoever has the database's password may say anything on the channel."""
    async with bus(database, "b") as (_, ear):
        stranger = await asyncpg.connect(database)
        for payload in ("", "x", "[]", '["b",1]', '["c","now",[]]', '["c",1,[["explode","a/b"]]]', '["c",1,[["ring","a/b"]]]'):
            await stranger.execute("SELECT pg_notify('heliograph', $1)", payload)
        await stranger.close()
        await until(lambda: ear.words)

    assert [(Word("ring", "a/b"), 1)] == ear.words


async def test_a_bus_whose_connection_is_cut_is_silent_and_mends(database: str) -> None:
    async with bus(database, "a") as (one, ear):
        admin = await asyncpg.connect(database)
        await admin.fetchval("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        await until(lambda: ear.silences)
        said = one.say(Word("ring", device(1)))
        await until(lambda: one.listening)
        await admin.close()

    assert not said
    assert (2, 1) == (ear.mends, ear.silences)


async def test_a_bus_that_hears_nothing_notices_by_its_own_ping(database: str) -> None:
    """As behind a pooler that takes LISTEN and tells nobody."""
    ear = Ear()
    async with deaf_way(int(database.rpartition(":")[2].partition("/")[0])) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{database.rpartition('/')[2]}?sslmode=disable"
        deaf = ClusterBus(lambda: connect(url), ear, server="a", now_us=lambda: NOW_US, chance=lambda: 0.0)
        running = asyncio.create_task(deaf.run())
        with capture_logs() as logs:
            await until(lambda: ear.silences)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert (0, False) == (ear.mends, deaf.say(Word("ring", device(1))))
    assert ["doorbell.silent"] == [entry["event"] for entry in logs]
    assert "does not receive its own notification" in logs[0]["reason"]


@contextlib.asynccontextmanager
async def deaf_way(port: int) -> AsyncIterator[int]:
    """A port that leads to PostgreSQL, on which NotificationResponse ("A") gets lost."""

    async def serve(client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection("127.0.0.1", port)

        async def upwards() -> None:
            while data := await client_in.read(65_536):
                server_out.write(data)
            server_out.close()

        async def downwards() -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await server_in.readexactly(5)
                    body = await server_in.readexactly(int.from_bytes(head[1:], "big") - 4)
                    if head[:1] != b"A":
                        client_out.write(head + body)
            client_out.close()

        await asyncio.gather(upwards(), downwards())

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.mark.parametrize("count", [0, 1, 100, 1_000])
def test_words_fit_into_payloads_that_postgresql_takes(count: int) -> None:
    words = [Word("ring", device(number)) for number in range(count)]

    texts = list(payloads("server", NOW_US, words))

    assert all(len(text.encode()) <= PAYLOAD_MOST + 60 < 8_000 for text in texts)
    messages = [message_from(text) for text in texts]
    assert all(message is not None and ("server", NOW_US) == (message.server, message.sent_us) for message in messages)
    assert words == [word for message in messages if message is not None for word in message.words]


def test_a_message_without_words_is_a_ping() -> None:
    (text,) = payloads("server", 1, [])

    assert BusMessage("server", 1) == message_from(text)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgresql://user@host/name",
        "postgres://user:p%40ss@host:5432/name?sslmode=require",
        "postgresql://user@one:5432,two:5433/name",
        "postgresql:///name?host=/var/run/postgresql",
        "postgresql://user@[::1]:5432/name",
    ],
)
def test_addresses_of_databases_are_taken(url: str) -> None:
    assert url == database_url(url)


@pytest.mark.parametrize("url", ["name", "mysql://user@host/name", "postgresql://user@host:port/name", "postgresql:user@host"])
def test_what_is_no_address_of_a_database_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        database_url(url)

    assert url not in refused.value.message.split()
