"""Push endpoints that are gone, disabled or deleted, and those that ask for patience."""

import asyncio

import pytest
from aiohttp import web

from tests.notifications.endpoint import Endpoint, listening
from tests.notifications.lab import LAB
from tests.notifications.whole_server import ENDPOINTS, SECOND_US, WholeServer, until
from tests.patience import PATIENCE_S


async def test_an_endpoint_that_is_gone_is_disabled_and_when_it_is_enabled_again_it_gets_what_came_meanwhile(
    server: WholeServer, endpoint: Endpoint
) -> None:
    await server.made(endpoint.url)
    endpoint.answers = [410]
    lost = await server.ended()
    await until(lambda: bool(server.ports.publishing.closed) and server.at_rest())
    disabled = await server.shown()
    refused = await server.call("POST", f"{ENDPOINTS}/mine:test", {})
    unheard = await server.ended()
    (letter,) = await server.dead_letters()

    enabled = await server.patched("state", state="ENABLED")
    resent = (await server.call("POST", f"/heliograph/v1/{LAB}/deadLetters:resend", {})).json
    first, again = await endpoint.has(2)
    await server.ended()
    *_, newest = await endpoint.has(3)

    assert ("DISABLED", "It answered 410 Gone.", True) == (disabled["state"], disabled["disabledReason"], "disableTime" in disabled)
    assert (400, "PUSH_ENDPOINT_DISABLED") == (refused.status, refused.json["error"]["details"][0]["reason"])
    assert f"{LAB}/pushEndpoints/mine" == letter["destination"]
    assert ("ENABLED", False, {"resentCount": 1}) == (enabled["state"], "disabledReason" in enabled, resent)
    assert (lost, first.message_id) == (again.resource["name"], again.message_id)
    assert unheard not in {received.resource["name"] for received in endpoint.of_kind("COMMAND")}
    assert newest.resource["name"] not in {lost, unheard}


@pytest.mark.parametrize("end", ["disabled", "deleted"])
async def test_what_waits_for_an_endpoint_that_a_caller_ends_becomes_dead_letters(
    server: WholeServer, endpoint: Endpoint, end: str
) -> None:
    endpoint.answers = [500] * 1_000
    await server.made(endpoint.url)
    await server.ended()
    await endpoint.has(1)

    if end == "disabled":
        await server.patched("state", state="DISABLED")
    else:
        await server.call("DELETE", f"{ENDPOINTS}/mine")

    async with asyncio.timeout(PATIENCE_S):
        while not (letters := await server.dead_letters()):
            server.clock.advance(60 * SECOND_US)
            await asyncio.sleep(0.05)
    assert end in letters[0]["reason"]
    assert not await server.ports.store.oldest_messages(LAB.enterprise, limit=1)


async def test_a_410_of_a_former_address_does_not_disable_the_new_one(lone: WholeServer) -> None:
    answering = asyncio.Event()

    async def slowly_gone(_request: web.Request) -> web.Response:
        await answering.wait()
        return web.Response(status=410)

    async with listening(slowly_gone) as former, listening() as new:
        await lone.made(former.url)
        await lone.tried_out()
        await former.has(1, "test")
        await lone.patched("url", url=new.url)
        answering.set()
        await until(lone.at_rest)
        await lone.tried_out()
        await new.has(1, "test")

    assert "ENABLED" == (await lone.shown())["state"]


async def test_a_429_is_obeyed_for_as_long_as_it_asks(lone: WholeServer) -> None:
    async def busy(_request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "120"})

    async with listening(busy) as endpoint:
        await lone.made(endpoint.url)
        await lone.tried_out()
        await endpoint.has(1, "test")
        await until(lambda: bool(lone.ports.publishing.resting_until_us))

        ((destination, until_us),) = lone.ports.publishing.resting_until_us.items()

    assert f"{LAB}/pushEndpoints/mine" == destination
    assert 60_000_000 < until_us - lone.clock.now_us() <= 120_000_000
