"""The agent of this project comes again when a stopping server asked it to, on either transport."""

import asyncio
import random
from collections.abc import Callable

import pytest

from heliograph.agent.http_client import HttpClient
from heliograph.agent.long_poll import LongPollTransport
from heliograph.agent.transport import ConnectionLost, Transport
from heliograph.agent.websocket import WebSocketTransport
from heliograph.backoff import Backoff
from heliograph.protocol import Hello
from tests.channel.conftest import Server

TRANSPORTS: dict[str, Callable[[HttpClient], Transport]] = {
    "long-poll": lambda door: LongPollTransport(door, random.Random(1)),
    "WebSocket": WebSocketTransport,
}


@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_the_agent_waits_as_long_as_a_stopping_server_asks_it_to(server: Server, kind: str) -> None:
    transport = TRANSPORTS[kind](HttpClient(server.url))
    phone = await server.enroll()
    await transport.connect(phone.credential, Hello())
    waiting = asyncio.ensure_future(transport.next_offer())
    await server.waited_on(phone)

    await server.parts.channel.drain()
    with pytest.raises(ConnectionLost) as lost:
        await asyncio.wait_for(waiting, 60)
    await transport.close()
    hint_s = lost.value.retry_after_s

    assert hint_s is not None
    assert 0 < hint_s <= 5
    assert Backoff(random.Random(1).random, first_s=0.001, most_s=60).next_s(hint_s) >= hint_s
