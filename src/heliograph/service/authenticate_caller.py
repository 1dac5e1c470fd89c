"""A bearer token says who calls. Known ones cost a look into a dict; the others a signature and a look at their key."""

from collections.abc import Collection
from typing import NamedTuple

from heliograph.domain.access import (
    ANYBODY,
    SCOPE,
    AccessTokenExpired,
    AccountGone,
    Caller,
    CredentialsInvalid,
    CredentialsMissing,
    ScopeInsufficient,
    ServiceKey,
)
from heliograph.domain.jwt_claims import is_current, judge_bearer
from heliograph.service._json_web_tokens import OURS, THEIRS, Token, is_ours, is_signed_by, load, read_token
from heliograph.service.sign_in import SignIn

KNOWN_MOST = 4_096
"""Credentials remembered, the oldest forgotten first."""
KNOWN_FOR_US = 60_000_000
"""So long a token may go on after another server process deleted its key; this process forgets at once."""

_SCHEMES = frozenset({"bearer", "oauth"})


class _Known(NamedTuple):
    caller: Caller
    since_us: int
    until_us: int

    def holds_at(self, now_us: int) -> bool:
        """Whether the caller is still known; after the clock went back the credential is looked at again."""
        return self.since_us <= now_us < self.until_us


class _Verified(NamedTuple):
    caller: Caller
    expires_s: float


class Callers:
    """Who calls, by the credential that they show."""

    def __init__(self, sign_in: SignIn) -> None:
        """Nobody is known yet."""
        if not sign_in.admits_strangers:
            load()  # now, and not while the first caller waits
        self._sign_in = sign_in
        self._known: dict[bytes, _Known] = {}

    def known(self, credential: bytes) -> Caller | None:
        """The caller, where this credential was found good within the last minute."""
        found = self._known.get(credential)
        return found.caller if found is not None and found.holds_at(self._sign_in.now_us()) else None

    async def authenticate_caller(self, credential: bytes, *, own_urls: Collection[str]) -> Caller:
        """The caller who shows this `Authorization` header (empty: none), remembered for a minute.

        Raises: CredentialsMissing, CredentialsInvalid, AccessTokenExpired, AccountGone, ScopeInsufficient.
        """
        strangers = self._sign_in.admits_strangers
        if not credential:
            if strangers:
                return ANYBODY
            raise CredentialsMissing
        now_us = self._sign_in.now_us()
        verified = await self._verified(credential, now_us / 1_000_000, own_urls)
        until_us = min(int(verified.expires_s * 1_000_000), now_us + KNOWN_FOR_US)
        self._remember(credential, _Known(verified.caller, now_us, until_us))
        return verified.caller

    def forget(self) -> None:
        """Every credential is looked at anew: a key has come or gone."""
        self._known.clear()

    def _remember(self, credential: bytes, known: _Known) -> None:
        self._known.pop(credential, None)
        while len(self._known) >= KNOWN_MOST:
            del self._known[next(iter(self._known))]
        self._known[credential] = known

    async def _verified(self, credential: bytes, now_s: float, own_urls: Collection[str]) -> _Verified:
        scheme, _, text = credential.decode("latin-1").partition(" ")
        token = read_token(text.strip()) if scheme.lower() in _SCHEMES else None
        signer = await self._signer(token) if token is not None else None
        if token is None or signer is None:
            if not self._sign_in.admits_strangers:
                raise CredentialsInvalid
            return _stranger(token, now_s)
        if token.algorithm == THEIRS:
            judge_bearer(token.claims, now_s=now_s, own_urls=own_urls)
        elif not is_current(token.claims, now_s=now_s):
            raise AccessTokenExpired
        elif SCOPE not in token.claims.scopes:
            raise ScopeInsufficient
        return _Verified(signer.caller, token.claims.exp)

    async def _signer(self, token: Token) -> ServiceKey | None:
        """The key behind a token whose signature is good; None: there is none, and strangers are admitted.

        Raises: CredentialsInvalid, AccountGone.
        """
        if token.algorithm == OURS and is_ours(token, self._sign_in.secret):
            signer = await self._sign_in.keys.service_key(token.key_id)
            if signer is None and not self._sign_in.admits_strangers:
                raise AccountGone("The key of this token was deleted.")
            return signer
        if token.algorithm == THEIRS:
            keys = await self._sign_in.keys.service_keys_of(token.claims.iss)
            for key in keys:
                if token.key_id in {"", key.key_id} and is_signed_by(token, key.public_key):
                    return key
            if keys:
                raise CredentialsInvalid("The signature is not that of the key that kid and iss name.")
        return None


def _stranger(token: Token | None, now_s: float) -> _Verified:
    """Whoever it may be, under the name it gives itself."""
    email = (token.claims.iss or token.claims.sub)[:256] if token is not None else ""
    return _Verified(Caller(email=email), now_s + KNOWN_FOR_US / 1_000_000)
