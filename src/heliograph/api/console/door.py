"""Which requests are the console's; it is loaded with the first of them, since most servers show no page."""

from collections.abc import Awaitable
from typing import Final

from heliograph.api.web.rendering import STATIC
from heliograph.asgi import Asgi, Receive, Scope, Send

PREFIX: Final = "/console"


def console_door(app: Asgi, *, otherwise: Asgi) -> Asgi:
    """The ASGI app that hands pages of the console, their static files, and `/` for a browser to `app`, and all else to `otherwise`."""

    def answer(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        chosen = app if scope["type"] == "http" and is_a_page(scope) else otherwise
        return chosen(scope, receive, send)

    return answer


def is_a_page(scope: Scope) -> bool:
    """Whether the request is for the console: a page of it, a static file, or `/` by a browser."""
    path = str(scope["path"])
    if path == "/":
        return scope["method"] in {"GET", "HEAD"} and _wants_a_page(scope)
    return path == PREFIX or path.startswith((f"{PREFIX}/", STATIC))


def _wants_a_page(scope: Scope) -> bool:
    """Whether a browser asks: no other client says that it takes HTML."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
