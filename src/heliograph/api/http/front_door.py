"""Guards a server that requires no key against web pages: the names that it answers to, and the origins that may call.

Any page may point its own name at 127.0.0.1 (DNS rebinding), or post to it as plain text: then the browser brings the
page's requests to this machine, and no token stands in their way. What a browser opens by GET and reads by itself sends no Origin.

Source: fetch.spec.whatwg.org §3.1 (Origin); RFC 9110 §7.2 (Host).
"""

from collections.abc import Awaitable, Iterable, Iterator

import structlog

from heliograph.api.http.address import ANY_ORIGIN, Addresses, parse_origins
from heliograph.api.http.cycle import Lane
from heliograph.api.http.errors import error_answer
from heliograph.api.http.sending import send_answer
from heliograph.asgi import DENIAL, Asgi, Message, Receive, Send, send_whole
from heliograph.domain.web_address import read_web_address
from heliograph.protojson.errors import HeliographError, PermissionDenied

log = structlog.get_logger()

QUOTED_MOST = 128
HOSTS_REMEMBERED = 64
_LOOKED_AT = frozenset({b"host", b"origin", b"x-forwarded-host"})


class HostNotAllowed(PermissionDenied):
    """The request names a host that is not this server's."""

    reason = "HOST_NOT_ALLOWED"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"This server requires no key, so it answers only to loopback names and its own, and {host[:QUOTED_MOST]!r} is not one of "
            "them. If it is this server's name, start it with --public-url and its address.",
            metadata={"host": host[:QUOTED_MOST]},
        )


class OriginNotAllowed(PermissionDenied):
    """The request comes from a web page that may not call."""

    reason = "ORIGIN_NOT_ALLOWED"

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"This server requires no key, so web pages cannot call it, and {origin[:QUOTED_MOST]!r} is the origin of one. To allow its "
            "pages, start the server with --cors-origin and this origin.",
            metadata={"origin": origin[:QUOTED_MOST]},
        )


class FrontDoor:
    """The ASGI app `app`, for callers by its own names and for web pages of these origins."""

    def __init__(self, app: Asgi, *, addresses: Addresses, cors_origins: Iterable[str] = ()) -> None:
        """Raises: InvalidArgument: an invalid origin."""
        self._app = app
        self._addresses = addresses
        self._origins = frozenset(parse_origins(cors_origins))
        self._known: set[bytes] = set()
        """Hosts that were found good."""

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """Answers one request. Not a coroutine of its own: a usual request shall not pay for another one."""
        error = self.objection(scope) if scope["type"] in {"http", "websocket"} else None
        if error is None:
            return self._app(scope, receive, send)
        log.info("request.refused", reason=error.reason, address=self._addresses.of_client(scope), **error.metadata)
        return _reject(scope, receive, send, error)

    def guard(self, lane: Lane) -> Lane:
        """The lane, which takes only what is admitted: the rest comes to the app."""
        return lambda cycle: self.objection(cycle.scope) is None and lane(cycle)

    def objection(self, scope: Message) -> HeliographError | None:
        """Why the request is refused; None: it is admitted. One without a Host or an Origin does not come from a browser's page."""
        named = [(name, value) for name, value in scope["headers"] if name in _LOOKED_AT]
        if len(named) == 1 and named[0][0] == b"host" and named[0][1] in self._known:
            return None
        for host in self._hosts(scope, named):
            address = read_web_address(f"http://{host}")
            if address is None or address.rest or not self._addresses.is_own_name(address.host, scope):
                return HostNotAllowed(host)
        for name, value in named:
            if name == b"origin" and not self._is_allowed(value.decode("latin-1"), named):
                return OriginNotAllowed(value.decode("latin-1"))
            if name == b"host" and len(self._known) < HOSTS_REMEMBERED:
                self._known.add(value)
        return None

    def _hosts(self, scope: Message, named: list[tuple[bytes, bytes]]) -> Iterator[str]:
        """Every host that the request names, and that a trusted proxy says it named."""
        for name, value in named:
            if name == b"host":
                yield value.decode("latin-1")
        if forwarded := self._addresses.forwarded_host(scope):
            yield forwarded

    def _is_allowed(self, origin: str, named: list[tuple[bytes, bytes]]) -> bool:
        """Whether it is the origin of a page that may call, or of this server's own."""
        if not {ANY_ORIGIN, origin}.isdisjoint(self._origins) or self._addresses.is_own_origin(origin):
            return True
        web_page = read_web_address(origin)
        return web_page is not None and any(
            name == b"host" and _authority(value, web_page.scheme) == web_page.authority for name, value in named
        )  # fmt: skip


def _authority(host: bytes, scheme: str) -> str:
    """The host as a page of this server would have it in its origin."""
    address = read_web_address(f"{scheme}://{host.decode('latin-1')}")
    return address.authority if address is not None else ""


async def _reject(scope: Message, receive: Receive, send: Send, error: HeliographError) -> None:
    status, headers, body = error_answer(error)
    if scope["type"] == "http":
        return await send_answer(send, status, body, headers=headers)
    await receive()  # websocket.connect
    if DENIAL not in scope.get("extensions", {}):
        return await send({"type": "websocket.close"})
    return await send_whole(send, status, body, headers, prefix=DENIAL)
