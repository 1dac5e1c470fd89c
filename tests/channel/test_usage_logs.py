"""A phone's usage log: every event is published once, to an enterprise that enabled USAGE_LOGS."""

import json
from typing import Any

import pytest

from heliograph.domain.enterprise import Enterprise, NotificationType
from heliograph.service.enterprises import patch_enterprise
from tests.channel.conftest import ENTERPRISE, Connect, Server

Json = dict[str, Any]
TIME = "2026-11-27T12:00:00Z"


def event(number: int, **more: object) -> Json:
    return {"eventId": str(number), "eventTime": TIME, "eventType": "OS_STARTUP", "osStartupEvent": {"verifiedBootState": "GREEN"}, **more}


async def enable(server: Server, *types: NotificationType) -> None:
    wanted = Enterprise(enabled_notification_types=types)
    await patch_enterprise(server.parts.ports, ENTERPRISE, wanted, ("enabled_notification_types",))


async def published(server: Server) -> list[Json]:
    """The data of the enterprise's events."""
    page = await server.parts.ports.store.events(ENTERPRISE, after=0, limit=100)
    return [json.loads(event.data) for event in page.events]


async def test_events_are_published_as_amapis_batch(server: Server, connect: Connect) -> None:
    await enable(server, NotificationType.USAGE_LOGS)
    identity = await server.enroll()
    async with connect(identity) as phone:
        reply = await phone.send("usageLogs", retrievalTime=TIME, events=[event(1), event(2)])

    (batch,) = await published(server)
    assert (200, {}) == reply
    assert (identity.name, TIME, [event(1), event(2)]) == (batch["device"], batch["retrievalTime"], batch["usageLogEvents"])
    assert batch["user"].startswith(f"{ENTERPRISE}/users/")


async def test_what_is_sent_again_is_published_once(server: Server, connect: Connect) -> None:
    await enable(server, NotificationType.USAGE_LOGS)
    async with connect(await server.enroll()) as phone:
        for sent in ([1, 2], [1, 2], [2, 3], [1]):
            assert 200 == (await phone.send("usageLogs", retrievalTime=TIME, events=[*map(event, sent)])).status

    ids = [[int(one["eventId"]) for one in batch["usageLogEvents"]] for batch in await published(server)]
    assert [[1, 2], [3]] == ids


async def test_events_that_nobody_enabled_are_taken_and_gone(server: Server, connect: Connect) -> None:
    async with connect(await server.enroll()) as phone:
        await phone.send("usageLogs", retrievalTime=TIME, events=[event(1)])
        await enable(server, NotificationType.USAGE_LOGS)
        await phone.send("usageLogs", retrievalTime=TIME, events=[event(1), event(2)])

    assert [["2"]] == [[one["eventId"] for one in batch["usageLogEvents"]] for batch in await published(server)]


async def test_what_is_not_known_here_is_left_out(server: Server, connect: Connect) -> None:
    await enable(server, NotificationType.USAGE_LOGS)
    async with connect(await server.enroll()) as phone:
        reply = await phone.send("usageLogs", retrievalTime=TIME, events=[event(1, invented="x")], invented={})

    assert 200 == reply.status
    assert "invented" not in json.dumps(await published(server))


WRONG = {
    "no event's type": [event(1, eventType="EVENT_TYPE_UNSPECIFIED")],
    "another event's field": [event(1, eventType="OS_SHUTDOWN")],
    "two events' fields": [event(1, dnsEvent={})],
    "no field": [{"eventId": "1", "eventTime": TIME, "eventType": "OS_STARTUP"}],
    "no time": [event(1, eventTime="")],
    "no id": [event(0)],
    "ids that fall": [event(2), event(1)],
    "an id twice": [event(1), event(1)],
    "not an object": ["x"],
    "not fields of the event": [event(1, osStartupEvent={"verifiedBootState": 99.5})],
    "too many": [event(number) for number in range(1, 1_002)],
}


@pytest.mark.parametrize("events", WRONG.values(), ids=WRONG)
async def test_what_cannot_be_is_refused_and_nothing_of_it_is_published(server: Server, connect: Connect, events: list[object]) -> None:
    await enable(server, NotificationType.USAGE_LOGS)
    async with connect(await server.enroll()) as phone:
        reply = await phone.send("usageLogs", retrievalTime=TIME, events=[event(1), *events] if len(events) == 1 else events)

    assert 400 == reply.status
    assert [] == await published(server)


async def test_two_phones_have_ids_of_their_own(server: Server, connect: Connect) -> None:
    await enable(server, NotificationType.USAGE_LOGS)
    for _ in range(2):
        async with connect(await server.enroll()) as phone:
            await phone.send("usageLogs", retrievalTime=TIME, events=[event(1)])

    assert 2 == len(await published(server))
