"""A new enterprise's sign-up: its URL, and the form's answer."""

from collections.abc import Sequence
from typing import NamedTuple

from heliograph.domain.enterprise import DISPLAY_NAME_MAX_CHARS
from heliograph.domain.sealed_text import opened, seal
from heliograph.domain.sign_up import (
    LINK_LIFE_S,
    TOKEN_LIFE_S,
    EnterpriseToken,
    SignUp,
    callback_host,
    callback_with,
    form_violations,
    violations,
)
from heliograph.protojson.errors import InvalidArgument, NotFound, Violation, Violations
from heliograph.service.ports import Ports

PATH = "/signup/"
"""Path of the page below the server's address."""


class SignupUrlMade(NamedTuple):
    """Name and address of the new sign-up."""

    name: str
    url: str


def create_signup_url(
    ports: Ports, *, server_url: str, callback_url: str, admin_email: str = "", allowed_domains: Sequence[str] = ()
) -> SignupUrlMade:
    """The link is valid for a day; nothing is stored.  Raises: InvalidArgument."""
    if found := Violations(violations(callback_url=callback_url, admin_email=admin_email, allowed_domains=allowed_domains)):
        raise InvalidArgument(violations=found)
    sign_up = SignUp(
        id=ports.ids.token_id(),
        callback_url=callback_url,
        admin_email=admin_email,
        allowed_domains=tuple(allowed_domains),
        expires_us=ports.clock.now_us() + LINK_LIFE_S * 1_000_000,
    )
    return SignupUrlMade(sign_up.name, f"{server_url}{PATH}{seal(sign_up, key=sign_up_key(ports))}")


class NoSuchSignUp(NotFound):
    """This sign-up link is not valid, or is older than a day. Ask for a new one."""


def sign_up_of(ports: Ports, sealed: str) -> SignUp:
    """The sign-up that the page's address names.  Raises: NoSuchSignUp."""
    sign_up = opened(sealed, SignUp, key=sign_up_key(ports), now_us=ports.clock.now_us())
    # A link that an older version sealed may hold a callback that is not taken any more.
    if sign_up is None or callback_host(sign_up.callback_url) is None:
        raise NoSuchSignUp
    return sign_up


def complete_sign_up(ports: Ports, sealed: str, *, display_name: str, admin_email: str, accepted: bool) -> str:
    """Where the admin's browser goes next: the callback URL with the enterprise token.

    Raises: NoSuchSignUp; InvalidArgument: the form's mistakes, by field.
    """
    sign_up = sign_up_of(ports, sealed)
    display_name, admin_email = display_name.strip(), admin_email.strip()
    found = []
    if not 0 < len(display_name) <= DISPLAY_NAME_MAX_CHARS or not display_name.isprintable():
        found.append(Violation("display_name", f"Give the enterprise a name of 1 to {DISPLAY_NAME_MAX_CHARS} characters."))
    domains = sign_up.allowed_domains
    found += form_violations(admin_email, domains, email_needed=bool(domains), accepted=accepted)
    if found:
        raise InvalidArgument(violations=found)
    token = EnterpriseToken(
        id=sign_up.id,
        display_name=display_name,
        admin_email=admin_email,
        expires_us=ports.clock.now_us() + TOKEN_LIFE_S * 1_000_000,
    )
    return callback_with(sign_up.callback_url, seal(token, key=sign_up_key(ports)))


def sign_up_key(ports: Ports) -> bytes:
    """What sign-ups are sealed with."""
    return ports.vault.derive("sign-up")
