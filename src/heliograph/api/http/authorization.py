"""Who may pass to a method: the caller behind the request's token, and whether that caller may.

Source: amapi.md §4.5–4.7, §8.6.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

from heliograph.domain.access import ANYBODY, Caller, ScopeInsufficient, authorize, is_write
from heliograph.protojson.errors import Unauthenticated
from heliograph.service.callers import Callers

SERVICE = "androidmanagement.googleapis.com"
TOKEN_PARAMETERS = frozenset({"access_token", "oauth_token"})
_IN_ENTERPRISE = "enterprises/*"

Scope = Mapping[str, Any]
OwnUrls = Callable[[Scope], Collection[str]]
"""The addresses (scheme and host) of this server, for which a caller may have signed a token."""


class Called(Protocol):
    """What the authorizer asks of a method."""

    @property
    def id(self) -> str:
        """`androidmanagement.enterprises.devices.get`."""

    @property
    def path(self) -> str:
        """With a `*` for each id."""


class Sessions(Protocol):
    """Callers who show a session instead of a token: pages that this server serves (api/sign_in/)."""

    async def caller_of(self, scope: Scope, *, writes: bool) -> Caller | None:
        """The person; None: the request shows no session.  Raises: PermissionDenied: another site's page may have sent it."""


class _Rights(NamedTuple):
    writes: bool
    in_enterprise: bool


class Authorizer:
    """Lets callers pass to the methods that they may call."""

    def __init__(self, callers: Callers, *, own_urls: OwnUrls, sessions: Sessions | None = None) -> None:
        """`sessions`: None: no one signs in with a browser."""
        self._callers = callers
        self._sessions = sessions
        self._own_urls = own_urls
        self._rights: dict[str, _Rights] = {}

    async def admit(self, method: Called, ids: tuple[str, ...], scope: Scope) -> Caller:
        """The caller, who may call this method on what `ids` name.

        Raises: Unauthenticated (CredentialsMissing, CredentialsInvalid and its like), PermissionDenied (ScopeInsufficient,
            EnterpriseNotAuthorized, RoleInsufficient, NotEveryEnterprise).
        """
        rights = self._rights.get(method.id)
        if rights is None:
            rights = self._rights[method.id] = _Rights(is_write(method.id), method.path.startswith(_IN_ENTERPRISE))
        credential = credential_of(scope)
        caller = self._callers.known(credential)
        if caller is None and not credential and self._sessions is not None:
            caller = await self._sessions.caller_of(scope, writes=rights.writes)
        if caller is None:
            caller = await self._authenticated(credential, {"method": method.id}, scope)
        authorize(caller, writes=rights.writes, enterprise=ids[0] if rights.in_enterprise else None)
        return caller

    async def identify(self, scope: Scope) -> Caller:
        """The caller, without a check of its rights.  Raises: Unauthenticated, ScopeInsufficient."""
        credential = credential_of(scope)
        return self._callers.known(credential) or await self._authenticated(credential, {}, scope)

    def known(self, scope: Scope) -> Caller:
        """The caller, if it was identified within the last minute, otherwise anybody: for what is written about a refusal."""
        return self._callers.known(credential_of(scope)) or ANYBODY

    async def _authenticated(self, credential: bytes, called: Mapping[str, str], scope: Scope) -> Caller:
        try:
            return await self._callers.authenticate_caller(credential, own_urls=self._own_urls(scope))
        except (Unauthenticated, ScopeInsufficient) as error:
            error.metadata |= {**called, "service": SERVICE}
            raise


def credential_of(scope: Scope) -> bytes:
    """The request's `Authorization` header, or the token of its query as one; empty: there is neither."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            found: bytes = value
            return found
    query: bytes = scope["query_string"]
    return _token_in(query) if b"_token" in query else b""


def _token_in(query: bytes) -> bytes:
    found = [value for name, value in parse_qsl(query.decode("latin-1")) if name in TOKEN_PARAMETERS]
    return b"Bearer " + found[-1].encode() if found else b""
