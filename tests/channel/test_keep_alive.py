"""What a phone asks for to keep its connection open, and what holds: on a real server, an hour of it in a moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.channel.negotiation import agreed_keep_alive
from heliograph.domain.enterprise import Enterprise
from heliograph.protocol import KEEP_ALIVE_LEAST_S, KEEP_ALIVE_MOST_S, LONG_POLL_MAX_S, KeepAlive
from heliograph.server import SystemClock, assembled, listening_socket, serving, url_of
from heliograph.service.enterprises import create_enterprise
from heliograph.service.limits import Limits, with_limits
from heliograph.settings import Settings
from tests.channel.conftest import ENTERPRISE, Server
from tests.channel.phones import HttpPhone, Identity, Reply, SocketPhone
from tests.channel.test_slow_reader import connected_silently, frame
from tests.patience import PATIENCE_S, patient
from tests.steered_loop import SteeredLoop, steered

GIVEN_UP = 1011
TEXT, CLOSE, PING = 1, 8, 9
LONGER = 126
"""In place of a length, which follows in two bytes.  Source: RFC 6455 §5.2."""
SLACK_S = 10
"""How much a busy machine may add to the time that a test leads."""

Scenario = Callable[[Server], Awaitable[None]]


def lead_through(scenario: Scenario, data_dir: Path, limits: Limits | None = None) -> None:
    """The scenario has run against a server of its own, in a loop whose time it leads."""

    async def run() -> None:
        listener = listening_socket("127.0.0.1", 0)
        settings = patient(Settings(data_dir=data_dir, shutdown_s=1, durable=False, limits=limits or Limits()))
        async with (
            assembled(settings, clock=SystemClock()) as parts,
            serving(parts.app, listener, lane=parts.lane, drain=parts.channel.drain, shutdown_s=1),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http,
        ):
            await create_enterprise(parts.ports, Enterprise(), enterprise_id=ENTERPRISE.enterprise)
            await scenario(Server(parts, url_of(listener), http))

    with asyncio.Runner(loop_factory=SteeredLoop) as runner:
        runner.run(run())


@contextlib.asynccontextmanager
async def on_socket(server: Server, phone: Identity, **hello: Any) -> AsyncIterator[tuple[SocketPhone, Reply]]:  # noqa: ANN401 - JSON
    """The phone on a WebSocket, and how its hello was answered."""
    async with SocketPhone(server.http, server.url, phone.credential) as socket:
        yield socket, await socket.send("hello", **hello)


@pytest.mark.parametrize("asked_s, holds_s", [(1, 30), (30, 30), (240, 240), (900, 900), (86_400, 900)])
async def test_what_holds_is_between_half_a_minute_and_a_quarter_of_an_hour(server: Server, asked_s: int, holds_s: int) -> None:
    phone = await server.enroll()

    async with on_socket(server, phone, keepAlive={"everyS": asked_s}) as (_, greeted):
        over_http = await server.post("hello", {"keepAlive": {"everyS": asked_s, "serverPings": True}}, phone.credential)

    assert {"everyS": holds_s} == greeted.body["keepAlive"]
    assert {"everyS": holds_s} == over_http.body["keepAlive"]  # a poll is not pinged


async def test_who_asks_for_nothing_is_answered_as_before(server: Server) -> None:
    phone = await server.enroll()

    greeted = await server.post("hello", {}, phone.credential)

    assert not {"keepAlive", "protocolVersion"} & greeted.body.keys()


@pytest.mark.parametrize("asked", [{"everyS": 0}, {"everyS": -5}, {"everyS": "300"}, {}, 300])
async def test_what_is_no_interval_is_refused(server: Server, asked: object) -> None:
    phone = await server.enroll()

    greeted = await server.post("hello", {"keepAlive": asked}, phone.credential)

    assert 400 == greeted.status
    assert "keepAlive" in greeted.body["error"]["message"]


@given(asked_s=st.integers(1, 10**9), most_s=st.integers(1, 10**9), pings=st.booleans(), pinged=st.booleans())
def test_whatever_is_asked_for_something_in_bounds_holds(asked_s: int, most_s: int, *, pings: bool, pinged: bool) -> None:
    holds = agreed_keep_alive(KeepAlive(every_s=asked_s, server_pings=pings), most_s=most_s, pinged=pinged)

    assert KEEP_ALIVE_LEAST_S <= holds.every_s <= max(KEEP_ALIVE_LEAST_S, min(most_s, KEEP_ALIVE_MOST_S))
    assert holds == agreed_keep_alive(holds, most_s=most_s, pinged=pinged)
    assert (pings and pinged) is holds.server_pings


async def test_a_ping_asks_for_another_interval(server: Server) -> None:
    phone = await server.enroll()

    async with on_socket(server, phone, keepAlive={"everyS": 60}) as (socket, _):
        longer = await socket.send("ping", keepAlive={"everyS": 5_000})
        plain = await socket.send("ping")
        refused = await socket.send("ping", keepAlive={"everyS": 0})

    assert [{"keepAlive": {"everyS": 900}}, {}, 400] == [longer.body, plain.body, refused.status]


def test_an_operator_s_proxy_bounds_what_holds(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        phone = await server.enroll()
        async with on_socket(server, phone, keepAlive={"everyS": 600}) as (_, greeted):
            assert {"everyS": 100} == greeted.body["keepAlive"]

    lead_through(scenario, tmp_path, with_limits(Limits(), ["keep-alive-seconds=100"]))


def test_a_phone_that_pings_in_time_keeps_its_connection_and_one_that_is_silent_loses_it(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        phone = await server.enroll()
        async with on_socket(server, phone, keepAlive={"everyS": 30}) as (socket, _):
            assert 200 == (await socket.send("ping", keepAlive={"everyS": 300})).status
            for _ in range(3):
                await steered().lead(300)
                assert 200 == (await socket.send("ping")).status
            for _ in range(3):
                await steered().lead(300)
                await socket.socket.ping()  # the WebSocket's own will do
                assert 200 == (await server.post("ping", {}, phone.credential)).status
            await steered().lead(450 + SLACK_S)

            assert GIVEN_UP == await socket.ended(within_s=PATIENCE_S)

    lead_through(scenario, tmp_path)


@pytest.mark.parametrize(
    "hello, pinged_after_s", [("{}", 30), ('{"keepAlive":{"everyS":300,"serverPings":true}}', 300), ('{"keepAlive":{"everyS":300}}', None)]
)
def test_the_server_pings_who_asked_for_it_and_who_asked_for_nothing(tmp_path: Path, hello: str, pinged_after_s: int | None) -> None:
    async def scenario(server: Server) -> None:
        reader, writer = await connected_silently(server, (await server.enroll()).credential)
        writer.write(frame(f'{{"id":1,"kind":"hello","body":{hello}}}'))
        assert TEXT == await opcode(reader)

        await steered().lead((pinged_after_s or 449) - SLACK_S)
        writer.write(frame('{"id":2,"kind":"ping"}'))
        assert TEXT == await opcode(reader)  # its answer, and no ping before it
        if pinged_after_s is not None:
            await steered().lead(SLACK_S)
            assert PING == await opcode(reader)
            await steered().lead(30)
            assert CLOSE == await opcode(reader)  # nothing answered the ping
        writer.transport.abort()

    lead_through(scenario, tmp_path)


@pytest.mark.parametrize(
    "asked, longest_s", [("wait=1000", LONG_POLL_MAX_S), ("keepAlive=300", 300), ("keepAlive=1", 30), ("wait=5&keepAlive=100000", 900)]
)
def test_a_poll_waits_as_long_as_its_phone_asked_for(tmp_path: Path, asked: str, longest_s: int) -> None:
    async def scenario(server: Server) -> None:
        phone = await server.enroll()
        poll = asyncio.create_task(HttpPhone(server.http, server.url, phone.credential).ask(asked))
        await server.waited_on(phone)

        await steered().lead(longest_s - SLACK_S)
        await server.post("ping", {}, phone.credential)
        waits = not poll.done()
        await steered().lead(SLACK_S)

        assert waits
        assert Reply(200, {}) == await asyncio.wait_for(poll, PATIENCE_S)

    lead_through(scenario, tmp_path)


def test_a_command_comes_at_once_however_long_the_poll_may_wait(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        phone = await server.enroll()
        poll = asyncio.create_task(HttpPhone(server.http, server.url, phone.credential).ask("keepAlive=900"))
        await server.waited_on(phone)
        await steered().lead(600)

        operation = await server.issue(phone, type="LOCK")

        assert operation == (await asyncio.wait_for(poll, PATIENCE_S)).body["offer"]["operation"]

    lead_through(scenario, tmp_path)


def test_a_stopping_server_waits_for_no_long_poll(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        phone = await server.enroll()
        poll = asyncio.create_task(HttpPhone(server.http, server.url, phone.credential).ask("keepAlive=900"))
        await server.waited_on(phone)

        await server.parts.channel.drain()

        assert "retryAfterMs" in (await asyncio.wait_for(poll, PATIENCE_S)).body

    lead_through(scenario, tmp_path)


async def opcode(reader: asyncio.StreamReader) -> int:
    """What the server's next frame is."""
    first, length = await asyncio.wait_for(reader.readexactly(2), PATIENCE_S)
    await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big") if length == LONGER else length)
    return first & 15
