"""How a phone becomes a device, and what it may do before it is one."""

import secrets
from collections.abc import Callable

import pytest

from tests.channel.conftest import Server
from tests.channel.phones import FACTS, HANDSHAKE, hash_of


async def test_the_same_enrolment_gets_the_same_answer_though_the_token_was_for_one_time(server: Server) -> None:
    credential = secrets.token_urlsafe(32)
    enroll = {
        "enrollmentToken": await server.token(one_time_only=True),
        "installationId": "i1",
        "credentialHash": hash_of(credential),
        "report": FACTS,
        "fromANewerAgent": True,
    }

    first = await server.post("enroll", enroll)
    second = await server.post("enroll", enroll)
    other = await server.post("enroll", {**enroll, "installationId": "i2", "credentialHash": hash_of("other")})

    assert [200, 200, 403] == [first.status, second.status, other.status]
    assert first.body["name"] == second.body["name"]


async def test_an_unknown_token_is_refused_in_googles_form(server: Server) -> None:
    enroll = {"enrollmentToken": "NOSUCHTOKEN", "installationId": "i", "credentialHash": hash_of("c"), "report": FACTS}

    reply = await server.post("enroll", enroll)

    assert 403 == reply.status
    assert (403, "PERMISSION_DENIED") == (reply.body["error"]["code"], reply.body["error"]["status"])


@pytest.mark.parametrize("make", [secrets.token_urlsafe, secrets.token_hex])
async def test_a_credential_may_be_base64url_or_hex(server: Server, make: Callable[[int], str]) -> None:
    phone = await server.enroll(credential=make(32))

    reply = await server.post("hello", {}, phone.credential)

    assert 200 == reply.status


@pytest.mark.parametrize(
    "credential", ["", "short", secrets.token_urlsafe(32), secrets.token_hex(32)], ids=["none", "short", "base64url", "hex"]
)
async def test_who_has_no_credential_of_a_device_is_told_nothing(server: Server, credential: str) -> None:
    """Over HTTP, over a poll and at the WebSocket's handshake."""
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}

    posted = await server.post("hello", {}, credential)
    async with server.http.get(f"{server.url}/device/v1/commands?wait=5", headers=headers) as polled:
        challenge = polled.headers["WWW-Authenticate"]
    async with server.http.get(f"{server.url}/device/v1/connect", headers=HANDSHAKE | headers) as shaken:
        refused = await shaken.json()

    assert [401, 401, 401] == [posted.status, polled.status, shaken.status]
    assert challenge.startswith("Bearer")
    assert ["UNAUTHENTICATED"] * 2 == [posted.body["error"]["status"], refused["error"]["status"]]
