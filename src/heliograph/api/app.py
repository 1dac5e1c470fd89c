"""The API as one ASGI app: finds the method by its path, reads the request, calls the verb, sends the answer.

Raw ASGI throughout: a framework's request and response objects cost more than the rest of an issueCommand.
"""

import traceback
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from heliograph.api.errors import Headers, Internal, UnknownPath, error_answer
from heliograph.api.method import Call, Method, MethodTable
from heliograph.api.methods import AMAPI_METHODS, OWN_METHODS
from heliograph.api.metrics import CONTENT_TYPE, RequestCounts, metrics_text, registry_of
from heliograph.api.partial_response import select_fields
from heliograph.api.query import NO_QUERY, USUAL, NoQuery, Query, parse_query, read_own
from heliograph.api.request_body import BODY_MAX_BYTES, BODY_TIMEOUT_S, ClientGone, Message, Receive, read_body
from heliograph.domain.errors import HeliographError
from heliograph.service.ports import Ports

log = structlog.get_logger()

Scope = Message
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = (b"content-type", b"application/json; charset=UTF-8")
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
OK = 200
UNAVAILABLE = 503
UNKNOWN = "unknown"
"""How a path that no method has is counted: a label per path would let anybody fill the memory."""

PREFIXES = ((b"/v1/", MethodTable(AMAPI_METHODS)), (b"/heliograph/v1/", MethodTable(OWN_METHODS)))


def rest_app(ports: Ports, *, body_max_bytes: int = BODY_MAX_BYTES, body_timeout_s: float = BODY_TIMEOUT_S) -> Asgi:
    """The ASGI app that answers /v1, /heliograph/v1, /healthz, /readyz and /metrics, and everything else with 404 in Google's form."""
    return RestApp(ports, body_max_bytes=body_max_bytes, body_timeout_s=body_timeout_s)


class RestApp:
    """See `rest_app`."""

    def __init__(self, ports: Ports, *, body_max_bytes: int, body_timeout_s: float) -> None:
        self._ports = ports
        self._body_max_bytes = body_max_bytes
        self._body_timeout_s = body_timeout_s
        counts = RequestCounts()
        self._counted = counts.by_method_and_status
        self._registry = registry_of(counts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return await _refuse_connection(scope, send)
        path: bytes = scope.get("raw_path") or scope["path"].encode()  # raw_path is optional in ASGI
        for prefix, table in PREFIXES:
            if path.startswith(prefix):
                return await self._serve(table, path[len(prefix) :].decode("latin-1"), scope, receive, send)
        return await self._serve_page(path, scope, send)

    async def _serve(self, table: MethodTable, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Finds the method, calls it and sends what it answers."""
        query = USUAL.get(scope["query_string"]) or parse_query(scope["query_string"])
        method_id = UNKNOWN
        headers: Headers = []
        try:
            method, ids = table.find(scope["method"], path)
            method_id = method.id
            body = await self._answer(method, ids, query, scope, receive)
            status = OK
        except HeliographError as error:
            status, headers, body = error_answer(error)
            _log_refusal(method_id, status, error)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            status, headers, body = error_answer(Internal())
            _log_failure(method_id, error)
        self._counted[method_id, status] += 1
        if query.pretty:
            body = msgspec.json.format(body, indent=2) + b"\n"
        await _send(send, status, body, [JSON, (b"content-length", b"%d" % len(body)), NO_SNIFFING, *headers])

    async def _answer(self, method: Method, ids: tuple[str, ...], query: Query, scope: Scope, receive: Receive) -> bytes:
        """The method's answer, compact.  Raises: HeliographError, ClientGone."""
        if query.refusal is not None:
            raise query.refusal
        own = read_own(method.query, query.own) if query.own or method.query is not NoQuery else NO_QUERY
        body = b""
        if method.takes_body:
            body = await read_body(receive, max_bytes=self._body_max_bytes, timeout_s=self._body_timeout_s)
        answer = await method.handler(Call(self._ports, ids, own, body, scope))
        return answer if query.selection is None else select_fields(answer, query.selection)

    async def _serve_page(self, path: bytes, scope: Scope, send: Send) -> None:
        """Health, readiness and metrics; anything else is not found."""
        content_type = JSON
        status, body = OK, b""
        if scope["method"] in {"GET", "HEAD"} and path == b"/healthz":
            body = b'{"status":"ok"}'
        elif scope["method"] in {"GET", "HEAD"} and path == b"/readyz":
            why_not = self._ports.store.healthy()
            status = OK if why_not is None else UNAVAILABLE
            body = msgspec.json.encode({"status": "ready"} if why_not is None else {"status": "not ready", "reason": why_not})
        elif scope["method"] in {"GET", "HEAD"} and path == b"/metrics":
            content_type = (b"content-type", CONTENT_TYPE)
            body = metrics_text(self._registry)
        else:
            status, _headers, body = error_answer(UnknownPath(path.decode("latin-1")))
            body = msgspec.json.format(body, indent=2) + b"\n"
        await _send(send, status, body, [content_type, (b"content-length", b"%d" % len(body)), NO_SNIFFING])


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse_connection(scope: Scope, send: Send) -> None:
    """No WebSocket is served here, and start and end of the server are nobody's business here.

    Raises: RuntimeError for `lifespan`, which tells an ASGI server that it is not supported.
    """
    if scope["type"] != "websocket":
        message = f"{scope['type']} is not served by the API"
        raise RuntimeError(message)
    await send({"type": "websocket.close", "code": 1008})


def _log_refusal(method: str, status: int, error: HeliographError) -> None:
    """Field paths only: a message may quote what the caller wrote, a password in the wrong place included."""
    log.info("api.refused", method=method, http_status=status, code=error.code.name, fields=[v.field for v in error.violations][:20])


def _log_failure(method: str, error: Exception) -> None:
    """Where it happened and of what kind: its message may hold any value, and values may be secrets."""
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("api.failed", method=method, error=type(error).__qualname__, where=where)
