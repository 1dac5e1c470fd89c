"""multipart/mixed with application/http parts: a batch taken apart, and its answers put together.

Google's Python client ends lines with LF alone, the Java one with CRLF: both are read; CRLF is written.

Source: RFC 2046 §5.1; developers.google.com/api-client-library, "Batch requests"; amapi.md §8.9.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from heliograph.api.http.errors import Headers
from heliograph.protojson.errors import InvalidArgument

MOST_PARTS = 1_000  # the limit of Google's clients (MAX_BATCH_LIMIT)
PART_HEADER_MAX_BYTES = 32 * 1_024
BOUNDARY_MAX_CHARS = 70  # RFC 2046 §5.1.1
CONTENT_ID_SHOWN_MAX = 64
WINDOW_BYTES = 256 * 1_024

# Quantifiers are possessive (++, *+): input from anyone must cost no more than a look at each byte.
_BOUNDARY = re.compile(r'boundary=(?:"([^"]++)"|([^\s;"]++))', re.IGNORECASE)
_REQUEST_LINE = re.compile(rb"([A-Z]{3,10}+) (\S{1,16384}+)(?: HTTP/[0-9.]++)?[ \t]*+(?:\r?\n|\Z)")
_HEADER_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_REST_OF_LINE = re.compile(rb"\A\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]++")


class PartRequest(NamedTuple):
    """One call of a batch."""

    http_method: str
    path: str
    """Decoded, as ASGI's `path`."""
    raw_path: bytes
    query: bytes
    headers: Headers
    """Names in lower case."""
    body: bytes


class Part(NamedTuple):
    """One part of a batch: its Content-ID, and its call or the reason that it is not one."""

    content_id: bytes
    request: PartRequest | InvalidArgument


class PartAnswer(NamedTuple):
    """What a part's call was answered with."""

    content_id: bytes
    status: int
    headers: Headers
    """Without the body's length."""
    body: bytes


def boundary_of(content_type: bytes) -> bytes:
    """The boundary in a Content-Type.  Raises: InvalidArgument: it is not multipart/mixed with a boundary."""
    text = content_type.decode("latin-1")
    found = _BOUNDARY.search(text) if text.strip().lower().startswith("multipart/mixed") else None
    boundary = (found[1] or found[2]).strip() if found else ""
    if not boundary or len(boundary) > BOUNDARY_MAX_CHARS:
        raise InvalidArgument('A batch needs the header Content-Type: multipart/mixed; boundary="…", with the boundary between its parts.')
    return boundary.encode("latin-1")


def parse_batch(body: bytes, boundary: bytes) -> list[Part]:
    """The parts of a batch, in order.  Raises: InvalidArgument: no parts or too many, the body has no end, or an id is repeated."""
    parts: list[Part] = []
    begins: int | None = None
    for found in _delimiters(body, boundary):
        if begins is not None:
            if len(parts) == MOST_PARTS:
                raise InvalidArgument(f"The batch has more than {MOST_PARTS} calls: send them in several batches.")
            parts.append(_part(body[begins : _end_of_line_before(body, found.start())]))
        if found[1]:
            break
        begins = found.end()
    else:
        raise InvalidArgument("The batch is cut off or its boundary differs: no line --boundary-- ends it.")
    if not parts:
        raise InvalidArgument("The batch has no calls: put each into its own part, with Content-Type: application/http.")
    _reject_repeated_ids(parts)
    return parts


def first_call(beginning: bytes, boundary: bytes) -> tuple[Headers, bytes]:
    """Headers and query of a batch's first call, as far as the body's beginning shows them."""
    first = _delimiter(boundary).search(beginning)
    _head, request = _split(_REST_OF_LINE.sub(b"", beginning[first.end() if first else 0 :], count=1))
    line, _newline, rest = request.lstrip(b"\r\n").partition(b"\n")
    _path, _mark, query = (line.split(b" ", 2)[1:2] or [b""])[0].partition(b"?")
    return _headers(_split(rest)[0]), query


def _delimiter(boundary: bytes) -> re.Pattern[bytes]:
    """A line of `--boundary` or `--boundary--`. It begins with plain text, which is found twenty times as fast as a line's beginning."""
    line = re.escape(b"--" + boundary)
    return re.compile(line + rb"(?<![^\n]" + line + rb")(--)?+[ \t]*+(?=\r?\n|\Z)")


def _delimiters(body: bytes, boundary: bytes) -> Iterator[re.Match[bytes]]:
    """The delimiters in the body, looked for window by window: other threads have their turn meanwhile."""
    delimiter = _delimiter(boundary)
    overlap = len(boundary) + len("----\r\n")
    start = 0
    while start < len(body):
        end = min(start + WINDOW_BYTES, len(body))
        found = delimiter.search(body, start, end)
        if found is not None and found.end() == end:  # it may have taken the window's end for the body's
            start = found.start()
            found = delimiter.match(body, start)
            if found is None:
                start += 1
                continue
        if found is not None:
            yield found
            start = found.end()
        elif end == len(body):
            return
        else:
            start = end - overlap


def _end_of_line_before(body: bytes, start: int) -> int:
    """Where the line before the one that begins at `start` ends."""
    end = start - 1
    return end - 1 if body[end - 1 : end] == b"\r" else end


def _reject_repeated_ids(parts: Sequence[Part]) -> None:
    """Raises: InvalidArgument: two calls have the same Content-ID, so their answers would look alike.  Source: amapi.md §8.9."""
    seen: set[bytes] = set()
    for part in parts:
        if part.content_id in seen:
            shown = part.content_id[:CONTENT_ID_SHOWN_MAX].decode("latin-1")
            raise InvalidArgument(f"The Content-ID {shown!r} is on two parts of the batch. Nothing was done: give each call its own.")
        if part.content_id:
            seen.add(part.content_id)


def _part(text: bytes) -> Part:
    """A part: its own headers, a blank line, and an HTTP request."""
    head, request = _split(_REST_OF_LINE.sub(b"", text, count=1))
    headers = dict(_headers(head))
    content_id = headers.get(b"content-id", b"")
    kind = headers.get(b"content-type", b"").lower()
    if not kind.startswith(b"application/http"):
        return Part(content_id, InvalidArgument("Each part of a batch needs Content-Type: application/http."))
    try:
        return Part(content_id, _request(request))
    except InvalidArgument as error:
        return Part(content_id, error)


def _request(text: bytes) -> PartRequest:
    text = text.lstrip(b"\r\n")
    line = _REQUEST_LINE.match(text)
    if line is None:
        raise InvalidArgument("The part does not begin with a request line, as in: POST /v1/enterprises/e/devices/d:issueCommand")
    head, body = _split(text[line.end() :])
    headers = _headers(head)
    announced = dict(headers).get(b"content-length", b"")
    if announced.isdigit() and int(announced[:12]) > len(body):
        raise InvalidArgument(f"The part is cut off: its Content-Length says more than its {len(body)} bytes.")
    try:
        target = urlsplit(line[2].decode("latin-1"))
    except ValueError:  # `http://[/` is not an address
        target = urlsplit("")
    if not target.path.startswith("/"):
        raise InvalidArgument("The part's request line must have a path that begins with a slash, or a whole URL.")
    raw_path, query = target.path.encode("latin-1"), target.query.encode("latin-1")
    return PartRequest(line[1].decode(), unquote(target.path), raw_path, query, headers, body)


def _split(text: bytes) -> tuple[bytes, bytes]:
    """What stands before the first blank line, and what after it."""
    blank = _BLANK_LINE.search(text, 0, PART_HEADER_MAX_BYTES)
    return (text[: blank.start()], text[blank.end() :]) if blank else (text, b"")


def _headers(head: bytes) -> Headers:
    lines = _FOLD.sub(b" ", head[:PART_HEADER_MAX_BYTES]).split(b"\n")
    split = (line.rstrip(b"\r").partition(b":") for line in lines)
    return [(name.lower(), value.strip(b" \t")) for name, colon, value in split if colon and _HEADER_NAME.fullmatch(name)]


def render_answers(answers: Sequence[PartAnswer]) -> tuple[bytes, bytes]:
    """The Content-Type and the body of a batch's answer: a part for each, its Content-ID with `response-` before it."""
    rendered = [_render(answer) for answer in answers]
    # No answer can contain a digest of all answers, so no answer can end its part early.
    boundary = b"batch_" + hashlib.blake2b(b"".join(rendered), digest_size=16).hexdigest().encode()
    delimiter = b"--" + boundary
    body = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in rendered) + delimiter + b"--\r\n"
    return b"multipart/mixed; boundary=" + boundary, body


def _render(answer: PartAnswer) -> bytes:
    content_id = answer.content_id
    if content_id:
        inside = content_id.startswith(b"<")
        content_id = b"Content-ID: <response-" + content_id[1:] if inside else b"Content-ID: response-" + content_id
        content_id += b"\r\n"
    line = f"HTTP/1.1 {answer.status} {_phrase(answer.status)}\r\n".encode()
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
    head = b"".join(name.title() + b": " + value + b"\r\n" for name, value in headers)
    return b"Content-Type: application/http\r\n" + content_id + b"\r\n" + line + head + b"\r\n" + answer.body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
