"""Messages to push services: encrypted for one phone, authorized by the server's key, and without content.

Guarded as push endpoints are, since a phone names the URL.

Source: RFC 8030, RFC 8188, RFC 8291, RFC 8292.
"""

import secrets
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from yarl import URL

from heliograph.domain.push_addresses import PushAddresses
from heliograph.domain.web_push import WakeUp, WebPushSubscription
from heliograph.notifications.push import ACKNOWLEDGED, TIMEOUT_S, NotAllowed, asked_us, is_overloaded, post
from heliograph.notifications.sessions import Sessions
from heliograph.service.outbox import NotPublished
from heliograph.service.push_service import Outcome, Pushed
from heliograph.service.vapid import VapidKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

NOTHING = b"{}"
"""The content: an empty object. No content at all would not be encrypted, so it would not show the phone who sent it."""
TOPIC = "heliograph"
"""Of all messages, so that of those that wait for a phone, the newest replaces the others.  Source: RFC 8030 §5.4."""
RECORD_BYTES = 4_096
"""RFC 8291 §4: one record, and at least 4096 must be understood."""
AUTHORIZED_S = 12 * 3_600
"""Half of what is allowed.  Source: RFC 8292 §2."""
AUTHORIZATION_USED_S = 3_600
"""A header is used for so long, so that push services that remember it need not verify it with each message."""
AUTHORIZATIONS_MOST = 1_024
GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""Source: RFC 8030 §7.3; 404 is what most push services answer."""
ASKED_MOST_US = 24 * 3_600 * 1_000_000
"""A subscription whose push service asks for more is asked for a day later."""


class WebPusher:
    """A `Pusher` over HTTP."""

    def __init__(
        self, key: VapidKey, addresses: PushAddresses, *, contact: str = "", timeout_s: float = TIMEOUT_S,
        wall_s: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`contact`: a mailto: or https: URL of this server's operator. `wall_s`: push services judge by their own clocks."""
        self._key = key
        self._sessions = Sessions(addresses, timeout_s=timeout_s)
        self._contact = contact
        self._wall_s = wall_s
        self._authorizations: dict[str, tuple[float, str]] = {}

    async def push(self, subscription: WebPushSubscription, wake_up: WakeUp) -> Pushed:
        """How the push service answered."""
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - slow to import, and few servers need it

        url = URL(subscription.endpoint)
        headers = {
            "Authorization": self._authorization(str(url.origin())),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(wake_up.ttl_s),
            "Topic": TOPIC,
            "Urgency": wake_up.urgency.value,
        }
        body = encrypted(NOTHING, subscription, own=ec.generate_private_key(ec.SECP256R1()), salt=secrets.token_bytes(16))
        try:
            answer = await post(self._sessions, url, body, headers)
        except NotPublished as error:
            return Pushed(Outcome.REFUSED if isinstance(error, NotAllowed) else Outcome.PUT_OFF, str(error))
        said = partial(Pushed, said=f"{answer.host} answered {answer.status}")
        if answer.status in ACKNOWLEDGED:
            return said(Outcome.TAKEN)
        if answer.status in GONE:
            return said(Outcome.GONE)
        if is_overloaded(answer):
            return said(Outcome.PUT_OFF, retry_after_us=min(asked_us(answer) or 0, ASKED_MOST_US))
        return said(Outcome.REFUSED)

    def _authorization(self, audience: str) -> str:
        now_s = self._wall_s()
        at_s, header = self._authorizations.get(audience, (0.0, ""))
        if header and 0 <= now_s - at_s < AUTHORIZATION_USED_S:
            return header
        header = self._key.authorization(audience, contact=self._contact, expires_s=int(now_s) + AUTHORIZED_S)
        while len(self._authorizations) >= AUTHORIZATIONS_MOST:
            del self._authorizations[next(iter(self._authorizations))]
        self._authorizations[audience] = (now_s, header)
        return header

    async def close(self) -> None:
        await self._sessions.close()


def encrypted(plain: bytes, subscription: WebPushSubscription, *, own: "EllipticCurvePrivateKey", salt: bytes) -> bytes:
    """The message as only the phone can read it; `own` and the 16 bytes `salt` are for this message alone.

    Source: RFC 8291 §3.4, RFC 8188 §2.
    """
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), subscription.p256dh)
    own_point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = _derived(own.exchange(ec.ECDH(), theirs), subscription.auth, b"WebPush: info\0" + subscription.p256dh + own_point, 32)
    key = _derived(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(shared, salt, b"Content-Encoding: nonce\0", 12)
    record = AESGCM(key).encrypt(nonce, plain + b"\x02", None)  # RFC 8188 §2: what ends the last record
    return salt + RECORD_BYTES.to_bytes(4) + bytes([len(own_point)]) + own_point + record


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return HKDF(SHA256(), length, salt, info).derive(secret)
