"""N seeded phones in one process: `heliograph fleet`, benchmarks, and tests of many phones at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from heliograph.agent.clock import AgentClock, MachineClock
from heliograph.agent.journal import Journal
from heliograph.agent.misbehaviour import WELL_BEHAVED, Misbehaviour
from heliograph.agent.profiles import Profile, profile_named
from heliograph.agent.runner import Line, PhoneRunner
from heliograph.agent.virtual_phone import REAL_PACE, EffectRecord, Pace, VirtualPhone, user_of
from heliograph.domain.phone.numbers import serial_of
from heliograph.machine import allow_open_files

ENROLLING_MOST = 50
"""Phones that enrol at the same time: a server's other callers shall not notice a fleet that arrives."""
PROGRESS_EVERY_S = 0.25
WINDOWS_LOOKED_AT_EVERY_S = 1.0
FILES_BESIDES_PHONES = 256


@dataclass(frozen=True, kw_only=True)
class FleetPlan:
    """What fleet there shall be. The same plan gives the same phones, and with the same events the same misbehaviour."""

    profile: Profile
    count: int
    seed: int
    behaviour: Misbehaviour = WELL_BEHAVED
    pace: Pace = REAL_PACE
    journals: Path | None = None
    """A folder for the phones' journals, one file each, written plainly (no fsync); None: in memory."""
    effects: Path | None = None
    """A file that gets a line for each command that a phone begins to execute; None: none does."""

    def serial(self, number: int) -> str:
        """The serial number of one phone: no other profile's, and no other seed's."""
        return serial_of(f"fleet {self.seed} {self.profile.name} {number}")


@dataclass(kw_only=True)
class FleetProgress:
    """The state of a fleet: counted again for every callback, so it may be kept."""

    count: int
    enrolled: int = 0
    connected: int = 0
    refused: int = 0
    """Phones that the server does not take (any more)."""
    restarts: int = 0
    executed: int = 0
    """Commands executed to their end, with any outcome."""
    by_outcome: Mapping[str, int] = field(default_factory=dict)
    """How many of them `succeeded` and `failed`."""
    by_type: Mapping[str, int] = field(default_factory=dict)
    refusal: str = ""
    """Why the server did not take a phone: the first reason found."""


class Fleet:
    """The phones of a plan."""

    def __init__(self, line: Line, plan: FleetPlan, *, clock: AgentClock | None = None) -> None:
        self._plan = plan
        self._clock = clock or MachineClock()
        self._outcomes: Counter[str] = Counter()
        self._types: Counter[str] = Counter()
        self._windows: asyncio.Task[None] | None = None
        enrolling = asyncio.Semaphore(ENROLLING_MOST)
        self.phones = [self._phone(line, number, enrolling) for number in range(1, plan.count + 1)]

    def start(self, enrollment_token: str) -> None:
        """Every phone enrols, at most 50 at a time, and connects."""
        allow_files(len(self.phones))
        if self._plan.effects is not None:
            self._plan.effects.touch()
        for phone in self.phones:
            phone.start(enrollment_token)
        if self._plan.profile.offline_windows:
            self._windows = asyncio.get_running_loop().create_task(self._keep_windows())

    async def stop(self) -> None:
        """Stop everything of the fleet."""
        if self._windows is not None:
            self._windows.cancel()
        await asyncio.gather(*(phone.stop() for phone in self.phones))

    async def wait_connected(self) -> None:
        """Returns once each phone was connected."""
        await asyncio.gather(*(phone.wait_connected() for phone in self.phones))

    def progress(self) -> FleetProgress:
        """How the fleet gets on."""
        refusals = [phone.refusal for phone in self.phones if phone.refusal]
        return FleetProgress(
            count=len(self.phones),
            enrolled=sum(1 for phone in self.phones if phone.name),
            connected=sum(phone.connected for phone in self.phones),
            refused=len(refusals),
            restarts=sum(phone.restarts for phone in self.phones),
            executed=self._outcomes.total(),
            by_outcome=dict(self._outcomes),
            by_type=dict(self._types),
            refusal=refusals[0] if refusals else "",
        )

    def _phone(self, line: Line, number: int, enrolling: asyncio.Semaphore) -> PhoneRunner:
        plan = self._plan
        serial = plan.serial(number)
        chance = random.Random(f"{plan.seed} {number}")
        device = plan.profile.phone(serial)
        phone = VirtualPhone(device, clock=self._clock, chance=chance, user=user_of(plan.profile.consent), pace=plan.pace)
        phone.on_effect = self._count
        path = None if plan.journals is None else plan.journals / f"{serial}.journal"
        return PhoneRunner(
            phone, line, behaviour=plan.behaviour, enrolling=enrolling,
            open_journal=None if path is None else lambda: Journal(path, durable=False),
        )  # fmt: skip

    async def _keep_windows(self) -> None:
        """The phones are out of reach whenever their profile says so."""
        while True:
            online = self._plan.profile.online(self._clock.now_us())
            for phone in self.phones:
                if not online and phone.mischief.online:
                    await phone.mischief.go_offline()
                elif online:
                    phone.mischief.go_online()
            await self._clock.sleep(WINDOWS_LOOKED_AT_EVERY_S)

    def _count(self, effect: EffectRecord) -> None:
        if effect.step == "began" and self._plan.effects is not None:
            with self._plan.effects.open("a", encoding="utf-8") as file:
                file.write(f"{effect.operation} {effect.type}\n")
        if effect.succeeded is not None:
            self._outcomes["succeeded" if effect.succeeded else "failed"] += 1
            self._types[effect.type] += 1


async def run_fleet(
    server_url: str, enrollment_token: str, *, profile_name: str, count: int, seed: int, on_progress: Callable[[FleetProgress], None]
) -> None:
    """Runs the fleet until cancelled; `on_progress` is called four times a second.  Raises: InvalidArgument: no such profile."""
    plan = FleetPlan(profile=profile_named(profile_name), count=count, seed=seed)
    fleet = Fleet(Line(server_url=server_url), plan)
    fleet.start(enrollment_token)
    try:
        while True:
            on_progress(fleet.progress())
            await asyncio.sleep(PROGRESS_EVERY_S)
    finally:
        await fleet.stop()
        on_progress(fleet.progress())


def allow_files(phones: int) -> None:
    """Raise the limit of open files for this many phones, as far as the machine allows."""
    allow_open_files(2 * phones + FILES_BESIDES_PHONES)
