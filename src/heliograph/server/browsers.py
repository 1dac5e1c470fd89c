"""People's browsers at a server: how long their sessions last, and the link with which the first of them comes in."""

import asyncio
from collections.abc import Callable

from heliograph.api.http.address import Addresses
from heliograph.domain.access import EVERY_ENTERPRISE, Role
from heliograph.domain.audit import Acting
from heliograph.domain.people import Rights
from heliograph.service.acting import context_of
from heliograph.service.openid import IdentityProvider
from heliograph.service.people import anyone_can_sign_in, invite_person
from heliograph.service.ports import Ports
from heliograph.service.sessions import SessionTimes
from heliograph.settings import Admission, Settings

MINUTE_US = 60 * 1_000_000


def session_times(settings: Settings) -> SessionTimes:
    """How long sessions last."""
    return SessionTimes(idle_us=settings.session_idle_minutes * MINUTE_US, absolute_us=settings.session_hours * 60 * MINUTE_US)


def identity_provider(settings: Settings, *, now_us: Callable[[], int]) -> IdentityProvider | None:
    """The provider that people sign in with, by the true wall clock; None: there is none."""
    if settings.openid is None:
        return None
    from heliograph.openid.provider import Provider  # noqa: PLC0415 - it brings an HTTP client, which a sandbox starts without

    return Provider(settings.openid, now_us=now_us)


async def first_invitation(settings: Settings, ports: Ports, near_url: str) -> str | None:
    """The link that makes the first admin; None: people can sign in already, or no one has to. `near_url`: for this very machine."""
    if settings.admission is not Admission.KEYS or settings.openid is not None or await anyone_can_sign_in(ports):
        return None
    made = invite_person(ports, "", Rights(Role.ADMIN, (EVERY_ENTERPRISE,)))
    invited = await asyncio.create_task(made, context=context_of(Acting.server("invite_first_admin")))
    return Addresses(settings.trusted_proxies, settings.public_urls).for_browsers(near_url) + invited.path
