"""Who calls: bearers, the access tokens of service accounts, and the JSON Web Tokens below both."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from heliograph.domain.access import (
    ANYBODY,
    SCOPE,
    AccessTokenExpired,
    AccountGone,
    Caller,
    CredentialsInvalid,
    CredentialsMissing,
    KeyExpired,
    ScopeInsufficient,
    ServiceKey,
)
from heliograph.domain.jwt_claims import Claims, GrantRejected, decode_claims, encode_claims, is_current, judge_assertion, judge_bearer
from heliograph.protojson.errors import HeliographError
from heliograph.service.roles import BuiltInOnly, Resolver

KNOWN_MOST = 4_096
"""Credentials remembered, the oldest forgotten first."""
KNOWN_FOR_US = 60_000_000
"""How long a caller is known without a look at its key: the use of keys is noted so often. A change of a key is not waited for
(access_changes.py)."""

_SCHEMES = frozenset({"bearer", "oauth"})

ACCESS_TOKEN_LIFE_S = 3_600

LONGEST_CHARS = 8_192
"""Google's own tokens stay below 2,048; a longer one is refused unread."""
OURS, THEIRS = "HS256", "RS256"
"""The algorithm shows who signed: this server signs access tokens, a caller everything else. Each is verified only as its own kind."""


class ServiceKeys(Protocol):
    """Durable storage of service-account keys' public halves. There are few: a list returns all of them.

    Raises (any method): as ports.Store.
    """

    async def service_key(self, key_id: str) -> ServiceKey | None: ...

    async def service_keys_of(self, client_email: str) -> Sequence[ServiceKey]:
        """All keys of one account, oldest first."""

    async def service_keys(self) -> Sequence[ServiceKey]:
        """All keys, oldest first."""

    async def put_service_key(self, key: ServiceKey) -> None:
        """The key is durable, in place of one with the same id."""

    async def change_service_key(self, key_id: str, change: Callable[[ServiceKey], Sequence[ServiceKey]]) -> Sequence[ServiceKey]:
        """The keys that `change` makes of this one are durable; none: there is no such key. `change` is pure: it may run again."""

    async def delete_service_key(self, key_id: str) -> bool:
        """Delete the key. Returns whether it existed."""

    async def key_uses(self) -> Mapping[str, int]:
        """When (us) each key was last used that ever was."""

    async def note_key_use(self, key_id: str, at_us: int) -> None:
        """The key was used, if it still exists; written once a minute at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Identifies callers; made once, in the composition root."""

    keys: ServiceKeys
    secret: bytes
    """What access tokens are signed with: the same in every server process that shares the key file, so each knows all tokens."""
    now_us: Callable[[], int]
    """The true wall clock, which may step either way: callers date their tokens by their own clocks, and not by a clock that this server
    slews or that a sandbox advanced."""
    roles: Resolver = field(default_factory=BuiltInOnly)
    """Finds out what callers may do."""
    admits_strangers: bool = False
    """The sandbox's friendliness: who shows no token, or one that this server cannot know, is admitted all the same."""


class _Known(NamedTuple):
    caller: Caller
    since_us: int
    until_us: int


class _Verified(NamedTuple):
    caller: Caller
    until_us: int


class Token(NamedTuple):
    """A well-formed token whose signature is not verified yet."""

    text: str
    algorithm: str
    key_id: str
    claims: Claims


class Callers:
    """Who calls, by the credential that they show."""

    def __init__(self, sign_in: SignIn) -> None:
        """Starts with no known callers."""
        if not sign_in.admits_strangers:
            _load()  # now, and not while the first caller waits
        self._sign_in = sign_in
        self._known: dict[bytes, _Known] = {}
        self._edition = 0
        """Grows with every change of keys and roles: who was looked up before it is not remembered after it."""
        self._noting: set[asyncio.Task[None]] = set()

    def known(self, credential: bytes) -> Caller | None:
        """The caller, if this credential was verified within the last minute."""
        found = self._known.get(credential)
        # After the clock went back the credential is looked at again.
        return found.caller if found is not None and found.since_us <= self._sign_in.now_us() < found.until_us else None

    async def authenticate_caller(self, credential: bytes, *, own_urls: Collection[str]) -> Caller:
        """The caller of this `Authorization` header (empty: no header), remembered for a minute.

        Raises: CredentialsMissing, CredentialsInvalid, AccessTokenExpired, AccountGone, ScopeInsufficient.
        """
        strangers = self._sign_in.admits_strangers
        if not credential:
            if strangers:
                return ANYBODY
            raise CredentialsMissing
        now_us, edition = self._sign_in.now_us(), self._edition
        caller, until_us = await self._verified(credential, now_us / 1_000_000, own_urls)
        if edition == self._edition:
            self._remember(credential, _Known(caller, now_us, min(until_us, now_us + KNOWN_FOR_US)))
        if caller.key_id:
            self._note_use(caller.key_id, now_us)
        return caller

    def forget(self) -> None:
        """Every credential is verified again: a key, a role or a binding was changed."""
        self._edition += 1
        self._known.clear()

    def _note_use(self, key_id: str, now_us: int) -> None:
        """The key's use is written aside: no caller waits for it."""
        task = asyncio.get_running_loop().create_task(self._noted(key_id, now_us))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _noted(self, key_id: str, now_us: int) -> None:
        # A store in trouble has better things to do, and the next minute brings another use.
        with contextlib.suppress(HeliographError):
            await self._sign_in.keys.note_key_use(key_id, now_us)

    def _remember(self, credential: bytes, known: _Known) -> None:
        self._known.pop(credential, None)
        while len(self._known) >= KNOWN_MOST:
            del self._known[next(iter(self._known))]
        self._known[credential] = known

    async def _verified(self, credential: bytes, now_s: float, own_urls: Collection[str]) -> _Verified:
        token = _token_of(credential)
        signer = await self._signer(token) if token is not None else None
        if token is None or signer is None:
            if not self._sign_in.admits_strangers:
                raise CredentialsInvalid
            return _Verified(Caller(email=_name_of(token)), int(now_s * 1_000_000) + KNOWN_FOR_US)
        if token.algorithm == THEIRS:
            judge_bearer(token.claims, now_s=now_s, own_urls=own_urls)
        elif not is_current(token.claims, now_s=now_s):
            raise AccessTokenExpired
        elif SCOPE not in token.claims.scopes:
            raise ScopeInsufficient
        if signer.has_expired(int(now_s * 1_000_000)):
            raise KeyExpired("The key of this token has expired.")
        until_us = int(token.claims.exp * 1_000_000)
        if signer.expires_us:
            until_us = min(until_us, signer.expires_us)
        return _Verified(await self._sign_in.roles.resolved(signer.caller), until_us)

    async def _signer(self, token: Token) -> ServiceKey | None:
        """The key that signed a token, its signature verified; None: no key, and strangers are admitted.

        Raises: CredentialsInvalid, AccountGone.
        """
        if token.algorithm == OURS and _is_ours(token, self._sign_in.secret):
            signer = await self._sign_in.keys.service_key(token.key_id)
            if signer is None and not self._sign_in.admits_strangers:
                raise AccountGone("The key of this token was deleted.")
            return signer
        if token.algorithm == THEIRS:
            keys = await self._sign_in.keys.service_keys_of(token.claims.iss)
            if (signer := _key_that_signed(token, keys)) is not None or not keys:
                return signer
            raise CredentialsInvalid("The signature is not that of the key that kid and iss name.")
        return None


def name_given(credential: bytes) -> str:
    """The name that this `Authorization` header claims, true or not; empty: it claims none."""
    return _name_of(_token_of(credential))


def _token_of(credential: bytes) -> Token | None:
    scheme, _, text = credential.decode("latin-1").partition(" ")
    return read_token(text.strip()) if scheme.lower() in _SCHEMES else None


def _name_of(token: Token | None) -> str:
    return (token.claims.iss or token.claims.sub)[:256] if token is not None else ""


class AccessToken(NamedTuple):
    """A token to call with, and its life in seconds from now."""

    text: str
    expires_in_s: int
    caller: Caller = ANYBODY
    """Whose it is."""


async def issue_access_token(sign_in: SignIn, assertion: str, *, own_urls: Collection[str]) -> AccessToken:
    """A token valid for an hour with the scopes that the assertion requests. The API checks the scopes.

    A server that admits strangers takes a well-formed assertion of a key it has never seen.

    Raises: GrantRejected, in Google's words.
    """
    token = read_token(assertion)
    if token is None or not token.claims.iss:
        raise GrantRejected("invalid_grant", "Bad Request" if assertion else "Required parameter is missing: assertion")
    if token.algorithm != THEIRS:
        raise GrantRejected("invalid_grant", "Invalid JWT: only RS256 is supported.")
    now_s = sign_in.now_us() / 1_000_000
    signer = await _assertion_signer(sign_in, token)
    judge_assertion(token.claims, now_s=now_s, own_urls=own_urls)
    claims = {"sub": token.claims.iss, "scope": token.claims.scope, "iat": int(now_s), "exp": int(now_s) + ACCESS_TOKEN_LIFE_S}
    # One second less than it lives, as Google says it: a client that counts from the answer's arrival is never late.
    text = _sign_access_token(claims, sign_in.secret, signer.key_id if signer is not None else "")
    return AccessToken(text, ACCESS_TOKEN_LIFE_S - 1, signer.caller if signer is not None else Caller(email=token.claims.iss))


async def _assertion_signer(sign_in: SignIn, token: Token) -> ServiceKey | None:
    """The key that signed it, None for a stranger's.  Raises: GrantRejected."""
    keys = await sign_in.keys.service_keys_of(token.claims.iss)
    if not keys:
        if sign_in.admits_strangers:
            return None
        raise GrantRejected("invalid_grant", "Invalid grant: account not found")
    signer = _key_that_signed(token, keys)
    if signer is None:
        raise GrantRejected("invalid_grant", "Invalid JWT Signature.")
    if signer.has_expired(sign_in.now_us()):
        raise GrantRejected("invalid_grant", "Invalid grant: the key has expired.")
    return signer


def _key_that_signed(token: Token, keys: Sequence[ServiceKey]) -> ServiceKey | None:
    # Some clients leave `kid` out.
    return next((key for key in keys if token.key_id in {"", key.key_id} and _is_signed_by(token, key.public_key)), None)


if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt.api_jws import PyJWS


class _Library(NamedTuple):
    """The part of PyJWT that is used."""

    access_tokens: "PyJWS"
    signed_by_callers: "PyJWS"
    invalid: type[Exception]


@cache
def _load() -> _Library:
    """Import PyJWT. That takes 0.1 s, which a sandbox saves if callers show no token; other servers call this at the start."""
    from jwt.api_jws import PyJWS  # noqa: PLC0415 - as above
    from jwt.exceptions import InvalidTokenError  # noqa: PLC0415

    return _Library(PyJWS(algorithms=[OURS]), PyJWS(algorithms=[THEIRS]), InvalidTokenError)


def read_token(text: str) -> Token | None:
    """The token; None: the text is not a JSON Web Token."""
    if len(text) > LONGEST_CHARS or text.count(".") != 2:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        found: Mapping[str, Any] = _load().signed_by_callers.decode_complete(text, options={"verify_signature": False})
    except (_load().invalid, RecursionError):  # it may be anyone's, and nest its header as they like
        return None
    header, claims = found["header"], decode_claims(found["payload"])
    algorithm, key_id = header.get("alg"), header.get("kid", "")
    if claims is None or not isinstance(algorithm, str) or not isinstance(key_id, str):
        return None
    return Token(text, algorithm, key_id, claims)


def _is_signed_by(token: Token, public_key: str) -> bool:
    """Whether the holder of this key's private half signed the token with RS256."""
    try:
        _load().signed_by_callers.decode(token.text, _loaded(public_key), algorithms=[THEIRS])
    except _load().invalid:
        return False
    return True


def _is_ours(token: Token, secret: bytes) -> bool:
    """Whether `_sign_access_token` made the token with this secret."""
    try:
        _load().access_tokens.decode(token.text, secret, algorithms=[OURS])
    except _load().invalid:
        return False
    return True


def _sign_access_token(claims: dict[str, Any], secret: bytes, key_id: str) -> str:
    """An access token: it says who it belongs to and when it expires."""
    return _load().access_tokens.encode(encode_claims(claims), secret, algorithm=OURS, headers={"typ": "at+jwt", "kid": key_id})


@lru_cache(maxsize=256)
def _loaded(public_key: str) -> "RSAPublicKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - as PyJWT, which needs it
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    loaded = load_pem_public_key(public_key.encode())
    if not isinstance(loaded, RSAPublicKey):
        raise TypeError("only RSA keys are ever stored (create_service_key)")
    return loaded
