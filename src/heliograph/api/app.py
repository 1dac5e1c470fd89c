"""The API as one ASGI app: finds the method by its path, reads the request, calls the verb, sends the answer.

Raw ASGI throughout: a framework's request and response objects cost more than the rest of an issueCommand.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from heliograph.api.calls import Asked, Calls, send_sparingly
from heliograph.api.health_pages import OK, HealthPages
from heliograph.api.http.address import Addresses, parse_origins
from heliograph.api.http.authorization import Authorizer
from heliograph.api.http.errors import Headers, Internal, error_answer
from heliograph.api.http.failures import log_failure
from heliograph.api.http.http_compat import HttpCompat
from heliograph.api.http.partial_response import select_fields
from heliograph.api.http.query import USUAL, parse_query
from heliograph.api.http.request_body import BATCH_MAX_BYTES, BATCH_PATHS, BODY_MAX_BYTES, BODY_TIMEOUT_S, read_body
from heliograph.api.http.streaming import Stream
from heliograph.api.latest_stats import LatestStats
from heliograph.api.method import Method, MethodTable, own_of
from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.own_methods import OWN_METHODS
from heliograph.api.selectable import selection_of
from heliograph.asgi import Asgi, ClientGone, Receive, Scope, Send
from heliograph.protojson.errors import HeliographError, InvalidArgument
from heliograph.service.ports import Ports

if TYPE_CHECKING:
    from heliograph.api.http.batch import Batch
    from heliograph.api.http.cycle import Lane

BATCH = "batch"

METHODS = (*AMAPI_METHODS, *OWN_METHODS)
"""Every method that callers may call."""

AMAPI, OWN = MethodTable(AMAPI_METHODS, prefix="/v1/"), MethodTable(OWN_METHODS, prefix="/heliograph/v1/")
PREFIXES = tuple((table.prefix.encode(), table) for table in (AMAPI, OWN))


def rest_app(  # noqa: PLR0913 - one option each
    ports: Ports,
    *,
    authorizer: Authorizer | None = None,
    body_max_bytes: int = BODY_MAX_BYTES,
    body_timeout_s: float = BODY_TIMEOUT_S,
    addresses: Addresses | None = None,
    cors_origins: Collection[str] = (),
    lately: LatestStats | None = None,
    around: Callable[[Asgi], Asgi] | None = None,
) -> HttpCompat:
    """The ASGI app that answers /v1, /heliograph/v1, /batch and the pages, and everything else with 404 in Google's form.

    `authorizer`: who may call; None: everyone, everything. `ports.limits.quota_per_minute` says how often.
    `addresses`: this server's addresses, and which proxies to trust; `cors_origins`: origins of pages that may call.
    `lately`: what the store holds, for /metrics; None: no one else looks at that.
    `around(app)`: what every request passes on its way to the API, each call of a batch too; the edge is before it. It is not passed on
    the hot lane, so that takes nothing then.

    Raises: InvalidArgument: an invalid origin.
    """
    addresses = addresses or Addresses()
    calls = Calls(ports, authorizer=authorizer, addresses=addresses)
    health_pages = HealthPages(ports, lately=lately or LatestStats(ports), counts=calls.counted, addresses=addresses)
    app = RestApp(calls, health_pages, body_max_bytes=body_max_bytes, body_timeout_s=body_timeout_s, around=around)
    origins = parse_origins(cors_origins)
    return HttpCompat(
        app.entrance,
        http_methods=app.http_methods,
        body_limit=app.body_limit,
        body_timeout_s=body_timeout_s,
        cors_origins=origins,
        lane=_lane(calls, body_max_bytes) if around is None else None,
    )


def _lane(calls: Calls, body_max_bytes: int) -> "Lane":
    from heliograph.api.hot_lane import HotLane  # noqa: PLC0415 - a sandbox has none

    return HotLane(calls, AMAPI, body_max_bytes=body_max_bytes).take


class RestApp:
    """See `rest_app`."""

    def __init__(
        self, calls: Calls, health_pages: HealthPages, *, body_max_bytes: int, body_timeout_s: float,
        around: Callable[[Asgi], Asgi] | None = None,
    ) -> None:  # fmt: skip
        self._calls = calls
        self._health_pages = health_pages
        self._body_max_bytes = body_max_bytes
        self._body_timeout_s = body_timeout_s
        self.entrance: Asgi = self if around is None else around(self)
        """This app with its wrappers."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answers one request."""
        if scope["type"] != "http":
            return _reject_connection(scope, send)
        path: bytes = scope.get("raw_path") or scope["path"].encode()  # raw_path is optional in ASGI
        for prefix, table in PREFIXES:
            if path.startswith(prefix):
                return self._serve(table, path[len(prefix) :].decode("latin-1"), scope, receive, send)
        if scope["path"] in BATCH_PATHS and scope["method"] == "POST":
            return self._serve_batch(scope, receive, send)
        return self._serve_health_page(scope, send)

    def http_methods(self, path: str) -> Sequence[str]:
        """The HTTP methods that this path takes."""
        for prefix, table in PREFIXES:
            if path.startswith(prefix.decode()):
                found = table.http_methods(path[len(prefix) :])
                return (*found, "HEAD") if "GET" in found else found
        return ("POST",) if path in BATCH_PATHS else self._health_pages.http_methods(path)

    def body_limit(self, path: str) -> int:
        """The longest body that this path takes."""
        return BATCH_MAX_BYTES if path in BATCH_PATHS else self._body_max_bytes

    async def _serve(self, table: MethodTable[Method], path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Finds the method, calls it and sends what it answers."""
        query = USUAL.get(scope["query_string"]) or parse_query(scope["query_string"])
        asked = Asked(None, (), query, scope)
        try:
            method, ids = table.find(scope["method"], path)
            asked = Asked(method, ids, query, scope)
            said = await self._calls.said(asked, self._answer(asked, method, receive))
        except HeliographError as error:
            said = await self._calls.rejected(asked, error)
        except ClientGone:
            return
        await self._calls.deliver(asked, said, receive, send)

    async def _answer(self, asked: Asked, method: Method, receive: Receive) -> bytes | Stream:
        """The method's answer, compact, or a stream.  Raises: HeliographError, ClientGone."""
        query = asked.query
        caller = await self._calls.admit(method, asked.ids, asked.scope)
        if query.rejection is not None:
            raise query.rejection
        selection = selection_of(query.fields, method.response) if query.fields else None
        own = own_of(method, query)
        body = b""
        if method.takes_body:
            body = await read_body(receive, max_bytes=self._body_max_bytes, timeout_s=self._body_timeout_s)
        answer = await self._calls.handled(method, self._calls.call(asked, method, own, body, caller))
        return answer if selection is None or isinstance(answer, Stream) else select_fields(answer, selection)

    async def _serve_health_page(self, scope: Scope, send: Send) -> None:
        try:
            status, headers, body = await self._health_pages.answer(scope, http_methods=self.http_methods(scope["path"]))
        except InvalidArgument as error:
            status, headers, body = error_answer(error)
        await send_sparingly(scope, send, status, body, headers)

    @cached_property
    def _batch(self) -> "Batch":
        from heliograph.api.http.batch import Batch  # noqa: PLC0415 - most servers in memory never get one

        return Batch(
            self.entrance,
            authorizer=self._calls.authorizer,
            part_max_bytes=self._body_max_bytes,
            body_timeout_s=self._body_timeout_s,
        )

    async def _serve_batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a batch; it is refused as a whole only if it is not a batch."""
        headers: Headers
        try:
            content_type, body = await self._batch.answer(scope, receive)
            status, headers = OK, [(b"content-type", content_type)]
        except HeliographError as error:
            status, headers, body = error_answer(error)
            await self._calls.note_rejection(error, BATCH, status, scope)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            status, headers, body = error_answer(Internal())
            log_failure(BATCH, error)
        self._calls.counted[BATCH, status] += 1
        await send_sparingly(scope, send, status, body, headers)


async def _reject_connection(scope: Scope, send: Send) -> None:
    """Refuses WebSockets, and ignores start and end of the server.

    Raises: RuntimeError for `lifespan`, which shows an ASGI server that it is not supported.
    """
    if scope["type"] != "websocket":
        message = f"{scope['type']} is not served by the API"
        raise RuntimeError(message)
    await send({"type": "websocket.close", "code": 1008})
