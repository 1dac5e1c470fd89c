"""The keys of this server's tokens to push endpoints: made, rotated, published; and the tokens themselves.

All servers of a database have the same keys. A new one is published a day before it signs (domain/signing_key.py), so that a receiver
which keeps what it fetched never meets an unknown one.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from heliograph.domain.signing_key import LIFE_US, SigningKey, SigningKeyName, key_that_signs, needs_a_new_one
from heliograph.protojson.errors import HeliographError
from heliograph.service.ports import Ports
from heliograph.service.record_rules import RecordDecision
from heliograph.service.rules import Put

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ALGORITHM = "RS256"
KEY_BITS = 2_048
TOKEN_LIFE_S = 3_600
"""Source: Pub/Sub, "Authentication for push subscriptions": tokens may be up to an hour old."""
MOST = 100
"""More than there ever are: one a month, and each server may have made one at the same moment."""


async def published_keys(ports: Ports) -> Sequence[SigningKey]:
    """All keys that a token in use may be signed with, oldest first."""
    return tuple((await ports.store.records(SigningKey, after="", limit=MOST)).items)


async def ensure_signing_key(ports: Ports) -> Sequence[SigningKey]:
    """All keys; there is one, and a new one if the newest has signed long enough."""

    def is_wanted(keys: Sequence[SigningKey]) -> bool:
        return needs_a_new_one(keys, now_us=ports.clock.now_us())

    keys = await published_keys(ports)
    return await _with_a_new_one(ports, is_wanted) if is_wanted(keys) else keys


async def push_token(ports: Ports, claims: Mapping[str, Any]) -> str:
    """A token with these claims, signed with the key whose turn it is."""
    found = _whose_turn_it_is(ports, await ensure_signing_key(ports))
    if found is None:
        keys = await _with_a_new_one(ports, lambda keys: _whose_turn_it_is(ports, keys) is None)
        found = _whose_turn_it_is(ports, keys)
    if found is None:
        raise RuntimeError("a key that was just sealed cannot be opened")
    return _signed(claims, found.private, found.key_id)


class _Opened(NamedTuple):
    """A signing key, to sign with."""

    key_id: str
    private: bytes


def _whose_turn_it_is(ports: Ports, keys: Sequence[SigningKey]) -> _Opened | None:
    """The key that signs now; None: there is none that opens."""
    left = list(keys)
    while (key := key_that_signs(left, now_us=ports.clock.now_us())) is not None:
        try:
            return _Opened(key.name.key_id, ports.vault.open(key.sealed, bound_to=_bound_to(key.name)))
        except HeliographError:
            left.remove(key)  # sealed with a key file that is lost (`serve --adopt-key`)
    return None


async def _with_a_new_one(ports: Ports, is_wanted: Callable[[Sequence[SigningKey]], bool]) -> Sequence[SigningKey]:
    """All keys, and a new one if it is still wanted: of many messages at once that miss one, the first makes it."""
    async with ports.turns.signing_keys:
        keys = await published_keys(ports)
        return (*keys, await _create(ports)) if is_wanted(keys) else keys


async def _create(ports: Ports) -> SigningKey:
    # Aside: to find two primes takes a tenth of a second.
    private, public = await asyncio.to_thread(_new_pair)
    name = SigningKeyName(hashlib.sha256(public).hexdigest()[:40])
    now_us = ports.clock.now_us()
    key = SigningKey(
        name=name,
        created_us=now_us,
        expires_us=now_us + LIFE_US,
        certificate=await asyncio.to_thread(_certificate, private, name.key_id, now_us),
        sealed=ports.vault.seal(private, bound_to=_bound_to(name)),
    )
    await ports.store.decide_records((name,), lambda _: RecordDecision(None, (Put(key),)))
    return key


def _bound_to(name: SigningKeyName) -> str:
    return f"signingKeys/{name.key_id}"


def _new_pair() -> tuple[bytes, bytes]:
    """The private key (PKCS #8) and the public one (SubjectPublicKeyInfo), in DER."""
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - slow to import, and few servers need it
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key  # noqa: PLC0415

    key = generate_private_key(65_537, KEY_BITS)
    private = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    return private, key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)


def _certificate(private: bytes, key_id: str, now_us: int) -> str:
    """The public half as Google publishes its own: receivers look at nothing but the key in it."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    key = _loaded(private)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"heliograph {key_id[:16]}")])
    starts, ends = (datetime.fromtimestamp(at_us // 1_000_000, UTC) for at_us in (now_us, now_us + LIFE_US))
    builder = x509.CertificateBuilder(name, name, key.public_key(), int(key_id[:16], 16) + 1, starts, ends)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def _signed(claims: Mapping[str, Any], private: bytes, key_id: str) -> str:
    from jwt import encode  # noqa: PLC0415

    return encode(dict(claims), _loaded(private), algorithm=ALGORITHM, headers={"kid": key_id})


@lru_cache(maxsize=16)
def _loaded(private: bytes) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415

    key = load_der_private_key(private, None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("only RSA keys are ever made here")
    return key


def jwk_of(key: SigningKey) -> Mapping[str, str]:
    """The public half as a JSON Web Key.  Source: RFC 7517."""
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415

    public: Any = load_pem_x509_certificate(key.certificate.encode()).public_key()
    found = RSAAlgorithm.to_jwk(public, as_dict=True)
    return {"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": key.name.key_id, "n": found["n"], "e": found["e"]}
