"""The proxy does what it says: else a run through it would prove nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.torture.cutting_proxy import CuttingProxy, Link, Way


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[tuple[str, int]]:
    """A server that says back what it hears, and ends when it hears the end."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(1_000):
                writer.write(chunk)
            writer.write(b"the end")
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()


@pytest.fixture
async def proxy() -> AsyncIterator[CuttingProxy]:
    async with echoing() as target, CuttingProxy(target) as made:
        yield made


@dataclass
class Caller:
    """The other end of the proxy."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def hears(self, count: int) -> bytes:
        """So many bytes."""
        return await self.reader.readexactly(count)


@pytest.fixture
async def caller(proxy: CuttingProxy) -> AsyncIterator[Caller]:
    """One to whom something was said through the proxy."""
    made = Caller(*await asyncio.open_connection("127.0.0.1", proxy.port))
    made.writer.write(b"hello")
    assert b"hello" == await made.hears(5)
    yield made
    made.writer.transport.abort()


@pytest.fixture
def link(proxy: CuttingProxy, caller: Caller) -> Link:
    return next(iter(proxy.links))


async def test_a_cut_connection_is_reset(proxy: CuttingProxy, caller: Caller) -> None:
    assert 1 == proxy.cut()

    with pytest.raises(ConnectionResetError):
        await caller.hears(1)


@pytest.mark.parametrize("way", Way)
async def test_a_silent_connection_says_nothing_until_it_is_healed(proxy: CuttingProxy, caller: Caller, link: Link, way: Way) -> None:
    link.silence(way)
    caller.writer.write(b"anybody there?")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(caller.hears(1), 0.1)
    proxy.heal()

    with pytest.raises(ConnectionResetError):
        await caller.hears(1)


async def test_a_half_closed_connection_still_answers(caller: Caller, link: Link) -> None:
    link.half_close(Way.IN)

    assert b"the end" == await caller.reader.read()


async def test_a_connection_is_cut_after_a_chosen_byte(caller: Caller, link: Link) -> None:
    link.cut_after[Way.OUT] = 8
    caller.writer.write(b"goodbye")

    heard = b""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            heard += await caller.hears(1)
    assert b"goo".startswith(heard)


async def test_what_is_watched_can_be_held_back(proxy: CuttingProxy, caller: Caller) -> None:
    proxy.watch = lambda _link, way, chunk: way is Way.OUT or b"secret" not in chunk
    caller.writer.write(b"secret")
    await asyncio.sleep(0.05)
    caller.writer.write(b"known")

    assert b"known" == await caller.hears(5)


async def test_who_is_refused_is_reset(proxy: CuttingProxy) -> None:
    proxy.refusing = True
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)

    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.transport.abort()
