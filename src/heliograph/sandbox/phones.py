"""One phone of a world: what it was made of, and what runs it once it is needed."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from heliograph.agent.executor import Checkpoint, pass_by
from heliograph.agent.journal import Identity, Journal
from heliograph.agent.profiles import Profile
from heliograph.agent.runner import Condition, Line, PhoneRunner
from heliograph.agent.virtual_phone import ANSWERS, Pace, VirtualPhone, user_of
from heliograph.domain.device import AllowPersonalUsage, ManagementKind
from heliograph.domain.names import DeviceName
from heliograph.domain.phone.numbers import serial_of
from heliograph.domain.phone.reports import view
from heliograph.domain.phone.virtual_device import Scope, VirtualDevice
from heliograph.protocol import PhonePolicy
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.clock import AdvancingClock, PhoneClock

TIMES, REBOOT_S, DOWNLOAD_S = 0.2, 1.0, 0.4
"""A test waits for a reboot a second, not half a minute; a download is in progress for long enough to be seen."""
BACKOFF_MOST_S = 1.0
"""A phone of a sandbox is back at once when its server is."""


class Drawer(Protocol):
    """Where the journals of a world's phones are."""

    def open(self, name: DeviceName) -> Journal:
        """The phone's journal."""

    def forget(self, name: DeviceName) -> None:
        """The phone's journal is gone."""


class FileDrawer:
    """Journals as files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: DeviceName) -> Journal:
        return Journal(self._path(name), durable=False)

    def forget(self, name: DeviceName) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: DeviceName) -> Path:
        return self._folder / f"{name.enterprise}-{name.device}.journal"


class MemoryDrawer:
    """Journals that go with their process."""

    def __init__(self) -> None:
        self._journals: dict[DeviceName, Journal] = {}

    def open(self, name: DeviceName) -> Journal:
        return self._journals.setdefault(name, Journal.in_memory())

    def forget(self, name: DeviceName) -> None:
        self._journals.pop(name, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all phones of a world have in common."""

    clock: AdvancingClock
    line: Line
    drawer: Drawer
    chance: Callable[[str], random.Random]
    """A source of chance for each purpose: with a seed, the same purpose always gets the same."""
    checkpoint: Callable[[DeviceName], Checkpoint] = lambda _name: pass_by
    """What the phone of this name passes at every moment of a command."""
    seen_to_change: Callable[[DeviceName], None] = lambda _device: None
    """Called when someone who looks at the phone of this device would see something else than before."""


class Asleep(NamedTuple):
    """What a phone holds that is enrolled while its agent has not run yet."""

    identity: Identity
    policy: PhonePolicy
    """What it applies."""


def provisioned(profile: Profile, usage: AllowPersonalUsage) -> Profile:
    """The profile as its phone is set up with a token that says this of personal usage.

    A company's phone on which personal usage is disallowed becomes fully managed. A personal phone cannot: the server refuses it.

    Source: disc, EnrollmentToken.allowPersonalUsage.
    """
    disallowed = usage in {AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED, AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED_USERLESS}
    model = profile.model
    if not disallowed or model.management_kind is not ManagementKind.COMPANY_OWNED_WORK_PROFILE:
        return profile
    apps = tuple(msgspec.structs.replace(app, scope=Scope.DEVICE) for app in model.apps)
    once = tuple({app.package: app for app in apps}.values())
    whole = msgspec.structs.replace(model, management_kind=ManagementKind.FULLY_MANAGED, work_profile=None, apps=once)
    return msgspec.structs.replace(profile, model=whole)


def pace_of(profile: Profile) -> Pace:
    """How fast a phone of this kind is in a sandbox."""
    return Pace(
        times=TIMES,
        reboot_s=REBOOT_S if profile.reboot_seconds is None else profile.reboot_seconds,
        download_s=DOWNLOAD_S if profile.download_seconds is None else profile.download_seconds,
    )


def new_device(name: DeviceName, profile: Profile) -> VirtualDevice:
    """The phone of this name as it comes into a world: alike in every world, and like no other phone of its world."""
    return profile.phone(serial_of(str(name)), enterprise=name.enterprise)


class SandboxPhone:
    """A phone that keeps its id in the sandbox through wipes, resets and new enrolments.

    One that is asleep is enrolled and online, and nothing of it runs: its agent starts when it is woken, and behaves as one that has been
    connected all the time.
    """

    __slots__ = ("_around", "_asleep", "_device", "_runner", "name", "profile")

    def __init__(
        self, name: DeviceName, profile: Profile, *, around: Surroundings, asleep: Asleep | None = None, device: DeviceName | None = None,
    ) -> None:  # fmt: skip
        """`name` is what it is called here: the device that it enrols as first, if the id is free.

        `device`: the device that it was last, if another.
        """
        self.name = name
        self.profile = profile
        self._around = around
        self._asleep = asleep
        self._device = device or name
        self._runner: PhoneRunner | None = None

    @property
    def asleep(self) -> bool:
        """Whether its agent has not run yet."""
        return self._asleep is not None

    @property
    def asleep_with(self) -> Asleep | None:
        """What it holds while it is asleep; None: it is awake."""
        return self._asleep

    @property
    def new(self) -> VirtualDevice:
        """The phone as it came into the world."""
        return new_device(self.name, self.profile)

    @property
    def journal(self) -> Journal:
        """What its agent must not forget."""
        return self._around.drawer.open(self.name)

    @property
    def runner(self) -> PhoneRunner:
        """What runs it."""
        if self._runner is None:
            self._runner = self._made()
        return self._runner

    @property
    def device(self) -> DeviceName:
        """The device that the phone is, or was last."""
        name = self._runner.name if self._runner is not None else ""
        if name and name != str(self._device):
            self._device = DeviceName.parse(name)
        return self._device

    def wake(self) -> None:
        """Its agent runs."""
        if self._asleep is not None:
            runner, identity = self.runner, self._asleep.identity
            self._asleep = None
            self._around.drawer.open(self.name).identify(identity)
            runner.reported = runner.phone.report()
            runner.start()

    async def stop(self) -> None:
        """Nothing of it runs any more."""
        if self._runner is not None:
            await self._runner.stop()

    def forget(self) -> None:
        """The phone's journal is gone."""
        self._around.drawer.forget(self.name)

    async def lose_everything(self, device: VirtualDevice) -> None:
        """The phone is `device` now and knows no server; its old server does not learn of it, and it waits for an enrolment token."""
        await self.stop()
        self.forget()
        self.runner.phone.forget_policy()
        self.runner.phone.become(device)
        self.runner.start()

    def view(self) -> dict[str, object]:
        """All there is to see of the phone, ready for JSON; never a password."""
        runner, user, pace = self.runner, self.runner.phone.user, self.runner.phone.pace
        consent = {answer: answering for answering, answer in ANSWERS.items()}[user.answer]
        return {
            "id": self.name.device,
            "enterprise": str(self.name.parent),
            "name": str(self.name) if self.asleep else runner.name,
            "summary": self.profile.summary,
            "condition": (Condition.RUNNING if self.asleep else runner.condition).value,
            "refusal": runner.refusal,
            "online": runner.mischief.online,
            "connected": self.asleep or runner.connected,
            "networkChanges": [
                {"time": format_timestamp(change.at_us), "online": change.online} for change in runner.mischief.network_changes
            ],
            "lies": runner.phone.lies,
            "consent": consent.name,
            "consentDelay": _duration(user.after_s),
            "rebootDuration": _duration(pace.reboot_s),
            "downloadDuration": _duration(pace.download_s),
            "latency": _duration(runner.mischief.delay_ms / 1_000),
            "userIsAsked": [{"operation": question.operation, "for": question.wait.value} for question in runner.phone.questions],
            "phone": view(runner.phone.device),
        }

    def _made(self) -> PhoneRunner:
        around, name = self._around, self.name
        clock, chance = PhoneClock(around.clock, str(name)), around.chance(f"habits of {name}")
        phone = VirtualPhone(self.new, clock=clock, chance=chance, user=user_of(self.profile.consent), pace=pace_of(self.profile))
        if self._asleep is not None:
            phone.adopt(self._asleep.policy)
        runner = PhoneRunner(phone, around.line, open_journal=lambda: around.drawer.open(name), checkpoint=around.checkpoint(name))
        runner.entropy = around.chance(f"secrets of {name}")
        phone.on_change = _both(phone.on_change, self._is_seen_to_change)
        runner.on_condition = self._is_seen_to_change
        return runner

    def _is_seen_to_change(self) -> None:
        self._around.seen_to_change(self.device)


def _both(first: Callable[[], None], then: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        then()

    return both


def _duration(seconds: float | None) -> str:
    return f"{seconds or 0.0:.9f}".rstrip("0").removesuffix(".") + "s"


Phones = Mapping[DeviceName, SandboxPhone]
"""A world's phones, each by the name that it enrolled under first."""
