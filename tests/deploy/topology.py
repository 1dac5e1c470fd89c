"""deploy/compose.yaml as plain processes: what each service runs, in the order in which it may, with addresses and folders of this machine.

What stands in for an image: for ours, this Python environment; for PostgreSQL's, a cluster with the user and database that its
environment names; for HAProxy's, Debian's package with the very configuration that is mounted.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.postgres import Cluster
from tests.running import Running

FOLDER = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ENVIRONMENT = {"POSTGRES_PASSWORD": "a-secret-of-the-test"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::\?[^}]*)?\}")


def interpolated(text: str) -> str:
    """The text with what compose puts in for variables.  Raises: KeyError."""
    return _VARIABLE.sub(lambda found: ENVIRONMENT[found[1]], text)


def in_order(services: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The services' names, each after those that it depends on."""
    done: list[str] = []
    while len(done) < len(services):
        ready = [name for name, one in services.items() if name not in done and set(one.get("depends_on", ())) <= set(done)]
        assert ready, "they depend on each other in a circle"
        done += ready
        yield from ready


class Topology:
    """All services, running. `url` is where callers and phones go."""

    def __init__(self, folder: Path, cluster: Cluster, python: str = sys.executable) -> None:
        self._folder = folder
        self._cluster = cluster
        self._python = python
        self.ports = {name: reserved_port() for name in SERVICES if name != "database"}
        self.processes: dict[str, Running] = {}
        self.url = f"http://127.0.0.1:{self.ports['balancer']}"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Every service runs and is healthy; in the end all have ended."""
        try:
            for name in in_order(SERVICES):
                if name == "database":
                    self._make_database(SERVICES[name]["environment"])
                else:
                    self._start(name)
            self._until_answered()
            yield
        finally:
            for process in reversed(self.processes.values()):
                process.terminate()
            for process in self.processes.values():
                process.wait()

    def folder_of(self, name: str, inside: str) -> Path:
        """Where a folder of the service is: a named volume's is shared, everything else its own."""
        for volume in SERVICES[name].get("volumes", ()):
            source, target = str(volume).split(":")[:2]
            if inside == target or inside.startswith(f"{target}/"):
                return self._folder / "volumes" / source / inside.removeprefix(target).lstrip("/")
        return self._folder / name / inside.lstrip("/")

    def log(self, name: str) -> str:
        """What the service wrote."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def _make_database(self, environment: Mapping[str, str]) -> None:
        user, name = environment["POSTGRES_USER"], environment["POSTGRES_DB"]
        self._cluster.sql(f"CREATE ROLE {user} LOGIN PASSWORD '{interpolated(environment['POSTGRES_PASSWORD'])}'")
        self._cluster.sql(f"CREATE DATABASE {name} OWNER {user}")

    def _start(self, name: str) -> None:
        service = SERVICES[name]
        command = [self._here(name, interpolated(word)) for word in service["command"]]
        if name.startswith("heliograph-"):
            command = [self._python, "-m", "heliograph", *command]
        environment = {key: self._here(name, interpolated(value)) for key, value in service.get("environment", {}).items()}
        with (self._folder / f"{name}.log").open("wb") as log:
            self.processes[name] = Running(command, env={**os.environ, **environment}, stdout=log, stderr=log, cwd=self._folder)
        if "healthcheck" in service:
            self._until_healthy(name, [self._here(name, word) for word in service["healthcheck"]["test"]])

    def _until_answered(self) -> None:
        """The balancer's image has nothing to ask it with, so nobody waits for it but who uses it."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):  # noqa: S310 - our own loopback address
                    return
            except OSError:
                assert time.monotonic() < until, self.log("balancer")
                time.sleep(0.1)

    def _until_healthy(self, name: str, test: Sequence[str]) -> None:
        assert "CMD" == test[0]
        words = [self._python if word == "python" else word for word in test[1:]]
        until = time.monotonic() + PATIENCE_S
        while subprocess.run(words, capture_output=True, check=False, timeout=PATIENCE_S).returncode:
            assert self.processes[name].poll() is None, f"{shlex.join(words)}: {self.log(name)}"
            assert time.monotonic() < until, f"{name} does not become healthy: {self.log(name)}"
            time.sleep(0.2)

    def _here(self, name: str, word: str) -> str:
        """The word with this machine's addresses, ports and folders instead of the containers'."""
        word = word.replace("@database:5432/", f"@127.0.0.1:{self._cluster.port}/")
        word = word.replace("0.0.0.0", "127.0.0.1").replace(subnet(), "127.0.0.0/8")  # noqa: S104 - taken away
        if name.startswith("heliograph-"):
            word = word.replace("http://localhost:8080", self.url)
            word = re.sub(r"(?<=--port=)8080|(?<=127\.0\.0\.1:)8080", str(self.ports[name]), word)
        if found := re.fullmatch(r"(--[\w-]+=)?(/(?:var|usr)/.+)", word):
            return (found[1] or "") + str(self._mounted(name, found[2]))
        return word

    def _mounted(self, name: str, inside: str) -> Path:
        """The folder, made; or the file that is mounted there, with this machine's addresses."""
        path = self.folder_of(name, inside)
        source = next((volume.split(":")[0] for volume in SERVICES[name].get("volumes", ()) if volume.split(":")[1] == inside), "")
        if source.startswith("./"):
            path = self._folder / source
            path.write_text(self._balanced((FOLDER / source).read_text(encoding="utf-8")))
            return path
        (path if not path.suffix else path.parent).mkdir(parents=True, exist_ok=True)
        return path

    def _balanced(self, configuration: str) -> str:
        """The balancer's configuration with this machine's addresses."""
        for name, port in self.ports.items():
            configuration = configuration.replace(f"{name}:8080", f"127.0.0.1:{port}")
        # Without resolvers of its own it connects to the machine's, although all that it is given are addresses.
        nobody = "\nresolvers default\n    nameserver nobody 127.0.0.1:1\n"
        return configuration.replace("bind :8080", f"bind 127.0.0.1:{self.ports['balancer']}") + nobody


def subnet() -> str:
    """The network of all services."""
    return str(COMPOSE["networks"]["default"]["ipam"]["config"][0]["subnet"])
