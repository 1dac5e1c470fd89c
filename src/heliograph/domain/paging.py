"""Pages of a list: their size, and tokens that hold only for the query they came from.  Source: AIP-158."""

import base64
import binascii
import hashlib
import hmac

from heliograph.protojson.errors import InvalidArgument, Violation

_MAC_BYTES = 16  # 128 bits: a token cannot be guessed, and stays short
_INVALID = "Invalid page token: send next_page_token of the previous page, with every other parameter unchanged."


def coerce_page_size(raw: int | None, *, default: int, maximum: int) -> int:
    """The number of rows to return: the default for None or 0, at most `maximum`.

    Raises: InvalidArgument when it is negative.
    """
    if raw is not None and raw < 0:
        raise InvalidArgument(violations=[Violation("page_size", f"page_size must not be negative: {raw}")])
    return min(raw or default, maximum)


def encode_page_token(key: bytes, query: str, *, position: str) -> str:
    """An opaque token for the rows after `position`, valid for this query only.

    `query` says everything that the rows depend on (collection, filter); `key` is the server's secret.
    """
    place = position.encode()
    return base64.urlsafe_b64encode(_mac(key, query, place) + place).rstrip(b"=").decode()


def decode_page_token(key: bytes, query: str, *, token: str) -> str | None:
    """The position in the token; None without a token (an empty one counts as none).

    Raises: InvalidArgument when it was not made by `encode_page_token` with this key for this query.
    """
    if not token:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    mac, place = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, query, place)):
        raise InvalidArgument(violations=[Violation("page_token", _INVALID)])
    return place.decode()


def _mac(key: bytes, query: str, place: bytes) -> bytes:
    text = query.encode(errors="surrogatepass")
    return hmac.digest(key, len(text).to_bytes(8, "big") + text + place, hashlib.sha256)[:_MAC_BYTES]
