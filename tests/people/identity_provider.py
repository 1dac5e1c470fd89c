"""A real identity provider: npm's `oidc-provider`, certified for OpenID Connect, in a process of its own."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.not_tried import not_tried
from tests.one_at_a_time import CACHE, made_once
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.socket_watch import beyond_loopback

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
            "port": self.port, "redirectUris": list(self.redirect_uris), "people": PEOPLE, "idTokenClaims": self.id_token_claims,
            "logoutUri": self.logout_uri, "signedOutUris": list(self.signed_out_uris),
        }  # fmt: skip
        folder = made()
        environment = {**os.environ, "PROVIDER": json.dumps(wanted), "NODE_ENV": "test"}
        command = ["node", "--no-warnings", str(folder / "provider.mjs")]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            assert process.stdout is not None
            try:
                said = ""
                while "ready" not in said:
                    line = process.stdout.readline()
                    assert line, f"the identity provider ended: {said}"
                    said += line
                yield
            finally:
                process.kill()


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
