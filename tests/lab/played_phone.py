"""A phone behind adbd: a virtual device that really enrols, and plays `pm`, `dpm`, `am`, `dumpsys`, `getprop` and `cmd` for adb's shell.

What those programs print is Android's (AOSP Dpm.java, DevicePolicyManagerService, PackageManagerShellCommand, Am.java), and a test compares
the words that count with Android's own classes.

Started as a program: `python -m tests.lab.played_phone SOCKET FOLDER SERIAL`.
"""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from heliograph.agent.clock import MachineClock
from heliograph.agent.journal import Journal
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner
from heliograph.agent.virtual_phone import VirtualPhone
from heliograph.apk.agent_apk import read_agent
from heliograph.apk.signing_block import InvalidApk
from heliograph.domain.agent_app import AgentApp
from tests.agent.lab import QUICK, WILLING

PROFILE = "pixel8-a15-fully-managed"
FAILED = 255
Answer = tuple[int, str]


class PlayedPhone:
    """One phone, and what a test may make of it (`steer`)."""

    def __init__(self, folder: Path, serial: str) -> None:
        self.folder, self.serial = folder, serial
        self.device = PROFILES[PROFILE].phone(serial)
        self.accounts = 0
        self.owner = ""
        self.api_level = 35
        self.refuses_install = ""
        self.keeps = ""
        """A package that it does not uninstall."""
        self.dies_with = 0
        """The adbd that goes down while a program runs."""
        self.agents: dict[str, AgentApp] = {}
        self.packages = {"com.example.game"}
        self.runner: PhoneRunner | None = None
        self.begun: asyncio.Task[None] | None = None
        self.enrolments = 0
        self.programs: dict[str, Callable[[list[str], bytes], Answer]] = {
            "getprop": self.getprop, "dpm": self.dpm, "dumpsys": self.dumpsys, "pm": self.pm, "cmd": self.cmd, "am": self.am,
            "steer": self.steer,
        }  # fmt: skip

    def steer(self, arguments: list[str], _input: bytes) -> Answer:
        """`steer NAME JSON` sets what a test wants."""
        setattr(self, arguments[0], json.loads(arguments[1]))
        return 0, ""

    def getprop(self, arguments: list[str], _input: bytes) -> Answer:
        if self.dies_with:
            os.kill(self.dies_with, signal.SIGKILL)
        known = {"ro.serialno": self.serial, "ro.build.version.sdk": str(self.api_level), "ro.product.model": "Pixel 8"}
        return 0, known.get(arguments[0], "") + "\n"

    def cmd(self, arguments: list[str], content: bytes) -> Answer:
        """`cmd package install -r -S SIZE`, the APK on its standard input."""
        assert ["package", "install"] == arguments[:2]
        if self.refuses_install:
            return 1, f"Failure [{self.refuses_install}]\n"
        try:
            agent = read_agent(content)
        except InvalidApk as error:
            return 1, f"Failure [INSTALL_PARSE_FAILED_NOT_APK: {error.message}]\n"
        before = self.agents.get(agent.package_name)
        if before is not None and before.signer_sha256 != agent.signer_sha256:
            return 1, "Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE: Existing package signatures do not match newer version; ignoring!]\n"
        self.agents[agent.package_name] = agent
        self.packages.add(agent.package_name)
        return 0, "Success\n"

    def dpm(self, arguments: list[str], _input: bytes) -> Answer:
        """`dpm set-device-owner COMPONENT`."""
        package, _, receiver = arguments[1].partition("/")
        agent = self.agents.get(package)
        if agent is None or agent.admin_component != arguments[1]:
            return FAILED, f"Error: Unknown admin: ComponentInfo{{{package}/{receiver}}}\n"
        trouble = ""
        if self.owner:
            trouble = "Trying to set the device owner, but device owner is already set."
        elif self.accounts:
            trouble = "Not allowed to set the device owner because there are already some accounts on the device."
        if trouble:
            return (
                FAILED,
                f"Exception occurred while executing 'set-device-owner':\njava.lang.IllegalStateException: {trouble}\n\tat android…\n",
            )
        self.owner = package
        return 0, f"Success: Device owner set to package {arguments[1]}\nActive admin set to component {arguments[1]}\n"

    def dumpsys(self, arguments: list[str], _input: bytes) -> Answer:
        assert ["device_policy"] == arguments
        if not self.owner:
            return 0, "Current Device Policy Manager state:\n  Immutable state:\n"
        return 0, f"  Device Owner: \n    admin=ComponentInfo{{{self.owner}/x}}\n    name=\n    package={self.owner}\n    User ID: 0\n"

    def pm(self, arguments: list[str], _input: bytes) -> Answer:
        if arguments == ["list", "packages", "-3"]:
            return 0, "".join(f"package:{package}\n" for package in sorted(self.packages))
        assert "uninstall" == arguments[0]
        if arguments[1] == self.keeps:
            return 1, "Failure [DELETE_FAILED_OWNER_BLOCKED]\n"
        self.packages.discard(arguments[1])
        return 0, "Success\n"

    def am(self, arguments: list[str], _input: bytes) -> Answer:
        """`am broadcast … -n PACKAGE/.SetupReceiver --es NAME VALUE`: the agent gets what the extras say, if there is one."""
        assert ["broadcast", "--include-stopped-packages", "-n"] == arguments[:3]
        package, _, receiver = arguments[3].partition("/")
        extras = {name: value for _, name, value in zip(*[iter(arguments[4:])] * 3, strict=True)}
        if package in self.agents and receiver == ".SetupReceiver" and self.owner == package:
            self.begun = asyncio.create_task(self.enroll(extras["server_url"], extras["enrollment_token"]))
        return 0, f"Broadcasting: Intent {{ flg=0x400020 cmp={arguments[3]} (has extras) }}\nBroadcast completed: result=0\n"

    async def enroll(self, server_url: str, token: str) -> None:
        """The agent forgets its device and enrols, as the APK's does with a new token."""
        if self.runner is not None:
            await self.runner.stop()
        self.enrolments += 1
        journal = self.folder / f"journal-{self.enrolments}"
        phone = VirtualPhone(self.device, clock=MachineClock(), chance=random.Random(self.serial), user=WILLING, pace=QUICK)
        line = Line(server_url=server_url, backoff_first_s=0.02, backoff_most_s=0.5)
        self.runner = PhoneRunner(phone, line, open_journal=lambda: Journal(journal, durable=False))
        self.runner.start(token)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One program that was started: its name and arguments in a line, then its standard input."""
        name, *arguments = json.loads(await reader.readline())
        code, text = self.programs[name](arguments, await reader.read())
        writer.write(json.dumps([code, text]).encode())
        writer.close()


async def main(socket: str, folder: str, serial: str) -> None:
    """Until its standard input ends."""
    phone = PlayedPhone(Path(folder), serial)
    async with await asyncio.start_unix_server(phone.serve, socket):
        print("ready", flush=True)  # noqa: T201 - the test waits for this
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
