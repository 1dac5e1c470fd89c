"""Callers of the API who show a session instead of a token: scripts of this server's own pages.

A cookie travels with every request that a browser makes, whichever page made it. So a session counts only for requests of this server's
own pages: what changes anything must carry the session's form token, too, and CORS lets no page of another origin use a session.
"""

import hmac

from heliograph.api.http.address import Addresses
from heliograph.api.http.authorization import Scope
from heliograph.api.sign_in.visit import FormTokenWrong, cookies_at, cookies_in, require_same_site, site_of
from heliograph.domain.access import Caller
from heliograph.domain.session import form_token
from heliograph.service.ports import Ports
from heliograph.service.roles import Resolver
from heliograph.service.sessions import SessionTimes, find_session, use_session

FORM_TOKEN = b"x-heliograph-form-token"
_STREAM = b"text/event-stream"


class SessionCallers:
    """See api/http/authorization.py, Sessions."""

    def __init__(self, ports: Ports, times: SessionTimes, addresses: Addresses, roles: Resolver) -> None:
        self._ports = ports
        self._times = times
        self._roles = roles
        self._addresses = addresses

    async def caller_of(self, scope: Scope, *, writes: bool) -> Caller | None:
        """The person whose session the request shows; None: it shows none that is current.

        Raises: CrossSite, FormTokenWrong; NotThisAddress, NeedsHttps.
        """
        if not any(name == b"cookie" for name, _ in scope["headers"]):
            return None
        sent = cookies_in(scope)
        if not any("heliograph-session" in name for name in sent):
            return None
        site = site_of(scope, self._addresses)
        secret = sent.get(cookies_at(site).session, "")
        if not secret:
            return None
        require_same_site(scope, site, reads=not writes)
        headers = dict(scope["headers"])
        if writes and not hmac.compare_digest(headers.get(FORM_TOKEN, b""), form_token(secret).encode()):
            raise FormTokenWrong
        # A stream that stays open, and is checked again and again, is no sign that anyone is there.
        looks = _STREAM in headers.get(b"accept", b"")
        found = await (find_session(self._ports, secret) if looks else use_session(self._ports, self._times, secret))
        if found is None:
            return None
        person, session, limits = found.person.name.person, found.session.name.session, self._ports.limits
        return await self._roles.resolved(found.rights.caller(person, session_id=session, blast_radius=limits.blast_radius))
