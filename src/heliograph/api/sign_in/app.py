"""The pages of signing in as one ASGI app."""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from heliograph.api.http.errors import MethodNotAllowed, error_answer
from heliograph.api.http.http_compat import without_body
from heliograph.api.sign_in import account_pages, back_channel, openid_pages, sign_in_pages
from heliograph.api.sign_in.desk import Answer, Desk, html
from heliograph.api.sign_in.visit import Visit
from heliograph.api.web.rendering import STATIC, rendered, send_html, send_redirect, send_static
from heliograph.asgi import Asgi, ClientGone, Receive, Scope, Send, send_whole
from heliograph.domain.access import ANYBODY
from heliograph.domain.audit import Acting
from heliograph.protojson.errors import HeliographError
from heliograph.service.acting import ACTING
from heliograph.service.audit import record_rejection
from heliograph.service.people import PATH as INVITATION

log = structlog.get_logger()


Handler = Callable[[Desk, Visit], Awaitable[Answer]]
HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    sign_in_pages.SIGN_IN: {"GET": sign_in_pages.show_sign_in},
    "/sign-in/passkey": {"POST": sign_in_pages.use_passkey},
    openid_pages.BEGIN: {"GET": openid_pages.go_to_provider},
    openid_pages.CALLBACK: {"GET": openid_pages.come_back},
    openid_pages.LEAVE: {"GET": openid_pages.leave_provider},
    INVITATION: {"GET": sign_in_pages.show_invitation, "POST": sign_in_pages.make_first_passkey},
    sign_in_pages.SIGN_OUT: {"GET": sign_in_pages.show_sign_out, "POST": sign_in_pages.sign_out},
    sign_in_pages.ACCOUNT: {"GET": account_pages.show_account},
    "/account/passkeys": {"POST": account_pages.add_another_passkey},
    "/account/passkeys/remove": {"POST": account_pages.remove_passkey},
    "/account/sessions/end": {"POST": account_pages.end_another_session},
    "/account/sign-out-everywhere": {"POST": account_pages.sign_out_everywhere},
}
"""By path and HTTP method. INVITATION is a prefix: what follows it is the invitation's secret."""


def sign_in_app(desk: Desk, *, otherwise: Asgi) -> Asgi:
    """The ASGI app that answers these pages and their static files, and hands every other request on."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path, method = str(scope["path"]), scope["method"] if scope["type"] == "http" else ""
        if path == back_channel.PATH and method == "POST":
            return await back_channel.answer_logout(desk, scope, receive, send)
        handlers = HANDLERS.get(INVITATION if path.startswith(INVITATION) else path, {})
        if path.startswith(STATIC) and method == "GET" and await send_static(scope, send, path.removeprefix(STATIC)):
            return None
        if not method or not handlers:
            return await otherwise(scope, receive, send)
        if method == "HEAD" and "GET" in handlers:
            method, send = "GET", without_body(send)
        if method not in handlers:
            status, headers, body = error_answer(MethodNotAllowed(sorted(handlers)))
            return await send_whole(send, status, body, headers)
        return await _answer(desk, handlers[method], scope, receive, send)

    return answer


async def _answer(desk: Desk, handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        visit = Visit(scope, receive, desk.addresses)
        ACTING.set(Acting.caller(ANYBODY, method=f"signIn.{handler.__name__}", address=visit.address))
        if scope["method"] == "POST":
            await visit.read_form()
        found = await handler(desk, visit)
    except HeliographError as error:
        found = _rejection(error)
        if scope["method"] == "POST" or scope["path"] == openid_pages.CALLBACK:
            await record_rejection(desk.ports, ACTING.get(), error, resource="")
        log.info(
            "sign_in.refused", path=_shown(str(scope["path"])), http_status=found.status, reason=error.reason or error.code.name,
            address=desk.addresses.of_client(scope),
        )  # fmt: skip
    except ClientGone:
        return
    if found.place:
        await send_redirect(send, found.place, found.cookies)
    else:
        await send_html(send, found.status, found.body, found.cookies)


def _rejection(error: HeliographError) -> Answer:
    """The page that says what is wrong, with the way back."""
    status, headers, _ = error_answer(error)
    page = rendered("notice.html", title="That did not work", text=error.message, onward=sign_in_pages.SIGN_IN, onward_text="Sign in")
    return html(status, page, *(header for header in headers if header[0] == b"retry-after"))


def _shown(path: str) -> str:
    """The path without an invitation's secret."""
    return INVITATION if path.startswith(INVITATION) else path
