"""Renders pages: templates, static files, and the headers that every page has.

Source: CSP Level 3; OWASP HTTP Headers Cheat Sheet.
"""

import functools
import gzip
import hashlib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from heliograph.asgi import Scope, Send, send_whole

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC: Final = "/static/"
"""Where style sheets, scripts and icons are, each under a name that changes with its content."""
TYPES: Final[Mapping[str, str]] = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}

CONTENT_SECURITY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", CONTENT_SECURITY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # Not no-referrer: with that, a form's post has `Origin: null`, as one from any sandboxed frame.
    (b"referrer-policy", b"same-origin"),
)
OF_STATIC: Final = (
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

Headers = Iterable[tuple[bytes, bytes]]


def rendered(template: str, **values: Any) -> bytes:  # noqa: ANN401 - what the template shows
    """The page of this template; every value is escaped."""
    return _templates().get_template(template).render(**values).encode()


async def send_html(send: Send, status: int, body: bytes, more: Headers = ()) -> None:
    """The page is sent, with what keeps others from framing it, reading it, or putting scripts into it."""
    await send_whole(send, status, body, [*HEADERS, *more])


async def send_redirect(send: Send, place: str, more: Headers = ()) -> None:
    """The browser goes on to this place with a GET."""
    await send_whole(send, 303, b"", [(b"location", place.encode("latin-1")), *HEADERS, *more])


async def send_download(send: Send, name: str, body: bytes) -> None:
    """A file is sent for the browser to save, and no cache keeps it."""
    own = [(b"content-type", b"application/octet-stream"), (b"content-disposition", f'attachment; filename="{name}"'.encode())]
    await send_whole(send, 200, body, [*own, *HEADERS[1:]])


async def send_static(scope: Scope, send: Send, name: str) -> bool:
    """The file with this name (what follows STATIC in a path) is sent, compressed if the browser takes that; False: there is none.

    Pages are not: beside what someone else chose, as a search in a link, their size would say something of their secrets (BREACH).
    """
    found = _static_files().get(name)
    if found is None:
        return False
    headers = [(b"content-type", TYPES[name.rpartition(".")[2]].encode()), (b"vary", b"accept-encoding"), *OF_STATIC]
    if any(key == b"accept-encoding" and b"gzip" in value for key, value in scope["headers"]):
        await send_whole(send, 200, _compressed(name), [(b"content-encoding", b"gzip"), *headers])
    else:
        await send_whole(send, 200, found, headers)
    return True


def static_path(file: str) -> str:
    """The path of a static file of this version: `/static/heliograph.0f1e2d3c.css`."""
    return STATIC + _name_of(file, _read("static", file))


@functools.cache
def _static_files() -> Mapping[str, bytes]:
    """The files by the names under which they are served."""
    files = [file.name for file in (resources.files(__package__) / "static").iterdir() if file.name.rpartition(".")[2] in TYPES]
    return {_name_of(file, content): content for file in files for content in (_read("static", file),)}


@functools.cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_static_files()[name], mtime=0)


def _name_of(file: str, content: bytes) -> str:
    stem, _, suffix = file.rpartition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"


@functools.cache
def _read(folder: str, file: str) -> bytes:
    return (resources.files(__package__) / folder / file).read_bytes()


@functools.cache
def _templates() -> "Environment":
    """Jinja's environment. It is imported with the first page: most servers show none."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - as above

    found = Environment(
        loader=FunctionLoader(lambda name: _read("templates", name).decode()), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    found.globals["static"] = static_path
    found.globals["base"] = ""  # what stands before every path: only the console is ever below one
    return found
