"""JSON Web Tokens: signatures by PyJWT, claims by `domain/jwt_claims`.  Source: RFC 7515, RFC 7519."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.api_jws import PyJWS
from jwt.exceptions import InvalidTokenError

from heliograph.domain.jwt_claims import Claims, decode_claims, encode_claims

LONGEST_CHARS = 8_192
"""Google's own tokens stay below 2,048; a longer one is refused unread."""
OURS, THEIRS = "HS256", "RS256"
"""The algorithm says who signed: this server its access tokens, a caller everything else. Each is verified as nothing but that."""

_access_tokens = PyJWS(algorithms=[OURS])
_signed_by_callers = PyJWS(algorithms=[THEIRS])


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
        found: Mapping[str, Any] = _signed_by_callers.decode_complete(text, options={"verify_signature": False})
    except InvalidTokenError:
        return None
    header, claims = found["header"], decode_claims(found["payload"])
    algorithm, key_id = header.get("alg"), header.get("kid", "")
    if claims is None or not isinstance(algorithm, str) or not isinstance(key_id, str):
        return None
    return Token(text, algorithm, key_id, claims)


def is_signed_by(token: Token, public_key: str) -> bool:
    """Whether the holder of this key's private half signed the token with RS256."""
    try:
        _signed_by_callers.decode(token.text, _loaded(public_key), algorithms=[THEIRS])
    except InvalidTokenError:
        return False
    return True


def is_ours(token: Token, secret: bytes) -> bool:
    """Whether `sign_access_token` made the token with this secret."""
    try:
        _access_tokens.decode(token.text, secret, algorithms=[OURS])
    except InvalidTokenError:
        return False
    return True


def sign_access_token(claims: dict[str, Any], secret: bytes, key_id: str) -> str:
    """An access token: it says for itself whose it is and until when."""
    return _access_tokens.encode(encode_claims(claims), secret, algorithm=OURS, headers={"typ": "at+jwt", "kid": key_id})


@lru_cache(maxsize=256)
def _loaded(public_key: str) -> RSAPublicKey:
    loaded = load_pem_public_key(public_key.encode())
    if not isinstance(loaded, RSAPublicKey):
        raise TypeError("only RSA keys are ever stored (create_service_key)")
    return loaded
