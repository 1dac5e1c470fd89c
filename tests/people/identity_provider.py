"""A real identity provider: npm's `oidc-provider`, certified for OpenID Connect, in a process of its own."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.not_tried import not_tried
from tests.one_at_a_time import CACHE, made_once
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.socket_watch import beyond_loopback
from tests.third_party import program

HERE = Path(__file__).parent / "provider"
SECRET = "a secret+with%signs"
PEOPLE = {
    "anna": {"email": "Anna@Example.com", "email_verified": True, "name": "Anna Admin", "groups": ["everyone", "fleet-admins"]},
    "vera": {"email": "vera@example.com", "email_verified": True, "name": "Vera Viewer", "groups": ["acme-desk"]},
    "mallory": {"email": "anna@example.com", "email_verified": False, "name": "Mallory", "groups": ["acme-desk"]},
    "nick": {"email": "nick@example.com", "email_verified": True, "groups": ["everyone"]},
}  # fmt: skip


@dataclass
class IdentityProvider:
    """The provider, while it runs on its port; a restart has new signing keys."""

    redirect_uris: Sequence[str]
    id_token_claims: bool = False
    """Whether groups stand in the ID token; else they are asked for at the userinfo endpoint."""
    logout_uri: str = ""
    """Where it says that a session is over."""
    signed_out_uris: Sequence[str] = ()
    """Where browsers may go on to after they signed out there."""
    port: int = field(default_factory=reserved_port)

    @property
    def issuer(self) -> str:
        """As tokens name it."""
        return f"http://localhost:{self.port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """For as long as the block lasts."""
        wanted: dict[str, Any] = {
            "port": self.port, "key": new_signing_key(), "redirectUris": list(self.redirect_uris), "people": PEOPLE,
            "idTokenClaims": self.id_token_claims, "logoutUri": self.logout_uri, "signedOutUris": list(self.signed_out_uris),
        }  # fmt: skip
        environment = {**os.environ, "PROVIDER": json.dumps(wanted), "NODE_ENV": "test"}
        with program(["node", "--no-warnings", str(made() / "provider.mjs")], ready="ready", environment=environment):
            yield


def new_signing_key() -> dict[str, Any]:
    """A private JWK. Node, which could make its own, once hung before it was ready."""
    found: dict[str, Any] = RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, 2_048), as_dict=True)
    del found["key_ops"]  # it would be published with the public half, and says that this signs
    return found | {"kid": secrets.token_hex(8), "use": "sig", "alg": "RS256"}


def made() -> Path:
    """The folder with the program and its packages, kept outside of the repository. Without Node the test is skipped, in CI failed."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        not_tried(f"the identity provider needs {' and '.join(missing)}, which are not here")
    files = [HERE / name for name in ("package.json", "package-lock.json", "provider.mjs")]
    fingerprint = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

    def make(folder: Path) -> None:
        for file in files:
            shutil.copy(file, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
        with beyond_loopback():
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S)

    return made_once(CACHE / f"identity-provider-{fingerprint}", make)
