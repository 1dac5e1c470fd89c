"""Which HTTP answer an error becomes: the only place that knows.

Source: google.rpc.Code (its HTTP mapping); amapi.md §4.2.
"""

from collections.abc import Mapping, Sequence

from heliograph.asgi import JSON, indented
from heliograph.domain.access import SCOPE, CredentialsInvalid, ScopeInsufficient
from heliograph.domain.error_body import error_body
from heliograph.protojson.errors import Code, HeliographError, InvalidArgument, NotFound, Unavailable
from heliograph.service.event_log import EventsGone

HTTP_STATUS: Mapping[Code, int] = {
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}

V1_REASON: Mapping[Code, str] = {
    Code.CANCELLED: "cancelled",
    Code.UNKNOWN: "backendError",
    Code.INVALID_ARGUMENT: "badRequest",
    Code.DEADLINE_EXCEEDED: "deadlineExceeded",
    Code.NOT_FOUND: "notFound",
    Code.ALREADY_EXISTS: "alreadyExists",
    Code.PERMISSION_DENIED: "forbidden",
    Code.RESOURCE_EXHAUSTED: "rateLimitExceeded",
    Code.FAILED_PRECONDITION: "failedPrecondition",
    Code.ABORTED: "aborted",
    Code.UNIMPLEMENTED: "notImplemented",
    Code.INTERNAL: "backendError",
    Code.UNAVAILABLE: "backendError",
    Code.UNAUTHENTICATED: "authError",
}
"""The words of `errors[].reason` in the old form of errors.  Source: Google's global error domain (`$.xgafv=1`, amapi.md §4.1)."""

RETRY_AFTER_S: Mapping[Code, int] = {Code.UNAVAILABLE: 1, Code.RESOURCE_EXHAUSTED: 60}
"""For errors without their own. 60: "Google asks callers to wait at least 60 seconds" on 429 (amapi.md §4.10)."""

URL_MAX_BYTES = 16_384
"""Path and query together: our choice, as Google documents no limit. The longest that its clients write is 2,048 (amapi.md §8.7)."""

Headers = list[tuple[bytes, bytes]]


class BodyTooLarge(InvalidArgument):
    """The request body is too large."""


class UrlTooLong(InvalidArgument):
    """The URL is too long."""


class BodyTooSlow(HeliographError):
    """The request body did not arrive in time."""

    code = Code.DEADLINE_EXCEEDED


class Malformed(InvalidArgument):
    """The request is not valid HTTP/1.1 (RFC 9112)."""


class HeadTooLarge(InvalidArgument):
    """The head of the request is too large."""


class HeadTooSlow(HeliographError):
    """The head of the request did not arrive in time."""

    code = Code.DEADLINE_EXCEEDED


class Crowded(Unavailable):
    """The server has as many connections or requests in progress as it accepts. Try again in a moment."""

    reason = "CROWDED"


class UnsupportedEncoding(InvalidArgument):
    """The request body has a Content-Encoding that is not supported."""


class Internal(HeliographError):
    """Internal error encountered."""

    code = Code.INTERNAL


class UnknownPath(NotFound):
    """The requested URL was not found on this server."""

    def __init__(self, path: str, *, other_methods: Sequence[str] = ()) -> None:
        """`other_methods`: the HTTP methods that the path does take."""
        message = f"The requested URL {path[:256]} was not found on this server."
        if other_methods:
            message += f" With another HTTP method it would be: {', '.join(other_methods)}."
        super().__init__(message)


class MethodNotAllowed(InvalidArgument):
    """The URL does not accept this HTTP method."""

    def __init__(self, allowed: Sequence[str]) -> None:
        """`allowed`: the methods that it takes."""
        super().__init__(f"The URL does not accept this HTTP method: it accepts {', '.join(allowed)}.")
        self.allowed = allowed


def url_too_long() -> UrlTooLong:
    """The refusal, which says how long a URL may be."""
    return UrlTooLong(f"The URL is too long: path and query may have {URL_MAX_BYTES} bytes together.")


STATUS_OF_KIND: Sequence[tuple[type[HeliographError], int]] = (
    (BodyTooLarge, 413),
    (BodyTooSlow, 408),
    (UnsupportedEncoding, 415),
    (MethodNotAllowed, 405),
    (EventsGone, 410),
    (UrlTooLong, 414),
    (HeadTooLarge, 431),
    (HeadTooSlow, 408),
)
"""Statuses that say more than the error's code does."""


def http_status(error: HeliographError) -> int:
    """The HTTP status that answers this error."""
    for kind, status in STATUS_OF_KIND:
        if isinstance(error, kind):
            return status
    return HTTP_STATUS[error.code]


def error_answer(error: HeliographError) -> tuple[int, Headers, bytes]:
    """Status, all headers and indented body that answer this error."""
    status, headers, body = compact_error(error)
    return status, [JSON, *headers], indented(body)


def compact_error(error: HeliographError, *, in_v1_form: bool = False) -> tuple[int, Headers, bytes]:
    """Status, headers without the content's type and compact body; `in_v1_form`: with the list `errors` of `$.xgafv=1`."""
    status = http_status(error)
    headers: Headers = []
    retry_after_s = RETRY_AFTER_S.get(error.code) if error.retry_after_s is None else error.retry_after_s
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    if error.code is Code.UNAUTHENTICATED or isinstance(error, ScopeInsufficient):
        headers.append((b"www-authenticate", _challenge(error)))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if isinstance(error, BodyTooLarge | BodyTooSlow):
        # What is left of the body must not be read as the next request.
        headers.append((b"connection", b"close"))
    return status, headers, error_body(error, status, v1_reason=V1_REASON[error.code] if in_v1_form else "")


def _challenge(error: HeliographError) -> bytes:
    """What `WWW-Authenticate` asks for.  Source: RFC 6750 §3; Google's answers (amapi.md §4.6)."""
    realm = b'Bearer realm="https://accounts.google.com/"'
    if isinstance(error, ScopeInsufficient):
        return realm + f', error="insufficient_scope", scope="{SCOPE}"'.encode()
    return realm + b', error="invalid_token"' if isinstance(error, CredentialsInvalid) else realm
