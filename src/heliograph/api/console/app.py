"""The console as one ASGI app."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog

from heliograph.api.console import command_pages, device_pages, fleet_pages, operation_pages
from heliograph.api.console.door import PREFIX
from heliograph.api.console.guest import Console, ConsolePage, Download, Guest, Redirect
from heliograph.api.console.sections import SECTIONS, Section, menu_of
from heliograph.api.http.errors import Internal, MethodNotAllowed, compact_error
from heliograph.api.http.failures import log_failure
from heliograph.api.method import MethodTable
from heliograph.api.sign_in.sign_in_pages import SIGN_IN
from heliograph.api.web.rendering import STATIC, rendered, send_file, send_html, send_redirect, send_static
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Scope, Send
from heliograph.protojson.errors import HeliographError, Unauthenticated

log = structlog.get_logger()

Answer = ConsolePage | Redirect | Download
Handler = Callable[..., Awaitable[Answer]]
_DEVICE = "enterprises/*/devices/*"
_OPERATION = f"{_DEVICE}/operations/*"


@dataclass(frozen=True, slots=True)
class ConsoleRow:
    """One page or form: `handler(guest, *ids)`; `path` has a `*` for each id."""

    http: str
    path: str
    handler: Handler


PAGES = (
    ConsoleRow("GET", "", fleet_pages.show_enterprises),
    ConsoleRow("GET", "enterprises/*", fleet_pages.show_fleet),
    ConsoleRow("GET", _DEVICE, device_pages.show_device),
    ConsoleRow("GET", f"{_DEVICE}/operations", device_pages.show_operations),
    ConsoleRow("GET", f"{_DEVICE}/commands", command_pages.show_types),
    ConsoleRow("POST", f"{_DEVICE}/commands", command_pages.issue),
    ConsoleRow("GET", f"{_DEVICE}/commands/*", command_pages.show_form),
    ConsoleRow("POST", f"{_DEVICE}/commands/*", command_pages.confirm),
    ConsoleRow("GET", _OPERATION, operation_pages.show_operation),
    ConsoleRow("POST", f"{_OPERATION}:cancel", operation_pages.cancel),
)
_TABLE = MethodTable(PAGES, prefix=f"{PREFIX}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """A console: a server's, or a sandbox's, which has pages more."""

    console: Console
    tables: Sequence[MethodTable[ConsoleRow]] = (_TABLE,)
    """Its pages; the first table below whose prefix a path is has the page."""
    sections: Sequence[Section] = SECTIONS
    guest_of: Callable[[Console, Scope, Receive], Guest] = Guest
    home: str = PREFIX
    """Where `/` leads."""


def console_app(hall: Hall) -> Asgi:
    """The ASGI app that answers what `console_door` lets in."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        if path == "/":
            return await send_redirect(send, f"{scope.get('root_path', '')}{hall.home}")
        if path.startswith(STATIC) and scope["method"] == "GET" and await send_static(send, path.removeprefix(STATIC)):
            return None
        return await _answer(hall, scope, receive, send)

    return answer


async def _answer(hall: Hall, scope: Scope, receive: Receive, send: Send) -> None:
    guest = None
    try:
        guest = hall.guest_of(hall.console, scope, receive)
        found = await _found(hall, guest, scope)
    except ClientGone:
        return
    except HeliographError as error:
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
            await send_file(send, found.name, found.media_type, found.body)
            return
        refresh = [(b"refresh", b"%d" % found.refresh_s)] if found.refresh_s else []
        await send_html(send, found.status, _html(hall, guest, scope, found.template, found.title, found.values), refresh)


async def _found(hall: Hall, guest: Guest, scope: Scope) -> Answer:
    """Raises: UnknownPath, MethodNotAllowed, and what the page raises."""
    whole = f"{PREFIX}/{_asked_path(scope)}"
    table = next((one for one in hall.tables if f"{whole}/".startswith(one.prefix)), _TABLE)
    path = whole.removeprefix(table.prefix.rstrip("/")).removeprefix("/")
    allowed = sorted(table.http_methods(path))
    if allowed and scope["method"] not in allowed:
        raise MethodNotAllowed(["HEAD", *allowed] if "GET" in allowed else allowed)
    row, ids = table.find(scope["method"], path)
    if scope["method"] == "POST":
        await guest.read_form()
    return await row.handler(guest, *ids)


async def _send_error(hall: Hall, guest: Guest | None, scope: Scope, send: Send, error: HeliographError) -> None:
    """The page that says what is wrong, with the way back."""
    status, headers, _ = compact_error(error)
    titles = {404: "Not found", 403: "Not allowed", 405: "Not possible"}
    title = "The server failed" if isinstance(error, Internal) else titles.get(status, "That did not work")
    values = {"text": error.message, "onward": f"{scope.get('root_path', '')}{PREFIX}", "onward_text": "To the console"}
    html = _html(hall, guest, scope, "console/error.html", title, values)
    await send_html(send, status, html, [header for header in headers if header[0] != b"www-authenticate"])


def _html(
    hall: Hall,
    guest: Guest | None,
    scope: Scope,
    template: str,
    title: str,
    values: Any,  # noqa: ANN401 - what is shown
) -> bytes:
    signed_in = guest is not None and guest.console.signs_in
    around = {
        "title": title,
        "base": str(scope.get("root_path", "")),
        "form_token": guest.form_token if guest else "",
        "person": guest.caller.actor if guest and signed_in else "",
        "menu": menu_of(guest, hall.sections, _asked_path(scope)) if guest else (),
        "crumbs": (),
    }
    return rendered(template, **{**around, **values})


def _asked_path(scope: Scope) -> str:
    """The path below the console's, as the browser asked for it."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1").removeprefix(PREFIX).removeprefix("/")


def _way_back(scope: Scope) -> str:
    """The page that was asked for; of a form, the page that it stands on."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1")
    if scope["method"] != "GET":
        return path.partition(":")[0]
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _without_body(send: Send) -> Send:
    async def bodyless(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return bodyless
