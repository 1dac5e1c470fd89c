"""The console as one ASGI app."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog

from heliograph.api.console import (
    approval_pages,
    approval_rule_pages,
    audit_pages,
    command_pages,
    device_pages,
    endpoint_pages,
    enrollment_pages,
    enterprise_pages,
    fleet_pages,
    health_page,
    key_pages,
    live,
    notification_pages,
    operation_pages,
    people_pages,
    policy_pages,
    role_pages,
)
from heliograph.api.console.door import PREFIX
from heliograph.api.console.guest import FORM_MAX_BYTES, JSON_FORM_MAX_BYTES, Console, ConsolePage, Download, Guest, Redirect
from heliograph.api.console.sections import SECTIONS, Section, menu_of
from heliograph.api.http.errors import Internal, MethodNotAllowed, compact_error
from heliograph.api.http.failures import log_failure
from heliograph.api.http.streaming import Stream, send_stream
from heliograph.api.method import MethodTable
from heliograph.api.sign_in.sign_in_pages import SIGN_IN
from heliograph.api.web.rendering import HEADERS, STATIC, rendered, send_download, send_html, send_redirect, send_static
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Scope, Send, send_whole
from heliograph.protojson.errors import HeliographError, Unauthenticated

log = structlog.get_logger()

Answer = ConsolePage | Redirect | Download | Stream
Handler = Callable[..., Awaitable[Answer]]
LIVE = "live"
_DEVICE = "enterprises/*/devices/*"
_OPERATION = f"{_DEVICE}/operations/*"
_POLICIES = "enterprises/*/policies"
_TOKENS = "enterprises/*/enrollmentTokens"
_ENDPOINTS = "enterprises/*/pushEndpoints"
_LETTERS = "enterprises/*/deadLetters"
_APPROVALS, _RULES, _ENTRIES = (f"enterprises/*/{name}" for name in ("approvals", "approvalRules", "auditEntries"))
_APPROVAL = f"{_APPROVALS}/*"


@dataclass(frozen=True, slots=True)
class ConsoleRow:
    """One page or form: `handler(guest, *ids)`; `path` has a `*` for each id."""

    http: str
    path: str
    handler: Handler
    form_max_bytes: int = FORM_MAX_BYTES


PAGES = (
    ConsoleRow("GET", "", enterprise_pages.show_first),
    ConsoleRow("GET", "health", health_page.show_health),
    ConsoleRow("GET", "enterprises", enterprise_pages.show_enterprises),
    ConsoleRow("GET", "enterprises:create", enterprise_pages.show_new),
    ConsoleRow("POST", "enterprises:create", enterprise_pages.create),
    ConsoleRow("GET", "enterprises/*", fleet_pages.show_fleet),
    ConsoleRow("GET", "enterprises/*/settings", enterprise_pages.show_settings),
    ConsoleRow("POST", "enterprises/*/settings", enterprise_pages.save_settings),
    ConsoleRow("GET", "enterprises/*:delete", enterprise_pages.show_deletion),
    ConsoleRow("POST", "enterprises/*:delete", enterprise_pages.delete),
    ConsoleRow("GET", _DEVICE, device_pages.show_device),
    ConsoleRow("GET", f"{_DEVICE}/operations", device_pages.show_operations),
    ConsoleRow("GET", f"{_DEVICE}/commands", command_pages.show_types),
    ConsoleRow("POST", f"{_DEVICE}/commands", command_pages.issue),
    ConsoleRow("GET", f"{_DEVICE}/commands/*", command_pages.show_form),
    ConsoleRow("POST", f"{_DEVICE}/commands/*", command_pages.confirm),
    ConsoleRow("GET", _OPERATION, operation_pages.show_operation),
    ConsoleRow("POST", f"{_OPERATION}:cancel", operation_pages.cancel),
    ConsoleRow("GET", _POLICIES, policy_pages.show_policies),
    ConsoleRow("GET", f"{_POLICIES}:create", policy_pages.show_new),
    ConsoleRow("POST", f"{_POLICIES}:create", policy_pages.check_new, form_max_bytes=JSON_FORM_MAX_BYTES),
    ConsoleRow("GET", f"{_POLICIES}/*", policy_pages.show_policy),
    ConsoleRow("POST", f"{_POLICIES}/*", policy_pages.save, form_max_bytes=JSON_FORM_MAX_BYTES),
    ConsoleRow("GET", f"{_POLICIES}/*:edit", policy_pages.show_editor),
    ConsoleRow("POST", f"{_POLICIES}/*:edit", policy_pages.check, form_max_bytes=JSON_FORM_MAX_BYTES),
    ConsoleRow("POST", f"{_POLICIES}/*:assign", policy_pages.assign),
    ConsoleRow("GET", f"{_POLICIES}/*:delete", policy_pages.show_deletion),
    ConsoleRow("POST", f"{_POLICIES}/*:delete", policy_pages.delete),
    ConsoleRow("GET", _TOKENS, enrollment_pages.show_tokens),
    ConsoleRow("GET", f"{_TOKENS}:create", enrollment_pages.show_new),
    ConsoleRow("POST", f"{_TOKENS}:create", enrollment_pages.create),
    ConsoleRow("GET", f"{_TOKENS}/*", enrollment_pages.show_token),
    ConsoleRow("POST", f"{_TOKENS}/*:delete", enrollment_pages.delete),
    ConsoleRow("GET", "enterprises/*/notifications", notification_pages.show_notifications),
    ConsoleRow("GET", f"{_ENDPOINTS}:create", endpoint_pages.show_new),
    ConsoleRow("POST", f"{_ENDPOINTS}:create", endpoint_pages.create),
    ConsoleRow("GET", f"{_ENDPOINTS}/*", endpoint_pages.show_endpoint),
    ConsoleRow("POST", f"{_ENDPOINTS}/*:test", endpoint_pages.send_test),
    ConsoleRow("POST", f"{_ENDPOINTS}/*:rotateSecret", endpoint_pages.rotate_secret),
    ConsoleRow("POST", f"{_ENDPOINTS}/*:enable", endpoint_pages.enable),
    ConsoleRow("POST", f"{_ENDPOINTS}/*:disable", endpoint_pages.disable),
    ConsoleRow("GET", f"{_ENDPOINTS}/*:delete", endpoint_pages.show_deletion),
    ConsoleRow("POST", f"{_ENDPOINTS}/*:delete", endpoint_pages.delete),
    ConsoleRow("GET", _LETTERS, notification_pages.show_letters),
    ConsoleRow("POST", f"{_LETTERS}:resend", notification_pages.resend_letters),
    ConsoleRow("POST", f"{_LETTERS}:discard", notification_pages.discard_letters),
    ConsoleRow("GET", f"{_LETTERS}/*", notification_pages.show_letter),
    ConsoleRow("GET", _APPROVALS, approval_pages.show_approvals),
    ConsoleRow("GET", _APPROVAL, approval_pages.show_approval),
    ConsoleRow("POST", f"{_APPROVAL}:approve", approval_pages.approve),
    ConsoleRow("POST", f"{_APPROVAL}:decline", approval_pages.decline),
    ConsoleRow("POST", f"{_APPROVAL}:callOff", approval_pages.call_off),
    ConsoleRow("GET", _RULES, approval_rule_pages.show_rules),
    ConsoleRow("POST", _RULES, approval_rule_pages.set_rules),
    ConsoleRow("GET", _ENTRIES, audit_pages.show_entries),
    ConsoleRow("GET", f"{_ENTRIES}:export", audit_pages.export),
    ConsoleRow("GET", f"{_ENTRIES}/*", audit_pages.show_entry),
    ConsoleRow("GET", "keys", key_pages.show_keys),
    ConsoleRow("GET", "keys:make", key_pages.show_new_key),
    ConsoleRow("POST", "keys:make", key_pages.make_key),
    ConsoleRow("GET", "keys/*", key_pages.show_key),
    ConsoleRow("POST", "keys/*", key_pages.change_key),
    ConsoleRow("POST", "keys/*:rotate", key_pages.rotate_key),
    ConsoleRow("POST", "keys/*:revoke", key_pages.revoke_key),
    ConsoleRow("GET", "roles", role_pages.show_roles),
    ConsoleRow("POST", "roles:bind", role_pages.bind),
    ConsoleRow("POST", "roles:unbind", role_pages.unbind),
    ConsoleRow("GET", "roles:make", role_pages.show_new_role),
    ConsoleRow("POST", "roles:make", role_pages.make_role),
    ConsoleRow("GET", "roles/*", role_pages.show_role),
    ConsoleRow("POST", "roles/*", role_pages.change_role),
    ConsoleRow("POST", "roles/*:delete", role_pages.delete_role),
    ConsoleRow("GET", "access", role_pages.show_access),
    ConsoleRow("GET", "people", people_pages.show_people),
    ConsoleRow("POST", "people:invite", people_pages.invite),
    ConsoleRow("GET", "people/*", people_pages.show_person),
    ConsoleRow("POST", "people/*:signOut", people_pages.sign_out),
    ConsoleRow("POST", "people/*:remove", people_pages.remove),
)
STREAMS = (ConsoleRow("GET", LIVE, live.follow),)
"""What no one looks at as a page."""
TABLE = MethodTable((*PAGES, *STREAMS), prefix=f"{PREFIX}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """A console: a server's, or a sandbox's, which has pages more."""

    console: Console
    tables: Sequence[MethodTable[ConsoleRow]] = (TABLE,)
    """Its pages: a path's page is in the first table whose prefix it has."""
    sections: Sequence[Section] = SECTIONS
    guest_of: Callable[..., Guest] = Guest
    home: str = PREFIX
    """Where `/` leads."""

    def find(self, below: str) -> tuple[MethodTable[ConsoleRow], str]:
        """The table that has the page at this path below PREFIX, and the path below the table's own prefix."""
        path = f"{PREFIX}/{below}"
        table = next((one for one in self.tables if f"{path}/".startswith(one.prefix)), TABLE)
        return table, path.removeprefix(table.prefix.rstrip("/")).removeprefix("/")

    def is_page(self, below: str) -> bool:
        """Whether there is a page at this path below PREFIX."""
        table, path = self.find(below)
        return "GET" in table.http_methods(path)


def console_app(hall: Hall) -> Asgi:
    """The ASGI app that answers what `console_door` lets in."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        if path == "/":
            return await send_redirect(send, f"{scope.get('root_path', '')}{hall.home}")
        if path.startswith(STATIC) and scope["method"] == "GET" and await send_static(scope, send, path.removeprefix(STATIC)):
            return None
        return await _answer(hall, scope, receive, send)

    return answer


async def _answer(hall: Hall, scope: Scope, receive: Receive, send: Send) -> None:
    guest = None
    try:
        guest = hall.guest_of(hall.console, scope, receive, is_page=hall.is_page)
        found = await _found(hall, guest, scope)
    except ClientGone:
        return
    except HeliographError as error:
        if _asked_path(scope) == LIVE:
            # An EventSource asks no more after that; its page asks for itself again, and learns why.
            await send_whole(send, 204, b"", HEADERS)
            return
        if isinstance(error, Unauthenticated) and guest is not None and guest.is_new:
            await send_redirect(send, f"{guest.base}{SIGN_IN}?next={quote(_way_back(scope), safe='/')}")
            return
        log.info("console.refused", reason=error.reason or error.code.name, address=hall.console.addresses.of_client(scope))
        await _send_error(hall, guest, scope, send, error)
    except Exception as error:  # noqa: BLE001 - the last one who can answer
        log_failure(f"console {scope['method']}", error)
        await _send_error(hall, guest, scope, send, Internal())
    else:
        if isinstance(found, Redirect):
            await send_redirect(send, found.path)
            return
        if isinstance(found, Download):
            await send_download(send, found.name, found.body)
            return
        if isinstance(found, Stream):
            await send_stream(found, scope, receive, send)
            return
        values = {**found.values, "live": found.live, "refresh_s": found.refresh_s}
        await send_html(send, found.status, _html(hall, guest, scope, found.template, found.title, values))


async def _found(hall: Hall, guest: Guest, scope: Scope) -> Answer:
    """Raises: UnknownPath, MethodNotAllowed, and what the page raises."""
    table, path = hall.find(_asked_path(scope))
    allowed = sorted(table.http_methods(path))
    if allowed and scope["method"] not in allowed:
        raise MethodNotAllowed(["HEAD", *allowed] if "GET" in allowed else allowed)
    row, ids = table.find(scope["method"], path)
    if scope["method"] == "POST":
        await guest.read_form(max_bytes=row.form_max_bytes)
    return await row.handler(guest, *ids)


async def _send_error(hall: Hall, guest: Guest | None, scope: Scope, send: Send, error: HeliographError) -> None:
    """The page that says what is wrong, with the way back."""
    status, headers, _ = compact_error(error)
    titles = {404: "Not found", 403: "Not allowed", 405: "Not possible"}
    title = "The server failed" if isinstance(error, Internal) else titles.get(status, "That did not work")
    values = {"text": error.message, "onward": f"{scope.get('root_path', '')}{PREFIX}", "onward_text": "To the console"}
    html = _html(hall, guest, scope, "console/error.html", title, values)
    await send_html(send, status, html, [header for header in headers if header[0] != b"www-authenticate"])


OF_PAGES = frozenset({"crumbs", "live", "refresh_s"})
"""What pages say of themselves; the rest of what is around them is the console's."""


def _html(
    hall: Hall, guest: Guest | None, scope: Scope, template: str, title: str, values: Any,  # noqa: ANN401 - what is shown
) -> bytes:  # fmt: skip
    signed_in = guest is not None and guest.console.signs_in
    around = {
        "title": title,
        "base": str(scope.get("root_path", "")),
        "form_token": guest.form_token if guest else "",
        "person": guest.caller.actor if guest and signed_in else "",
        "menu": menu_of(guest, hall.sections, _asked_path(scope)) if guest else (),
        "crumbs": (),
        "live": "",
        "cursor": guest.cursor if guest else "",
        "refresh_s": 0,
    }
    if clash := values.keys() & around.keys() - OF_PAGES:
        raise TypeError(f"{template} hides {clash}")  # a mistake of ours
    return rendered(template, **{**around, **values})


def _asked_path(scope: Scope) -> str:
    """The path below the console's, as the browser asked for it."""
    return _raw_path(scope).removeprefix(PREFIX).removeprefix("/")


def _way_back(scope: Scope) -> str:
    """The page that was asked for; of a form, the page that it stands on."""
    path = _raw_path(scope)
    if scope["method"] != "GET":
        return path.partition(":")[0]
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _raw_path(scope: Scope) -> str:
    """The path as the browser wrote it, its escapes too."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")


def _without_body(send: Send) -> Send:
    async def bodyless(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return bodyless
