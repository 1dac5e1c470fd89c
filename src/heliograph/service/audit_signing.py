"""Who signs checkpoints of the audit trail, and how anyone finds out whether they did."""

import hashlib
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from heliograph.domain.audit import Checkpoint, Head
from heliograph.protojson.errors import InvalidArgument

PURPOSE: Final = "audit checkpoints"
"""What the signing key is derived for (`Vault.derive`): all servers of a database sign with the same one, and it stands in no database."""
KEY_ID_CHARS: Final = 16


class CheckpointSigner:
    """Signs with the Ed25519 key that is derived from the key file."""

    def __init__(self, secret: bytes) -> None:
        """`secret`: 32 bytes."""
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self._key_id = key_id_of(self._key.public_key())

    def sign(self, head: Head, *, now_us: int, retention: bool = False) -> Checkpoint:
        """A checkpoint of the chain as it was at this block."""
        plain = Checkpoint(
            number=head.number, digest=head.digest.hex(), signed_us=now_us, key_id=self._key_id, retention=retention
        )  # fmt: skip
        return msgspec.structs.replace(plain, signature=self._key.sign(plain.text).hex())

    @property
    def public_key(self) -> str:
        """PEM, for those who verify."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id_of(key: Ed25519PublicKey) -> str:
    """The beginning of the key's SHA-256."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:KEY_ID_CHARS]


def read_public_key(pem: str) -> Ed25519PublicKey:
    """The key.  Raises: InvalidArgument: it is not one of a trail."""
    try:
        key = load_pem_public_key(pem.encode(errors="replace"))
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidArgument("The public key must be what heliograph audit public-key prints (-----BEGIN PUBLIC KEY-----).")
    return key


def is_signed_by(key: Ed25519PublicKey, checkpoint: Checkpoint) -> bool:
    """Whether the holder of this key's private half signed the checkpoint."""
    try:
        key.verify(bytes.fromhex(checkpoint.signature), checkpoint.text)
    except (InvalidSignature, ValueError):
        return False
    return True
