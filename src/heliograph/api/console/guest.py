"""One request for a page of the console: who asks, what for, and the API's methods called in their name.

A page reads and writes by the rows of the API's methods, so those who may not call a method learn nothing of it here either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from heliograph.api.console.door import PREFIX
from heliograph.api.console.live_streams import LiveStreams, cursor_of
from heliograph.api.desk_methods import DESK_METHODS
from heliograph.api.http.address import Addresses
from heliograph.api.http.audited import Audited, resource_of
from heliograph.api.http.authorization import Authorizer, credential_of, enterprise_of
from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.api.http.streaming import Stream
from heliograph.api.latest_stats import LatestStats
from heliograph.api.method import Call, Method
from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.own_methods import OWN_METHODS
from heliograph.api.resources.operator_desk import DeskCall, DeskMethod, OperatorDesk, OperatorOnly, require_operator
from heliograph.api.sign_in.session_callers import FORM_TOKEN
from heliograph.api.sign_in.visit import SESSION, cookies_at, cookies_in, site_of
from heliograph.asgi import Receive, Scope
from heliograph.domain.access import ANYBODY, EVERY_ENTERPRISE, OF_SESSIONS, Caller
from heliograph.domain.command import CommandType
from heliograph.domain.names import DeviceName
from heliograph.domain.rights import NotEveryEnterprise
from heliograph.domain.session import form_token
from heliograph.protojson.errors import HeliographError, InvalidArgument, PermissionDenied, Unauthenticated
from heliograph.service.fleet_summary import FleetSummaries
from heliograph.service.key_approvals import enterprises_with_rules
from heliograph.service.ports import Ports
from heliograph.service.sessions import find_session

METHODS: Final[Mapping[str, Method | DeskMethod]] = {method.id: method for method in (*AMAPI_METHODS, *OWN_METHODS, *DESK_METHODS)}
ENTERPRISES_LIST, ENTERPRISES_GET = "androidmanagement.enterprises.list", "androidmanagement.enterprises.get"
DEVICES_LIST, DEVICES_GET = "androidmanagement.enterprises.devices.list", "androidmanagement.enterprises.devices.get"
ISSUE = "androidmanagement.enterprises.devices.issueCommand"
OPERATIONS_LIST = "androidmanagement.enterprises.devices.operations.list"
OPERATIONS_GET = "androidmanagement.enterprises.devices.operations.get"
OPERATIONS_CANCEL = "androidmanagement.enterprises.devices.operations.cancel"
POLICIES_LIST, TOKENS_LIST = "androidmanagement.enterprises.policies.list", "androidmanagement.enterprises.enrollmentTokens.list"
TOKENS_CREATE = "androidmanagement.enterprises.enrollmentTokens.create"
PUSH_ENDPOINTS_LIST, DEAD_LETTERS_LIST = "heliograph.pushEndpoints.list", "heliograph.deadLetters.list"
TIMELINE, EXPLAIN = "heliograph.operations.timeline", "heliograph.operations.explain"

FORM_MAX_BYTES = 256 * 1_024
"""A command may have half of that, and a form writes some characters as three."""
JSON_FORM_MAX_BYTES = 3 * 512 * 1_024
"""Of a form with a whole resource in it: `Limits.resource_bytes_most`, each byte as three."""
FIELDS_MOST = 256
DIGITS_MOST = 6
"""Of a number in a form: a longer one stays a text, and is too large for every field."""
TEXT_MAX_CHARS = 2_048
"""Of a search, a filter, a page token: as AMAPI's filters."""

Json = dict[str, Any]


class ConsolePage(NamedTuple):
    """What is shown: a template and its values."""

    template: str
    title: str
    values: Mapping[str, Any]
    status: int = 200
    refresh_s: int = 0
    """After how many seconds a browser without scripts asks again; 0: never."""
    live: str = ""
    """Names of what it shows, with a space between; when one of them (or what is below it) changes, its parts with `data-patch` do."""


class Redirect(NamedTuple):
    """The browser goes on to this path of the console with a GET."""

    path: str


class Download(NamedTuple):
    """A file that the browser saves, and keeps in no cache."""

    name: str
    """As in `audit.json`: letters, digits and `._-`."""
    body: bytes


class SignInAgain(PermissionDenied):
    """This takes a sign-in of the last ten minutes, because someone may do more by it than before. Sign in again."""

    reason = "SIGN_IN_AGAIN"


class SecondPersonThere(PermissionDenied):
    """An enterprise here asks for a second person, and this could make one up: do it on the server's own machine, by the command line."""

    reason = "OPERATOR_ONLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """What the pages work with; made once, in the composition root."""

    ports: Ports
    addresses: Addresses
    audited: Audited
    authorizer: Authorizer | None
    """None: everyone may do everything."""
    desk: OperatorDesk
    life: str
    """What no other server, and this one after its next start, has: cursors of live streams begin with it."""
    summaries: FleetSummaries
    streams: LiveStreams = field(default_factory=LiveStreams)
    signs_in: bool
    """Whether people sign in at this server; no: everyone who passes the front door may see the pages."""
    started_us: int
    """Since when the server runs."""
    stats: LatestStats


class Guest:
    """Someone who asks for a page."""

    def __init__(self, console: Console, scope: Scope, receive: Receive, *, is_page: Callable[[str], bool] = bool) -> None:
        """`is_page`: whether there is a page at a path below PREFIX.

        Raises: InvalidArgument: a query that cannot be read; NotThisAddress, NeedsHttps: people cannot sign in here.
        """
        self.console = console
        self.ports = console.ports
        self._is_page = is_page
        self.base = str(scope.get("root_path", ""))
        """What stands before every path of this server, as of a world below its sandbox's address."""
        self.usual_enterprise = ""
        """Whose sections the menu shows beside a page of no enterprise; empty: none."""
        self.caller: Caller = ANYBODY
        """Who was admitted last."""
        self.cursor = cursor_of(console.life, console.ports.changes)
        """What has changed so far: a live page misses nothing that changes while it is made."""
        self.fields: Mapping[str, Sequence[str]] = {}
        """The form in the body: all values of each name."""
        self._scope = scope
        self._receive = receive
        self._query = _values(scope["query_string"].decode("latin-1"))
        self._secret, self._origin = self._session()

    @property
    def form_token(self) -> str:
        """What forms must carry; empty: no one signs in."""
        return form_token(self._secret) if self._secret else ""

    @property
    def is_new(self) -> bool:
        """Whether signing in could help: no session or key was shown."""
        return self.console.signs_in and not credential_of(self._scope)

    @property
    def stands_at_desk(self) -> bool:
        """Whether keys, roles and people are shown here: to people who are signed in; in a sandbox, to processes of this machine.

        A key changes no keys, however much it may do.
        """
        if self.console.signs_in:
            return self.caller.key_id.startswith(OF_SESSIONS) and self.caller.rights.enterprises is None
        try:
            require_operator(self.console.desk.secret, self._scope)
        except OperatorOnly:
            return False
        return True

    @property
    def server_url(self) -> str:
        """The address by which the browser reached this server."""
        return self.console.addresses.of(self._scope)

    def parameter(self, name: str) -> str:
        """A parameter of the URL, without white space around it.  Raises: InvalidArgument: it is too long."""
        found = next(iter(self._query.get(name, ())), "").strip()
        if len(found) > TEXT_MAX_CHARS:
            raise InvalidArgument(f"{name} may have at most {TEXT_MAX_CHARS} characters; it has {len(found)}.")
        return found

    def field(self, name: str) -> str:
        """The first value of a field of the form; empty: there is none."""
        return next(iter(self.fields.get(name, ())), "")

    def number(self, name: str, *, empty: int | str = "") -> int | str:
        """The number in a field of the form; `empty`: nothing is in it; what is no number as it is: the API says what is wrong with it."""
        text = self.field(name).strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MOST else text or empty

    def header(self, name: str) -> str:
        """A header of the request, without white space around it; empty: it has none."""
        return next((value.decode("latin-1").strip() for key, value in self._scope["headers"] if key == name.encode()), "")

    @property
    def address(self) -> str:
        """The IP address that the browser asks from."""
        return self.console.addresses.of_client(self._scope)

    async def identify(self) -> Caller:
        """The caller, without a check of its rights.  Raises: Unauthenticated, PermissionDenied."""
        if self.console.authorizer is not None:
            self.caller = await self.console.authorizer.anyone(self._scope)
        return self.caller

    async def read_form(self, *, max_bytes: int = FORM_MAX_BYTES) -> None:
        """Raises: InvalidArgument, BodyTooLarge, BodyTooSlow, ClientGone."""
        body = await read_body(self._receive, max_bytes=max_bytes, timeout_s=BODY_TIMEOUT_S)
        self.fields = _values(body.decode(errors="replace"))

    async def admit(self, method_id: str, *ids: str) -> Caller:
        """The caller, who may call this method on what the ids name.  Raises: as Authorizer.admit."""
        method = METHODS[method_id]
        scope = self._as_own_page()
        try:
            await self._pass(method, ids, scope)
        except HeliographError as error:
            await self._rejected(error, method_id, ids)
            raise
        name = method.audited_as if isinstance(method, DeskMethod) else method.id
        if (first_time := self.console.audited.enter(self.caller, name, scope)) is not None:
            await first_time
        return self.caller

    async def require(self, method_id: str, *ids: str) -> None:
        """Check that the caller may call this method on what the ids name, without calling it.

        Raises: as Authorizer.admit.
        """
        if self._scope["method"] == "POST":
            await self.admit(method_id, *ids)
        elif (error := await self.why_not(method_id, *ids)) is not None:
            raise error

    async def why_not(self, method_id: str, *ids: str) -> HeliographError | None:
        """Why the caller may not call this method on what the ids name; None: they may.

        A form that changes something shows its token by that; of a page that only leads to such a form, its own token stands for it.
        """
        method, scope = METHODS[method_id], self._as_own_page()
        if self._scope["method"] != "POST" and self._secret:
            own = [(b"origin", self._origin.encode()), (FORM_TOKEN, self.form_token.encode())]
            headers = [header for header in self._scope["headers"] if header[0] not in {b"origin", b"sec-fetch-site"}]
            scope = {**self._scope, "headers": [*headers, *own]}
        try:
            await self._pass(method, ids, scope)
        except (PermissionDenied, Unauthenticated) as error:
            return error
        return None

    async def may(self, method_id: str, *ids: str) -> bool:
        """Whether the caller may call this method on what the ids name: pages leave out what they may not."""
        return await self.why_not(method_id, *ids) is None

    def may_open(self, method_id: str, *ids: str) -> bool:
        """Whether the caller, whom `admit` let in, may call this method, as far as no device decides: for links to other pages."""
        if self.console.authorizer is None:
            return True
        method = METHODS[method_id]
        try:
            self.caller.rights.admit(method, enterprise_of(method, ids))
        except PermissionDenied:
            return False
        return True

    def sees_whole_server(self) -> bool:
        """Whether the caller, whom `admit` let in, may see every enterprise: what counts all of them together is for no one else."""
        if self.console.authorizer is None:
            return True
        try:
            return self.caller.rights.permit(METHODS[ENTERPRISES_LIST]).enterprises is None
        except PermissionDenied:
            return False

    def sees_some(self, method_id: str) -> bool:
        """Whether the caller's roles choose by device, so that a list shows only a part: a count of all would say too much."""
        return self.console.authorizer is not None and self.caller.rights.permit(METHODS[method_id]).limited

    def may_issue(self, row: CommandType) -> bool:
        """Whether the caller's roles, as far as the type says, allow a command of it; `admit` was called before."""
        try:
            self.caller.rights.permit(METHODS[ISSUE]).judges(row)
        except PermissionDenied:
            return False
        return True

    async def ask(self, method_id: str, *ids: str, body: bytes = b"", idempotency_key: str = "", **query: Any) -> Json:  # noqa: ANN401
        """What the API's method answers the caller; `query`: the method's own parameters.  Raises: HeliographError, as the method."""
        method = METHODS[method_id]
        await self.admit(method_id, *ids)
        own = [(b"idempotency-key", idempotency_key.encode("latin-1", "replace"))] if idempotency_key else []
        headers = [header for header in self._scope["headers"] if header[0] != b"idempotency-key"]
        scope = {**self._scope, "headers": [*headers, *own]}
        try:
            if isinstance(method, DeskMethod):
                asked = DeskCall(ids, body, {name: str(value) for name, value in query.items()}, self.server_url)
                at_desk: Json = msgspec.json.decode(msgspec.json.encode(await method.handler(self.console.desk, asked)))
                return at_desk
            own_query, permit = method.query(**query), self.caller.rights.permit(method)
            answer = await method.handler(Call(self.ports, ids, own_query, body, scope, self.console.addresses, self.caller, permit))
        except HeliographError as error:
            await self._rejected(error, method_id, ids)
            raise
        if isinstance(answer, Stream):
            raise TypeError(method_id)  # a mistake of ours: pages call no method that streams
        found: Json = msgspec.json.decode(answer)
        return found

    def url(self, *parts: str, verb: str = "", **query: str) -> str:
        """The path of a page: `guest.url("enterprises", "sandbox", q="R58")`; parameters that are empty are left out.

        `verb`: what it does, behind a colon (AIP-136).
        """
        path = "/".join([f"{self.base}{PREFIX}", *(quote(part, safe="") for part in parts)]) + (f":{verb}" if verb else "")
        given = {name: value for name, value in query.items() if value}
        return f"{path}?{urlencode(given)}" if given else path

    def url_of_resource(self, resource: str) -> str:
        """The path of the page of a resource, by its name; empty: there is none."""
        path = "/".join(quote(part, safe="") for part in resource.split("/"))
        return f"{self.base}{PREFIX}/{path}" if resource and self._is_page(path) else ""

    def url_of(self, device: DeviceName, *parts: str, **query: str) -> str:
        """The path of a device's page, or of one below it."""
        return self.url("enterprises", device.enterprise, "devices", device.device, *parts, **query)

    async def _pass(self, method: Method | DeskMethod, ids: tuple[str, ...], scope: Scope) -> None:
        """Raises: as Authorizer.admit and `_check_at_desk`."""
        if self.console.authorizer is not None:
            self.caller = await self.console.authorizer.admit(method, ids, scope)
        if isinstance(method, DeskMethod):
            await self._check_at_desk(method)

    async def _check_at_desk(self, method: DeskMethod) -> None:
        """Check that the caller may change keys, roles and people at all, whatever their roles say.

        Raises: OperatorOnly, NotEveryEnterprise, SignInAgain, SecondPersonThere.
        """
        if not self.stands_at_desk:
            raise OperatorOnly
        if not self.console.signs_in:
            return
        if self.caller.rights.permit(method).enterprises is not None:
            raise NotEveryEnterprise
        if not method.widens:
            return
        found = await find_session(self.ports, self._secret)
        if found is None or not found.session.is_fresh(self.ports.clock.now_us()):
            raise SignInAgain
        if await enterprises_with_rules(self.ports, [EVERY_ENTERPRISE]):
            raise SecondPersonThere
        return

    async def _rejected(self, error: HeliographError, method_id: str, ids: tuple[str, ...]) -> None:
        if not (isinstance(error, Unauthenticated) and self.is_new):  # who is sent to sign in was not refused
            resource = resource_of(METHODS[method_id].path, ids)
            caller = self.caller
            if caller is ANYBODY and self.console.authorizer is not None:
                caller = await self.console.authorizer.sender(self._as_own_page())
            await self.console.audited.rejected(error, method_id, self._scope, caller=caller, resource=resource)

    def _session(self) -> tuple[str, str]:
        """The secret of the session that the browser shows, and this server's origin as the browser sees it; empty: there is none."""
        if not self.console.signs_in or not any(SESSION in name for name in cookies_in(self._scope)):
            return "", ""
        site = site_of(self._scope, self.console.addresses)
        return cookies_in(self._scope).get(cookies_at(site).session, ""), site.origin

    def _as_own_page(self) -> Scope:
        """The request as a script of this server's own pages would have sent it.

        A form carries its token in its body. A link on another site may lead to a page, which shows that site nothing: no other page
        may frame or read it.
        """
        headers = list(self._scope["headers"])
        if self._scope["method"] == "POST":
            return {**self._scope, "headers": [*headers, (FORM_TOKEN, self.field("form_token").encode())]}
        if (b"sec-fetch-mode", b"navigate") in headers and (b"sec-fetch-dest", b"document") in headers:
            headers = [header for header in headers if header[0] != b"sec-fetch-site"]
        return {**self._scope, "headers": headers}


def _values(encoded: str) -> Mapping[str, Sequence[str]]:
    """All values of each name.  Raises: InvalidArgument: too many."""
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=FIELDS_MOST)
    except ValueError:
        raise InvalidArgument(f"The form or query has more than {FIELDS_MOST} fields.") from None
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
