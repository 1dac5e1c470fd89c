"""Sends an answer over ASGI; a large one gzipped if the caller accepts that."""

import asyncio
import zlib
from collections.abc import Awaitable, Mapping
from typing import Any

from heliograph.api.http.cycle import Cycle
from heliograph.api.http.errors import Headers
from heliograph.asgi import JSON, Send, send_whole

NO_SNIFFING = (b"x-content-type-options", b"nosniff")


GZIP_FROM_BYTES = 4_096
"""Smaller answers fit into a few packets anyway: not worth the time, and the hot methods' never get there."""

IN_THREAD_FROM_BYTES = 256 * 1_024
"""From this size on, compressing takes milliseconds, in which no one else would be answered."""


_GZIP_WINDOW = 31  # zlib: the largest window, in the gzip format

_FASTEST = 1


_VARIES = (b"vary", b"accept-encoding")
_GZIPPED = (b"content-encoding", b"gzip")
_OF_JSON = (NO_SNIFFING, JSON)


def send_answer(send: Send, status: int, body: bytes, *, headers: Headers) -> Awaitable[None]:
    return send_whole(send, status, body, [NO_SNIFFING, *headers])


def write_json(cycle: Cycle, status: int, body: bytes) -> bool:
    """As `send_answer`, in one piece and at once, compressed if it is large. False: that would take long, and nothing was written."""
    if len(body) < GZIP_FROM_BYTES:
        cycle.answer(status, _OF_JSON, body)
    elif len(body) >= IN_THREAD_FROM_BYTES:
        return False
    elif _is_gzip_wanted(cycle.scope):
        cycle.answer(status, (*_OF_JSON, _VARIES, _GZIPPED), _gzip(body))
    else:
        cycle.answer(status, (*_OF_JSON, _VARIES), body)
    return True


async def send_compressed(scope: Mapping[str, Any], send: Send, status: int, body: bytes, *, headers: Headers) -> None:
    """The large answer is sent, gzipped if the request's Accept-Encoding says so."""
    headers = [*headers, _VARIES]
    if _is_gzip_wanted(scope):
        body = await asyncio.to_thread(_gzip, body) if len(body) >= IN_THREAD_FROM_BYTES else _gzip(body)
        headers.append(_GZIPPED)
    await send_answer(send, status, body, headers=headers)


def _is_gzip_wanted(scope: Mapping[str, Any]) -> bool:
    return accepts_gzip(dict(scope["headers"]).get(b"accept-encoding", b""))


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether this value of Accept-Encoding takes gzip.  Source: RFC 9110 §12.5.3."""
    weights: dict[str, bool] = {}
    for choice in accept_encoding.decode("latin-1").lower().split(","):
        coding, _semicolon, weight = choice.partition(";")
        weights[coding.strip()] = weight.strip().replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return weights.get("gzip", weights.get("*", False))


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(_FASTEST, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(body) + packer.flush()
