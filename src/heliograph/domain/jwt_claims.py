"""What a JSON Web Token claims, and whether that is good enough: for the JWT grant and as a bearer. Signatures are judged elsewhere.

Source: RFC 7519, RFC 7523; Google's "Using OAuth 2.0 for Server to Server Applications" and AIP-4111 (self-signed JWT).
"""

from collections.abc import Collection
from typing import Any

import msgspec

from heliograph.domain.access import SCOPE, AccessTokenExpired, CredentialsInvalid, ScopeInsufficient
from heliograph.protojson.errors import Code, HeliographError
from heliograph.protojson.parser import MALFORMED

LONGEST_LIFE_S = 3_600
"""Google's limit for what a caller signs itself."""
SKEW_S = 300
"""A caller's clock may be ahead by this much. No grace after `exp`: that would be time for a replay."""

TOKEN_AUDIENCES = frozenset(
    {
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/oauth2/v4/token",
        "https://www.googleapis.com/oauth2/v3/token",
        "https://accounts.google.com/o/oauth2/token",
    }
)
"""The audiences that Google's libraries write into an assertion, whatever address they send it to (amapi.md §8.3)."""
SERVICE_AUDIENCE = "https://androidmanagement.googleapis.com"

_SHORT_LIVED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)
_NOT_YET = "Invalid JWT: nbf is in the future: the token is not valid yet. Check the clock of the machine that made it."


class GrantRejected(HeliographError):
    """The token endpoint's own kind of error, which is OAuth's and not google.rpc's.  Source: RFC 6749 §5.2."""

    code = Code.INVALID_ARGUMENT

    def __init__(self, error: str, description: str) -> None:
        """`error` is OAuth's word, `description` Google's sentence."""
        super().__init__(description)
        self.error = error


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims that count; others are not looked at. Times are seconds since 1970."""

    iss: str = ""
    sub: str = ""
    aud: str | tuple[str, ...] = ()
    scope: str = ""
    target_audience: str = ""
    iat: int | float = 0
    nbf: int | float = 0
    exp: int | float = 0

    @property
    def audiences(self) -> tuple[str, ...]:
        """The audience as a list, which it may be."""
        return (self.aud,) if isinstance(self.aud, str) else self.aud

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.scope.split())


def judge_assertion(claims: Claims, *, now_s: float, own_urls: Collection[str]) -> None:
    """Check that an access token may be given for these claims.  Raises: GrantRejected.

    `own_urls` are the addresses (scheme and host) under which the caller may know this server.
    """
    if not _in_time(claims, now_s) or claims.exp <= now_s:
        raise GrantRejected("invalid_grant", _NOT_YET if claims.nbf > now_s + SKEW_S else _SHORT_LIVED)
    wanted = TOKEN_AUDIENCES | {f"{url}/token" for url in own_urls} | {f"{url}/oauth2/v4/token" for url in own_urls}
    if wanted.isdisjoint(claims.audiences):
        raise GrantRejected(
            "invalid_grant", "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token"
        )
    if claims.sub not in {"", claims.iss}:
        raise GrantRejected(
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
        )
    if not claims.scopes:
        raise GrantRejected(
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided." if claims.target_audience else "Empty or missing scope not allowed.",
        )


def judge_bearer(claims: Claims, *, now_s: float, own_urls: Collection[str]) -> None:
    """Check that a self-signed JWT of a caller is valid as a bearer.

    Raises: AccessTokenExpired, CredentialsInvalid, ScopeInsufficient.
    """
    if not _in_time(claims, now_s):
        raise CredentialsInvalid("exp must be at most an hour after iat, and iat and nbf not in the future.")
    if claims.exp <= now_s:
        raise AccessTokenExpired
    if claims.sub not in {"", claims.iss}:
        raise CredentialsInvalid("iss and sub must both be the key's client_email.")
    if claims.scope and SCOPE not in claims.scopes:
        raise ScopeInsufficient
    # Google's libraries send a scope without an audience, or an audience without a scope.
    if claims.audiences or not claims.scope:
        right = {SERVICE_AUDIENCE, *own_urls}
        if not any(_is_at(audience, right) for audience in claims.audiences):
            raise CredentialsInvalid(f"aud must be {SERVICE_AUDIENCE}/ or an address of this server (--public-url).")


def is_current(claims: Claims, *, now_s: float) -> bool:
    """Whether an access token of this server is good at this time; one from a future that was taken back is as good as expired."""
    return claims.iat <= now_s + SKEW_S and now_s < claims.exp


def decode_claims(payload: bytes) -> Claims | None:
    """The claims in a token's payload; None: it has no claims, or malformed ones."""
    try:
        return msgspec.json.decode(payload, type=Claims)
    except MALFORMED:
        return None


def encode_claims(claims: dict[str, Any]) -> bytes:
    """The payload of a token."""
    return msgspec.json.encode(claims)


def _in_time(claims: Claims, now_s: float) -> bool:
    has_begun = max(claims.iat, claims.nbf) <= now_s + SKEW_S
    return has_begun and 0 < claims.iat < claims.exp <= claims.iat + LONGEST_LIFE_S


def _is_at(audience: str, places: Collection[str]) -> bool:
    """Whether the audience is one of these addresses, or something below it."""
    return any(audience == place or audience.startswith(f"{place}/") for place in places)
