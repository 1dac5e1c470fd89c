"""The key by which push services know this server (VAPID), and what a request to one is authorized with.

Source: RFC 8292 (Voluntary Application Server Identification for Web Push).
"""

import base64
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

HALVES = ("web push, first half", "web push, second half")
"""Labels of the two keys that the private key is made of.  Source: FIPS 186-5, A.2.1: 64 bits more than the curve's order, reduced."""
ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
"""Of P-256.  Source: FIPS 186-4, D.1.2.3."""


class Derives(Protocol):
    """The part of a Vault that this needs."""

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one purpose, the same in every process with this key file; it reveals nothing about the key."""


class VapidKey:
    """The server's key pair on P-256, derived from its key file: all servers of a database have the same, and none of them stores it.

    It changes with the key file alone, since every subscription is bound to it.
    """

    def __init__(self, vault: Derives) -> None:
        self._vault = vault

    @cached_property
    def private(self) -> "EllipticCurvePrivateKey":
        """The private half."""
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - slow to import, and few servers need it

        number = int.from_bytes(b"".join(map(self._vault.derive, HALVES)))
        return ec.derive_private_key(number % (ORDER - 1) + 1, ec.SECP256R1())

    @cached_property
    def public_text(self) -> str:
        """The public half as push services and phones want it: the uncompressed point, base64url without padding."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

        return unpadded(self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def authorization(self, audience: str, *, contact: str, expires_s: int) -> str:
        """The header that a push service with this origin knows the server by, until it expires.

        `contact`: how the push service's operator reaches this server's; empty: unsaid.
        """
        from jwt import encode  # noqa: PLC0415

        claims = {"aud": audience, "exp": expires_s, **({"sub": contact} if contact else {})}
        return f"vapid t={encode(claims, self.private, algorithm='ES256')}, k={self.public_text}"


def unpadded(plain: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()
