"""An authenticator in software, as small as the standard allows: it makes passkeys and uses them.

With it, tests send what no browser would: a challenge once more, another origin, a counter that stands.

Source: WebAuthn Level 3 §6.1 (authenticator data), §5.8.1 (client data), §6.5 (attestation "none").
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from html import unescape
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256

PRESENT, VERIFIED, WITH_CREDENTIAL = 0x01, 0x04, 0x40


class Authenticator:
    """Holds one passkey once `create` made it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(32)
        self.uses = 0
        self.flags = PRESENT | VERIFIED

    def create(self, options: Mapping[str, Any], origin: str) -> str:
        """RegistrationResponseJSON."""
        public = cbor.encode(dict(ES256.from_cryptography_key(self._key.public_key())))  # type: ignore[no-untyped-call]
        credential = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + public
        data = self._data(options["rp"]["id"], WITH_CREDENTIAL) + credential
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options["challenge"], origin)
        return self._answer({"clientDataJSON": text(client_data), "attestationObject": text(attestation)})

    def get(self, options: Mapping[str, Any], origin: str) -> str:
        """AuthenticationResponseJSON."""
        data = self._data(options["rpId"])
        client_data = self._client_data("webauthn.get", options["challenge"], origin)
        signature = self._key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._answer({"clientDataJSON": text(client_data), "authenticatorData": text(data), "signature": text(signature)})

    def _data(self, host: str, flags: int = 0) -> bytes:
        self.uses += 1
        return hashlib.sha256(host.encode()).digest() + bytes([self.flags | flags]) + self.uses.to_bytes(4)

    def _client_data(self, kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

    def _answer(self, response: Mapping[str, str]) -> str:
        credential_id = text(self.credential_id)
        return json.dumps(
            {"id": credential_id, "rawId": credential_id, "type": "public-key", "response": response, "clientExtensionResults": {}}
        )


def text(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def options_in(page: str) -> dict[str, Any]:
    """What a page asks an authenticator for."""
    found = re.search(r'data-options="([^"]*)"', page)
    assert found is not None, page
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options
