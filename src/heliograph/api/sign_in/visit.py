"""One request for a page: the address it was made to, its cookies, and whether another site's page could have made it.

Source: RFC 6265bis §4.1.3 (`__Host-`), §5.2 (SameSite); w3c.github.io/webappsec-fetch-metadata; OWASP CSRF Prevention.
"""

import hmac
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from heliograph.api.http.address import Addresses
from heliograph.api.http.authorization import Scope
from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.asgi import Receive
from heliograph.domain.session import form_token
from heliograph.domain.web_address import WebAddress, is_loopback_name, read_web_address
from heliograph.protojson.errors import InvalidArgument, PermissionDenied
from heliograph.service.webauthn import Site

BODY_MAX_BYTES = 32_768
"""A WebAuthn answer with an attestation that nobody asked for has some kilobytes."""
FIELDS_MOST = 16
SESSION, ATTEMPT = "heliograph-session", "heliograph-sign-in"


class NotThisAddress(PermissionDenied):
    """People cannot sign in at this address, because the server does not know it. Start it with --public-url and this address."""

    reason = "ADDRESS_NOT_KNOWN"


class NeedsHttps(PermissionDenied):
    """People cannot sign in by http: anyone on the way could take their session. Open this page by https."""

    reason = "NEEDS_HTTPS"


class CrossSite(PermissionDenied):
    """This request came from a page of another site, so it did nothing."""

    reason = "CROSS_SITE_REQUEST"


class FormTokenWrong(PermissionDenied):
    """This form belongs to another session, so it did nothing. Load the page again."""

    reason = "FORM_TOKEN_WRONG"


class Cookies(NamedTuple):
    """The names of this server's cookies at one address, and what a browser must do with them."""

    session: str
    attempt: str
    secure: bool

    def put(self, name: str, value: str, *, max_age_s: int) -> tuple[bytes, bytes]:
        """The header that gives the cookie to the browser, or with `max_age_s` 0 takes it away.

        Lax: a link from elsewhere (a mail, an identity provider) finds people signed in; what changes anything is a post, which
        Lax leaves out and `require_same_site` refuses.
        """
        secure = "; Secure" if self.secure else ""
        return b"set-cookie", f"{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}".encode("latin-1")


class Visit:
    """A request by a browser."""

    def __init__(self, scope: Scope, receive: Receive, addresses: Addresses) -> None:
        self.scope = scope
        self._receive = receive
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self.site = site_of(scope, addresses)
        self.cookies = cookies_at(self.site)
        self.sent: Mapping[str, str] = cookies_in(scope)
        self.address = addresses.of_client(scope)
        self.fields: Mapping[str, str] = {}
        """The form in the body; empty until `read_form`."""

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the URL.  Raises: InvalidArgument: there are too many."""
        try:
            return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), max_num_fields=FIELDS_MOST))
        except ValueError:
            raise InvalidArgument("This address has too many parameters.") from None

    @property
    def user_agent(self) -> str:
        return self.headers.get(b"user-agent", b"").decode("latin-1")

    @property
    def session_secret(self) -> str:
        """The secret of the session that the browser shows; empty: none."""
        return self.sent.get(self.cookies.session, "")

    @property
    def attempt(self) -> str:
        """The sealed attempt that the browser shows; empty: none."""
        return self.sent.get(self.cookies.attempt, "")

    async def read_form(self) -> None:
        """Raises: CrossSite: another site's page sent it; InvalidArgument, BodyTooLarge, BodyTooSlow, ClientGone."""
        require_same_site(self.scope, self.site)
        body = await read_body(self._receive, max_bytes=BODY_MAX_BYTES, timeout_s=BODY_TIMEOUT_S)
        try:
            self.fields = dict(parse_qsl(body.decode(), max_num_fields=FIELDS_MOST, errors="strict", keep_blank_values=True))
        except ValueError:
            raise InvalidArgument("The form could not be read.") from None

    def require_form_token(self) -> None:
        """Raises: FormTokenWrong: the form was not made for this session."""
        if not hmac.compare_digest(self.fields.get("form_token", "").encode(), form_token(self.session_secret).encode()):
            raise FormTokenWrong


def site_of(scope: Scope, addresses: Addresses) -> WebAddress:
    """The address of this server at which the browser believes itself to be.

    Raises: NotThisAddress: it is none of this server's; NeedsHttps: cookies would travel in clear.
    """
    found = read_web_address(addresses.of(scope))
    written = read_web_address(f"http://{addresses.written_host(scope)}")
    if found is None or written is None or found.host != written.host:
        raise NotThisAddress
    site = found._replace(rest="")
    if site.scheme != "https" and not is_loopback_name(site.host):
        raise NeedsHttps
    return site


def as_site(address: WebAddress) -> Site:
    """The address as WebAuthn names it."""
    return Site(address.host, address.origin)


def cookies_at(site: WebAddress) -> Cookies:
    """The cookies of this server at this address. Ports share cookies, so without https, on loopback, the name has the port."""
    if site.scheme == "https":
        return Cookies(f"__Host-{SESSION}", f"__Host-{ATTEMPT}", secure=True)
    return Cookies(f"{SESSION}-{site.own_port}", f"{ATTEMPT}-{site.own_port}", secure=False)


def cookies_in(scope: Scope) -> Mapping[str, str]:
    """The cookies that the browser sent; of two with one name, the first: browsers send the one with the longer path first."""
    sent = b";".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
    pairs = [one.strip().partition("=") for one in sent.split(";")]
    return {name: value for name, _, value in reversed(pairs) if name}


def require_same_site(scope: Scope, site: WebAddress, *, reads: bool = False) -> None:
    """Check that a page of this very origin sent the request, not only one of the same site.

    Every browser sends Origin with a post, newer ones Sec-Fetch-Site with everything. What only `reads` may come without either, and from
    the address bar (`none`): another site's page cannot read the answer.

    Raises: CrossSite.
    """
    headers = dict(scope["headers"])
    origin, fetched = headers.get(b"origin"), headers.get(b"sec-fetch-site")
    fits = origin in {None, site.origin.encode()} and fetched in ({None, b"same-origin", b"none"} if reads else {None, b"same-origin"})
    if not fits or (origin is None and fetched is None and not reads):
        raise CrossSite
