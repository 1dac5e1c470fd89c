"""What a phone hears that is no longer managed: its last order, whatever it asks."""

import asyncio

import pytest

from tests.channel.conftest import Connect, Server
from tests.channel.phones import ACK_ID, FACTS, HANDSHAKE, OTHER_ACK_ID, HttpPhone

pytestmark = pytest.mark.both_ways


async def test_a_wipe_is_over_at_its_acknowledgement_and_repeated_as_execute(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="WIPE", wipeParams={"wipeDataFlags": ["WIPE_ESIMS"]})

    async with connect(phone_id) as phone:
        await phone.offer()
        acknowledged = await phone.send("acknowledge", operation, ackId=ACK_ID)
        outcome = await server.outcome(operation)
        ended = await phone.ended()
    again = await server.post(f"{operation}:acknowledge", {"ackId": ACK_ID, "needCommand": True}, phone_id.credential)
    by_another = await server.post(f"{operation}:acknowledge", {"ackId": OTHER_ACK_ID}, phone_id.credential)

    assert (200, "succeeded") == (acknowledged.status, outcome)
    assert acknowledged.body["startWithinMs"] > 0
    assert ended in {410, 4410}
    assert 200 == again.status
    assert again.body["startWithinMs"] > 0
    assert {"type": "WIPE", "wipeParams": {"wipeDataFlags": ["WIPE_ESIMS"]}} == again.body["command"]
    assert 410 == by_another.status
    assert {"type": "WIPE", "command": again.body["command"], "operation": operation} == by_another.body["lastOrder"]


@pytest.mark.parametrize(
    "path, body",
    [
        ("hello", {}),
        ("status", {"report": FACTS}),
        ("{name}/operations/1:acknowledge", {"ackId": ACK_ID}),
        ("{name}/operations/1:refuse", {"errorCode": "UNSUPPORTED"}),
        ("{name}/operations/1:report", {"ackId": ACK_ID, "seq": 1, "state": "SUCCEEDED"}),
    ],
)
async def test_every_request_of_a_deleted_device_is_answered_with_its_last_order(
    server: Server, path: str, body: dict[str, object]
) -> None:
    phone_id = await server.enroll()
    await server.delete(phone_id, wipe_data_flags=["PRESERVE_RESET_PROTECTION_DATA"], wipe_reason="Sold.")

    reply = await server.post(path.format(name=phone_id.name), body, phone_id.credential)

    assert 410 == reply.status
    assert "WIPE" == reply.body["lastOrder"]["type"]
    assert ["PRESERVE_RESET_PROTECTION_DATA"] == reply.body["lastOrder"]["command"]["wipeParams"]["wipeDataFlags"]
    assert "operation" not in reply.body["lastOrder"] or not reply.body["lastOrder"]["operation"]


async def test_a_connected_phone_learns_at_once_that_it_was_deleted(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()

    async with connect(phone_id) as phone:
        waiting = asyncio.create_task(phone.ended(within_s=90))
        await server.waited_on(phone_id)
        await server.delete(phone_id)
        ended = await asyncio.wait_for(waiting, 90)

    assert ended in {410, 4410}


async def test_a_deleted_device_gets_its_last_order_instead_of_a_web_socket(server: Server) -> None:
    phone_id = await server.enroll()
    await server.delete(phone_id)

    headers = HANDSHAKE | {"Authorization": f"Bearer {phone_id.credential}"}
    async with server.http.get(f"{server.url}/device/v1/connect", headers=headers) as answer:
        body = await answer.json()

    assert 410 == answer.status
    assert "WIPE" == body["lastOrder"]["type"]


async def test_a_last_order_is_confirmed_as_often_as_the_phone_likes(server: Server) -> None:
    phone_id = await server.enroll()
    await server.delete(phone_id)
    phone = HttpPhone(server.http, server.url, phone_id.credential)

    first = await phone.send("orderCarriedOut")
    second = await phone.send("orderCarriedOut")

    assert [(200, {}), (200, {})] == [first, second]


async def test_a_managed_device_has_no_last_order_to_confirm(server: Server, connect: Connect) -> None:
    async with connect(await server.enroll()) as phone:
        reply = await phone.send("orderCarriedOut")

    assert 409 == reply.status
