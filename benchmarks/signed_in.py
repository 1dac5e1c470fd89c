"""A `heliograph serve` that asks for a key, and a caller who has one: as in production, nothing is switched off."""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any

import jwt

from benchmarks.servers import START_S, Process, Running
from heliograph.domain.access import SCOPE
from heliograph.storage.operator_file import NAME as OPERATOR_FILE
from tests.patience import PATIENCE_S
from tests.ports import reserved_port

KEY_FILE = "bench-key.json"


@dataclass(frozen=True)
class Heliograph:
    """A server under measurement, and a bearer token with which everything may be done on it."""

    server: Running
    token: str
    folder: Path

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def cpu_s(self) -> float:
        """CPU seconds that the server has used."""
        return self.server.cpu_s()

    def call(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - whatever the API answers
        """The decoded answer to a GET, or to a POST where there is a body.  Raises: urllib.error.HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Authorization": f"Bearer {self.token}"})  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - loopback
            return json.load(response)


class Deployment:
    """One server on one data directory: started, stopped or killed, and started again as the same one."""

    def __init__(self, folder: Path, *, database: str = "", options: tuple[str, ...] = (), key_file: Path | None = None) -> None:
        self.folder = folder
        self._port = reserved_port()
        arguments = ["heliograph", "serve", "--port", str(self._port), "--data-dir", str(folder), *options]
        if key_file:
            arguments += ["--key-file", str(key_file)]
        environment = {"HELIOGRAPH_DATABASE": database} if database else {}
        self._process = Process(arguments, self._port, environment=environment)
        self._token = ""

    def start(self) -> Heliograph:
        """The server, answering to our key."""
        server = self._process.start()
        if not self._token:
            self._token = access_token(server.url, self._key())
        return Heliograph(server, self._token, self.folder)

    def stop(self, number: Signals = SIGTERM) -> None:
        """The server has ended."""
        self._process.stop(number)

    def _key(self) -> Path:
        path = self.folder / KEY_FILE
        if not path.exists():
            # The server answers /readyz a moment before the command line can find it.
            deadline = time.monotonic() + START_S
            while not (self.folder / OPERATOR_FILE).exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            command = [sys.executable, "-m", "heliograph", "keys", "create", "--enterprise", "*", "--role", "admin"]
            command += ["--data-dir", str(self.folder), "--out", str(path)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
        return path


def access_token(url: str, key_file: Path) -> str:
    """A bearer token from `POST /token`, good for an hour."""
    key = json.loads(key_file.read_text(encoding="utf-8"))
    now_s = int(time.time())
    claims = {"iss": key["client_email"], "aud": f"{url}/token", "scope": SCOPE, "iat": now_s, "exp": now_s + 3_600}
    assertion = jwt.encode(claims, key["private_key"], algorithm="RS256", headers={"kid": key["private_key_id"]})
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    with urllib.request.urlopen(f"{url}/token", urllib.parse.urlencode(form).encode(), PATIENCE_S) as response:  # noqa: S310 - loopback
        token: str = json.load(response)["access_token"]
        return token


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk of this checkout, gone on leaving: what is measured there is this disk."""
    folder = Path(tempfile.mkdtemp(dir=".", prefix=".bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def heliograph(*, database: str = "", options: tuple[str, ...] = (), key_file: Path | None = None) -> Iterator[Heliograph]:
    """A server on a new data directory (or on a PostgreSQL database), pinned to the server's core; ended on leaving."""
    with scratch() as folder:
        deployment = Deployment(folder, database=database, options=options, key_file=key_file)
        try:
            yield deployment.start()
        finally:
            deployment.stop()
