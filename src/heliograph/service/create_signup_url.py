"""A link by which an enterprise signs up."""

from collections.abc import Sequence
from typing import NamedTuple

from heliograph.domain.errors import InvalidArgument, Violations
from heliograph.domain.sign_up import URL_LIFE_S, SignUp, seal, violations
from heliograph.service._sign_up import sign_up_key
from heliograph.service.ports import Ports

PATH = "/signup/"
"""Where the page stands, below the server's address."""


class SignupUrlMade(NamedTuple):
    """Name and address of the new sign-up."""

    name: str
    url: str


def create_signup_url(
    ports: Ports, *, server_url: str, callback_url: str, admin_email: str = "", allowed_domains: Sequence[str] = ()
) -> SignupUrlMade:
    """The link is good for a day; nothing is stored.  Raises: InvalidArgument."""
    if found := Violations(violations(callback_url=callback_url, admin_email=admin_email, allowed_domains=allowed_domains)):
        raise InvalidArgument(violations=found)
    sign_up = SignUp(
        id=ports.ids.token_id(),
        callback_url=callback_url,
        admin_email=admin_email,
        allowed_domains=tuple(allowed_domains),
        expires_us=ports.clock.now_us() + URL_LIFE_S * 1_000_000,
    )
    return SignupUrlMade(sign_up.name, f"{server_url}{PATH}{seal(sign_up, key=sign_up_key(ports))}")
