"""A caller's signed assertion becomes an access token.  Source: RFC 7523; amapi.md §8.3."""

from collections.abc import Collection
from typing import NamedTuple

from heliograph.domain.jwt_claims import GrantRefused, judge_assertion
from heliograph.service._json_web_tokens import THEIRS, Token, is_signed_by, read_token, sign_access_token
from heliograph.service.sign_in import SignIn

LIFE_S = 3_600


class AccessToken(NamedTuple):
    """A token to call with, and for how many seconds from now it may be used."""

    text: str
    expires_in_s: int


async def issue_access_token(sign_in: SignIn, assertion: str, *, own_urls: Collection[str]) -> AccessToken:
    """A token good for an hour with the scopes that the assertion asks for, whatever they are: the API looks at them.

    A server that admits strangers takes a well-formed assertion of a key it has never seen.

    Raises: GrantRefused, in Google's words.
    """
    token = read_token(assertion)
    if token is None or not token.claims.iss:
        raise GrantRefused("invalid_grant", "Bad Request" if assertion else "Required parameter is missing: assertion")
    if token.algorithm != THEIRS:
        raise GrantRefused("invalid_grant", "Invalid JWT: only RS256 is supported.")
    now_s = sign_in.now_us() / 1_000_000
    key_id = await _signer(sign_in, token)
    judge_assertion(token.claims, now_s=now_s, own_urls=own_urls)
    claims = {"sub": token.claims.iss, "scope": token.claims.scope, "iat": int(now_s), "exp": int(now_s) + LIFE_S}
    # One second less than it lives, as Google says it: a client that counts from the answer's arrival is never late.
    return AccessToken(sign_access_token(claims, sign_in.secret, key_id), LIFE_S - 1)


async def _signer(sign_in: SignIn, token: Token) -> str:
    """The id of the key that signed it, empty for a stranger's.  Raises: GrantRefused."""
    keys = await sign_in.keys.service_keys_of(token.claims.iss)
    if not keys:
        if sign_in.admits_strangers:
            return ""
        raise GrantRefused("invalid_grant", "Invalid grant: account not found")
    # Some clients leave `kid` out.
    for key in keys:
        if token.key_id in {"", key.key_id} and is_signed_by(token, key.public_key):
            return key.key_id
    raise GrantRefused("invalid_grant", "Invalid JWT Signature.")
