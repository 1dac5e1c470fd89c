"""Requests to push endpoints are signed by Standard Webhooks: the official library verifies them, while the secret is rotated too."""

import base64
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from tests.files import contents
from tests.notifications.endpoint import Endpoint, Received
from tests.notifications.whole_server import ENDPOINTS, OIDC, SECOND_US, WholeServer

V1 = {"standardWebhooks": {"schemes": ["V1"]}}
BOTH = {"standardWebhooks": {"schemes": ["V1", "V1A"]}}


def by_library(secret: str, received: Received) -> Any:  # noqa: ANN401 - the body
    """The body, verified by the official library.  Raises: WebhookVerificationError."""
    return Webhook(secret).verify(received.raw, dict(received.headers))


def by_public_key(public_key: str, received: Received) -> None:
    """Raises: InvalidSignature: no v1a signature is by this key."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.".encode() + received.raw
    for signature in received.headers["webhook-signature"].split():
        version, _, encoded = signature.partition(",")
        if version == "v1a":
            try:
                return key.verify(base64.b64decode(encoded), signed)
            except InvalidSignature:
                continue
    raise InvalidSignature


async def test_the_official_library_verifies_and_so_does_the_public_key(server: WholeServer, endpoint: Endpoint) -> None:
    made = (await server.made(endpoint.url, signing=BOTH))["signing"]["standardWebhooks"]
    await server.tried_out()
    (received,) = await endpoint.has(1, "test")

    assert received.body == by_library(made["secret"], received)
    by_public_key(made["publicKey"], received)
    assert received.message_id == received.headers["webhook-id"]
    assert "authorization" not in received.headers
    changed = dataclasses.replace(received, raw=received.raw + b" ")
    with pytest.raises(WebhookVerificationError):
        by_library(made["secret"], changed)
    with pytest.raises(InvalidSignature):
        by_public_key(made["publicKey"], changed)


async def test_a_repeated_message_keeps_its_id_and_body_and_is_signed_again(lone: WholeServer, endpoint: Endpoint) -> None:
    endpoint.answers = [500]
    secret = (await lone.made(endpoint.url, signing=V1))["signing"]["standardWebhooks"]["secret"]
    await lone.tried_out()
    await endpoint.has(1, "test")
    lone.clock.advance(10 * SECOND_US)

    first, second = await endpoint.has(2, "test")

    assert (first.headers["webhook-id"], first.raw) == (second.headers["webhook-id"], second.raw)
    assert by_library(secret, second)


async def test_old_and_new_secret_verify_until_the_grace_is_over(server: WholeServer, endpoint: Endpoint) -> None:
    old = (await server.made(endpoint.url, signing=BOTH))["signing"]["standardWebhooks"]
    rotated = await server.call("POST", f"{ENDPOINTS}/mine:rotateSecret", {"gracePeriod": "3600s"})
    new = rotated.json["signing"]["standardWebhooks"]
    await server.tried_out()
    (during,) = await endpoint.has(1, "test")
    server.clock.advance(3_601 * SECOND_US)
    await server.tried_out()
    _, after = await endpoint.has(2, "test")

    for keys in (old, new):
        assert by_library(keys["secret"], during)
        by_public_key(keys["publicKey"], during)
    assert by_library(new["secret"], after)
    by_public_key(new["publicKey"], after)
    with pytest.raises(WebhookVerificationError):
        by_library(old["secret"], after)
    with pytest.raises(InvalidSignature):
        by_public_key(old["publicKey"], after)
    assert "previousSecretExpireTime" in new
    assert "previousSecretExpireTime" not in (await server.shown())["signing"]["standardWebhooks"]


def stored_bytes(folder: Path) -> bytes:
    """All that the database's files hold."""
    return b"".join(contents(folder, "heliograph.db*").values())


async def test_a_secret_is_shown_once_and_stored_sealed(lone: WholeServer, tmp_path: Path) -> None:
    made = await lone.made("https://emm.example.com/", signing=BOTH)
    secret = made["signing"]["standardWebhooks"]["secret"]
    rotated = (await lone.call("POST", f"{ENDPOINTS}/mine:rotateSecret", {})).json["signing"]["standardWebhooks"]["secret"]
    patched = await lone.patched("displayName", displayName="x")

    elsewhere = [patched, await lone.shown(), (await lone.call("GET", ENDPOINTS)).json]

    assert secret.startswith("whsec_")
    assert secret != rotated
    assert not [answer for answer in elsewhere if "whsec_" in str(answer)]
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    stored = stored_bytes(tmp_path)
    assert made["signing"]["standardWebhooks"]["publicKey"].encode() in stored
    assert not [form for form in (raw, base64.b64encode(raw), secret.encode()) if form in stored]


async def test_a_scheme_that_is_added_has_a_secret_and_one_that_is_taken_away_signs_no_more(lone: WholeServer, endpoint: Endpoint) -> None:
    await lone.made(endpoint.url)
    added = (await lone.patched("signing", signing=V1))["signing"]["standardWebhooks"]["secret"]
    await lone.tried_out()
    (signed,) = await endpoint.has(1, "test")
    await lone.patched("signing", signing=OIDC)
    await lone.tried_out()
    _, unsigned = await endpoint.has(2, "test")
    refused = await lone.call("POST", f"{ENDPOINTS}/mine:rotateSecret", {})

    assert by_library(added, signed)
    assert "webhook-signature" not in unsigned.headers
    assert (400, "NO_WEBHOOK_SECRET") == (refused.status, refused.json["error"]["details"][0]["reason"])
