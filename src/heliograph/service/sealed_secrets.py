"""Secrets of commands on their way to one phone: sealed to its public key, so that only it opens them; without one, by the vault.

What is sealed to a phone stays unreadable to the server, its key file included, from the moment that the command is accepted (ADR 0057).
"""

import re
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from heliograph.commands import ENVELOPE
from heliograph.domain.device import DeviceRecord
from heliograph.domain.envelope import ROOT, IssuedCommand
from heliograph.domain.names import OperationName
from heliograph.domain.operation import Operation
from heliograph.protocol import COMMAND_MAX_BYTES, PUBLIC_KEY_BYTES, SEALED_MORE_BYTES, SEALED_MULTIPLE, SealedCommand, key_id, secrets_info
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.service.ports import Ports

SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
"""All of it is in the providers of Android 7 (API 24); X25519 is from API 31 on."""
HEX_DIGITS_PER_BYTE = 2
_HEX = re.compile(f"04[0-9a-f]{{{HEX_DIGITS_PER_BYTE * (PUBLIC_KEY_BYTES - 1)}}}")
AROUND_SECRETS_BYTES = 64
"""Names, quotes and the key id of a SealedCommand."""


class Sealed(NamedTuple):
    """Secrets as they are stored."""

    secret: bytes | None
    sealed_to: str
    """As `Operation.sealed_to`."""


class PhoneCommand(NamedTuple):
    """A Command on its way to its phone: one of the two."""

    command: msgspec.Raw | None
    sealed: SealedCommand | None


def check_public_key(text: str) -> None:
    """Validate a phone's public key; empty: it has none.  Raises: InvalidArgument."""
    if text and not (_HEX.fullmatch(text) and _is_on_curve(text)):
        digits = HEX_DIGITS_PER_BYTE * PUBLIC_KEY_BYTES
        raise InvalidArgument(f"publicKey must be a point of P-256, uncompressed, as {digits} lower-case hex digits.")


def _is_on_curve(text: str) -> bool:
    try:
        _public_key(text)
    except ValueError:
        return False
    return True


def seal_secrets(ports: Ports, device: DeviceRecord, operation: OperationName, secrets: bytes) -> Sealed:
    """The secrets of this operation, which open for it alone."""
    if not device.public_key:
        return Sealed(ports.vault.seal(secrets, bound_to=str(operation)), "")
    sealed = SUITE.encrypt(_padded(secrets), _public_key(device.public_key), info=secrets_info(str(operation)))
    return Sealed(sealed, key_id(device.public_key))


def require_sealed_fits(command: IssuedCommand, device: DeviceRecord) -> None:
    """Sealed and in hex, secrets are longer than the caller's.  Raises: InvalidArgument: too long for a message to the phone."""
    if command.secrets is None or not device.public_key:
        return
    public = len(ENVELOPE.full_command(command.row.name, command.command))
    size = public + HEX_DIGITS_PER_BYTE * (len(_padded(command.secrets)) + SEALED_MORE_BYTES) + AROUND_SECRETS_BYTES
    if size > COMMAND_MAX_BYTES:
        description = f"The command has {size} bytes as its device receives it; at most {COMMAND_MAX_BYTES} fit into a message: shorten it."
        raise InvalidArgument(violations=[Violation(ROOT, description)])


def phone_command(ports: Ports, operation: Operation) -> PhoneCommand:
    """The whole Command of an open operation.  Raises: HeliographError: the vault cannot open its secrets (another key file)."""
    if operation.secret is None:
        return PhoneCommand(_raw(operation.type, operation.command), None)
    if operation.sealed_to:
        public = _raw(operation.type, operation.command)
        return PhoneCommand(None, SealedCommand(command=public, key_id=operation.sealed_to, secrets=operation.secret.hex()))
    secrets = ports.vault.open(operation.secret, bound_to=str(operation.name))
    return PhoneCommand(_raw(operation.type, ENVELOPE.merge_secrets(operation.command, secrets)), None)


def _public_key(text: str) -> EllipticCurvePublicKey:
    return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), bytes.fromhex(text))


def _padded(secrets: bytes) -> bytes:
    """With spaces, which JSON ignores."""
    return secrets.ljust(-(-len(secrets) // SEALED_MULTIPLE) * SEALED_MULTIPLE)


def _raw(type_name: str, command: bytes) -> msgspec.Raw:
    return msgspec.Raw(ENVELOPE.full_command(type_name, command))
