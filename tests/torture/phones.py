"""Virtual phones that enrol, misbehave, lose their network and have their agents killed; and write what they do into the history."""

import asyncio
import functools
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec

from heliograph.agent import executor
from heliograph.agent.clock import MachineClock
from heliograph.agent.journal import Journal
from heliograph.agent.misbehaviour import Misbehaviour
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Condition, PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import EffectRecord, Pace, User, VirtualPhone
from heliograph.domain.command import CommandType
from heliograph.domain.phone.virtual_device import device_facts
from heliograph.history.events import Acted, AtRest, Enrolled, Fault, FaultKind, Moment, Reached
from heliograph.history.file import History
from tests.torture.witness import WitnessedLine

RESTART_S = 0.05
HEALED = Misbehaviour(restart_s=RESTART_S)
WICKED = Misbehaviour(
    latency_s=0.02, drop_before_ack=0.08, drop_after_ack=0.08, drop_report=0.1, duplicate=0.1, crash=0.02, restart_s=RESTART_S
)
TROUBLE_EVERY_S = 0.1
OFFLINE_S = (0.05, 0.8)
MODERN_LEVEL = 33


class Phone:
    """One phone and its witness. Every second one is wicked, every second pair polls."""

    def __init__(self, url: str, history: History, number: int, *, folder: Path, seed: str) -> None:
        self.id = f"phone{number:02d}"
        self.device = ""
        self._history = history
        self._incarnation = 0
        self._path = folder / f"{self.id}.journal"
        self._journal: Journal | None = None
        """The living agent's."""
        # Each profile once, and then those that can do most.
        profiles = (
            list(PROFILES.values()) if number < len(PROFILES) else [p for p in PROFILES.values() if p.model.api_level >= MODERN_LEVEL]
        )
        self.profile = profiles[number % len(profiles)]
        kind = TransportKind.LONG_POLL if number // 2 % 2 else TransportKind.WEBSOCKET
        phone = VirtualPhone(
            self.profile.phone(f"TORTURE{number:04d}"), clock=MachineClock(), chance=random.Random(f"{seed} {number}"),
            user=User(after_s=0.05), pace=Pace(times=0.02, reboot_s=0.1),
        )  # fmt: skip
        phone.on_effect = self._acted
        line = WitnessedLine(
            server_url=url, kind=kind, progress_every_s=0.05, backoff_first_s=0.02, backoff_most_s=0.3, tell=self._tell
        )  # fmt: skip
        behaviour = WICKED if number % 2 else HEALED
        self.runner = PhoneRunner(phone, line, open_journal=self._open_journal, behaviour=behaviour, checkpoint=self._reached)

    def takes(self, row: CommandType) -> bool:
        """Whether its phone can carry out such a command."""
        return row.requires.refusal(device_facts(self.runner.phone.device)) is None

    @property
    def eid(self) -> str:
        """The identifier of its eSIM chip, empty where it has none."""
        euicc = self.runner.phone.device.euicc
        return euicc.eid if euicc else ""

    async def enroll(self, token: str) -> None:
        """The phone is a device."""
        self.runner.start(token)
        await self.runner.wait_connected()
        self.device = self.runner.name
        self._history.record(Enrolled(phone=self.id, device=self.device))

    def forget_the_day(self) -> None:
        """What the phone refuses for coming too soon (a minute for eSIMs, 12 hours for lost mode), it does again."""
        device = self.runner.phone.device
        chips = tuple(msgspec.structs.replace(chip, last_download_us=None) for chip in device.euiccs)
        self.runner.phone.become(msgspec.structs.replace(device, euiccs=chips, last_admin_reset_us=None))

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.runner.mischief.behaviour = HEALED
        self.runner.mischief.behave()

    @property
    def at_rest(self) -> AtRest:
        """How the phone is."""
        journal = self._journal
        return AtRest(
            phone=self.id,
            managed=self.runner.phone.device.managed,
            enrolled=self.runner.condition is not Condition.UNENROLLED,
            unfinished=tuple(entry.operation for entry in journal.entries) if journal else (),
        )

    def _open_journal(self) -> Journal:
        self._incarnation += 1
        self._journal = Journal(self._path, durable=False)
        return self._journal

    def _acted(self, effect: EffectRecord) -> None:
        self._history.record(
            Acted(
                phone=self.id, incarnation=self._incarnation, operation=effect.operation, type=effect.type, step=effect.step,
                boot_id=effect.boot_id, succeeded=effect.succeeded,
            )
        )  # fmt: skip

    async def _reached(self, moment: executor.Moment, operation: str) -> None:
        self._tell(Moment[moment.name], operation)

    def _tell(self, moment: Moment, operation: str) -> None:
        self._history.record(Reached(phone=self.id, incarnation=self._incarnation, moment=moment, operation=operation))


async def trouble(phones: Sequence[Phone], history: History, chance: random.Random) -> None:
    """Never returns: agents are killed and networks go and come, anywhere at any time."""
    loop = asyncio.get_running_loop()

    def back(phone: Phone) -> None:
        phone.runner.mischief.go_online()
        history.record(Fault(what=FaultKind.ONLINE, target=phone.id))

    while True:
        await asyncio.sleep(chance.expovariate(1 / TROUBLE_EVERY_S))
        phone = chance.choice(phones)
        phone.forget_the_day()
        if chance.random() < 0.6:
            history.record(Fault(what=FaultKind.AGENT_CRASHED, target=phone.id))
            phone.runner.crash()
        elif phone.runner.mischief.online:
            history.record(Fault(what=FaultKind.OFFLINE, target=phone.id))
            await phone.runner.mischief.go_offline()
            loop.call_later(chance.uniform(*OFFLINE_S), functools.partial(back, phone))
