"""People's browsers at a server: how long their sessions last, and the link with which the first of them comes in."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from heliograph.api.http.address import Addresses
from heliograph.api.http.authorization import Sessions
from heliograph.asgi import Asgi
from heliograph.domain.access import EVERY_ENTERPRISE, Role
from heliograph.domain.audit import Acting
from heliograph.domain.people import Rights
from heliograph.protojson.errors import Unavailable
from heliograph.server.starting import once_accepted
from heliograph.service.acting import context_of
from heliograph.service.people import anyone_can_sign_in, invite_person
from heliograph.service.ports import Ports
from heliograph.service.roles import Resolver
from heliograph.service.sessions import SessionTimes
from heliograph.settings import Admission, Settings

if TYPE_CHECKING:
    from heliograph.service.openid import IdentityProvider

log = structlog.get_logger()

MINUTE_US = 60 * 1_000_000


def session_times(settings: Settings) -> SessionTimes:
    """How long sessions last."""
    return SessionTimes(idle_us=settings.session_idle_minutes * MINUTE_US, absolute_us=settings.session_hours * 60 * MINUTE_US)


def session_callers(settings: Settings, ports: Ports, addresses: Addresses, roles: Resolver) -> Sessions | None:
    """People who call the API with a session; None: no one signs in here."""
    if settings.admission is not Admission.KEYS:
        return None
    from heliograph.api.sign_in.session_callers import SessionCallers  # noqa: PLC0415 - a sandbox starts without people

    return SessionCallers(ports, session_times(settings), addresses, roles)


def pages_for_people(settings: Settings, ports: Ports, addresses: Addresses, *, now_us: Callable[[], int], otherwise: Asgi) -> Asgi | None:
    """The pages of signing in; None: no one signs in here. `now_us`: the true wall clock, by which an identity provider is judged."""
    if settings.admission is not Admission.KEYS:
        return None
    from heliograph.api.sign_in.app import sign_in_app  # noqa: PLC0415 - as above
    from heliograph.api.sign_in.desk import Desk  # noqa: PLC0415

    openid: IdentityProvider | None = None
    if settings.openid is not None:
        from heliograph.openid.provider import Provider  # noqa: PLC0415

        openid = Provider(settings.openid, now_us=now_us)
    return sign_in_app(Desk(ports=ports, addresses=addresses, times=session_times(settings), openid=openid), otherwise=otherwise)


async def first_invitation(settings: Settings, ports: Ports, near_url: str) -> str | None:
    """The link that makes the first admin; None: people can sign in already, or no one has to. `near_url`: for this very machine.

    A server whose store refuses to keep an invitation serves without one, and its log says how to get it.
    """
    if settings.admission is not Admission.KEYS or settings.openid is not None:
        return None
    acting = Acting.server("invite_first_admin")
    try:
        if await anyone_can_sign_in(ports):
            return None
        rights = Rights(Role.ADMIN, (EVERY_ENTERPRISE,))
        invited = await once_accepted(lambda: asyncio.create_task(invite_person(ports, "", rights), context=context_of(acting)))
    except Unavailable as error:
        log.warning("server.not_invited", why=error.message, instead="heliograph people invite")
        return None
    return Addresses(settings.trusted_proxies, settings.public_urls).for_browsers(near_url) + invited.path
