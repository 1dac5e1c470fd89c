"""Keycloak as its makers ship it, in a process of its own: fetched once with Maven, built and set up once, and each run on a copy.

Source: keycloak.org, Server Guides, "All configuration"; Admin REST API.
"""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from scripts.android_tools import Artifact, ToolMissing, kept
from tests.not_tried import not_tried, program_or_skip
from tests.one_at_a_time import CACHE, made_once
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.running import Running
from tests.socket_watch import beyond_loopback

VERSION = "26.4.7"
"""The newest that runs on Java 17, too."""
DISTRIBUTION = Artifact(
    set="keycloak", group="org.keycloak", name="keycloak-quarkus-dist", version=VERSION, kind="zip",
    sha256="dd9834c023460be856f731423d86228c23b5d002194a2064642bec0cc6573eaa",
)  # fmt: skip
CLIENT = Path(__file__).parents[2] / "deploy" / "keycloak" / "client.json"
"""What docs/sign-in.md imports."""
REALM = "acme"
PASSWORD = "correct horse"
ADMIN = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD}
PEOPLE = {"anna": ["fleet-admins", "everyone"], "vera": ["acme-desk"], "olga": ["acme-desk"], "nick": ["everyone"]}
"""Who they are, and their groups."""


@dataclass(frozen=True)
class Keycloak:
    """One that runs."""

    url: str

    @property
    def issuer(self) -> str:
        """As tokens name it."""
        return f"{self.url}/realms/{REALM}"

    def set_up(self, own_url: str) -> str:
        """A realm with people and groups, and the client of the repository's file for a server at this address. Returns its secret."""
        self.ask("POST", "", _realm())
        client = json.loads(CLIENT.read_text(encoding="utf-8").replace("https://amapi.example.com", own_url))
        self.ask("POST", f"/{REALM}/clients", client)
        (made,) = self.ask("GET", f"/{REALM}/clients?clientId=heliograph")
        return str(self.ask("GET", f"/{REALM}/clients/{made['id']}/client-secret")["value"])

    def person_id(self, name: str) -> str:
        """The person's id, which is the `sub` of tokens."""
        (found,) = self.ask("GET", f"/{REALM}/users?username={name}&exact=true")
        return str(found["id"])

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """What the admin's REST API answers."""
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        return self._said(method, f"/admin/realms{path}", None if body is None else json.dumps(body), headers)

    def _token(self) -> str:
        fields = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": PASSWORD}
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return str(self._said("POST", "/realms/master/protocol/openid-connect/token", urlencode(fields), form)["access_token"])

    def _said(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Any:  # noqa: ANN401
        host = self.url.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(host, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status < 300, said
            return json.loads(said or b"null")


def _realm() -> object:
    groups = sorted({group for groups in PEOPLE.values() for group in groups})
    return {
        "realm": REALM, "enabled": True, "groups": [{"name": group} for group in groups],
        "users": [
            {
                "username": name, "enabled": True, "email": f"{name}@example.com", "emailVerified": True, "firstName": name.title(),
                "lastName": "Example", "groups": [f"/{group}" for group in groups],
                "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
            }
            for name, groups in PEOPLE.items()
        ],
    }  # fmt: skip


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Keycloak]:
    """Keycloak on a port of its own, for as long as the block lasts; what it keeps is in `folder`."""
    made = _made()
    shutil.copytree(made / "data", folder / "data")
    port = reserved_port()
    with _started(made, folder / "data", port):
        yield Keycloak(f"http://localhost:{port}")


def _made() -> Path:
    """The folder of a Keycloak that is built and has its database. Without Java or Maven the test is skipped, in CI failed."""
    program_or_skip("java")
    program_or_skip("mvn", package="maven")

    def make(folder: Path) -> None:
        try:
            with beyond_loopback():
                (distribution,) = kept([DISTRIBUTION], CACHE / "keycloak")
        except ToolMissing as missing:
            not_tried(str(missing))
        with zipfile.ZipFile(distribution) as content:
            content.extractall(folder)
        home = folder / f"keycloak-{VERSION}"
        (home / "bin" / "kc.sh").chmod(0o755)
        subprocess.run(
            [home / "bin" / "kc.sh", "build", "--db=dev-file"], env=_environment(), check=True, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip
        with _started(folder, folder / "data", reserved_port()):
            pass

    return made_once(CACHE / f"keycloak-{VERSION}", make)


@contextlib.contextmanager
def _started(made: Path, data: Path, port: int) -> Iterator[None]:
    """It listens until the block ends, and then has written everything."""
    command = [
        str(made / f"keycloak-{VERSION}" / "bin" / "kc.sh"), "start", "--optimized", "--http-enabled=true", "--hostname-strict=false",
        "--http-host=127.0.0.1", f"--http-port={port}", "--cache=local", f"--db-url=jdbc:h2:file:{data}/h2;NON_KEYWORDS=VALUE",
    ]  # fmt: skip
    with Running(command, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            process.until("Listening on: ")
            yield
        finally:
            process.terminate()  # kc.sh has made way for Java by exec
            process.communicate()


def _environment() -> dict[str, str]:
    """For a JVM that compiles once, and not better and better, and a Liquibase that reports to no one."""
    return {**os.environ, **ADMIN, "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1", "LIQUIBASE_ANALYTICS_ENABLED": "false"}
