"""Push endpoints of an enterprise: several, set while the server runs, each with its own types and its own queue."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from heliograph.domain.enterprise import Enterprise
from heliograph.domain.names import PushEndpointName
from heliograph.domain.push_endpoint import PushEndpointRecord
from heliograph.service.enterprises import create_enterprise
from heliograph.service.push_endpoints import send_test_message
from heliograph.service.send_notifications import AT_ONCE_MOST
from tests.notifications.endpoint import Endpoint, listening
from tests.notifications.lab import LAB
from tests.notifications.whole_server import ENDPOINTS, WholeServer, whole_server


async def test_every_endpoint_gets_what_its_enterprise_enabled_or_what_it_asks_for_itself(server: WholeServer) -> None:
    async with listening() as all_types, listening() as commands, listening() as enrolments:
        await server.made(all_types.url, "all")
        await server.made(commands.url, "commands", notificationTypes=["COMMAND"])
        await server.made(enrolments.url, "enrolments", notificationTypes=["ENROLLMENT"])

        operation = await server.ended()

        for endpoint in (all_types, commands):
            (one,) = await endpoint.has(1)
            assert operation == one.resource["name"]
        (enrolment,) = await enrolments.has(1, "ENROLLMENT")
        assert "projects/LC0lab0000/subscriptions/enrolments" == enrolment.body["subscription"]
        assert not all_types.of_kind("ENROLLMENT")
        assert not enrolments.of_kind("COMMAND")


async def test_an_endpoint_that_is_down_holds_up_no_other_and_each_has_messages_of_its_own(lone: WholeServer) -> None:
    async with listening() as down, listening() as up:
        down.answers = [503] * 1_000
        await lone.made(down.url, "down")
        await lone.made(up.url, "up")

        await lone.ended()

        (refused,), (taken,) = await down.has(1), await up.has(1)
        assert refused.message_id != taken.message_id


async def test_an_endpoint_is_read_changed_listed_and_deleted(server: WholeServer) -> None:
    async with listening() as first, listening() as second:
        made = await server.made(first.url, displayName="Ours")
        changed = await server.patched("url,displayName", url=second.url, displayName="Mine")
        assert {**made, "url": second.url, "displayName": "Mine"} == changed == await server.shown()
        assert [changed] == (await server.call("GET", ENDPOINTS)).json["pushEndpoints"]

        await server.ended()
        await second.has(1)
        gone = await server.call("DELETE", f"{ENDPOINTS}/mine")
        await server.ended()

        assert (200, {}) == gone
        assert (404, {}) == ((await server.call("GET", f"{ENDPOINTS}/mine")).status, (await server.call("GET", ENDPOINTS)).json)
        assert (0, 1) == (len(first.received), len(second.received))
        assert not await server.ports.store.oldest_messages(LAB.enterprise, limit=1)


async def test_an_enterprise_has_a_bounded_number_of_endpoints_and_they_go_with_it(server: WholeServer) -> None:
    for number in range(16):
        await server.made("https://emm.example.com/", f"e{number}")
    one_more = await server.call("POST", ENDPOINTS, {"url": "https://emm.example.com/"})
    first = (await server.call("GET", f"{ENDPOINTS}?pageSize=10")).json
    second = (await server.call("GET", f"{ENDPOINTS}?pageSize=10&pageToken={first['nextPageToken']}")).json

    assert 200 == (await server.call("DELETE", f"/v1/{LAB}")).status

    assert (429, "TOO_MANY_PUSH_ENDPOINTS") == (one_more.status, one_more.json["error"]["details"][0]["reason"])
    assert [f"{LAB}/pushEndpoints/e{number}" for number in range(16)] == [
        one["name"] for one in (*first["pushEndpoints"], *second["pushEndpoints"])
    ]
    assert await server.ports.store.record(PushEndpointRecord, PushEndpointName(LAB.enterprise, "e1")) is None


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, "push_endpoint.url"),
        ({"url": "ftp://emm.example.com"}, "push_endpoint.url"),
        ({"url": "https://user:word@emm.example.com/"}, "push_endpoint.url"),
        ({"url": "https://emm.example.com/#part"}, "push_endpoint.url"),
        ({"url": "https://10.0.0.1/"}, "push_endpoint.url"),
        ({"url": "https://169.254.169.254/"}, "push_endpoint.url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "push_endpoint.url"),
        ({"url": "https://2130706433/"}, "push_endpoint.url"),
        ({"url": "https://0177.0.0.1/"}, "push_endpoint.url"),
        ({"url": "https://e.example/", "notificationTypes": ["NOTIFICATION_TYPE_UNSPECIFIED"]}, "push_endpoint.notification_types"),
        ({"url": "https://e.example/", "displayName": "x" * 101}, "push_endpoint.display_name"),
        ({"url": "https://e.example/", "signing": {"oidc": {}}}, "push_endpoint.signing.oidc.service_account_email"),
        (
            {"url": "https://e.example/", "signing": {"standardWebhooks": {"schemes": ["SCHEME_UNSPECIFIED"]}}},
            "push_endpoint.signing.standard_webhooks.schemes",
        ),
    ],
)
async def test_a_wrong_endpoint_is_refused_with_the_field_that_is_wrong(lone: WholeServer, body: object, field: str) -> None:
    answer = await lone.call("POST", ENDPOINTS, body)

    violations = answer.json["error"]["details"][0]["fieldViolations"]
    assert (400, [field]) == (answer.status, [violation["field"] for violation in violations])


async def test_an_id_that_is_taken_or_malformed_and_an_enterprise_that_is_not_there_are_refused(lone: WholeServer) -> None:
    await lone.made("https://emm.example.com/")
    body = {"url": "https://emm.example.com/"}

    taken = await lone.call("POST", f"{ENDPOINTS}?pushEndpointId=mine", body)
    malformed = await lone.call("POST", f"{ENDPOINTS}?pushEndpointId=Not.One", body)
    elsewhere = await lone.call("POST", "/heliograph/v1/enterprises/LC0other/pushEndpoints", body)
    unknown = await lone.call("POST", f"{ENDPOINTS}/other:test", {})

    assert (409, 400, 403, 404) == (taken.status, malformed.status, elsewhere.status, unknown.status)


async def test_without_an_allowed_network_only_https_is_accepted(tmp_path: Path) -> None:
    async with whole_server(tmp_path, networks=()) as strict:
        plain = await strict.call("POST", ENDPOINTS, {"url": "http://emm.example.com/"})

        assert (400, True) == (plain.status, "--push-allow-network" in plain.message)


async def test_slow_endpoints_of_one_enterprise_leave_room_for_those_of_another(server: WholeServer, endpoint: Endpoint) -> None:
    counts, under_way, answered = server.ports.publishing, [0], asyncio.Event()

    async def slowly(_request: web.Request) -> web.Response:
        under_way.append(counts.begun - counts.ended)
        await answered.wait()
        return web.Response(status=204)

    other = PushEndpointName("LC0other00", "mine")
    slow = [PushEndpointName(LAB.enterprise, f"slow{number}") for number in range(8)]
    await create_enterprise(server.ports, Enterprise(), enterprise_id=other.enterprise)
    await server.call("POST", f"/heliograph/v1/{other.parent}/pushEndpoints?pushEndpointId=mine", {"url": endpoint.url})
    async with listening(slowly) as receiver:
        for name in slow:
            await server.made(receiver.url, name.push_endpoint)
            await send_test_message(server.ports, name)
        await receiver.has(len(slow), "test")

        await asyncio.gather(*(send_test_message(server.ports, name) for name in slow * (AT_ONCE_MOST // len(slow))))
        await receiver.has(AT_ONCE_MOST // 2, "test")
        await send_test_message(server.ports, other)
        await endpoint.has(1, "test")
        answered.set()
        await receiver.has(AT_ONCE_MOST + len(slow), "test")

    assert max(under_way) <= AT_ONCE_MOST // 2 + len(slow)
