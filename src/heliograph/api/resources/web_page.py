"""Pages that an admin opens in a browser by a sealed address; they work without the internet, and without scripts.

The address is the right to use the page, and all that a forged post from elsewhere would have to know.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

from heliograph.api.http.request_body import read_form
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Send, send_whole
from heliograph.protojson.errors import HeliographError, InvalidArgument, NotFound

HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    # The address is the right to use it: the next page must not learn it. Not no-referrer: with that, the form's own post
    # has `Origin: null`, as one from any sandboxed frame.
    (b"referrer-policy", b"same-origin"),
]

OK, SEE_OTHER, BAD_REQUEST, NOT_FOUND = 200, 303, 400, 404


def web_page_app(
    path: str,
    title: str,
    *,
    show: Callable[[str], Awaitable[bytes]],
    complete: Callable[[str, Mapping[str, str], Send], Awaitable[None]],
    otherwise: Asgi,
) -> Asgi:
    """The ASGI app that answers the page below this path, and hands every other request on.

    `show` makes the page from what the address has sealed, `complete` answers the form; both may raise HeliographError.
    """

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"GET", "POST"} or not scope["path"].startswith(path):
            return await otherwise(scope, receive, send)
        sealed = scope["path"].removeprefix(path)
        try:
            if scope["method"] == "GET":
                return await send_page(send, OK, await show(sealed))
            return await complete(sealed, await read_form(receive), send)
        except HeliographError as error:
            status = NOT_FOUND if isinstance(error, NotFound) else BAD_REQUEST
            return await send_page(send, status, web_page(title, f"<p>{escape(error.message)}</p>"))
        except ClientGone:
            return None

    return answer


def admin_fields(
    fields: Mapping[str, str], wrong: Mapping[str, str], *, admin_email: str, allowed_domains: Sequence[str]
) -> dict[str, str]:
    """What every form asks its admin, an email address and to agree, as the admin filled it in, and the mistakes beside it."""
    return {
        "admin_email": escape(fields.get("admin_email", admin_email)),
        "domains": f"<small>At {escape(', '.join(allowed_domains))}.</small>" if allowed_domains else "",
        "checked": " checked" if "accepted" in fields else "",
        "wrong_admin_email": alert(wrong.get("admin_email")),
        "wrong_accepted": alert(wrong.get("accepted")),
    }


def wrong_fields(error: InvalidArgument) -> Mapping[str, str]:
    """What is wrong with each field of the form."""
    return {violation.field: violation.description for violation in error.violations}


def alert(said: str | None) -> str:
    """What is wrong with a field of the form, beside it; None: nothing."""
    return f'<strong role="alert">{escape(said)}</strong>' if said else ""


def web_page(title: str, content: str) -> bytes:
    """The whole page around this HTML."""
    return template("web_page.html").substitute(title=escape(title), content=content).encode()


def template(name: str) -> Template:
    """A page, or a part of one."""
    return Template((resources.files(__package__) / name).read_text(encoding="utf-8"))


async def send_page(send: Send, status: int, body: bytes, *more: tuple[bytes, bytes]) -> None:
    """The page is sent, with what keeps others from framing or learning it."""
    await send_whole(send, status, body, [*HEADERS, *more])
