"""Texts that carry a value from this server through others back to it: signed, and valid until they expire. Nothing is stored."""

import base64
import binascii
import hmac
from typing import TypeVar

import msgspec

from heliograph.protojson.parser import MALFORMED

_MAC_CHARS = 43


class Sealable(msgspec.Struct, frozen=True, kw_only=True):
    """What can be sealed. Subclasses have a `tag`, so that one is not taken for another."""

    expires_us: int


S = TypeVar("S", bound=Sealable)


def seal(value: Sealable, *, key: bytes) -> str:
    """The value as a signed text, of characters that a URL takes unescaped."""
    payload = _base64(msgspec.json.encode(value))
    return _mac(payload, key) + payload


def opened(text: str, wanted: type[S], *, key: bytes, now_us: int) -> S | None:
    """The value in a sealed text; None: it was not sealed with this key, is another value, or has expired."""
    mac, payload = text[:_MAC_CHARS], text[_MAC_CHARS:]
    if not text.isascii() or not hmac.compare_digest(mac, _mac(payload, key)):
        return None
    try:
        value = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=wanted)
    except (*MALFORMED, binascii.Error):
        return None
    return value if now_us < value.expires_us else None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _mac(payload: str, key: bytes) -> str:
    return _base64(hmac.digest(key, payload.encode(), "sha256"))
