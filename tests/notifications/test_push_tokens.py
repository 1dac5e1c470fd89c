"""Requests to push endpoints carry the tokens of Pub/Sub's authenticated push: Google's own function verifies them."""

import asyncio
import base64
import time
from typing import Any

import google.auth.transport.requests
import google.oauth2.id_token
import jwt
import pytest

from heliograph.domain.signing_key import AHEAD_US, LIFE_US, SIGNS_US
from heliograph.service.signing_keys import TOKEN_LIFE_S, push_token
from tests.notifications.endpoint import Endpoint
from tests.notifications.lab import LAB
from tests.notifications.whole_server import EMAIL, OIDC, SECOND_US, WholeServer


async def token_of(endpoint: Endpoint, count: int = 1) -> str:
    """The token that came with the newest of so many test messages."""
    return (await endpoint.has(count, "test"))[-1].headers["authorization"].removeprefix("Bearer ")


async def verified(server: WholeServer, token: str, audience: str, where: str = "/heliograph/v1/certs") -> Any:  # noqa: ANN401 - claims
    """The claims, verified by Google's own function with what the server publishes.  Raises: ValueError."""
    request = google.auth.transport.requests.Request()
    return await asyncio.to_thread(google.oauth2.id_token.verify_token, token, request, audience, f"{server.url}{where}")


@pytest.mark.parametrize("where", ["/heliograph/v1/certs", "/.well-known/jwks.json"])
async def test_googles_own_function_verifies_a_token_with_what_the_server_publishes(
    server: WholeServer, endpoint: Endpoint, where: str
) -> None:
    await server.made(endpoint.url, signing=OIDC)
    await server.tried_out()

    claims = await verified(server, await token_of(endpoint), endpoint.url, where)

    name = f"{LAB}/pushEndpoints/mine"
    assert (server.url, EMAIL, True, name, name) == (
        claims["iss"], claims["email"], claims["email_verified"], claims["sub"], claims["azp"],
    )  # fmt: skip
    assert 3_600 == claims["exp"] - claims["iat"]
    assert abs(time.time() - claims["iat"]) < 600


async def test_a_token_is_for_its_audience_alone_and_no_other_key_signs_it(lone: WholeServer, endpoint: Endpoint) -> None:
    await lone.made(endpoint.url, signing={"oidc": {"serviceAccountEmail": EMAIL, "audience": "emm"}})
    await lone.tried_out()
    token = await token_of(endpoint)

    assert "emm" == (await verified(lone, token, "emm"))["aud"]
    with pytest.raises(ValueError, match="audience"):
        await verified(lone, token, endpoint.url)
    header, payload, signature = token.split(".")
    forged = base64.urlsafe_b64encode(bytes(256)).rstrip(b"=").decode()
    with pytest.raises(ValueError, match="signature"):
        await verified(lone, f"{header}.{payload}.{forged}", "emm")
    assert signature != forged


async def test_an_openid_client_finds_the_key_by_the_issuer(lone: WholeServer, endpoint: Endpoint) -> None:
    made = await lone.made(endpoint.url, signing=OIDC)
    await lone.tried_out()
    issuer = made["signing"]["oidc"]["issuer"]

    found = (await lone.call("GET", "/.well-known/openid-configuration")).json
    keys = jwt.PyJWKClient(found["jwks_uri"])
    token = await token_of(endpoint)
    key = await asyncio.to_thread(keys.get_signing_key_from_jwt, token)
    claims = jwt.decode(token, key, algorithms=found["id_token_signing_alg_values_supported"], audience=endpoint.url, issuer=issuer)

    assert (issuer, endpoint.url) == (found["issuer"], made["signing"]["oidc"]["audience"])
    assert set(claims) == set(found["claims_supported"])


async def signs(server: WholeServer) -> str:
    """The id of the key that signs a token now."""
    return str(jwt.get_unverified_header(await push_token(server.ports, {"sub": "x"}))["kid"])


async def published(server: WholeServer) -> set[str]:
    """The ids of the keys that the server publishes."""
    return set((await server.call("GET", "/heliograph/v1/certs")).json)


async def test_a_key_is_published_a_day_before_it_signs_and_long_after(server: WholeServer) -> None:
    await server.made("https://emm.example.com/", signing=OIDC)

    first = await signs(server)
    assert {first} == await published(server)
    server.clock.advance(SIGNS_US)
    assert first == await signs(server)
    (second,) = await published(server) - {first}
    server.clock.advance(AHEAD_US)
    assert second == await signs(server)
    assert {first, second} == await published(server)
    server.clock.advance(LIFE_US - SIGNS_US - AHEAD_US)
    assert first not in await published(server)


async def test_the_key_of_a_token_is_published_for_as_long_as_the_token_lives_after_a_long_silence_too(server: WholeServer) -> None:
    await server.made("https://emm.example.com/", signing=OIDC)
    server.clock.advance(LIFE_US - TOKEN_LIFE_S * SECOND_US // 2)

    signed_by = await signs(server)
    server.clock.advance(TOKEN_LIFE_S * SECOND_US)

    assert signed_by in await published(server)


async def test_no_token_is_sent_whose_key_is_gone_since_the_clock_was_moved(lone: WholeServer, endpoint: Endpoint) -> None:
    await lone.made(endpoint.url, signing=OIDC)
    await lone.tried_out()
    first = await token_of(endpoint)
    lone.clock.advance(LIFE_US)

    await lone.tried_out()

    second = await token_of(endpoint, 2)
    assert EMAIL == (await verified(lone, second, endpoint.url))["email"]
    with pytest.raises(ValueError):  # noqa: PT011 - the text is google-auth's
        await verified(lone, first, endpoint.url)


async def test_of_many_messages_that_need_a_new_key_at_once_one_makes_it(server: WholeServer) -> None:
    await server.made("https://emm.example.com/", signing=OIDC)
    server.clock.advance(SIGNS_US)

    await asyncio.gather(*(push_token(server.ports, {"sub": str(number)}) for number in range(8)))

    assert 2 == len((await server.call("GET", "/heliograph/v1/certs")).json)
