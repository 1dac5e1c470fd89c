"""A service account's key file, as Google writes it: made where the private half is to stay, and stored by no server."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from heliograph.domain.access import EVERY_ENTERPRISE

BITS: Final = 2_048
AUTH_URI: Final = "https://accounts.google.com/o/oauth2/auth"
"""The same in every key file; no client uses it for a service account."""
OWN_PART: Final = "heliograph"
"""In a key file: what our own command line reads in it (cli/anywhere.py), and no one else."""


class KeyPair(NamedTuple):
    """Both halves, in PEM."""

    private: str
    public: str


def new_key_pair() -> KeyPair:
    """A new pair; it takes some tenths of a second."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - most commands and servers make none
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65_537, key_size=BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(private.decode(), key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def key_file(key: Mapping[str, Any], private_key: str, server: str) -> dict[str, Any]:
    """The file of a key, as the operator's desk shows it, for clients that reach the server at this address."""
    enterprises = key["enterprises"]
    return {
        "type": "service_account",
        "project_id": key["projectId"],
        "private_key_id": key["keyId"],
        "private_key": private_key,
        "client_email": key["clientEmail"],
        "client_id": key["clientId"],
        "auth_uri": AUTH_URI,
        "token_uri": f"{server.rstrip('/')}/token",
        "universe_domain": "googleapis.com",
        OWN_PART: {"server": server, **({"enterprise": enterprises[0]} if list(enterprises) != [EVERY_ENTERPRISE] else {})},
    }
