"""Normalises a request before the API sees it: tunnelled methods, gzipped bodies, HEAD, OPTIONS, CORS.

A request without any of that is handed on as it is.

Source: amapi.md §8.7, §8.8; RFC 9110 §9.3.2, §9.3.7; fetch.spec.whatwg.org §3.2 (CORS).
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Collection, Sequence

from heliograph.api.http.cycle import Lane
from heliograph.api.http.errors import URL_MAX_BYTES, BodyTooLarge, Headers, UnsupportedEncoding, error_answer, url_too_long
from heliograph.api.http.heads import head_of
from heliograph.api.http.request_body import given_first, once, read_body
from heliograph.api.http.sending import send_answer
from heliograph.api.http.streaming import WHOLE_ANSWER
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Scope, Send
from heliograph.protojson.errors import HeliographError, InvalidArgument

NO_CONTENT = 204

PREFLIGHT_MAX_AGE_S = 3_600

_UNUSUAL_METHODS = frozenset({"HEAD", "OPTIONS"})

_TUNNELLED = frozenset({"GET", "PATCH", "PUT", "DELETE", "POST"})

_FORM = b"application/x-www-form-urlencoded"

MOST_GZIP_MEMBERS = 17
"""One would do; each costs a copy of all that follow, so a body of thousands of empty ones would cost minutes."""

_GZIP_WINDOW = 31  # zlib: the largest window, in the gzip format


def is_usual(scope: Scope) -> bool:
    """Whether the request is handed on as it is."""
    return scope["method"] not in _UNUSUAL_METHODS and head_of(scope).is_usual


class HttpCompat:
    """The ASGI app `app` behind its edge."""

    def __init__(
        self,
        app: Asgi,
        *,
        http_methods: Callable[[str], Sequence[str]],
        body_limit: Callable[[str], int],
        body_timeout_s: float,
        cors_origins: Collection[str] = (),
        lane: Lane | None = None,
    ) -> None:
        """`http_methods(path)` and `body_limit(path)`: what the path accepts; `cors_origins`: pages that may call, `*` for all."""
        self._app = app
        self.lane = lane
        """The second way in (hot_lane.py), which takes only what is handed on as it is; None: there is none."""
        self._http_methods = http_methods
        self._body_limit = body_limit
        self._body_timeout_s = body_timeout_s
        self._cors_origins = frozenset(cors_origins)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answers one request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        if is_usual(scope):
            return self._app(scope, receive, send)
        return self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        allowed = self._cors_headers(headers.get(b"origin"))
        if allowed:
            send = _with_headers(send, allowed)
        if scope["method"] == "OPTIONS":
            return await self._answer_options(scope, headers, send)
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET", WHOLE_ANSWER: True}, without_body(send)
        try:
            if b"content-encoding" in headers:
                receive = self._unpacked(scope, headers, receive)
            if scope["method"] == "POST" and b"x-http-method-override" in headers:
                scope, receive = await self._tunnelled(scope, headers, receive)
        except HeliographError as error:
            status, more, body = error_answer(error)
            return await send_answer(send, status, body, headers=more)
        except ClientGone:
            return None
        return await self._app(scope, receive, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        return await read_body(receive, max_bytes=self._body_limit(scope["path"]), timeout_s=self._body_timeout_s)

    def _unpacked(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        """A receive that gives the decoded body, and raises InvalidArgument, BodyTooLarge if it cannot be decoded.

        Raises: UnsupportedEncoding.
        """
        encoding = headers[b"content-encoding"].strip().lower()
        if encoding in {b"", b"identity"}:
            return receive
        if encoding not in {b"gzip", b"x-gzip"}:
            raise UnsupportedEncoding(f"Content-Encoding {encoding[:32].decode('latin-1')!r} is not supported: send gzip, or no encoding.")

        async def unpacked() -> Message:
            """Only who reads the body has it unpacked: who calls is known by then."""
            max_bytes = self._body_limit(scope["path"])
            packed = await self._body(scope, receive)
            return {"type": "http.request", "body": await asyncio.to_thread(gunzip, packed, max_bytes=max_bytes), "more_body": False}

        return once(unpacked, receive)

    async def _tunnelled(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> tuple[Scope, Receive]:
        """The request that a POST carries: another method, and for a long GET the query in its body."""
        method = headers[b"x-http-method-override"].decode("latin-1").strip().upper()
        if method not in _TUNNELLED:
            raise InvalidArgument(f"X-HTTP-Method-Override {method[:32]!r} is not supported: use GET, PATCH, PUT or DELETE.")
        if method != "GET" or not headers.get(b"content-type", b"").lower().startswith(_FORM):
            return {**scope, "method": method}, receive
        try:
            query = await read_body(receive, max_bytes=URL_MAX_BYTES, timeout_s=self._body_timeout_s)
        except BodyTooLarge:
            raise url_too_long() from None
        both = scope["query_string"] + b"&" + query if scope["query_string"] else query
        if len(both) > URL_MAX_BYTES:
            raise url_too_long()
        return {**scope, "method": method, "query_string": both}, given_first({"type": "http.request", "body": b""}, receive)

    async def _answer_options(self, scope: Scope, headers: dict[bytes, bytes], send: Send) -> None:
        """Which methods the path takes; to a page's preflight, whether it may use them."""
        methods = ", ".join((*self._http_methods(scope["path"]), "OPTIONS")).encode()
        answer: Headers = [(b"allow", methods)]
        if self._cors_headers(headers.get(b"origin")) and b"access-control-request-method" in headers:
            wanted = headers.get(b"access-control-request-headers", b"authorization, content-type")
            answer += [
                (b"access-control-allow-methods", methods),
                (b"access-control-allow-headers", wanted),
                (b"access-control-max-age", b"%d" % PREFLIGHT_MAX_AGE_S),
            ]
        await send({"type": "http.response.start", "status": NO_CONTENT, "headers": answer})
        await send({"type": "http.response.body", "body": b""})

    def _cors_headers(self, origin: bytes | None) -> Headers:
        """Headers that let a page of this origin read the answer; empty if it may not."""
        if origin is None or not self._cors_origins or not ({"*", origin.decode("latin-1")} & self._cors_origins):
            return []
        # No Allow-Credentials: a caller brings a token, never a cookie.
        return [(b"access-control-allow-origin", origin), (b"vary", b"origin"), (b"access-control-expose-headers", b"retry-after")]


def gunzip(packed: bytes, *, max_bytes: int) -> bytes:
    """What was gzipped, in one or several members.  Raises: InvalidArgument: no gzip; BodyTooLarge: it unpacks to more than `max_bytes`."""
    parts: list[bytes] = []
    left = max_bytes
    for _ in range(MOST_GZIP_MEMBERS):
        if not packed:
            return b"".join(parts)
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        try:
            part = unpacker.decompress(packed, left + 1)
        except zlib.error:
            raise InvalidArgument("Content-Encoding is gzip, but the body is not valid gzip.") from None
        left -= len(part)
        if left < 0:
            raise BodyTooLarge(f"The request body is too large: at most {max_bytes} bytes are accepted, unpacked.")
        if not unpacker.eof:
            raise InvalidArgument("The request body is cut off: its gzip stream does not end.")
        parts.append(part)
        packed = unpacker.unused_data
    raise InvalidArgument(f"The request body is a gzip of more than {MOST_GZIP_MEMBERS - 1} members.")


def _with_headers(send: Send, headers: Headers) -> Send:
    async def more(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return more


def without_body(send: Send) -> Send:
    """As HEAD wants it: the headers of the answer, its length among them, and no body."""

    async def bodyless(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return bodyless
