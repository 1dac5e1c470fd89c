"""The faults that a test planned for one world, and how often each was met."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import NotFound, ResourceExhausted
from heliograph.protojson.messages import encode_message
from heliograph.protojson.times import US_PER_S, format_timestamp
from heliograph.sandbox.calls import ApiCall, full_method_id, short_method_id
from heliograph.sandbox.fault_checks import CALL_EFFECTS, NOTIFICATION_EFFECTS, OPERATION_METHODS, PHONE_EFFECTS, seconds
from heliograph.sandbox.fault_messages import FaultWanted

FAULTS_MOST: Final = 10_000


class FaultNotFound(NotFound):
    """There is no fault of this name."""

    reason = "FAULT_NOT_FOUND"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One planned fault."""

    number: int
    wanted: FaultWanted
    effect: str
    """The field of `wanted` that says what happens."""
    device: DeviceName | None
    chance: random.Random
    """Its own, so that its draws do not depend on other faults."""
    created_us: int
    met: int = 0
    last_met_us: int = 0

    @property
    def name(self) -> str:
        """`faults/3`."""
        return f"faults/{self.number}"

    @property
    def from_us(self) -> int:
        """When it begins, by the world's clock."""
        return self.created_us + round(seconds(self.wanted.after) * US_PER_S)

    @property
    def times(self) -> int:
        """How often it happens; 0: until it is deleted. What happens to a phone happens once, unless it says how often."""
        return self.wanted.times or (1 if self.effect in PHONE_EFFECTS else 0)

    @property
    def spent(self) -> bool:
        """Whether it was met as often as it was planned."""
        return bool(self.times) and self.met >= self.times

    def view(self) -> dict[str, Any]:
        """The fault as it was planned, and its outcome."""
        view: dict[str, Any] = {"name": self.name, **msgspec.json.decode(encode_message(self.wanted))}
        view["createTime"] = format_timestamp(self.created_us)
        view["met"] = self.met
        if self.met:
            view["lastMetTime"] = format_timestamp(self.last_met_us)
        if self.times:
            view["left"] = max(self.times - self.met, 0)
        return view


@dataclass(kw_only=True)
class Faults:
    """All faults of one world, oldest first."""

    now_us: Callable[[], int]
    seed: str
    phone_of: Callable[[DeviceName], DeviceName]
    """By what name the sandbox calls the phone that is this device now."""
    on_delete: Callable[[Fault], None] = field(default=lambda _fault: None)
    """Called with each deleted fault: its effects in progress are undone."""
    on_meet: Callable[[], None] = field(default=lambda: None)
    """Called when one has happened once more."""
    _faults: dict[int, Fault] = field(default_factory=dict)
    last: int = 0
    """The newest one's number."""

    def add(self, wanted: FaultWanted, effect: str, device: DeviceName | None) -> Fault:
        """A new fault, which is in force.  Raises: ResourceExhausted."""
        if len(self._faults) >= FAULTS_MOST:
            raise ResourceExhausted(f"There are {FAULTS_MOST} faults: DELETE /sandbox/v1/faults those that are done.")
        self.last += 1
        return self.recall(self.last, wanted, effect, device, created_us=self.now_us())

    def recall(self, number: int, wanted: FaultWanted, effect: str, device: DeviceName | None, *, created_us: int) -> Fault:
        """The fault of this number, planned at this time."""
        chance = random.Random(f"{self.seed} faults/{number}")
        fault = Fault(number=number, wanted=wanted, effect=effect, device=device, chance=chance, created_us=created_us)
        self._faults[number] = fault
        return fault

    def find(self, name: str) -> Fault:
        """The fault of this name or number.  Raises: FaultNotFound."""
        number = name.removeprefix("faults/")
        fault = self._faults.get(int(number)) if number.isascii() and number.isdecimal() and len(number) < 16 else None  # noqa: PLR2004
        if fault is None:
            there = ", ".join(fault.name for fault in list(self._faults.values())[:20]) or "none"
            raise FaultNotFound(f"There is no faults/{number[:32]}. There are: {there}.")
        return fault

    def delete(self, fault: Fault) -> None:
        """It is not in force any more, nor listed."""
        if self._faults.pop(fault.number, None) is not None:
            self.on_delete(fault)

    def delete_all(self) -> None:
        """There is none."""
        for fault in self.all():
            self.delete(fault)

    def all(self) -> list[Fault]:
        """Every fault, oldest first; spent ones too."""
        return list(self._faults.values())

    def meet(self, fault: Fault) -> None:
        """The fault has happened once more."""
        fault.met += 1
        fault.last_met_us = self.now_us()
        self.on_meet()

    def of_call(self, call: ApiCall) -> Iterable[Fault]:
        """The faults that this call meets if it gets so far, oldest first; chance has decided already."""
        return (
            fault
            for fault in self.all()
            if fault.effect in CALL_EFFECTS and self._matches(fault, call) and self._in_force(fault) and _falls_to(fault)
        )

    def of_notification(self, notification_type: str, device: Callable[[], DeviceName | None]) -> Fault | None:
        """The oldest fault that this notification meets; `device()` is asked for if there are faults of some device."""
        for fault in self.all():
            about = fault.wanted.notification
            if fault.effect not in NOTIFICATION_EFFECTS or about is None or (about.type and about.type != notification_type):
                continue
            if self._in_force(fault) and (fault.device is None or self._is_about(fault, device())) and _falls_to(fault):
                return fault
        return None

    def of_phone(self, device: DeviceName, *effects: str) -> Iterable[Fault]:
        """The faults in force that this phone meets, of these effects."""
        return (fault for fault in self.all() if fault.effect in effects and fault.device == device and self._in_force(fault))

    def _matches(self, fault: Fault, call: ApiCall) -> bool:
        wanted = fault.wanted
        return (
            call.row is not None
            and (not wanted.method or full_method_id(wanted.method) == call.method)
            and self._is_about(fault, call.device)
            and (not wanted.caller or call.is_by(wanted.caller))
            and (fault.effect != "operation" or short_method_id(call.method) in OPERATION_METHODS)
        )

    def _is_about(self, fault: Fault, device: DeviceName | None) -> bool:
        return fault.device is None or (device is not None and self.phone_of(device) == fault.device)

    def _in_force(self, fault: Fault) -> bool:
        return not fault.spent and self.now_us() >= fault.from_us


def _falls_to(fault: Fault) -> bool:
    return not fault.wanted.share or fault.chance.random() < fault.wanted.share
