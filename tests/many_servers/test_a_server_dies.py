"""What a server leaves behind when it dies belongs to the others; and without the bus, the look at the tail rings."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest
from aiohttp import web

from tests.files import written
from tests.many_servers.lab import Lab, Switch, executions, rings
from tests.notifications.endpoint import Endpoint, listening
from tests.postgres import Cluster

CREDENTIAL = "c" * 43
ACK_ID = "0" * 32


async def test_a_dead_servers_commands_expire_on_time_at_another(lab: Lab) -> None:
    here, there = await lab.start(2)
    phone = await lab.tiny_phone(there, CREDENTIAL)
    issued = [await lab.issue(there, phone, duration="2s") for _ in range(5)]

    await there.kill()

    for operation in issued:
        assert 4 == (await lab.ended(here, operation))["error"]["code"]


async def test_what_a_dead_servers_phone_had_not_begun_is_offered_by_another(lab: Lab) -> None:
    here, there = await lab.start(2)
    phone = await lab.tiny_phone(there, CREDENTIAL)
    first, second = [await lab.issue(there, phone) for _ in range(2)]
    async with lab.socket(there, CREDENTIAL) as socket:
        await socket.hello()
        assert first == (await socket.offer(within_s=90) or {})["operation"]
        await there.kill()

    async with lab.socket(here, CREDENTIAL) as socket:
        await socket.hello()
        offered = await socket.offer(within_s=90)
        assert first == (offered or {})["operation"]
        assert 200 == (await socket.send("acknowledge", first, ackId=ACK_ID)).status
        assert 200 == (await socket.send("report", first, ackId=ACK_ID, seq=1, state="SUCCEEDED")).status
        assert second == (await socket.offer(within_s=90) or {})["operation"]

    assert "response" in await lab.ended(here, first)


async def test_a_phone_that_acknowledged_at_a_dead_server_reports_to_another(lab: Lab) -> None:
    here, there = await lab.start(2)
    phone = await lab.tiny_phone(there, CREDENTIAL)
    operation = await lab.issue(there, phone)
    async with lab.socket(there, CREDENTIAL) as socket:
        await socket.hello()
        assert await socket.offer(within_s=90) is not None
        assert 200 == (await socket.send("acknowledge", operation, ackId=ACK_ID)).status
        await there.kill()

    async with lab.socket(here, CREDENTIAL) as socket:
        await socket.hello({"operation": operation, "ackId": ACK_ID, "state": "executing"})
        again = await socket.send("acknowledge", operation, ackId=ACK_ID)
        report = await socket.send("report", operation, ackId=ACK_ID, seq=1, state="SUCCEEDED")
        offered = await socket.offer(within_s=0.3)

    assert (200, 200, None) == (again.status, report.status, offered)
    assert "startWithinMs" in again.body
    assert "response" in await lab.ended(here, operation)


async def test_phones_of_a_dead_server_go_on_at_another_and_execute_each_command_once(lab: Lab) -> None:
    servers = await lab.start(2)
    async with Switch(*(server.port for server in servers)) as switch:
        phones = [await lab.phone(servers[0], url=switch.url) for _ in range(4)]
        issued: list[str] = []
        for turn in range(6):
            issued += await asyncio.gather(*(lab.issue_surely(switch.url, phone.name) for phone in phones))
            if turn == 2:
                await servers[1].kill()
            if turn == 4:
                await servers[1].start()
                await servers[1].wait_ready(lab.http)
                await servers[0].kill()

        for operation in issued:
            assert "response" in await lab.ended(servers[1], operation)
        assert {1} == {sum(executions(phone, operation) for phone in phones) for operation in issued}


async def test_a_notification_whose_server_died_before_sending_it_is_sent_by_another(lab: Lab, endpoint: Endpoint) -> None:
    options = ("--no-auth", "--push-endpoint", endpoint.url)
    here, there = await lab.start(2, *options)
    phone = await lab.tiny_phone(here, CREDENTIAL)
    operation = await lab.issue(here, phone)

    await lab.post(here, f"/v1/{operation}:cancel")
    await here.kill()

    received = await endpoint.has(1)
    assert {operation} == {one.resource["name"] for one in received}
    assert (await lab.get(there, f"/v1/{operation}"))["done"]


async def test_a_notification_whose_server_died_while_sending_it_is_sent_by_another(lab: Lab, postgres: Cluster) -> None:
    """When its claim lapses: here it is made to, for a minute is long."""

    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(3_600)
        return web.Response()

    async with listening(never) as silent:
        (here,) = await lab.start(1, "--no-auth", "--push-endpoint", silent.url)
        phone = await lab.tiny_phone(here, CREDENTIAL)
        operation = await lab.issue(here, phone)
        await lab.post(here, f"/v1/{operation}:cancel")
        (first,) = await silent.has(1)
        await here.kill()

    async with listening() as endpoint:
        await lab.start(1, "--no-auth", "--push-endpoint", endpoint.url)
        await endpoint.quiet()
        assert [] == endpoint.received
        postgres.sql("UPDATE outbox SET claimed_until_us = 0", url=lab.database)
        (second,) = await endpoint.has(1)

    assert (first.message_id, operation) == (second.message_id, second.resource["name"])


async def test_of_two_servers_one_sends_a_notification(lab: Lab, endpoint: Endpoint) -> None:
    here, there = await lab.start(2, "--no-auth", "--push-endpoint", endpoint.url)
    phone = await lab.tiny_phone(here, CREDENTIAL)

    for turn in range(20):
        server = (here, there)[turn % 2]
        await lab.post(server, f"/v1/{await lab.issue(server, phone)}:cancel")

    received = await endpoint.has(20)
    await endpoint.quiet()
    assert 20 == len({one.message_id for one in received}) == len(endpoint.received)


async def test_without_the_bell_the_tail_rings_and_the_bell_comes_back(lab: Lab, postgres: Cluster) -> None:
    here, there = await lab.start(2)
    phone = await lab.phone(there)

    async with bells_cut(postgres):
        for _ in range(3):
            await lab.ended(here, await lab.issue(here, phone.name))
        silent = await lab.text(there, "/metrics")
    await lab.bells_listen(here, there)
    notified = rings(await lab.text(there, "/metrics"), "notify")
    await lab.ended(here, await lab.issue(here, phone.name))

    assert "heliograph_doorbell_listening 0.0" in silent
    assert 0 == rings(silent, "notify")
    assert 1 <= rings(silent, "tail")
    await lab.shows(there, "/metrics", lambda page: notified < rings(page, "notify"))
    for server in (here, there):
        await asyncio.to_thread(written, server.log, lambda log: 1 <= log.count("doorbell.silent") == log.count("doorbell.mended"))


async def test_a_policy_that_changed_while_the_bell_was_silent_is_told_when_it_is_back(lab: Lab, postgres: Cluster) -> None:
    here, there = await lab.start(2)
    phone = await lab.phone(there)
    policy = f"{lab.enterprise}/policies/kiosk"
    await lab.patch(here, f"/v1/{policy}", {})
    await lab.patch(here, f"/v1/{phone.name}?updateMask=policyName", {"policyName": policy})
    await lab.applies(here, phone.name, policy, 1)

    async with bells_cut(postgres):
        await lab.patch(here, f"/v1/{policy}", {"cameraDisabled": True})

    await lab.applies(here, phone.name, policy, 2)


@contextlib.asynccontextmanager
async def bells_cut(postgres: Cluster) -> AsyncIterator[None]:
    """Listeners are thrown out at once, as a pooler may do."""
    connection = await asyncpg.connect(postgres.url())
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ~* '^LISTEN|pg_notify' AND pid <> pg_backend_pid()"

    async def keep_cutting() -> None:
        while True:
            await connection.fetchval(cut)
            await asyncio.sleep(0.002)

    await connection.fetchval(cut)
    cutting = asyncio.create_task(keep_cutting())
    try:
        await asyncio.sleep(0.5)
        yield
    finally:
        cutting.cancel()
        await asyncio.gather(cutting, return_exceptions=True)
        await connection.close()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """A push endpoint that takes everything."""
    async with listening() as made:
        yield made
