"""A phone's own key, and the commands whose secrets are sealed to it: no one else opens them, not the server either (ADR 0057)."""

import random

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from heliograph.commands import ENVELOPE
from heliograph.protocol import SealedCommand, key_id, secrets_info
from heliograph.protojson.parser import MALFORMED

SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256: private keys are 1 to this, exclusive.  Source: FIPS 186-4 §D.1.2.3."""
PRIVATE_KEY_DIGITS = 64
SPARE_BITS = 64
"""More chance than the key has, so that no key is likelier than another (FIPS 186-4 §B.4.1)."""


class Unopenable(Exception):
    """The command is sealed to a key that the phone does not have, or for another operation. Issue it again."""


def new_private_key(entropy: random.Random) -> str:
    """A private key, in hex."""
    return private_key_from(entropy.getrandbits(4 * PRIVATE_KEY_DIGITS + SPARE_BITS))


def private_key_from(number: int) -> str:
    """The private key that is made of this much chance, in hex."""
    return f"{number % (ORDER - 1) + 1:0{PRIVATE_KEY_DIGITS}x}"


def public_key_of(private_key: str) -> str:
    """The public key as messages carry it; of no private key, none."""
    if not private_key:
        return ""
    return _loaded(private_key).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()


def open_command(operation: str, sealed: SealedCommand, private_key: str) -> bytes:
    """The whole Command.  Raises: Unopenable."""
    try:
        if not private_key or sealed.key_id != key_id(public_key_of(private_key)):
            raise Unopenable
        secrets = SUITE.decrypt(bytes.fromhex(sealed.secrets), _loaded(private_key), info=secrets_info(operation))
        return ENVELOPE.merge_secrets(bytes(sealed.command), secrets)
    except (InvalidTag, ValueError, *MALFORMED):
        raise Unopenable from None


def _loaded(private_key: str) -> EllipticCurvePrivateKey:
    return derive_private_key(int(private_key, 16), SECP256R1())
