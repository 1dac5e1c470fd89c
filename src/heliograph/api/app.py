"""The API as one ASGI app: finds the method by its path, reads the request, calls the verb, sends the answer.

Raw ASGI throughout: a framework's request and response objects cost more than the rest of an issueCommand.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial

import structlog

from heliograph.api.health_pages import OK, HealthPages
from heliograph.api.http.address import Addresses, parse_origins
from heliograph.api.http.audited import Audited, resource_of
from heliograph.api.http.authorization import Authorizer
from heliograph.api.http.batch import BATCH_MAX_BYTES, Batch
from heliograph.api.http.batch import PATHS as BATCH_PATHS
from heliograph.api.http.errors import Headers, Internal, compact_error, error_answer
from heliograph.api.http.failures import log_failure
from heliograph.api.http.http_compat import HttpCompat
from heliograph.api.http.partial_response import select_fields
from heliograph.api.http.query import NO_QUERY, USUAL, NoQuery, Query, parse_query, read_own
from heliograph.api.http.quota import PROJECT, Admission, MeteredAuthorizer, Quota
from heliograph.api.http.request_body import BODY_MAX_BYTES, BODY_TIMEOUT_S, read_body
from heliograph.api.http.sending import GZIP_FROM_BYTES, send_answer, send_compressed
from heliograph.api.http.streaming import Stream, send_stream
from heliograph.api.method import Call, Method, MethodTable
from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.own_methods import OWN_METHODS
from heliograph.api.selectable import selection_of
from heliograph.asgi import JSON, Asgi, ClientGone, Receive, Scope, Send, indented
from heliograph.domain.access import ANYBODY
from heliograph.domain.rights import BlastRadiusReached
from heliograph.protojson.errors import HeliographError, InvalidArgument
from heliograph.service.ports import Ports

log = structlog.get_logger()

BATCH = "batch"
UNKNOWN = "unknown"
"""How a path that no method has is counted: a label per path would let anyone fill the memory."""

ONLY_COUNTED = frozenset({429, 503})

METHODS = (*AMAPI_METHODS, *OWN_METHODS)
"""Every method that callers may call."""

PREFIXES = tuple(
    (table.prefix.encode(), table)
    for table in (MethodTable(AMAPI_METHODS, prefix="/v1/"), MethodTable(OWN_METHODS, prefix="/heliograph/v1/"))
)


def rest_app(  # noqa: PLR0913 - one option each
    ports: Ports,
    *,
    authorizer: Authorizer | None = None,
    body_max_bytes: int = BODY_MAX_BYTES,
    body_timeout_s: float = BODY_TIMEOUT_S,
    addresses: Addresses | None = None,
    cors_origins: Collection[str] = (),
    around: Callable[[Asgi], Asgi] | None = None,
) -> Asgi:
    """The ASGI app that answers /v1, /heliograph/v1, /batch and the pages, and everything else with 404 in Google's form.

    `authorizer`: who may call; None: everyone, everything. `ports.limits.quota_per_minute` says how often.
    `addresses`: this server's addresses, and which proxies to trust; `cors_origins`: origins of pages that may call.
    `around(app)`: what every request passes on its way to the API, each call of a batch too; the edge is before it.

    Raises: InvalidArgument: an invalid origin.
    """
    addresses = addresses or Addresses()
    app = RestApp(
        ports, authorizer=authorizer, body_max_bytes=body_max_bytes, body_timeout_s=body_timeout_s, addresses=addresses, around=around
    )
    origins = parse_origins(cors_origins)
    return HttpCompat(
        app.entrance, http_methods=app.http_methods, body_limit=app.body_limit, body_timeout_s=body_timeout_s, cors_origins=origins
    )


class RestApp:
    """See `rest_app`."""

    def __init__(
        self, ports: Ports, *, authorizer: Authorizer | None, body_max_bytes: int, body_timeout_s: float, addresses: Addresses,
        around: Callable[[Asgi], Asgi] | None = None,
    ) -> None:  # fmt: skip
        self._ports = ports
        self._authorizer: Admission | None = authorizer
        self._unmetered = authorizer
        """Checks the caller of a stream again and again; such a check is not a call that counts against the quota."""
        if ports.limits.quota_per_minute:
            quota = Quota(ports.limits.quota_per_minute)
            self._authorizer = MeteredAuthorizer(
                authorizer, quota, address_of_client=addresses.of_client, now_us=ports.clock.now_us,
                consumer=PROJECT if ports.limits.quota_per_project else "",
            )  # fmt: skip
        self._body_max_bytes = body_max_bytes
        self._body_timeout_s = body_timeout_s
        self._addresses = addresses
        self._audited = Audited(ports, addresses)
        self._counted: Counter[tuple[str, int]] = Counter()
        self._health_pages = HealthPages(ports, counts=self._counted, addresses=addresses)
        self.entrance: Asgi = self if around is None else around(self)
        """This app with its wrappers."""
        self._batch = Batch(self.entrance, authorizer=self._authorizer, part_max_bytes=body_max_bytes, body_timeout_s=body_timeout_s)

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
        method_id, shape = UNKNOWN, ""
        ids: tuple[str, ...] = ()
        headers: Headers = []
        body: bytes | Stream
        try:
            method, ids = table.find(scope["method"], path)
            method_id, shape = method.id, method.path
            body = await self._answer(method, ids, query, scope, receive)
            status = OK
        except HeliographError as error:
            status, headers, body = compact_error(error, in_v1_form=query.v1_errors)
            await self._rejected(error, method_id, status, scope, resource=resource_of(shape, ids))
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            status, headers, body = compact_error(Internal(), in_v1_form=query.v1_errors)
            log_failure(method_id, error)
        self._counted[method_id, status] += 1
        if isinstance(body, Stream):
            await send_stream(body, scope, receive, send)
            return
        if query.pretty:
            body = indented(body)
        await self._send(scope, send, status, body, [JSON, *headers])

    async def _answer(self, method: Method, ids: tuple[str, ...], query: Query, scope: Scope, receive: Receive) -> bytes | Stream:
        """The method's answer, compact, or a stream.  Raises: HeliographError, ClientGone."""
        caller = ANYBODY if self._authorizer is None else await self._authorizer.admit(method, ids, scope)
        if (first_time := self._audited.enter(caller, method.id, scope)) is not None:
            await first_time
        if query.rejection is not None:
            raise query.rejection
        selection = selection_of(query.fields, method.response) if query.fields else None
        own = read_own(method.query, query.own) if query.own or method.query is not NoQuery else NO_QUERY
        body = b""
        if method.takes_body:
            body = await read_body(receive, max_bytes=self._body_max_bytes, timeout_s=self._body_timeout_s)
        try:
            answer = await method.handler(Call(self._ports, ids, own, body, scope, self._addresses, caller, caller.rights.permit(method)))
        except BlastRadiusReached as error:
            self._ports.access_counts.blast_radius_reached += 1
            log.warning("access.blast_radius_reached", method=method.id, resource="/".join(ids), key=caller.key_id, **error.metadata)
            raise
        if isinstance(answer, Stream):
            return answer if self._unmetered is None else answer._replace(recheck=partial(self._unmetered.admit, method, ids, scope))
        return answer if selection is None else select_fields(answer, selection)

    async def _serve_health_page(self, scope: Scope, send: Send) -> None:
        try:
            status, headers, body = await self._health_pages.answer(scope, http_methods=self.http_methods(scope["path"]))
        except InvalidArgument as error:
            status, headers, body = error_answer(error)
        await self._send(scope, send, status, body, headers)

    async def _serve_batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a batch; it is refused as a whole only if it is not a batch."""
        headers: Headers
        try:
            content_type, body = await self._batch.answer(scope, receive)
            status, headers = OK, [(b"content-type", content_type)]
        except HeliographError as error:
            status, headers, body = error_answer(error)
            await self._rejected(error, BATCH, status, scope)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            status, headers, body = error_answer(Internal())
            log_failure(BATCH, error)
        self._counted[BATCH, status] += 1
        await self._send(scope, send, status, body, headers)

    async def _rejected(self, error: HeliographError, method_id: str, status: int, scope: Scope, *, resource: str = "") -> None:
        """The refusal is in the audit trail, and in the log, with field paths only: a message may quote a password in the wrong place.

        Refusals of a server in trouble are counted, not logged one by one: thousands of lines would be the next trouble.
        """
        caller = ANYBODY if self._authorizer is None else await self._authorizer.sender(scope)
        if method_id is not UNKNOWN:
            await self._audited.rejected(error, method_id, scope, caller=caller, resource=resource)
        if status in ONLY_COUNTED:
            return
        log.info(
            "api.refused", method=method_id, http_status=status, code=error.code.name, fields=[v.field for v in error.violations],
            caller=caller.actor, address=self._addresses.of_client(scope),
        )  # fmt: skip

    def _send(self, scope: Scope, send: Send, status: int, body: bytes, headers: Headers) -> Awaitable[None]:
        if len(body) >= GZIP_FROM_BYTES:
            return send_compressed(scope, send, status, body, headers=headers)
        return send_answer(send, status, body, headers=headers)


async def _reject_connection(scope: Scope, send: Send) -> None:
    """Refuses WebSockets, and ignores start and end of the server.

    Raises: RuntimeError for `lifespan`, which shows an ASGI server that it is not supported.
    """
    if scope["type"] != "websocket":
        message = f"{scope['type']} is not served by the API"
        raise RuntimeError(message)
    await send({"type": "websocket.close", "code": 1008})
