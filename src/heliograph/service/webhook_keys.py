"""The keys that push endpoints are signed with by Standard Webhooks: made, sealed, opened, and replaced without a gap."""

import base64
from typing import NamedTuple

import msgspec

from heliograph.domain.names import PushEndpointName
from heliograph.domain.push_endpoint import PushEndpointRecord, SealedKeys
from heliograph.service.ports import Ports

HMAC_BYTES = 32
GRACE_US = 86_400 * 1_000_000
"""A day, in which receivers get the new secret."""
GRACE_MOST_US = 30 * GRACE_US
OLD_KEYS_MOST = 3
"""Beside the current ones: each is one more signature in every request."""


class NewKeys(NamedTuple):
    """Keys that were just made."""

    sealed: SealedKeys
    secret: str
    """`whsec_…`: shown once, to the caller that asked for it."""


class WebhookSecret(NamedTuple):
    """One generation of an endpoint's secrets."""

    hmac: bytes
    ed25519: bytes


def new_webhook_keys(ports: Ports, name: PushEndpointName) -> NewKeys:
    """Keys for the endpoint, sealed."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - few servers need it

    both = ports.ids.webhook_keys()
    public = Ed25519PrivateKey.from_private_bytes(both[HMAC_BYTES:]).public_key().public_bytes_raw()
    sealed = SealedKeys(sealed=ports.vault.seal(both, bound_to=str(name)), public_key=f"whpk_{base64.b64encode(public).decode()}")
    return NewKeys(sealed, f"whsec_{base64.b64encode(both[:HMAC_BYTES]).decode()}")


def opened_secret(ports: Ports, name: PushEndpointName, keys: SealedKeys) -> WebhookSecret:
    """What requests are signed with.  Raises: HeliographError: it was sealed with another key file."""
    both = ports.vault.open(keys.sealed, bound_to=str(name))
    return WebhookSecret(both[:HMAC_BYTES], both[HMAC_BYTES:])


def with_webhook_keys(record: PushEndpointRecord, new: SealedKeys, *, now_us: int, grace_us: int = GRACE_US) -> PushEndpointRecord:
    """The endpoint with new keys; those before sign until the grace is over, or sooner if they were to end sooner."""
    ends_us = now_us + grace_us
    before = (msgspec.structs.replace(keys, expires_us=min(ends_us, keys.expires_us or ends_us)) for keys in record.living_keys(now_us))
    kept = [keys for keys in before if (keys.expires_us or 0) > now_us][:OLD_KEYS_MOST]
    return msgspec.structs.replace(record, keys=(new, *kept))
