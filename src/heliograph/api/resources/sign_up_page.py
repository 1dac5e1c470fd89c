"""`/signup/…`: the page on which an admin agrees that there be an enterprise; it works without the internet, and without scripts.

Source: disc, SignupUrl.url ("The page can't be rendered in an iframe").
"""

from collections.abc import Mapping
from html import escape
from importlib import resources
from string import Template
from urllib.parse import parse_qsl

from heliograph.api.http.request_body import BODY_TIMEOUT_S, read_body
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Send, send_whole
from heliograph.domain.sign_up import SignUp, callback_host
from heliograph.protojson.errors import HeliographError, InvalidArgument, NotFound
from heliograph.service.ports import Ports
from heliograph.service.sign_up import PATH, complete_sign_up, sign_up_of

BODY_MAX_BYTES = 16_384
FIELDS_MOST = 16
TITLE = "Sign up an enterprise"

HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    # The address is the right to sign up: the next page must not learn it. Not no-referrer: with that, the form's own post
    # has `Origin: null`, as one from any sandboxed frame.
    (b"referrer-policy", b"same-origin"),
]

OK, SEE_OTHER, BAD_REQUEST, NOT_FOUND = 200, 303, 400, 404


def sign_up_app(ports: Ports, *, otherwise: Asgi) -> Asgi:
    """The ASGI app that answers the sign-up page, and hands every other request on."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"GET", "POST"} or not scope["path"].startswith(PATH):
            return await otherwise(scope, receive, send)
        sealed = scope["path"].removeprefix(PATH)
        try:
            if scope["method"] == "GET":
                return await send_page(send, OK, _form(sign_up_of(ports, sealed), {}, {}))
            return await _completed(ports, sealed, await form_fields(receive), send)
        except NotFound as error:
            return await send_page(send, NOT_FOUND, web_page(TITLE, f"<p>{escape(error.message)}</p>"))
        except HeliographError as error:
            return await send_page(send, BAD_REQUEST, web_page(TITLE, f"<p>{escape(error.message)}</p>"))
        except ClientGone:
            return None

    return answer


async def _completed(ports: Ports, sealed: str, fields: Mapping[str, str], send: Send) -> None:
    """Send the browser on, or show what is wrong.  Raises: NoSuchSignUp."""
    try:
        location = complete_sign_up(
            ports,
            sealed,
            display_name=fields.get("display_name", ""),
            admin_email=fields.get("admin_email", ""),
            accepted="accepted" in fields,
        )
    except InvalidArgument as error:
        wrong = {violation.field: violation.description for violation in error.violations}
        return await send_page(send, BAD_REQUEST, _form(sign_up_of(ports, sealed), fields, wrong))
    return await send_page(send, SEE_OTHER, b"", (b"location", location.encode("ascii")))


async def form_fields(receive: Receive) -> Mapping[str, str]:
    """The form in the body.  Raises: InvalidArgument, BodyTooLarge, BodyTooSlow, ClientGone."""
    body = await read_body(receive, max_bytes=BODY_MAX_BYTES, timeout_s=BODY_TIMEOUT_S)
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=FIELDS_MOST, errors="strict"))
    except ValueError:
        raise InvalidArgument("The form could not be read.") from None


def _form(sign_up: SignUp, fields: Mapping[str, str], wrong: Mapping[str, str]) -> bytes:
    """The page with the form as the admin filled it in, and the mistakes beside each field."""
    needed = "" if sign_up.allowed_domains else " (optional)"
    domains = f"<small>At {escape(', '.join(sign_up.allowed_domains))}.</small>" if sign_up.allowed_domains else ""
    form = Template(_text("sign_up_form.html")).substitute(
        host=escape(callback_host(sign_up.callback_url) or ""),
        display_name=escape(fields.get("display_name", "")),
        admin_email=escape(fields.get("admin_email", sign_up.admin_email)),
        email_needed=needed,
        domains=domains,
        checked=" checked" if "accepted" in fields else "",
        **{f"wrong_{name}": alert(wrong.get(name)) for name in ("display_name", "admin_email", "accepted")},
    )
    return web_page(TITLE, form)


def alert(said: str | None) -> str:
    """What is wrong with a field of the form, beside it; None: nothing."""
    return f'<strong role="alert">{escape(said)}</strong>' if said else ""


def web_page(title: str, content: str) -> bytes:
    """The whole page around this HTML."""
    return Template(_text("sign_up_page.html")).substitute(title=escape(title), content=content).encode()


def _text(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


async def send_page(send: Send, status: int, body: bytes, *more: tuple[bytes, bytes]) -> None:
    """The page is sent, with what keeps others from framing or learning it."""
    await send_whole(send, status, body, [*HEADERS, *more])
