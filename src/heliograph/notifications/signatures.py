"""How a request says that it comes from this server: Standard Webhooks, and the claims of a token as Pub/Sub's.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md; Pub/Sub, "Authentication for push
subscriptions".
"""

import base64
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from heliograph.domain.names import PushEndpointName
from heliograph.domain.push_endpoint import Oidc, Scheme
from heliograph.service.signing_keys import TOKEN_LIFE_S
from heliograph.service.webhook_keys import WebhookSecret


def webhook_headers(
    message_id: str, body: bytes, *, now_s: int, schemes: Sequence[Scheme], secrets: Iterable[WebhookSecret]
) -> Mapping[str, str]:
    """The three headers; signed with each secret by each scheme, so that a receiver with any of them is content."""
    signed = f"{message_id}.{now_s}.".encode() + body
    signatures = [signature for secret in secrets for signature in _signatures(signed, schemes, secret)]
    return {"webhook-id": message_id, "webhook-timestamp": str(now_s), "webhook-signature": " ".join(signatures)}


def _signatures(signed: bytes, schemes: Sequence[Scheme], secret: WebhookSecret) -> Iterator[str]:
    if Scheme.V1 in schemes:
        yield f"v1,{base64.b64encode(hmac.digest(secret.hmac, signed, 'sha256')).decode()}"
    if Scheme.V1A in schemes:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - few servers need it

        yield f"v1a,{base64.b64encode(Ed25519PrivateKey.from_private_bytes(secret.ed25519).sign(signed)).decode()}"


def token_claims(name: PushEndpointName, url: str, oidc: Oidc, *, issuer: str, now_s: int) -> Mapping[str, Any]:
    """The claims that Pub/Sub's tokens have.

    `sub` is the endpoint's name: audience and email are its caller's choice, and another tenant may choose the same.
    """
    return {
        "iss": issuer,
        "sub": str(name),
        "azp": str(name),
        "aud": oidc.audience or url,
        "email": oidc.service_account_email,
        "email_verified": True,
        "iat": now_s,
        "exp": now_s + TOKEN_LIFE_S,
    }
