"""Where a sleeping phone can be reached through a push service, and what is posted there to wake it.

Source: RFC 8030 (Generic Event Delivery Using HTTP Push), RFC 8291 (Message Encryption for Web Push); W3C Push API, PushSubscription.
"""

import base64
import binascii
import enum
from typing import NamedTuple

import msgspec

from heliograph.domain.device import position
from heliograph.domain.push_addresses import PushAddresses, wrong_push_url
from heliograph.protojson.errors import InvalidArgument

POINT_BYTES = 65
"""A point of P-256, uncompressed.  Source: RFC 8291 §3.1."""
AUTH_BYTES = 16
"""Source: RFC 8291 §3.2."""
DAY_US = 86_400 * 1_000_000
LIFE_US = 60 * DAY_US
"""How long a subscription is kept that its phone does not give again: a phone gives it with every connection."""
RENEWED_AFTER_US = DAY_US
"""A subscription that is given again unchanged is written again no sooner."""
TTL_MOST_S = 28 * 86_400
"""The longest time that FCM keeps a message; longer ones it refuses."""

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8_AA3A93E7_B3EBBD55_769886BC_651D06B0_CC53B0F6_3BCE3C3E_27D2604B
"""Of P-256: y² = x³ - 3x + b.  Source: FIPS 186-4, D.1.2.3."""


class WebPushName(NamedTuple):
    """A device, as the owner of its subscription."""

    enterprise: str
    device: str


class WebPushSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """Where one phone can be woken, and the keys that its messages are encrypted with."""

    name: WebPushName
    endpoint: str
    """An http or https URL at the phone's push service. Who knows it may try to post there, so no text shows more than its host."""
    p256dh: bytes
    """The phone's public key: a point of P-256, uncompressed."""
    auth: bytes
    """A secret that the phone shares with this server: it shows the phone that a message is for it."""
    renewed_us: int
    expires_us: int

    @property
    def position(self) -> str:
        """Its place in lists (oldest first)."""
        return position(self.renewed_us, f"{self.name.enterprise}/{self.name.device}")

    def reaches_the_same(self, other: "WebPushSubscription | None") -> bool:
        """Whether both are one subscription, given at different times."""
        return other is not None and (self.endpoint, self.p256dh, self.auth) == (other.endpoint, other.p256dh, other.auth)


class PushKeys(msgspec.Struct, frozen=True):
    """What a phone's messages are encrypted with; both base64url.  Source: W3C Push API, PushSubscriptionJSON."""

    p256dh: str = ""
    auth: str = ""


class Urgency(enum.Enum):
    """How soon a phone that saves its battery should get a message.  Source: RFC 8030 §5.3."""

    NORMAL = "normal"
    HIGH = "high"


class WakeUp(NamedTuple):
    """A message that says nothing but: look."""

    urgency: Urgency
    ttl_s: int
    """For how long the push service keeps it for a phone that it cannot reach: after that there is nothing to look for."""


def read_subscription(
    name: WebPushName, endpoint: str, keys: PushKeys, *, addresses: PushAddresses, now_us: int
) -> WebPushSubscription:  # fmt: skip
    """The subscription that a phone gives.  Raises: InvalidArgument: it cannot be pushed to, or its keys are malformed."""
    if wrong := wrong_push_url(endpoint, addresses):
        raise InvalidArgument(f"endpoint {wrong}")
    point = _decoded(keys.p256dh, POINT_BYTES)
    if point is None or not _is_on_curve(point):
        raise InvalidArgument("keys.p256dh must be an uncompressed point of the curve P-256, as base64url.")
    secret = _decoded(keys.auth, AUTH_BYTES)
    if secret is None:
        raise InvalidArgument(f"keys.auth must be {AUTH_BYTES} bytes, as base64url.")
    return WebPushSubscription(name=name, endpoint=endpoint, p256dh=point, auth=secret, renewed_us=now_us, expires_us=now_us + LIFE_US)


def _decoded(text: str, length: int) -> bytes | None:
    """The bytes, if there are so many; padding may be left out."""
    try:
        found = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return found if len(found) == length else None


def _is_on_curve(point: bytes) -> bool:
    """Whether this is a point of P-256: a key elsewhere would give parts of the other side's key away."""
    x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
    return point[0] == 4 and x < _P and y < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0  # noqa: PLR2004 - SEC 1 §2.3.3
