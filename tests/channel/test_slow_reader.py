"""A phone that does not read its answers is cut off; it harms no one, and may connect again."""

import asyncio

import pytest

from heliograph.domain.names import DeviceName
from tests.channel.conftest import Server
from tests.channel.phones import BY_MESSAGES, HANDSHAKE
from tests.patience import PATIENCE_S

UNMASKED = bytes(4)
"""A masking key that masks nothing."""


def frame(text: str) -> bytes:
    """A client's text frame of at most 125 bytes."""
    return bytes([0x81, 0x80 | len(text)]) + UNMASKED + text.encode()


async def connected_silently(server: Server, credential: str, **headers: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket that has shaken hands, below any library that would read for us."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1_024)
    fields = HANDSHAKE | headers | {"Host": host, "Authorization": f"Bearer {credential}"}
    lines = ["GET /device/v1/connect HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def flood(writer: asyncio.StreamWriter) -> None:
    """Questions without end, with answers that are not read."""
    while True:
        writer.write(frame('{"id":1,"kind":"' + "x" * 60 + '"}') * 200)
        await writer.drain()


@pytest.mark.parametrize("headers", [{}, {BY_MESSAGES: "1"}], ids=["handed over", "by messages"])
async def test_a_phone_that_does_not_read_is_cut_off(server: Server, headers: dict[str, str]) -> None:
    server.parts.channel.peers.unread_most_s = 0.5
    phone = await server.enroll()
    name, presence = DeviceName.parse(phone.name), server.parts.channel.presence
    _, writer = await connected_silently(server, phone.credential, **headers)
    writer.write(frame('{"id":1,"kind":"hello"}'))
    await server.waited_on(phone)

    flooding = asyncio.create_task(flood(writer))
    async with asyncio.timeout(PATIENCE_S):
        while presence.connected(name):  # noqa: ASYNC110 - nothing signals the end of a connection
            await asyncio.sleep(0.05)
    flooding.cancel()
    again = await server.post("hello", {}, phone.credential)
    writer.transport.abort()

    assert 200 == again.status
