"""Who may pass to a method: the caller behind the request's token, and whether that caller may.

Source: amapi.md §4.5–4.7, §8.6.
"""

import contextlib
import enum
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from heliograph.api.http.heads import head_of
from heliograph.domain.access import ANYBODY, Caller, ScopeInsufficient
from heliograph.domain.device import DeviceRecord
from heliograph.domain.names import DeviceName
from heliograph.domain.rights import Called, is_write
from heliograph.protojson.errors import HeliographError, Unauthenticated
from heliograph.service.callers import Callers

SERVICE = "androidmanagement.googleapis.com"
TOKEN_PARAMETERS = frozenset({"access_token", "oauth_token"})
_IN_ENTERPRISE = "enterprises/*"


class Admits(enum.Enum):
    """Who may pass to what stands at a path. Every path is decided (server/assembly.py, DECIDED; tests/sign_in/test_every_route.py)."""

    ROLE = "a caller whose roles allow the method"
    """Decided by the Authorizer, by the method's id."""
    OPERATOR = "a process on the server's own machine that can read its data directory"
    PHONE = "a phone, by its credential or an enrolment token"
    LINK = "who has the address, which cannot be guessed"
    BROWSER = "a browser: the page looks at its session, its passkey or its invitation"
    ASSERTION = "who signs with a key"
    ANYBODY = "anybody: nothing there is of an enterprise"


Devices = Callable[[DeviceName], Awaitable[DeviceRecord | None]]
Scope = Mapping[str, Any]
OwnUrls = Callable[[Scope], Collection[str]]
"""The addresses (scheme and host) of this server, for which a caller may have signed a token."""


class Sessions(Protocol):
    """Callers who show a session instead of a token: pages that this server serves (api/sign_in/)."""

    async def caller_of(self, scope: Scope, *, writes: bool) -> Caller | None:
        """The person; None: the request shows no session.  Raises: PermissionDenied: another site's page may have sent it."""


class Authorizer:
    """Lets callers pass to the methods that they may call."""

    def __init__(self, callers: Callers, *, own_urls: OwnUrls, devices: Devices, sessions: Sessions | None = None) -> None:
        """`devices` finds a device, for roles that choose devices by a filter; `sessions`: None: no one signs in with a browser."""
        self._callers = callers
        self._sessions = sessions
        self._own_urls = own_urls
        self._devices = devices

    async def admit(self, method: Called, ids: tuple[str, ...], scope: Scope) -> Caller:
        """The caller, who may call this method on what `ids` name.

        What a filter or a count decides is judged again by the rule that changes something, on the truth of its transaction.

        Raises: Unauthenticated (CredentialsMissing, CredentialsInvalid and its like), PermissionDenied (ScopeInsufficient,
            EnterpriseNotAuthorized, RoleInsufficient, NotEveryEnterprise).
        """
        if (admitted := self.admit_at_once(method, ids, scope)) is not None:
            return admitted
        caller = await self._shown(scope, {"method": method.id}, writes=is_write(method.id))
        permit = caller.rights.admit(method, enterprise_of(method, ids))
        if permit.by_device:
            permit.check_device(await self._devices(DeviceName(*ids[:2])))
        return caller

    def admit_at_once(self, method: Called, ids: tuple[str, ...], scope: Scope) -> Caller | None:
        """As `admit`, of a caller that is known and may; None: ask `admit`."""
        caller = self._callers.known(credential_of(scope))
        permit = None if caller is None else caller.rights.permit_known(method.id)
        if permit is None or permit.by_device:
            return None
        if permit.enterprises is not None and not (permit.in_enterprise and ids[0] in permit.enterprises):
            return None
        return caller

    async def identify(self, scope: Scope) -> Caller:
        """The caller, without a check of its rights.  Raises: Unauthenticated, ScopeInsufficient."""
        credential = credential_of(scope)
        return self._callers.known(credential) or await self._authenticated(credential, {}, scope)

    async def sender(self, scope: Scope) -> Caller:
        """The caller, if it was identified within the last minute or shows a session, otherwise anybody: for what is written of a refusal.

        A request that another site's page sent is no one's: its sender did not want it.
        """
        credential = credential_of(scope)
        if credential or self._sessions is None:
            return self._callers.known(credential) or ANYBODY
        with contextlib.suppress(HeliographError):
            return await self._sessions.caller_of(scope, writes=False) or ANYBODY
        return ANYBODY

    async def anyone(self, scope: Scope) -> Caller:
        """The caller, also one who shows a session and only reads, without a check of its rights.  Raises: as `admit`, of who calls."""
        return await self._shown(scope, {}, writes=False)

    async def _shown(self, scope: Scope, called: Mapping[str, str], *, writes: bool) -> Caller:
        """The caller by the credential or the session that the request shows.  Raises: as `admit`, of who calls."""
        credential = credential_of(scope)
        caller = self._callers.known(credential)
        if caller is None and not credential and self._sessions is not None:
            caller = await self._sessions.caller_of(scope, writes=writes)
        return caller or await self._authenticated(credential, called, scope)

    async def _authenticated(self, credential: bytes, called: Mapping[str, str], scope: Scope) -> Caller:
        try:
            return await self._callers.authenticate_caller(credential, own_urls=self._own_urls(scope))
        except (Unauthenticated, ScopeInsufficient) as error:
            error.metadata |= {**called, "service": SERVICE}
            raise


def enterprise_of(method: Called, ids: tuple[str, ...]) -> str | None:
    """The id of the enterprise that a call concerns; None: the whole server."""
    return ids[0] if method.path.startswith(_IN_ENTERPRISE) else None


def credential_of(scope: Scope) -> bytes:
    """The request's `Authorization` header, or the token of its query as one; empty: there is neither."""
    shown = head_of(scope).authorization
    if shown is not None:
        return shown
    query: bytes = scope["query_string"]
    return _token_in(query) if b"_token" in query else b""


def _token_in(query: bytes) -> bytes:
    found = [value for name, value in parse_qsl(query.decode("latin-1")) if name in TOKEN_PARAMETERS]
    return b"Bearer " + found[-1].encode() if found else b""
