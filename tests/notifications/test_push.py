"""What a push endpoint gets, and what happens when it does not take it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from heliograph.domain.enterprise import NotificationType
from heliograph.notifications.push import PushPublisher, retry_after_us
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.operations import cancel_operation
from heliograph.service.outbox import PUSH, NotPublished, OutboxMessage
from heliograph.service.send_notifications import EACH_MOST
from tests.notifications.endpoint import Endpoint, listening
from tests.notifications.lab import Lab, lab
from tests.patience import PATIENCE_S, surely

MESSAGE = OutboxMessage(
    message_id=1_790_000_000_000_001, destination=PUSH, notification_type="COMMAND", data=b'{"name":"n"}',
    created_us=1_790_000_000_123_456, due_us=0,
)  # fmt: skip


async def ended_command(lab: Lab) -> str:
    """The name of an operation that just ended."""
    phone = await surely(lab.phone)
    name = await surely(lambda: lab.issue(phone.name))
    await surely(lambda: cancel_operation(lab.ports, name))
    return str(name)


async def never(_request: web.Request) -> web.Response:
    """An endpoint's answer that does not come."""
    await asyncio.sleep(60)
    return web.Response()


@pytest.fixture
async def publisher(endpoint: Endpoint) -> AsyncIterator[PushPublisher]:
    made = PushPublisher(f"{endpoint.url}/hook?token=hunter22", timeout_s=0.3)
    yield made
    await made.close()


async def test_the_envelope_is_that_of_a_pubsub_push_subscription(endpoint: Endpoint, publisher: PushPublisher) -> None:
    await publisher.publish(MESSAGE)

    assert {
        "message": {
            "attributes": {"notificationType": "COMMAND"},
            "data": "eyJuYW1lIjoibiJ9",
            "messageId": "1790000000000001",
            "message_id": "1790000000000001",
            "publishTime": "2026-09-21T14:13:20.123456Z",
            "publish_time": "2026-09-21T14:13:20.123456Z",
        },
        "subscription": "projects/heliograph/subscriptions/push",
    } == endpoint.received[0].body


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_these_answers_acknowledge(endpoint: Endpoint, publisher: PushPublisher, status: int) -> None:
    endpoint.answers = [status]

    await publisher.publish(MESSAGE)

    assert 1 == len(endpoint.received)


@pytest.mark.parametrize("status", [203, 205, 301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 429, 500, 503])
async def test_every_other_answer_does_not_and_no_redirect_is_followed(endpoint: Endpoint, publisher: PushPublisher, status: int) -> None:
    endpoint.answers = [status]

    with pytest.raises(NotPublished, match=f"^127.0.0.1 answered {status}$"):
        await publisher.publish(MESSAGE)

    assert 1 == len(endpoint.received)


@pytest.mark.parametrize("status, about", [(400, "message"), (401, "message"), (408, "endpoint"), (429, "endpoint"), (500, "endpoint")])
async def test_an_answer_is_about_the_message_or_about_the_endpoint(
    endpoint: Endpoint, publisher: PushPublisher, status: int, about: str
) -> None:  # fmt: skip
    endpoint.answers = [status]

    with pytest.raises(NotPublished) as refused:
        await publisher.publish(MESSAGE)

    assert (about == "message", None) == (refused.value.only_this, refused.value.retry_after_us)


async def test_an_endpoint_that_says_when_to_come_back_is_obeyed() -> None:
    async def later(_request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "120"})

    async with listening(later) as endpoint:
        publisher = PushPublisher(endpoint.url)
        with pytest.raises(NotPublished) as refused:
            await publisher.publish(MESSAGE)
        await publisher.close()

    assert 120_000_000 == refused.value.retry_after_us


@pytest.mark.parametrize(
    "text, expected_us",
    [
        ("0", 0),
        ("7", 7_000_000),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90_000_000),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_seconds_and_dates_of_retry_after_are_read_and_nonsense_says_nothing(text: str, expected_us: int | None) -> None:
    assert expected_us == retry_after_us(text, now_s=10.0)


async def test_an_endpoint_that_does_not_answer_is_not_waited_for() -> None:
    async with listening(never) as endpoint:
        publisher = PushPublisher(endpoint.url, timeout_s=0.2)
        with pytest.raises(NotPublished, match=r"did not answer within 0\.2 s"):
            await publisher.publish(MESSAGE)
        await publisher.close()


async def test_a_broken_or_absent_endpoint_is_told_without_its_token(endpoint: Endpoint) -> None:
    publisher = PushPublisher("http://127.0.0.1:9/hook?token=hunter22")

    with pytest.raises(NotPublished) as refused:
        await publisher.publish(MESSAGE)

    assert "127.0.0.1 could not be reached: ClientConnectorError" == str(refused.value)
    await publisher.close()


@pytest.mark.parametrize(
    "endpoint_url",
    [
        *("hook", "/hook", "ftp://host/", "http://", "http://[::1", "http://host:port/"),
        *(r"http://ok.example\@evil.example/", 'http://a"b/', "http://a b/", "http://127.0.0.1/ ", "http://127.1/"),
    ],
)
def test_what_is_no_url_is_refused_at_start(endpoint_url: str) -> None:
    with pytest.raises(InvalidArgument, match="absolute http or https URL"):
        PushPublisher(endpoint_url)


async def test_what_was_not_taken_comes_again_under_the_same_id_until_it_is(pushing: Lab, endpoint: Endpoint) -> None:
    endpoint.answers = [500, 404, 204]

    with capture_logs() as logs:
        name = await ended_command(pushing)
        received = await endpoint.has(3)
        await endpoint.quiet()

    assert [name] * 3 == [one.resource["name"] for one in received]
    assert 1 == len({one.message_id for one in received})
    assert 3 == len(endpoint.received)
    assert 0.4 < received[1].at - received[0].at
    assert 0.8 < received[2].at - received[1].at
    failures = [(entry["reason"], entry["attempts"]) for entry in logs if entry["event"] == "notification.not_published"]
    assert [("127.0.0.1 answered 500", 1), ("127.0.0.1 answered 404", 2)] == failures
    counts = pushing.ports.publishing
    assert (1, 2, 0) == (counts.published, counts.failed, counts.given_up)


async def test_one_message_that_is_not_taken_does_not_hold_up_others(pushing: Lab, endpoint: Endpoint) -> None:
    endpoint.answers = [500]
    await ended_command(pushing)
    await endpoint.has(1)

    later = await ended_command(pushing)
    received = await endpoint.has(2)

    assert later == received[1].resource["name"]


async def test_a_message_that_is_put_off_while_the_server_stops_comes_after_its_start(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.answers = [500]
    async with lab(tmp_path, push_endpoint=endpoint.url, enabled=[NotificationType.COMMAND]) as first:
        name = await ended_command(first)
        await endpoint.has(1)
        await asyncio.sleep(0.05)

    async with lab(tmp_path, push_endpoint=endpoint.url):
        received = await endpoint.has(2)

    assert [name] * 2 == [one.resource["name"] for one in received]
    assert received[0].message_id == received[1].message_id


async def test_only_so_many_messages_are_under_way_at_a_time(tmp_path: Path) -> None:
    under_way, most, full = 0, 0, asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        """Nobody is answered before as many are under way as may be, and a moment in which more could come."""
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == EACH_MOST:
            full.set()
        await full.wait()
        await asyncio.sleep(0.1)
        under_way -= 1
        return web.Response(status=204)

    async with listening(slow) as endpoint, lab(tmp_path, push_endpoint=endpoint.url, enabled=[NotificationType.COMMAND]) as pushing:
        await asyncio.gather(*(ended_command(pushing) for _ in range(3 * EACH_MOST)))
        await endpoint.has(3 * EACH_MOST)

    assert EACH_MOST == most


async def test_an_endpoint_that_never_answers_stops_no_server(tmp_path: Path) -> None:
    async with (
        listening(never) as endpoint,
        asyncio.timeout(PATIENCE_S),
        lab(tmp_path, push_endpoint=endpoint.url, enabled=[NotificationType.COMMAND]) as pushing,
    ):
        await ended_command(pushing)
        await endpoint.has(1)


def test_times_are_written_as_pubsub_writes_them() -> None:
    """The expectation above, computed by the standard library."""
    assert "2026-09-21T14:13:20.123456" == datetime.fromtimestamp(MESSAGE.created_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    assert json.loads(MESSAGE.data) == {"name": "n"}
