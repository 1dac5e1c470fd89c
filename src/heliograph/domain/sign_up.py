"""How an enterprise signs up: a page of this server's own, and two sealed texts that carry everything between its steps.

Nothing is stored: the sign-up URL and the enterprise token are signed by this server and expire. A sign-up makes one enterprise,
whose id follows from it; only if that enterprise is deleted within the hour in which its token is good could the token make it again.

Source: disc, signupUrls.create, SignupUrl, enterprises.create; developers.google.com/android/management/create-enterprise.
"""

import hmac
import re
from collections.abc import Iterator, Sequence

from heliograph.domain.sealed_text import Sealable
from heliograph.domain.web_address import HTTP, read_web_address, with_parameter
from heliograph.protojson.errors import InvalidArgument, Violation

LINK_LIFE_S = 24 * 3_600
"""An admin who gets the link finds time for it within a day."""
TOKEN_LIFE_S = 3_600
"""The callback's receiver creates the enterprise at once; an hour forgives an outage."""
EMAIL_MAX_CHARS = 254  # RFC 5321 §4.5.3.1.3, less the brackets
CALLBACK_MAX_CHARS = 2_000
DOMAINS_MOST = 100
TOKEN_PARAMETER = "enterpriseToken"  # noqa: S105 - a name, disc, callbackUrl

_EMAIL = re.compile(r"[^@\s<>\"]{1,64}@(?P<domain>[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)")
_ID_CHARS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 8


class SignUp(Sealable, frozen=True, kw_only=True, tag="signUp"):
    """What a sign-up URL says."""

    id: str
    callback_url: str
    admin_email: str = ""
    allowed_domains: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The resource name of the SignupUrl."""
        return f"signupUrls/{self.id}"


class EnterpriseToken(Sealable, frozen=True, kw_only=True, tag="enterpriseToken"):
    """What the token says that an admin's acceptance is worth."""

    id: str
    display_name: str
    admin_email: str


def enterprise_id_of(sign_up_id: str, *, key: bytes) -> str:
    """The id of the one enterprise that the sign-up makes; looks as AMAPI's do."""
    number = int.from_bytes(hmac.digest(key, f"enterprise {sign_up_id}".encode(), "sha256"))
    digits = []
    for _ in range(_ID_LENGTH):
        number, digit = divmod(number, len(_ID_CHARS))
        digits.append(_ID_CHARS[digit])
    return "LC" + "".join(digits)


def violations(*, callback_url: str, admin_email: str, allowed_domains: Sequence[str]) -> Iterator[Violation]:
    """Everything wrong with the parameters of signupUrls.create."""
    yield from _of_callback(callback_url)
    yield from people_violations(admin_email=admin_email, allowed_domains=allowed_domains)


def people_violations(*, admin_email: str, allowed_domains: Sequence[str]) -> Iterator[Violation]:
    """Everything wrong with the admin's address and the domains that it may have."""
    for index, domain in enumerate(allowed_domains):
        if index >= DOMAINS_MOST:
            yield Violation("allowed_domains", f"allowed_domains must have at most {DOMAINS_MOST} entries.")
            return
        if not _EMAIL.fullmatch(f"x@{domain.removeprefix('*.')}"):
            where = f"allowed_domains[{index}]"
            yield Violation(where, f"{where}: {domain[:128]!r} is not a domain such as example.com or *.example.com.")
    if admin_email and (objection := email_objection(admin_email, allowed_domains)):
        yield Violation("admin_email", f"admin_email: {objection}")


def form_violations(admin_email: str, allowed_domains: Sequence[str], *, email_needed: bool, accepted: bool) -> Iterator[Violation]:
    """What is wrong with what an admin says of themselves on a page, by the form's field."""
    if (admin_email or email_needed) and (objection := email_objection(admin_email, allowed_domains)):
        yield Violation("admin_email", objection if admin_email else "Give your email address.")
    if not accepted:
        yield Violation("accepted", "Tick the box if you agree.")


def _of_callback(url: str) -> Iterator[Violation]:
    if callback_host(url) is None:
        yield Violation(
            "callback_url",
            "callback_url must be an absolute http or https URL with a plain host, as in https://emm.example.com/signed-up: no user, no "
            f"backslash, at most {CALLBACK_MAX_CHARS} ASCII characters. After the sign-up the admin's browser goes there, with "
            f"{TOKEN_PARAMETER} added.",
        )


def callback_host(url: str) -> str | None:
    """The host, with its port if that is not the usual one, that a browser goes to; None: this is not a callback URL."""
    address = read_web_address(url) if len(url) <= CALLBACK_MAX_CHARS else None
    return address.authority if address is not None and address.scheme in HTTP else None


def email_objection(email: str, allowed_domains: Sequence[str]) -> str | None:
    """Why this cannot be the admin's address, or None.

    Source: disc, signupUrls.create, allowedDomains: subdomains only by an entry of their own, as in *.example.com.
    """
    match = _EMAIL.fullmatch(email) if len(email) <= EMAIL_MAX_CHARS else None
    if match is None:
        return f"{email[:128]!r} is not an email address."
    if allowed_domains and not any(_covers(allowed.lower(), match["domain"].lower()) for allowed in allowed_domains):
        return f"The domain of the email address must be one of {', '.join(allowed_domains)}."
    return None


def _covers(allowed: str, domain: str) -> bool:
    return domain.endswith(allowed[1:]) if allowed.startswith("*.") else domain == allowed


def callback_with(url: str, token: str) -> str:
    """The callback URL with the token added; one that it had already gives way.

    Source: disc, signupUrls.create, callbackUrl: "The URL will be parsed then reformatted in order to add the enterpriseToken parameter".
    """
    return with_parameter(url, TOKEN_PARAMETER, token)


def check_agreement(*, agreement_accepted: bool, signup_url_name: str, enterprise_token: str) -> None:
    """Check that enterprises.create gets the enterprise's agreement.  Raises: InvalidArgument with what to do."""
    if enterprise_token and signup_url_name:
        return
    if enterprise_token or signup_url_name:
        given, missing = ("enterprise_token", "signup_url_name") if enterprise_token else ("signup_url_name", "enterprise_token")
        description = f"{missing} is missing: {given} is valid only with it. Both come from one sign-up."
        raise InvalidArgument(violations=[Violation(missing, description)])
    if not agreement_accepted:
        description = (
            "Show that the enterprise agreed: send agreementAccepted=true, or signupUrlName and enterpriseToken. For the latter, call "
            f"signupUrls.create, open its url in a browser, and take {TOKEN_PARAMETER} from the callback."
        )
        raise InvalidArgument(violations=[Violation("agreement_accepted", description)])
