"""A sandbox shows what a push endpoint would get, and pushes it where one is given."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime

import google.auth.jwt
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from heliograph.sandbox.settings import SandboxSettings
from heliograph.service.send_notifications import EACH_MOST
from tests.notifications.endpoint import Answer, Endpoint, listening
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client, Json
from tests.sandbox.conftest import running
from tests.sandbox.making import Maker

PHONE = "pixel8-a15-fully-managed"
ENDPOINTS = "/heliograph/v1/enterprises/sandbox/pushEndpoints"
OTHER = "pixel7-a14-cope"


def enable(sandbox: Client, *types: str) -> None:
    """The sandbox's enterprise enables these types."""
    body = {"enabledNotificationTypes": list(types)}
    sandbox.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", body)


def shown(sandbox: Client, count: int, query: str = "") -> list[Json]:
    """The notifications, once there are so many."""

    def enough() -> list[Json] | None:
        found: list[Json] = sandbox.get(f"/sandbox/v1/notifications{query}")["notifications"]
        return found if len(found) >= count else None

    return sandbox.until(enough)


def instant(text: str) -> datetime:
    """The time: as texts, one on a whole second comes after one with a fraction."""
    return datetime.fromisoformat(text)


def test_what_an_enterprise_enabled_is_shown_as_it_would_be_published(sandbox: Client) -> None:
    enable(sandbox, "COMMAND")
    operation = sandbox.run(PHONE, {"type": "LOCK"})

    (told,) = shown(sandbox, 1)

    assert ("COMMAND", operation) == (told["notificationType"], told["resource"])
    assert told["messageId"].isdigit()
    assert instant(told["publishTime"]) >= instant(operation["metadata"]["createTime"])


def test_a_sandbox_whose_enterprise_enabled_nothing_shows_nothing(sandbox: Client) -> None:
    sandbox.run(PHONE, {"type": "LOCK"})

    assert [] == sandbox.get("/sandbox/v1/notifications")["notifications"]


def test_notifications_of_one_phone_can_be_picked(sandbox: Client) -> None:
    enable(sandbox, "COMMAND")
    mine, other = sandbox.run(PHONE, {"type": "LOCK"}), sandbox.run(OTHER, {"type": "LOCK"})
    shown(sandbox, 2)

    for device in (PHONE, f"enterprises/sandbox/devices/{PHONE}"):
        assert [mine["name"]] == [told["resource"]["name"] for told in shown(sandbox, 1, f"?device={device}")]
    assert [other["name"]] == [told["resource"]["name"] for told in shown(sandbox, 1, f"?device={OTHER}")]
    assert [] == sandbox.get("/sandbox/v1/notifications?device=nobody")["notifications"]


def test_a_wiped_phone_goes_with_a_last_status_report_and_comes_with_an_enrolment(sandbox: Client) -> None:
    enable(sandbox, "ENROLLMENT", "STATUS_REPORT")
    sandbox.run(PHONE, {"type": "WIPE"})
    (last,) = shown(sandbox, 1)
    sandbox.post(f"/sandbox/v1/devices/{PHONE}:enroll")

    kinds = {told["notificationType"] for told in shown(sandbox, 3)}

    assert ("STATUS_REPORT", "DELETED") == (last["notificationType"], last["resource"]["appliedState"])
    assert {"ENROLLMENT", "STATUS_REPORT"} == kinds


def test_a_reset_forgets_notifications(sandbox: Client) -> None:
    enable(sandbox, "COMMAND")
    sandbox.run(PHONE, {"type": "LOCK"})
    shown(sandbox, 1)

    sandbox.post("/sandbox/v1:reset")

    assert [] == sandbox.get("/sandbox/v1/notifications")["notifications"]


@contextlib.contextmanager
def endpoint_in_a_thread(answer: Answer | None = None) -> Iterator[Endpoint]:
    """An endpoint beside a test that does not await."""
    made: list[Endpoint] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def serve() -> None:
        async with listening(answer) as endpoint:
            made.append(endpoint)
            stop.append((asyncio.get_running_loop(), asyncio.Event()))
            ready.set()
            await stop[0][1].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(PATIENCE_S)
    try:
        yield made[0]
    finally:
        stop[0][0].call_soon_threadsafe(stop[0][1].set)
        thread.join(PATIENCE_S)


def test_a_sandbox_pushes_to_an_endpoint_what_it_shows() -> None:
    with endpoint_in_a_thread() as endpoint, running(SandboxSettings(port=0, push_endpoints=(endpoint.url,))) as sandbox:
        enable(sandbox, "COMMAND")
        sandbox.run(PHONE, {"type": "LOCK"})
        (told,) = shown(sandbox, 1)
        pushed = sandbox.until(lambda: endpoint.received)

    assert [(told["messageId"], told["resource"])] == [(one.message_id, one.resource) for one in pushed]
    assert told["publishTime"] == pushed[0].body["message"]["publishTime"]


def test_an_enterprise_of_a_world_has_push_endpoints_of_its_own_and_a_copy_of_the_world_signs_as_it_does(make: Maker) -> None:
    with endpoint_in_a_thread() as endpoint:
        world = make()
        signing = {"oidc": {"serviceAccountEmail": "push@emm.example.com"}, "standardWebhooks": {}}
        made = world.post(f"{ENDPOINTS}?pushEndpointId=mine", {"url": endpoint.url, "notificationTypes": ["COMMAND"], "signing": signing})
        operation = world.run(PHONE, {"type": "LOCK"})
        world.until(lambda: endpoint.received)
        copy = make(snapshot=world.post("/sandbox/v1:export"))
        copy.post(f"{ENDPOINTS}/mine:test")
        pushed, tested = copy.until(lambda: endpoint.received if len(endpoint.received) > 1 else None)
        certificates = copy.get("/heliograph/v1/certs")

    for received in (pushed, tested):
        Webhook(made["signing"]["standardWebhooks"]["secret"]).verify(received.raw, dict(received.headers))
        token = received.headers["authorization"].removeprefix("Bearer ")
        claims = google.auth.jwt.decode(token, certs=certificates, audience=endpoint.url)  # type: ignore[no-untyped-call]
        assert (world.url, "enterprises/sandbox/pushEndpoints/mine") == (claims["iss"], claims["sub"])
    assert operation == pushed.resource
    assert [] == world.get("/sandbox/v1/notifications")["notifications"]


def test_an_enterprises_endpoint_gets_no_more_at_once_than_from_a_server(make: Maker) -> None:
    """What goes nowhere is sent 512 at a time: an endpoint is somewhere."""
    under_way, most, full = 0, 0, asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
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

    with endpoint_in_a_thread(answer) as endpoint:
        world = make()
        world.post(ENDPOINTS, {"url": endpoint.url, "notificationTypes": ["COMMAND"]})
        world.patch(f"/sandbox/v1/devices/{PHONE}", {"online": False})
        for _ in range(4 * EACH_MOST):
            world.issue(PHONE, {"type": "LOCK"})
        world.ask("DELETE", f"/v1/enterprises/sandbox/devices/{PHONE}")  # all its commands end at once
        world.until(lambda: len(endpoint.received) >= 4 * EACH_MOST)

    assert EACH_MOST == most


@pytest.mark.parametrize("address", ["url", "pathUrl"])
def test_a_world_publishes_its_keys_at_each_of_its_addresses(make: Maker, address: str) -> None:
    world = Maker(make.root, address)()

    found = world.get("/.well-known/openid-configuration")

    assert (world.url, f"{world.url}/.well-known/jwks.json") == (found["issuer"], found["jwks_uri"])
    assert {"keys": []} == world.get("/.well-known/jwks.json")
    assert {} == world.get("/heliograph/v1/certs")
