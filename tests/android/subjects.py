"""Phones under contract: the virtual one, and the APK's agent as a process on the host's JVM. Tests of the protocol take either."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from heliograph.agent.executor import Moment
from heliograph.agent.misbehaviour import Misbehaviour
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import User
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.command import Answer
from heliograph.domain.device import DeviceFacts, DeviceReport
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.domain.phone.events import with_events
from heliograph.domain.phone.report_fields import REPORTED, Situation, value_of
from heliograph.domain.phone.virtual_device import VirtualDevice, device_facts
from heliograph.protocol import PhonePolicy
from heliograph.protojson.messages import encode_message
from heliograph.protojson.types import decode_hook
from heliograph.service.issue_command import issue_command
from scripts.android_tools import program
from tests.agent.lab import KillAt, Lab, eventually, executions
from tests.commands.expected import expected_of
from tests.files import held
from tests.patience import surely

STATUSES: dict[str, dict[str, object]] = {
    "CLEAR_APP_DATA": {"results": {"com.slack": {"clearingResult": "SUCCESS"}}},
    "START_LOST_MODE": {"status": "SUCCESS"},
    "STOP_LOST_MODE": {"status": "SUCCESS"},
    "ADD_ESIM": {"status": "SUCCESS", "esimInfo": {"iccId": "8999034758475382816"}},
    "REMOVE_ESIM": {"status": "SUCCESS", "esimInfo": {"iccId": "8999034758475382816"}},
    "REQUEST_DEVICE_INFO": {"status": "SUCCEEDED", "eidInfo": {"eids": [{"eid": "89049032000000000000000000000001"}]}},
}
"""How a command ends on the phone that is a folder."""


class State(NamedTuple):
    """A phone's, as its server wants it."""

    policy_name: str
    policy_version: int
    disabled: bool


class Subject(Protocol):
    """A phone with its agent, enrolled with a lab's server and connected."""

    @property
    def name(self) -> str:
        """The device's resource name."""

    def executions(self, operation: Operation) -> int:
        """How often it began to execute the command."""

    async def died(self) -> None:
        """It was killed where the test wanted, and started again."""

    def journal(self) -> bytes:
        """What its journal holds."""

    def policy(self) -> PhonePolicy:
        """What it adopted last."""

    def states(self) -> list[State]:
        """What it adopted, one after the other."""

    def password(self) -> str:
        """The last one that a command gave it."""

    def asked(self) -> bool:
        """Whether its user is being asked something."""

    def agree(self) -> None:
        """The user agrees."""

    async def stop(self) -> None:
        """Nothing of it runs."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The phone that a test wants."""

    type: str
    """The phone is one on which this type's example succeeds."""
    kind: TransportKind | None = TransportKind.WEBSOCKET
    """None: whichever works."""
    kill_at: Moment | None = None
    asks_user: bool = False
    url: str = ""
    lies: bool = False
    """It says that commands are done, and does nothing."""
    serial: str = ""
    """Another phone's, if it is that one again."""
    android_id: str = "9774d56d682e549c"

    @property
    def profile(self) -> str:
        """Its build and mode."""
        return "galaxy-s25-a15-byod" if self.asks_user else expected_of(COMMANDS[self.type]).phone


class VirtualSubject:
    """The virtual phone."""

    def __init__(self, runner: PhoneRunner, kill: KillAt | None, journal: Path) -> None:
        self._runner = runner
        self._kill = kill
        self._journal = journal
        self._states: list[State] = []
        self.name = runner.name
        self._notify, runner.phone.on_change = runner.phone.on_change, self._changed
        self._changed()

    @classmethod
    async def made(cls, lab: Lab, wish: Wish) -> "VirtualSubject":
        kill = KillAt(wish.kill_at) if wish.kill_at is not None else None
        line = lab.line(wish.url, kind=wish.kind or TransportKind.WEBSOCKET)
        behaviour = Misbehaviour(restart_s=0.0)
        runner = (
            await lab.phone(wish.profile, line, behaviour=behaviour)
            if kill is None
            else await lab.phone(wish.profile, line, behaviour=behaviour, checkpoint=kill)
        )
        row = COMMANDS[wish.type]
        runner.phone.become(expected_of(row).prepared(runner.phone.device, row))
        runner.phone.lies = wish.lies
        if wish.asks_user:
            runner.phone.be(User(answer=None))
        return cls(runner, kill, lab.journal_of(runner))

    def executions(self, operation: Operation) -> int:
        return executions(self._runner, operation)

    async def died(self) -> None:
        await eventually(lambda: self._kill is not None and self._kill.killed)

    def journal(self) -> bytes:
        return held(self._journal)

    def policy(self) -> PhonePolicy:
        return self._runner.phone.policy

    def states(self) -> list[State]:
        return self._states

    def _changed(self) -> None:
        policy = self.policy()
        self._states.append(State(policy.policy_name, policy.policy_version, policy.disabled))
        self._notify()

    def password(self) -> str:
        credential = self._runner.phone.device.credential
        return credential.secret if credential is not None else ""

    def asked(self) -> bool:
        return bool(self._runner.phone.questions)

    def agree(self) -> None:
        self._runner.phone.answer(Answer.APPROVED)

    async def stop(self) -> None:
        await self._runner.stop()


@dataclass
class AppSubject:
    """The APK's agent: a process that is started again whenever it ends, until it is released."""

    folder: Path
    class_path: str
    process: asyncio.subprocess.Process | None = None
    keeper: asyncio.Task[None] | None = None

    @classmethod
    async def made(cls, lab: Lab, wish: Wish, class_path: str) -> "AppSubject":
        folder = lab.folder / f"app {len(list(lab.folder.glob('app *')))}"
        folder.mkdir()
        device = PROFILES[wish.profile].phone(folder.name)
        settings = {
            "url": wish.url or lab.url,
            "token": await lab.token(wish.profile),
            "serial": wish.serial or folder.name,
            "channel": "" if wish.kind is None else wish.kind.value,
            "facts": everything_reported(device),
            "refuses": refusals(device_facts(device)),
            "statuses": STATUSES,
            "asksUser": wish.asks_user,
            "lies": wish.lies,
            "androidId": wish.android_id,
            "killAt": "" if wish.kill_at is None else wish.kill_at.name,
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        if wish.type == "STOP_LOST_MODE":
            (folder / "lost").touch()
        subject = cls(folder, class_path)
        await subject.start()
        return subject

    @property
    def name(self) -> str:
        return (self.folder / "name").read_text()

    async def start(self) -> None:
        """It runs, and is connected."""
        (self.folder / "connected").unlink(missing_ok=True)
        self.keeper = asyncio.get_running_loop().create_task(self._keep_alive())
        await self.until("connected")

    async def _keep_alive(self) -> None:
        """Android starts a killed service again."""
        while not self.there("released"):
            with (self.folder / "out").open("ab") as out:
                self.process = await asyncio.create_subprocess_exec(
                    program("java"), "-XX:TieredStopAtLevel=1", "-cp", self.class_path, "HostAgent", str(self.folder),
                    stdout=out, stderr=asyncio.subprocess.STDOUT,
                )  # fmt: skip
            await self.process.wait()

    async def until(self, name: str) -> None:
        """The phone has written this."""
        try:
            await eventually(lambda: self.there(name))
        except TimeoutError:
            raise AssertionError(f"no {name}: {self.text('out')}{self.text('log')}") from None

    def there(self, name: str) -> bool:
        return (self.folder / name).exists()

    def text(self, name: str) -> str:
        return held(self.folder / name).decode()

    def executions(self, operation: Operation) -> int:
        return self.text("effects").splitlines().count(operation.type)

    async def died(self) -> None:
        await self.until("killed")

    def journal(self) -> bytes:
        return held(self.folder / "journal")

    def tear(self, end: bytes) -> None:
        """A crash left this at the journal's end."""
        with (self.folder / "journal").open("ab") as journal:
            journal.write(end)

    def policy(self) -> PhonePolicy:
        return msgspec.json.decode(self.text("policy"), type=PhonePolicy)

    def states(self) -> list[State]:
        lines = (line.split() for line in self.text("states").splitlines())
        return [State(name, int(version), disabled == "true") for name, version, disabled in lines]

    def password(self) -> str:
        return self.text("password")

    def asked(self) -> bool:
        return self.there("asked")

    def agree(self) -> None:
        (self.folder / "agreed").touch()

    async def stop(self) -> None:
        if self.keeper is not None:
            self.keeper.cancel()
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


def everything_reported(device: VirtualDevice) -> Any:  # noqa: ANN401 - JSON
    """The facts of a phone whose policy asks for all of them; those that only company-owned phones report are there in any case."""
    phone = with_events(device, device, lambda _field: True, now_us=1)
    situation = Situation(phone=phone)
    facts = {row.name: value_of(situation, row.name) for row in REPORTED if phone.api_level >= row.api_level}
    return json.loads(encode_message(msgspec.convert(facts, DeviceReport, dec_hook=decode_hook)))


def refusals(facts: DeviceFacts) -> dict[str, str]:
    """What such a phone refuses: by the rows that the virtual phone's agent reads."""
    refused = {row.name: row.requires.refusal(facts) for row in COMMANDS.values()}
    return {name: code.value for name, code in refused.items() if code is not None}


async def issue(lab: Lab, subject: Subject, type_: str, **more: object) -> Operation:
    """The operation of the type's example."""
    envelope = ENVELOPE.decode(msgspec.json.encode({"type": type_, **COMMANDS[type_].example, **more}))
    return await surely(lambda: issue_command(lab.ports, DeviceName.parse(subject.name), envelope))
