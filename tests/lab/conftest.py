"""A lab: a computer with a server and adb, and phones behind Debian's adbd, each with a network and a cable of its own."""

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import adbutils
import pytest

from scripts.build_apk import Built
from tests.android.apk import built_once
from tests.forks import HELIOGRAPH
from tests.hung import Hung, last_words
from tests.lab.adbd import adbd_command, adbd_root
from tests.lab.network import Network, own_network
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.third_party import started

ADBD_PORT = 5555
ADB_SERVER_PORT = 5037
PROGRAMS = ("getprop", "dpm", "dumpsys", "pm", "cmd", "am")
DEVICE_PROGRAM = Path(__file__).with_name("device_program.py")


@dataclass
class LabPhone:
    """A phone on its cable."""

    serial: str
    """As adb calls it."""
    hardware_serial: str
    socket: Path
    adbd: Running

    def steer(self, name: str, value: object) -> None:
        """The test decides what the phone is like."""
        with socket.socket(socket.AF_UNIX) as phone:
            phone.connect(str(self.socket))
            phone.sendall(json.dumps(["steer", name, json.dumps(value)]).encode() + b"\n")
            phone.shutdown(socket.SHUT_WR)
            assert [0, ""] == json.loads(b"".join(iter(lambda: phone.recv(65_536), b"")))


@dataclass
class Computer:
    """Where the server, adb's server and `heliograph` run."""

    network: Network
    folder: Path
    url: str = ""
    enterprise: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    phones: int = 0

    def heliograph(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`heliograph` with these arguments, ended."""
        return self.network.run(*HELIOGRAPH, *arguments, environment={**self.variables, **variables})

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON
        """What it prints with --json."""
        done = self.heliograph(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def devices(self) -> list[dict[str, Any]]:
        """The enterprise's devices."""
        return list(self.json("devices", "list").get("devices", ()))

    def adb(self, *arguments: str) -> str:
        """What adb itself printed."""
        done = self.network.run(adbutils.adb_path(), *arguments, environment=self.variables)
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def phone(self) -> Iterator[LabPhone]:
        """A phone on a cable of its own, connected."""
        self.phones += 1
        number = self.phones
        folder = self.folder / f"phone{number}"
        programs = folder / "bin"
        programs.mkdir(parents=True)
        for name in PROGRAMS:
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{DEVICE_PROGRAM}" "$0" "$@"\n')
            (programs / name).chmod(0o755)
        hardware, listens = f"LAB{number:05d}", folder / "phone"
        with contextlib.ExitStack() as stack:
            network, address = stack.enter_context(self.network.neighbour(number))
            played = [sys.executable, "-m", "tests.lab.played_phone", str(listens), str(folder), hardware]
            stack.enter_context(until_ready(network, played))
            environment = {
                "PATH": f"{programs}:/usr/bin:/bin", "PLAYED_PHONE": str(listens), "ADBD_PORT": str(ADBD_PORT), "HOME": str(folder)
            }  # fmt: skip
            adbd = stack.enter_context(_adbd(network, environment, folder))
            serial = f"{address}:{ADBD_PORT}"
            until = time.monotonic() + PATIENCE_S
            while f"connected to {serial}" not in (said := self.adb("connect", serial)):  # adbd says a moment before that it listens
                assert time.monotonic() < until, said
            stack.callback(self.adb, "disconnect", serial)
            yield LabPhone(serial, hardware, listens, adbd)


@contextlib.contextmanager
def until_ready(network: Network, command: list[str], environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A program that says in its first line that it is ready, and ends with the block; the line."""
    with network.popen(command, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            line = process.line()
            assert line, f"{command} did not start"
            yield line
        finally:
            process.terminate()
            process.communicate()


@contextlib.contextmanager
def _adbd(network: Network, environment: Mapping[str, str], folder: Path) -> Iterator[Running]:
    """Debian's adbd, listening."""
    log = folder / "adbd.log"

    def start() -> Running:
        until = time.monotonic() + PATIENCE_S
        with log.open("w") as output:
            process = network.popen(adbd_command(adbd_root()), environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        while f"listening on tcp:{ADBD_PORT}" not in log.read_text():
            assert process.poll() is None, log.read_text()
            if time.monotonic() > until:
                raise Hung(last_words(process.pid))
            time.sleep(0.01)
        return process

    with started(start) as process:
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def full() -> Built:
    return built_once()


@pytest.fixture(scope="module")
def computer(full: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Computer]:
    """A computer with a server that has the agent, and adb's server."""
    adbd_root()
    folder = tmp_path_factory.mktemp("lab")
    with own_network() as network:
        serve = [*HELIOGRAPH, "serve", "--port", "0", "--no-auth", "--data-dir", str(folder / "data"), "--agent-apk", str(full.apk)]
        variables = {"ANDROID_ADB_SERVER_PORT": str(ADB_SERVER_PORT), "HOME": str(folder), "COLUMNS": "200"}
        with until_ready(network, serve) as said:
            found = re.search(r"http://\S+", said)
            assert found is not None
            computer = Computer(network, folder, url=found[0], variables={**variables, "HELIOGRAPH_SERVER": found[0]})
            made = computer.json("enterprises", "create", "--agreement-accepted")
            computer.enterprise = computer.variables["HELIOGRAPH_ENTERPRISE"] = made["name"]
            try:
                yield computer
            finally:
                computer.adb("kill-server")


@pytest.fixture
def phone(computer: Computer) -> Iterator[LabPhone]:
    with computer.phone() as phone:
        yield phone
