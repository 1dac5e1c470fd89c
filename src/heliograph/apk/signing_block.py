"""The APK signing block: who signed an APK, and whether it still is what was signed.

Source: source.android.com/docs/security/features/apksigning/v2 and /v3 (the same digests and signatures).
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.x509 import load_der_x509_certificate

from heliograph.protojson.errors import InvalidArgument

MAGIC = b"APK Sig Block 42"
V2, V3 = 0x7109871A, 0xF05368C0
SCHEMES = (V2, V3)
"""v2 first: where a signer changed its key, v2 has the first one, by which every version of Android knows the package."""
CHUNK = 1 << 20
BLOCK_MIN_BYTES = 32
"""Its size twice, and MAGIC."""
END_OF_DIRECTORY = re.compile(rb"PK\x05\x06.{8}(?P<size>.{4})(?P<start>.{4})(?P<comment>..)", re.DOTALL)
END_MAX_BYTES = 22 + 65_535  # with the longest comment


class InvalidApk(InvalidArgument):
    """The file is not an APK: build one with `make apk`."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How content is digested, and the digests are signed: by an RSA key with this padding, or without one by an elliptic curve."""

    digest: type[SHA256 | SHA512]
    padding: AsymmetricPadding | None

    def verify(self, certificate: bytes, signature: bytes, data: bytes) -> None:
        """Raises: InvalidSignature; ValueError: no certificate."""
        key = load_der_x509_certificate(certificate).public_key()
        if self.padding is not None and isinstance(key, RSAPublicKey):
            key.verify(signature, data, self.padding, self.digest())
        elif self.padding is None and isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, data, ECDSA(self.digest()))
        else:
            raise InvalidSignature


ALGORITHMS = {
    0x0101: Algorithm(SHA256, PSS(MGF1(SHA256()), 32)),
    0x0102: Algorithm(SHA512, PSS(MGF1(SHA512()), 64)),
    0x0103: Algorithm(SHA256, PKCS1v15()),
    0x0104: Algorithm(SHA512, PKCS1v15()),
    0x0201: Algorithm(SHA256, None),
    0x0202: Algorithm(SHA512, None),
}
"""By id. Left out: DSA, which no one makes keys for, and the digests for fs-verity, which stand beside one of these."""


class Sections(NamedTuple):
    """The parts of an APK, by the places where they begin."""

    block: int
    """The signing block; where the central directory begins, if there is none."""
    directory: int
    end: int


def signer_certificate(apk: bytes) -> bytes:
    """The first signer's certificate (DER); the APK is what that signer signed.

    Raises: InvalidApk: it is not an APK, is not signed in the way that Android 7 and later need, or was changed since.
    """
    sections = _sections(apk)
    schemes = dict(_pairs(apk[sections.block : sections.directory]))
    scheme = next((scheme for scheme in SCHEMES if scheme in schemes), None)
    if scheme is None:
        raise InvalidApk("It has no signature of scheme v2 or v3, so no phone would install it: sign it with apksigner.")
    signer = _first(_first(schemes[scheme]))
    data = _first(signer)
    after = signer[4 + len(data) + (8 if scheme == V3 else 0) :]  # v3 says between them for which versions of Android
    digests, certificate = _first(data), _first(_first(data[4 + len(_first(data)) :]))
    number, signature = _known(_first(after))
    try:
        ALGORITHMS[number].verify(certificate, signature, data)
    except (InvalidSignature, ValueError):
        raise InvalidApk("It is damaged: its signature is not its signer's. Build or copy it again.") from None
    if dict(_by_algorithm(digests)).get(number) != _content_digest(apk, sections, ALGORITHMS[number].digest.name):
        raise InvalidApk("It is damaged: its content is not what was signed. Build or copy it again.")
    return certificate


def _sections(apk: bytes) -> Sections:
    """Raises: InvalidApk."""
    ends = END_OF_DIRECTORY.finditer(apk, max(0, len(apk) - END_MAX_BYTES))
    end = next((found for found in ends if found.end() + int.from_bytes(found["comment"], "little") == len(apk)), None)
    if end is None:
        raise InvalidApk("It is not an APK, or only the beginning of one.")
    directory = int.from_bytes(end["start"], "little")
    if directory + int.from_bytes(end["size"], "little") != end.start():
        raise InvalidApk("It is not an APK: its central directory is not where it says.")
    size = int.from_bytes(apk[directory - 24 : directory - 16], "little") + 8
    signed = BLOCK_MIN_BYTES <= size <= directory and apk[directory - 16 : directory] == MAGIC
    return Sections(directory - size if signed else directory, directory, end.start())


def _pairs(block: bytes) -> Iterator[tuple[int, bytes]]:
    """The block's values by their ids.  Raises: InvalidApk."""
    for value in _values(block[8:-24], width=8):
        yield int.from_bytes(value[:4], "little"), value[4:]


def _known(signatures: bytes) -> tuple[int, bytes]:
    """The first signature by an algorithm that is known here.  Raises: InvalidApk."""
    known = ((number, signature) for number, signature in _by_algorithm(signatures) if number in ALGORITHMS)
    found = next(known, None)
    if found is None:
        raise InvalidApk("It is signed by a kind of key that is not known here: sign it with an RSA or EC key.")
    return found


def _by_algorithm(sequence: bytes) -> Iterator[tuple[int, bytes]]:
    for value in _values(sequence):
        yield int.from_bytes(value[:4], "little"), _first(value[4:])


def _content_digest(apk: bytes, sections: Sections, algorithm: str) -> bytes:
    """Over all but the signing block, in chunks; the end of the directory as it would be without the block."""
    end = bytearray(apk[sections.end :])
    end[16:20] = sections.block.to_bytes(4, "little")
    whole = memoryview(apk)  # its parts are not copied: there may be hundreds of MB of them
    parts = whole[: sections.block], whole[sections.directory : sections.end], memoryview(end)
    chunks = [part[at : at + CHUNK] for part in parts for at in range(0, len(part), CHUNK)]
    each = b"".join(hashlib.new(algorithm, b"\xa5" + len(chunk).to_bytes(4, "little") + chunk).digest() for chunk in chunks)
    return hashlib.new(algorithm, b"\x5a" + len(chunks).to_bytes(4, "little") + each).digest()


def _values(data: bytes, *, width: int = 4) -> Iterator[bytes]:
    """The values of a sequence, each after its length.  Raises: InvalidApk."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + width], "little")
        value = data[at + width : at + width + size]
        if len(value) != size:
            _incomplete()
        yield value
        at += width + size


def _first(data: bytes) -> bytes:
    """Raises: InvalidApk: there is none."""
    return next(_values(data), b"") or _incomplete()


def _incomplete() -> NoReturn:
    raise InvalidApk("Its signing block is damaged: sign it again with apksigner.")
