"""A virtual phone as someone sees it who stands before it: what its screen shows, and what is written around it."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from heliograph.agent.runner import Condition
from heliograph.agent.virtual_phone import EffectRecord
from heliograph.commands import COMMANDS
from heliograph.domain.command import Wait
from heliograph.domain.device import ManagementKind
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, State
from heliograph.domain.phone.reports import physical_sim
from heliograph.domain.phone.virtual_device import PROTECTED_PACKAGES, Scope, VirtualDevice
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.phones import SandboxPhone

APPS_MOST: Final = 8
"""What fits on a small screen."""
MANAGEMENT: Final[Mapping[ManagementKind, str]] = {
    ManagementKind.FULLY_MANAGED: "Fully managed",
    ManagementKind.COMPANY_OWNED_WORK_PROFILE: "Company-owned, work profile",
    ManagementKind.PERSONALLY_OWNED_WORK_PROFILE: "Personal, work profile",
}
DIALOGS: Final[Mapping[Wait, tuple[str, str]]] = {
    Wait.CONSENT: ("Allow", "Deny"),
    Wait.CONFIRMATION_CODE: ("Enter the code", "Cancel"),
}
"""The buttons of what asks the phone's user: for :approve and for :decline."""


class Face(enum.Enum):
    """What a phone's screen shows, whatever lies over it; its value: in a few words."""

    RESTARTING = "restarting"
    ERASED = "not managed any more"
    ENROLLING = "waiting to enrol"
    SETUP = "being set up"
    LOST = "in lost mode"
    DISABLED = "disabled by its admin"
    LOCKED = "locked"
    DARK = "its screen is off"
    HOME = "unlocked"


@dataclass(frozen=True, slots=True)
class Sim:
    """A SIM in the phone: its card, or a profile on an eSIM chip."""

    carrier: str
    kind: str
    active: bool


@dataclass(frozen=True, slots=True)
class Dialog:
    """What the phone asks its user."""

    text: str
    allow: str
    deny: str
    has_code: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that is drawn of one phone."""

    name: DeviceName
    device: DeviceName
    """The device that it is now, or was last."""
    model: str
    android: str
    management: str
    language: str
    face: Face
    clock: str
    """`12:05`, as its screen shows."""
    offline: bool
    battery: int
    sims: Sequence[Sim]
    apps: Sequence[Mapping[str, Any]]
    work: str
    """The state of the work profile; empty: there is none."""
    dialog: Dialog | None
    lost: Mapping[str, str]
    """What lost mode shows, in the phone's language."""
    note: str
    """What a disabled or erased phone says to the person who holds it."""
    asks_for: str
    """What opens its lock: `PIN`; empty: nothing."""
    notices: Sequence[str]
    """What else there is to know, in a few words each."""
    now: str
    """What it is doing; empty: nothing."""
    operation: str
    """The name of the operation that this is about."""
    seen: Mapping[str, Any]
    """The phone as `GET /sandbox/v1/devices` shows it."""


def picture_of(phone: SandboxPhone, waiting: Sequence[Operation], *, now_us: int) -> Picture:
    """The picture of this phone, for which these operations are open, oldest first."""
    seen: Mapping[str, Any] = phone.view()
    device, runner = phone.runner.phone.device, phone.runner
    effects = runner.phone.effects
    doing, operation = _doing(phone, waiting, effects[-1] if effects else None)
    return Picture(
        name=phone.name, device=phone.device, model=" ".join(filter(None, (device.build.brand.capitalize(), device.build.model))),
        android=device.build.android_version, management=MANAGEMENT[device.management_kind], language=device.build.primary_language_code,
        face=face_of(phone), clock=format_timestamp(now_us)[11:16], offline=not runner.mischief.online, battery=device.battery_percent,
        sims=_sims(device), apps=_apps(device), work=_work(device), dialog=_dialog(phone, waiting),
        lost=seen["phone"]["lostMode"] or {}, note=_note(device, seen), asks_for=_asks_for(device), notices=_notices(phone),
        now=doing, operation=operation, seen=seen,
    )  # fmt: skip


def face_of(phone: SandboxPhone) -> Face:
    """What the phone's screen shows. One that is asleep is as its kind: it is not made for a look at it."""
    device = phone.profile.model if phone.asleep else phone.runner.phone.device
    condition = Condition.RUNNING if phone.asleep else phone.runner.condition
    found: Mapping[Face, bool] = {
        Face.RESTARTING: condition is Condition.OFF,
        Face.ERASED: not device.managed,
        Face.ENROLLING: condition in {Condition.UNENROLLED, Condition.ENROLLING},
        Face.SETUP: device.setup_in_progress,
        Face.LOST: device.lost_mode is not None,
        Face.DISABLED: device.disabled,
        Face.LOCKED: device.locked,
        Face.DARK: not device.screen_on,
    }
    return next((face for face, holds in found.items() if holds), Face.HOME)


def asks_user(phone: SandboxPhone) -> bool:
    """Whether the phone asks its user something."""
    return not phone.asleep and bool(phone.runner.phone.questions)


SHOWN: Final[Mapping[str, Callable[[SandboxPhone], bool]]] = {
    "Asking": asks_user,
    "Locked": lambda phone: face_of(phone) is Face.LOCKED,
    "Lost": lambda phone: face_of(phone) is Face.LOST,
    "Offline": lambda phone: not (phone.asleep or phone.runner.mischief.online),
    "Not managed": lambda phone: face_of(phone) in {Face.ERASED, Face.ENROLLING},
}
"""Which phones a wall can be narrowed to."""


def _doing(phone: SandboxPhone, waiting: Sequence[Operation], last: EffectRecord | None) -> tuple[str, str]:
    """What the phone does with its oldest open command, else what it did last; and the operation."""
    if waiting:
        first, more = waiting[0], f", and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        if asks_user(phone):
            state = "waits for its user"
        elif first.state is State.ACKNOWLEDGED:
            state = "in progress"
        elif not phone.runner.mischief.online:
            state = "waits for the phone to be online"
        else:
            state = "queued"
        return f"{first.type} {state}{more}", str(first.name)
    if last is None or not last.operation:
        return "", ""
    words = {"began": "in progress", "withdrawn": "withdrawn", "ended": "executed" if last.succeeded else "failed"}
    return f"{last.type} {words.get(last.step, last.step)}", last.operation


def _dialog(phone: SandboxPhone, waiting: Sequence[Operation]) -> Dialog | None:
    if not asks_user(phone):
        return None
    question = phone.runner.phone.questions[0]
    types = {str(operation.name): operation.type for operation in waiting}
    row = COMMANDS.get(types.get(question.operation, ""))
    allow, deny = DIALOGS.get(question.wait, ("Allow", "Deny"))
    text = row.asks_user if row is not None else ""
    return Dialog(text or f"It waits for {question.wait.value}.", allow, deny, question.wait is Wait.CONFIRMATION_CODE)


def _sims(device: VirtualDevice) -> Sequence[Sim]:
    card = physical_sim(device)
    cards = [] if card is None else [Sim(card.carrier_name, "SIM card", active=True)]
    return [
        *cards,
        *(Sim(esim.carrier or "eSIM", "company's eSIM" if esim.managed else "user's eSIM", esim.active) for esim in device.esims),
    ]


def _apps(device: VirtualDevice) -> Sequence[Mapping[str, Any]]:
    """The apps that a home screen shows: work's first."""
    shown = [app for app in device.apps if app.package not in PROTECTED_PACKAGES]
    shown.sort(key=lambda app: (app.scope is not Scope.WORK_PROFILE, app.system))
    return [
        {"package": app.package, "letter": app.package.rpartition(".")[2][:1].upper(), "work": app.scope is Scope.WORK_PROFILE}
        for app in shown[:APPS_MOST]
    ]


def _work(device: VirtualDevice) -> str:
    profile = device.work_profile
    if profile is None:
        return ""
    return "paused" if profile.paused else "locked" if profile.locked else "open"


def _note(device: VirtualDevice, seen: Mapping[str, Any]) -> str:
    if not device.managed:
        return device.wipe_reason_shown
    return str(seen["phone"]["disabledReason"]) if device.disabled else ""


def _asks_for(device: VirtualDevice) -> str:
    credential = device.credential if device.locked else None
    return "" if credential is None else credential.kind.value.capitalize() if credential.kind.value != "PIN" else "PIN"


def _notices(phone: SandboxPhone) -> Sequence[str]:
    device, runner = phone.runner.phone.device, phone.runner
    found = {
        "on a call": device.ongoing_call,
        "location off": not device.location_on,
        "blocked by its policy": bool(device.blocked_scope),
        "lies about what it does": runner.phone.lies,
        "its agent crashed": not phone.asleep and runner.condition is Condition.DOWN,
        "unknown to its server": not phone.asleep and runner.condition is Condition.UNKNOWN,
        "its network is slow": bool(runner.mischief.delay_ms),
    }
    return [text for text, holds in found.items() if holds]
