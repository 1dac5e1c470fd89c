"""Key pairs of callers, made once: a pair costs more time than a test."""

import functools
import time
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from heliograph.domain.access import SCOPE

GOOGLE = "https://oauth2.googleapis.com/token"


class KeyPair(NamedTuple):
    """Both halves, in PEM."""

    private: str
    public: str

    def sign(self, claims: dict[str, Any], *, kid: str | None = None) -> str:
        """A token with these claims."""
        return signed(claims, self.private, **({} if kid is None else {"kid": kid}))


def signed(claims: dict[str, Any], private: str, **header: str) -> str:
    """A token with these claims and this header, signed with the private half (PEM)."""
    return jwt.encode(claims, _signer(private), algorithm="RS256", headers=header)


@functools.cache
def _signer(private: str) -> rsa.RSAPrivateKey:
    """Read once: its primes are tested, which takes a hundred times as long as to sign."""
    key = load_pem_private_key(private.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@functools.cache
def key_pair(number: int, bits: int = 2_048) -> KeyPair:
    """The same pair for the same number."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return KeyPair(private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def assertion(email: str, *, now_s: float | None = None, **changed: object) -> dict[str, Any]:
    """The claims that google-auth sends, with some changed; a claim that is None is left out."""
    iat = int(time.time() if now_s is None else now_s)
    claims = {"iss": email, "scope": SCOPE, "aud": GOOGLE, "iat": iat, "exp": iat + 3_600, **changed}
    return {name: value for name, value in claims.items() if value is not None}
