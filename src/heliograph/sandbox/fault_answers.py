"""What a planned fault answers instead of the API: Google's errors by HTTP status, and a load balancer's page."""

import http.client
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from heliograph.api.http.authorization import SERVICE
from heliograph.api.http.errors import Internal, error_answer
from heliograph.api.http.quota import AMAPI_PER_MINUTE, PROJECT, QuotaExceeded
from heliograph.asgi import JSON, indented
from heliograph.domain.access import AccessTokenExpired, CredentialsInvalid
from heliograph.domain.errors import OperationNotFound
from heliograph.protojson.errors import (
    Aborted,
    Code,
    HeliographError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
    Unimplemented,
)
from heliograph.protojson.times import NS_PER_S, format_duration, parse_duration_ns
from heliograph.sandbox.calls import ApiCall
from heliograph.sandbox.fault_messages import ErrorAnswer, HtmlAnswer
from heliograph.sandbox.request_journal import Answer

NAMES: Mapping[int, Code] = {
    400: Code.INVALID_ARGUMENT, 401: Code.UNAUTHENTICATED, 403: Code.PERMISSION_DENIED, 404: Code.NOT_FOUND, 409: Code.ABORTED,
    429: Code.RESOURCE_EXHAUSTED, 499: Code.CANCELLED, 500: Code.INTERNAL, 501: Code.UNIMPLEMENTED, 502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE, 504: Code.DEADLINE_EXCEEDED,
}  # fmt: skip
"""The status name that goes with an HTTP status; others are UNKNOWN.  Source: google.rpc.Code (amapi.md §4.2)."""
_WORDS: Mapping[int, HeliographError] = {
    400: InvalidArgument(), 401: CredentialsInvalid(), 403: PermissionDenied(), 404: NotFound(), 409: Aborted(), 500: Internal(),
    501: Unimplemented(), 502: Unavailable(), 503: Unavailable(),
}  # fmt: skip
_HTML = (b"content-type", b"text/html; charset=UTF-8")
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def error_of(wanted: ErrorAnswer) -> Answer:
    """The planned error. A 429 that says nothing of its own is the one of Google's quota."""
    words: HeliographError | None = _WORDS.get(wanted.code)
    if wanted.code == HTTPStatus.TOO_MANY_REQUESTS:
        words = QuotaExceeded(PROJECT, per_minute=AMAPI_PER_MINUTE, retry_after_s=0)
    phrase = http.client.responses.get(wanted.code, "Unknown error")
    message = wanted.message or (words.message if words else f"{phrase}.")
    details: list[dict[str, Any]] = []
    if wanted.reason or (words is not None and words.reason and not wanted.message):
        metadata = {} if wanted.reason or words is None else words.metadata
        reason = wanted.reason or (words.reason if words else "")
        info: dict[str, Any] = {"@type": _ERROR_INFO, "reason": reason, "domain": "googleapis.com"}
        details.append(info | ({"metadata": metadata} if metadata else {}))
    if wanted.retry_after:
        details.append({"@type": _RETRY_INFO, "retryDelay": format_duration(parse_duration_ns(wanted.retry_after))})
    status: dict[str, Any] = {"code": wanted.code, "message": message, "status": NAMES.get(wanted.code, Code.UNKNOWN).name}
    return _json(wanted.code, {"error": status | ({"details": details} if details else {})}, _retry_after(wanted.retry_after))


def html_of(wanted: HtmlAnswer) -> Answer:
    """The page of something between caller and API."""
    phrase = http.client.responses.get(wanted.code, "Error")
    page = (
        f"<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<title>Error {wanted.code} ({phrase})!!1</title>\n"
        f"<p><b>{wanted.code}.</b> <ins>That’s an error.</ins>\n"
        "<p>The server encountered a temporary error and could not complete your request.\n</html>\n"
    )
    return Answer(status=wanted.code, headers=(_HTML, *_retry_after(wanted.retry_after)), body=page.encode())


def expired_token(call: ApiCall) -> Answer:
    """401, as for an expired access token: clients get a new one and repeat."""
    error = AccessTokenExpired()
    error.metadata |= {"method": call.method, "service": SERVICE}
    return answer_to(error)


def operation_not_found() -> Answer:
    """404 in AMAPI's words."""
    return answer_to(OperationNotFound())


def answer_to(error: HeliographError) -> Answer:
    """The server's own answer to this error."""
    status, headers, body = error_answer(error)
    return Answer(status=status, headers=tuple(headers), body=body)


def forced(status: int) -> Answer:
    """What the Retry Test API answers for `return-X`."""
    body = {"error": {"code": status, "message": f"Retry Test: Caused a {status}", "status": NAMES.get(status, Code.UNKNOWN).name}}
    return _json(status, body, ())


def undone(answer: Answer) -> Answer | None:
    """The answer with its operations undone, as before any of them ended; None: none of them was done."""
    if answer.status != HTTPStatus.OK or answer.header(b"content-encoding"):
        return None
    body = msgspec.json.decode(answer.body)
    operations = body.get("operations", []) if "operations" in body else [body]
    if not any(operation.get("done") for operation in operations):
        return None
    for operation in operations:
        for name in ("done", "response", "error"):
            operation.pop(name, None)
        metadata = operation.get("metadata", {})
        for name in [name for name in metadata if name == "errorCode" or name.endswith("Status")]:
            del metadata[name]
    return _json(answer.status, body, ())


def _json(status: int, body: object, headers: tuple[tuple[bytes, bytes], ...]) -> Answer:
    return Answer(status=status, headers=(JSON, *headers), body=indented(msgspec.json.encode(body)))


def _retry_after(duration: str) -> tuple[tuple[bytes, bytes], ...]:
    """Whole seconds, rounded up: a client that waits shorter comes too soon."""
    return ((b"retry-after", b"%d" % -(-parse_duration_ns(duration) // NS_PER_S)),) if duration else ()
