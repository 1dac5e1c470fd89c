"""Connections come and go; what is known of them may be lost at any time."""

import asyncio
import time

import pytest

from heliograph.domain.names import DeviceName
from tests.channel.conftest import Connect, Server
from tests.channel.phones import ACK_ID, HttpPhone, SocketPhone


async def test_the_newest_connection_wins(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()

    async with connect(phone_id) as older:
        waiting = asyncio.create_task(older.ended(within_s=90))
        await server.waited_on(phone_id)
        async with connect(phone_id) as newer:
            ended = await asyncio.wait_for(waiting, 90)
            operation = await server.issue(phone_id, type="LOCK")
            offer = await newer.offer()

    assert ended in {409, 4409}
    assert offer is not None
    assert operation == offer["operation"]


async def test_a_web_socket_takes_over_from_a_poll(server: Server) -> None:
    phone_id = await server.enroll()
    poll = asyncio.create_task(HttpPhone(server.http, server.url, phone_id.credential).poll(20))
    await server.waited_on(phone_id)

    async with SocketPhone(server.http, server.url, phone_id.credential) as socket:
        await socket.hello()
        reply = await asyncio.wait_for(poll, 90)

    assert 409 == reply.status
    assert "NEWER_CONNECTION" == reply.body["error"]["details"][0]["reason"]


async def test_a_second_poll_of_one_connection_ends_the_first_in_good_order(server: Server) -> None:
    phone_id = await server.enroll()
    phone = HttpPhone(server.http, server.url, phone_id.credential)
    first = asyncio.create_task(phone.poll(20))
    await server.waited_on(phone_id)

    second = asyncio.create_task(phone.poll(1))
    answered = await asyncio.wait_for(first, 90)
    then = await second

    assert [(200, {}), (200, {})] == [answered, then]


async def test_a_phone_may_poll_without_hello(server: Server) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")

    offer = await HttpPhone(server.http, server.url, phone_id.credential).offer()

    assert offer is not None
    assert operation == offer["operation"]


async def test_an_offer_is_repeated_to_polls_after_a_second(server: Server) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")
    phone = HttpPhone(server.http, server.url, phone_id.credential)
    await phone.offer()
    offered_at = time.monotonic()

    offer = await phone.offer(within_s=30)

    assert offer is not None
    assert operation == offer["operation"]
    assert 0.9 < time.monotonic() - offered_at


@pytest.mark.both_ways
async def test_hello_keeps_alive_what_is_in_flight(server: Server, connect: Connect) -> None:
    """Its result timeout restarts, and it is not offered again."""
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")
    await server.post(f"{operation}:acknowledge", {"ackId": ACK_ID}, phone_id.credential)
    before = (await server.parts.store.open_operations(DeviceName.parse(phone_id.name)))[0]

    in_flight = {"operation": operation, "ackId": ACK_ID, "state": "executing"}
    async with connect(phone_id, in_flight) as phone:
        offer = await phone.offer(within_s=0.2)
    after = (await server.parts.store.open_operations(DeviceName.parse(phone_id.name)))[0]

    assert offer is None
    assert (before.deadline_us or 0) < (after.deadline_us or 0)


@pytest.mark.both_ways
async def test_what_hello_does_not_list_is_offered_again(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")
    await server.post(f"{operation}:acknowledge", {"ackId": ACK_ID}, phone_id.credential)

    async with connect(phone_id) as phone:
        offer = await phone.offer()

    assert offer is not None
    assert operation == offer["operation"]


async def test_presence_tells_who_is_there(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    presence, name = server.parts.channel.presence, DeviceName.parse(phone_id.name)
    before = (presence.connected(name), presence.last_seen_us(name))

    async with connect(phone_id) as phone:
        await phone.offer(within_s=0.05)
        during = presence.connected(name)

    assert (False, 0) == before
    assert during
    assert server.parts.ports.clock.now_us() - presence.last_seen_us(name) < 90_000_000


async def test_a_poll_whose_phone_hung_up_swallows_no_offer(server: Server) -> None:
    """Had it done so, the next poll of the same connection would wait a second for the repetition."""
    phone_id = await server.enroll()
    phone = HttpPhone(server.http, server.url, phone_id.credential)
    poll = asyncio.create_task(phone.poll(20))
    await server.waited_on(phone_id)
    poll.cancel()
    await server.waited_on(phone_id, waits=False)

    operation = await server.issue(phone_id, type="LOCK")
    offer = await phone.offer(within_s=0)

    assert offer is not None
    assert operation == offer["operation"]


async def test_a_stopping_server_says_when_to_come_again(server: Server) -> None:
    polling, on_socket = await server.enroll(), await server.enroll()
    poll = asyncio.create_task(HttpPhone(server.http, server.url, polling.credential).poll(20))

    async with SocketPhone(server.http, server.url, on_socket.credential) as phone:
        await phone.hello()
        await server.parts.channel.drain()
        closed = await phone.ended()
        reason = phone.close_reason
    answered = await asyncio.wait_for(poll, 90)
    later = await HttpPhone(server.http, server.url, polling.credential).poll(20)

    assert 1001 == closed
    assert reason.startswith("retryAfterMs=")
    assert [200, 200] == [answered.status, later.status]
    assert 0 <= answered.body["retryAfterMs"] < 5_000


@pytest.mark.both_ways
async def test_a_device_has_at_most_eight_requests_answered_at_once(server: Server) -> None:
    """The ninth must come again, and no one else is harmed."""
    phone_id, other = await server.enroll(), await server.enroll()
    operations = [await server.issue(phone_id, type="LOCK") for _ in range(40)]
    paths = [f"{operation}:acknowledge" for operation in operations]

    replies = await asyncio.gather(*(server.post(path, {"ackId": ACK_ID}, phone_id.credential) for path in paths))
    of_other = await server.post("hello", {}, other.credential)

    assert {200, 429} == {reply.status for reply in replies}
    assert 200 == of_other.status
