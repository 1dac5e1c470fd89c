"""A tenant's URL reaches no address that it may not, however it is written: real sockets, and a listener that counts connections."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from heliograph.domain.push_addresses import PushAddresses
from heliograph.notifications.push import post
from heliograph.notifications.sessions import Sessions
from heliograph.service.outbox import NotPublished
from tests.notifications.endpoint import listening
from tests.notifications.lab import LAB
from tests.notifications.whole_server import until, whole_server

TAKEN = ("127.0.0.1", "localhost", "0x7f.1", "0x7f000001")
SPELLINGS = (*TAKEN, "2130706433", "017700000001", "127.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]")
"""Of one address: by a name, hexadecimal; as a number, octal, short, which aiohttp refuses by itself; inside IPv6."""
LOOPBACK = PushAddresses((ip_network("127.0.0.0/8"), ip_network("::1/128")))
OTHER = PushAddresses((ip_network("10.255.255.0/24"),))


class Counting:
    """How many connections came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.count = 0


@contextlib.asynccontextmanager
async def counting() -> AsyncIterator[Counting]:
    """Something on this machine that must not be reached: it answers anyone who comes."""
    listener = socket.create_server(("127.0.0.1", 0))
    counted = Counting(listener.getsockname()[1])

    async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counted.count += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(came, sock=listener):
        yield counted


async def posted(addresses: PushAddresses, url: str) -> int:
    """The status that the URL answered.  Raises: NotPublished."""
    sessions = Sessions(addresses, timeout_s=30)
    try:
        return (await post(sessions, URL(url, encoded=True), b"{}")).status
    finally:
        await sessions.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_of_an_address_that_is_not_allowed_is_connected_to(scheme: str, host: str) -> None:
    async with counting() as inside:
        for addresses in (PushAddresses(), OTHER):
            with pytest.raises(NotPublished, match=r"--push-allow-network|InvalidUrl"):
                await posted(addresses, f"{scheme}://{host}:{inside.port}/")

        assert 0 == inside.count


@pytest.mark.parametrize("host", TAKEN)
async def test_every_spelling_of_an_allowed_address_is(host: str) -> None:
    async with counting() as allowed:
        assert 204 == await posted(LOOPBACK, f"http://{host}:{allowed.port}/")
        assert 1 == allowed.count


async def test_a_redirect_is_not_followed_not_even_to_an_allowed_address(tmp_path: Path) -> None:
    async with counting() as inside:

        async def redirects(_request: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{inside.port}/"})

        async with listening(redirects) as endpoint, whole_server(tmp_path) as server:
            await server.made(endpoint.url)
            await server.tried_out()
            await endpoint.has(1, "test")
            await until(lambda: bool(server.ports.publishing.failed))

        assert 0 == inside.count


async def test_a_name_that_leads_inside_is_looked_at_with_each_connection(tmp_path: Path) -> None:
    """When the endpoint is made, a name may still lead elsewhere."""
    async with counting() as inside, whole_server(tmp_path, networks=("10.255.255.0/24",)) as server:
        await server.made(f"http://localhost:{inside.port}/")
        await server.tried_out()
        await until(lambda: bool(server.ports.publishing.failed))

        (waiting,) = await server.ports.store.oldest_messages(LAB.enterprise, limit=2)

    assert (0, "test") == (inside.count, waiting.notification_type)


async def test_a_cookie_of_one_endpoint_goes_to_no_other() -> None:
    seen: list[str] = []

    async def sets_one(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie", ""))
        return web.Response(status=204, headers={"Set-Cookie": "tenant=a"})

    async with listening(sets_one) as endpoint:
        sessions = Sessions(LOOPBACK, timeout_s=30)
        body = b'{"message": {"attributes": {"notificationType": "test"}}}'
        for path in ("/a", "/b"):
            await post(sessions, URL(f"{endpoint.url}{path}"), body)
        await sessions.close()

    assert ["", ""] == seen
