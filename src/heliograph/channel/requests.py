"""What the channel reads of a request, and how it answers."""

import re
from collections.abc import Awaitable
from urllib.parse import parse_qs

from heliograph.asgi import HTTP, JSON, Receive, Scope, Send, rest_of_body, send_whole
from heliograph.channel.answer import Answer
from heliograph.protocol import MESSAGE_MAX_BYTES
from heliograph.protojson.errors import InvalidArgument, Unauthenticated

CONNECTION_HEADER = b"heliograph-connection"
NO_STORE = (b"cache-control", b"no-store")
_CONNECTION_ID = re.compile(r"[A-Za-z0-9_-]{0,64}")
_BEARER = b"bearer "
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-]{43}=?|[0-9a-fA-F]{64}")
"""256 bits in base64url or hex; anything else cannot be a credential and is not looked up."""


def header(scope: Scope, name: bytes) -> bytes:
    """The header's first value, or empty."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def credential(scope: Scope) -> str:
    """The device's credential.  Raises: Unauthenticated: it is missing, or cannot be one."""
    value = header(scope, b"authorization")
    text = value[len(_BEARER) :].strip().decode("latin-1") if value[: len(_BEARER)].lower() == _BEARER else ""
    if not _CREDENTIAL.fullmatch(text):
        raise Unauthenticated("Send the credential that this device enrolled with: Authorization: Bearer CREDENTIAL.")
    return text


def connection_id(scope: Scope) -> str:
    """What ties a phone's HTTP requests together; empty if the phone does not say.  Raises: InvalidArgument."""
    text = header(scope, CONNECTION_HEADER).decode("latin-1")
    if not _CONNECTION_ID.fullmatch(text):
        raise InvalidArgument("Heliograph-Connection must be at most 64 letters, digits, '-' or '_'.")
    return text


def whole_number(scope: Scope, name: str) -> int | None:
    """The query parameter, or None.  Raises: InvalidArgument: it is not a whole number of at most nine digits."""
    values = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get(name)
    if not values:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", values[-1]):
        raise InvalidArgument(f"{name} must be a whole number.")
    return int(values[-1])


async def read_message(receive: Receive) -> bytes:
    """The request's body.  Raises: ClientGone; InvalidArgument: it is too large."""
    body = await rest_of_body(await receive(), receive, max_bytes=MESSAGE_MAX_BYTES)
    if body is None:
        raise InvalidArgument(f"The message is larger than {MESSAGE_MAX_BYTES} bytes.")
    return body


def send_answer(send: Send, answer: Answer, *, prefix: str = HTTP) -> Awaitable[None]:
    """The answer is on its way."""
    return send_whole(send, answer.status, answer.body, headers_of(answer), prefix=prefix)


def headers_of(answer: Answer) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that `send_answer` sends after the body's length."""
    return (JSON, NO_STORE, *answer.headers)
