"""JSON Web Tokens: signatures by PyJWT, claims by `domain/jwt_claims`.  Source: RFC 7515, RFC 7519."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from heliograph.domain.jwt_claims import Claims, decode_claims, encode_claims

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt.api_jws import PyJWS

LONGEST_CHARS = 8_192
"""Google's own tokens stay below 2,048; a longer one is refused unread."""
OURS, THEIRS = "HS256", "RS256"
"""The algorithm says who signed: this server its access tokens, a caller everything else. Each is verified as nothing but that."""


class _Library(NamedTuple):
    """What is needed of PyJWT."""

    access_tokens: "PyJWS"
    signed_by_callers: "PyJWS"
    invalid: type[Exception]


@cache
def load() -> _Library:
    """PyJWT. Its import takes 0.1 s, which a sandbox whose callers show no token need not spend; other servers call this at the start."""
    from jwt.api_jws import PyJWS  # noqa: PLC0415 - as above
    from jwt.exceptions import InvalidTokenError  # noqa: PLC0415

    return _Library(PyJWS(algorithms=[OURS]), PyJWS(algorithms=[THEIRS]), InvalidTokenError)


class Token(NamedTuple):
    """A well-formed token whose signature nobody has looked at yet."""

    text: str
    algorithm: str
    key_id: str
    claims: Claims


def read_token(text: str) -> Token | None:
    """The token; None: this is no JSON Web Token."""
    if len(text) > LONGEST_CHARS or text.count(".") != 2:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        found: Mapping[str, Any] = load().signed_by_callers.decode_complete(text, options={"verify_signature": False})
    except load().invalid:
        return None
    header, claims = found["header"], decode_claims(found["payload"])
    algorithm, key_id = header.get("alg"), header.get("kid", "")
    if claims is None or not isinstance(algorithm, str) or not isinstance(key_id, str):
        return None
    return Token(text, algorithm, key_id, claims)


def is_signed_by(token: Token, public_key: str) -> bool:
    """Whether the holder of this key's private half signed the token with RS256."""
    try:
        load().signed_by_callers.decode(token.text, _loaded(public_key), algorithms=[THEIRS])
    except load().invalid:
        return False
    return True


def is_ours(token: Token, secret: bytes) -> bool:
    """Whether `sign_access_token` made the token with this secret."""
    try:
        load().access_tokens.decode(token.text, secret, algorithms=[OURS])
    except load().invalid:
        return False
    return True


def sign_access_token(claims: dict[str, Any], secret: bytes, key_id: str) -> str:
    """An access token: it says for itself whose it is and until when."""
    return load().access_tokens.encode(encode_claims(claims), secret, algorithm=OURS, headers={"typ": "at+jwt", "kid": key_id})


@lru_cache(maxsize=256)
def _loaded(public_key: str) -> "RSAPublicKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - as PyJWT, which needs it
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    loaded = load_pem_public_key(public_key.encode())
    if not isinstance(loaded, RSAPublicKey):
        raise TypeError("only RSA keys are ever stored (create_service_key)")
    return loaded
