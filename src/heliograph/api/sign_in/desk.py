"""What the pages of signing in work with, and what they answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import structlog

from heliograph.api.http.address import Addresses
from heliograph.api.sign_in.visit import Visit
from heliograph.domain.people import Rights
from heliograph.domain.sealed_text import opened, seal
from heliograph.domain.session import ATTEMPT_LIFE_US, Attempt, SpentAttempt
from heliograph.domain.web_address import WebAddress, is_loopback_name
from heliograph.service.openid import IdentityProvider
from heliograph.service.ports import Ports
from heliograph.service.sessions import AttemptSpent, SessionTimes, SignedIn, Start, find_session

log = structlog.get_logger()

SEE_OTHER = 303
_NUMBERED = re.compile(r"\[.*\]|[0-9.]+")
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
"""In this order: each claims to be those that follow."""
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)  # fmt: skip


class Answer(NamedTuple):
    """What is sent: a page, or with `place` a redirect there."""

    status: int
    body: bytes = b""
    place: str = ""
    cookies: Sequence[tuple[bytes, bytes]] = ()


def html(status: int, body: bytes, *cookies: tuple[bytes, bytes]) -> Answer:
    """A page."""
    return Answer(status, body, cookies=cookies)


def redirect(place: str, *cookies: tuple[bytes, bytes]) -> Answer:
    """The browser goes on to this place."""
    return Answer(SEE_OTHER, place=place, cookies=cookies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the pages work with; made once, in the composition root."""

    ports: Ports
    addresses: Addresses
    times: SessionTimes
    openid: IdentityProvider | None = None
    """None: people sign in with passkeys only."""

    def new_attempt(self, visit: Visit, purpose: str, onward: str) -> tuple[Attempt, tuple[bytes, bytes]]:
        """An attempt that begins now, and the cookie that carries it."""
        expires_us = self.ports.clock.now_us() + ATTEMPT_LIFE_US
        attempt = Attempt(secret=self.ports.ids.session_secret(), purpose=purpose, next=onward, expires_us=expires_us)
        return attempt, visit.cookies.put(visit.cookies.attempt, seal(attempt, key=self._key), max_age_s=ATTEMPT_LIFE_US // 1_000_000)

    def attempt_of(self, visit: Visit, purpose: str) -> Attempt:
        """The attempt that this browser began for this purpose.  Raises: AttemptSpent: none, or too long ago."""
        attempt = opened(visit.attempt, Attempt, key=self._key, now_us=self.ports.clock.now_us())
        if attempt is None or attempt.purpose != purpose:
            raise AttemptSpent
        return attempt

    async def start(self, visit: Visit, attempt: Attempt, how: str, rights: Rights | None = None) -> Start:
        """What the session begins with: always a new secret, whatever the browser brought; its former session ends."""
        former = await find_session(self.ports, visit.session_secret)
        return Start(
            secret=self.ports.ids.session_secret(), session_id=self.ports.ids.token_id(), how=how,
            spends=SpentAttempt(name=attempt.spent_name, expires_us=attempt.expires_us), address=visit.address,
            user_agent=visit.user_agent, rights=rights, replaces=(former.session.name,) if former else (),
        )  # fmt: skip

    async def welcome(self, visit: Visit, signed_in: SignedIn, start: Start, onward: str) -> Answer:
        """The browser has its session, and goes on."""
        person, session = signed_in.person.name, signed_in.session.name
        log.info("session.began", person=person.person, session=session.session, how=start.how, address=visit.address)
        cookies = visit.cookies
        put = cookies.put(cookies.session, start.secret, max_age_s=self.times.absolute_us // 1_000_000)
        return redirect(onward, put, cookies.put(cookies.attempt, "", max_age_s=0))

    @property
    def _key(self) -> bytes:
        return self.ports.vault.derive("sign-in attempts")


def without_session(visit: Visit) -> tuple[bytes, bytes]:
    """The browser forgets its session."""
    return visit.cookies.put(visit.cookies.session, "", max_age_s=0)


def json_text(value: Mapping[str, Any]) -> str:
    """The value as an attribute of a page holds it."""
    return msgspec.json.encode(value).decode()


def keeps_passkeys(site: WebAddress) -> bool:
    """Whether a browser keeps passkeys for this host: for a name, never for a number.  Source: WebAuthn Level 3, "effective domain"."""
    return _NUMBERED.fullmatch(site.host) is None


def named(site: WebAddress) -> str:
    """The same server by a name, if it is this machine: there is one for loopback numbers; else as it is."""
    return (site._replace(host="localhost") if is_loopback_name(site.host) else site).origin


def browser_name(user_agent: str) -> str:
    """What a person calls this browser: "Chrome on Linux"."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser
