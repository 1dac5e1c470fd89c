"""What a phone and the server say to each other about a command, over both transports and a real server."""

import asyncio

import pytest

from tests.channel.conftest import Connect, Server
from tests.channel.phones import ACK_ID, FACTS, OTHER_ACK_ID, HttpPhone

pytestmark = pytest.mark.both_ways


async def test_a_command_is_offered_acknowledged_and_reported(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")

    async with connect(phone_id) as phone:
        offer = await phone.offer()
        acknowledged = await phone.send("acknowledge", operation, ackId=ACK_ID)
        reported = await phone.send("report", operation, ackId=ACK_ID, seq=1, state="SUCCEEDED")

    assert offer is not None
    assert (operation, {"type": "LOCK"}) == (offer["operation"], offer["command"])
    assert 0 < offer["expiresInMs"] <= 600_000
    assert 200 == acknowledged.status
    assert 590_000 < acknowledged.body["startWithinMs"] <= 600_000
    assert (200, {}) == reported
    assert "succeeded" == await server.outcome(operation)


async def test_a_connected_phone_gets_a_command_while_it_waits(server: Server, connect: Connect) -> None:
    """By itself it would look again when its poll is over, or never: how long it takes is measured by `make bench`."""
    phone_id = await server.enroll()
    async with connect(phone_id) as phone:
        assert await phone.offer(within_s=0.05) is None
        waiting = asyncio.create_task(phone.offer(within_s=60))
        await server.waited_on(phone_id)

        operation = await server.issue(phone_id, type="LOCK")
        offer = await waiting

    assert offer is not None
    assert operation == offer["operation"]


async def test_a_command_waits_for_the_one_before_it(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    first = await server.issue(phone_id, type="LOCK")
    second = await server.issue(phone_id, type="REBOOT")

    async with connect(phone_id) as phone:
        offered_first = await phone.offer()
        nothing_meanwhile = await phone.offer(within_s=0.1)
        await phone.send("acknowledge", first, ackId=ACK_ID)
        nothing_while_it_runs = await phone.offer(within_s=0.1)
        await phone.send("report", first, ackId=ACK_ID, seq=1, state="SUCCEEDED")
        offered_second = await phone.offer()

    assert (None, None) == (nothing_meanwhile, nothing_while_it_runs)
    assert [first, second] == [offer["operation"] for offer in (offered_first, offered_second) if offer]


async def test_a_phone_refuses_what_it_cannot_do(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="REBOOT")

    async with connect(phone_id) as phone:
        await phone.offer()
        refused = await phone.send("refuse", operation, errorCode="API_LEVEL")
        repeated = await phone.send("refuse", operation, errorCode="API_LEVEL")

    assert [(200, {}), (200, {})] == [refused, repeated]
    assert "API_LEVEL" == (await server.operation(operation))["metadata"]["errorCode"]


async def test_progress_is_shown_and_lets_the_next_command_start(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="REMOVE_ESIM", removeEsimParams={"iccId": "89490200001234567890"})
    later = await server.issue(phone_id, type="LOCK")

    async with connect(phone_id) as phone:
        await phone.offer()
        await phone.send("acknowledge", operation, ackId=ACK_ID)
        progress = await phone.send("report", operation, ackId=ACK_ID, seq=1, state="PROGRESS", status={"status": "IN_PROGRESS"})
        shown = await server.operation(operation)
        next_offer = await phone.offer()
        done = await phone.send("report", operation, ackId=ACK_ID, seq=2, state="SUCCEEDED", status={"status": "SUCCESS"})

    assert [(200, {}), (200, {})] == [progress, done]
    assert {"status": "IN_PROGRESS"} == shown["metadata"]["esimStatus"]
    assert next_offer is not None
    assert later == next_offer["operation"]
    assert "SUCCESS" == (await server.operation(operation))["metadata"]["esimStatus"]["status"]


async def test_an_answer_that_was_lost_is_given_again(server: Server, connect: Connect) -> None:
    """The phone repeats its acknowledgement and its report on a new connection, and nothing changes."""
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")
    async with connect(phone_id) as phone:
        await phone.offer()
        await phone.send("acknowledge", operation, ackId=ACK_ID)

    async with connect(phone_id) as phone:
        again = await phone.send("acknowledge", operation, ackId=ACK_ID, needCommand=True)
        first = await phone.send("report", operation, ackId=ACK_ID, seq=1, state="SUCCEEDED")
        second = await phone.send("report", operation, ackId=ACK_ID, seq=1, state="SUCCEEDED")

    assert again.body["startWithinMs"] > 0
    assert {"type": "LOCK"} == again.body["command"]
    assert [(200, {}), (200, {})] == [first, second]
    assert "succeeded" == await server.outcome(operation)


async def test_a_new_connection_is_offered_the_command_at_once(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")
    async with connect(phone_id) as phone:
        assert await phone.offer() is not None

    async with connect(phone_id) as phone:
        # A poll that does not wait; on a WebSocket, an offer that is not made at once is never made.
        offer = await phone.offer(within_s=0) if isinstance(phone, HttpPhone) else await phone.offer()

    assert offer is not None
    assert operation == offer["operation"]


async def test_another_ack_id_does_not_get_the_command(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")

    async with connect(phone_id) as phone:
        await phone.send("acknowledge", operation, ackId=ACK_ID)
        taken = await phone.send("acknowledge", operation, ackId=OTHER_ACK_ID)
        reported = await phone.send("report", operation, ackId=OTHER_ACK_ID, seq=1, state="SUCCEEDED")

    assert (200, {"drop": "taken"}) == taken
    assert 409 == reported.status


async def test_a_cancelled_command_is_dropped(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")

    async with connect(phone_id) as phone:
        await phone.offer()
        await server.cancel(operation)
        dropped = await phone.send("acknowledge", operation, ackId=ACK_ID)

    assert (200, {"drop": "cancelled"}) == dropped


async def test_an_expired_command_is_dropped(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK", duration="0.1s")

    async with connect(phone_id) as phone:
        await phone.offer()
        await asyncio.sleep(0.15)
        dropped = await phone.send("acknowledge", operation, ackId=ACK_ID)

    assert (200, {"drop": "expired"}) == dropped
    assert "expired" == await server.outcome(operation)


async def test_a_success_whose_acknowledgement_the_server_lost_is_taken(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")

    async with connect(phone_id) as phone:
        reply = await phone.send("report", operation, ackId=ACK_ID, seq=1, state="SUCCEEDED")

    assert (200, {}) == reply
    assert "succeeded" == await server.outcome(operation)


async def test_a_wipe_that_the_phone_has_begun_ends_the_device_at_its_hello(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()

    async with connect(phone_id) as phone:
        operation = await server.issue(phone_id, type="WIPE")
        reply = await phone.hello({"operation": operation, "ackId": ACK_ID, "state": "executing"})

    assert 410 == reply.status
    assert operation == reply.body["lastOrder"]["operation"]
    assert "succeeded" == await server.outcome(operation)


async def test_a_start_that_was_never_acknowledged_is_a_conflict(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="LOCK")

    async with connect(phone_id) as phone:
        reply = await phone.send("report", operation, ackId=ACK_ID, seq=1, state="NOT_STARTED")

    assert 409 == reply.status
    assert "ABORTED" == reply.body["error"]["status"]
    assert "pending" == await server.outcome(operation)


@pytest.mark.parametrize(
    "kind, body",
    [
        ("acknowledge", {"ackId": ACK_ID}),
        ("refuse", {"errorCode": "UNSUPPORTED"}),
        ("report", {"ackId": ACK_ID, "seq": 1, "state": "SUCCEEDED"}),
    ],
)
async def test_a_device_sees_its_own_commands_only(server: Server, connect: Connect, kind: str, body: dict[str, object]) -> None:
    owner, stranger = await server.enroll(), await server.enroll()
    operation = await server.issue(owner, type="LOCK")

    async with connect(stranger) as phone:
        reply = await phone.send(kind, operation, **body)

    assert 404 == reply.status
    assert "pending" == await server.outcome(operation)


async def test_facts_are_shown_and_answered_with_the_policy(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()

    async with connect(phone_id) as phone:
        reply = await phone.send("status", report={**FACTS, "appliedState": "LOST", "somethingNewer": {"unknown": True}})

    assert 200 == reply.status
    assert "policyName" in reply.body


async def test_a_password_travels_to_the_phone_only(server: Server, connect: Connect) -> None:
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="RESET_PASSWORD", newPassword="correct horse")

    async with connect(phone_id) as phone:
        offer = await phone.offer()

    assert offer is not None
    assert "correct horse" == offer["command"]["newPassword"]
    assert "newPassword" not in (await server.operation(operation))["metadata"]
