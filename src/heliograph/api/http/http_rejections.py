"""Answers to requests that no method sees: those that cannot be read, are too large, too slow or too many. In Google's form."""

import http
from typing import NamedTuple

from heliograph.api.http.errors import Crowded, HeadTooLarge, HeadTooSlow, Internal, Malformed, error_answer, url_too_long
from heliograph.api.http.request_body import too_slow
from heliograph.protojson.errors import HeliographError


class Rejection(NamedTuple):
    """Why, and the whole answer, after which the connection is closed."""

    reason: str
    status: int
    head: bytes
    body: bytes


def rejection(reason: str, error: HeliographError) -> Rejection:
    """The error as it goes to the socket."""
    status, headers, body = error_answer(error)
    headers = [(name, value) for name, value in headers if name != b"connection"]
    lines = [
        b"HTTP/1.1 %d %s" % (status, http.HTTPStatus(status).phrase.encode()),
        *(name + b": " + value for name, value in headers),
        b"content-length: %d" % len(body),
        b"x-content-type-options: nosniff",
        b"connection: close",
    ]
    return Rejection(reason, status, b"\r\n".join(lines) + b"\r\n\r\n", body)


MALFORMED = rejection("malformed", Malformed())
NO_HOST = rejection("host", Malformed("A request must have exactly one Host header field, with a valid host."))
NO_FRAME = rejection("framing", Malformed("Transfer-Encoding is not part of HTTP/1.0."))
TOO_MUCH_FRAMING = rejection("framing", Malformed("The body's chunks are mostly framing, not body."))
UPGRADE_UNDER_WAY = rejection("malformed", Malformed("A connection cannot be upgraded while another request is in progress on it."))
CROWDED = rejection("crowded", Crowded())
MEMORY = rejection("memory", Crowded("The server holds as many bytes of requests in progress as it accepts. Try again in a moment."))
URL_TOO_LONG = rejection("url_too_long", url_too_long())
INTERNAL = rejection("internal", Internal())


def head_too_large(most: int, lines_most: int) -> Rejection:
    """The head has more bytes or lines than that."""
    return rejection(
        "head_too_large",
        HeadTooLarge(f"The request's header fields are too large: at most {most} bytes, in at most {lines_most} lines, are accepted."),
    )


def head_too_slow(within_s: float) -> Rejection:
    """The head took longer than that."""
    return rejection("head_too_slow", HeadTooSlow(f"The request's header fields did not arrive within {within_s:g} seconds."))


def body_too_slow(within_s: float) -> Rejection:
    """The body took longer than that."""
    return rejection("body_too_slow", too_slow(within_s))


REASONS = ("malformed", "host", "framing", "url_too_long", "head_too_large", "head_too_slow", "body_too_slow", "memory", "crowded")
"""Of `heliograph_http_refused_total`."""
