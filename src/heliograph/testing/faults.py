"""Faults that a test plans: of calls, notifications and phones."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TypedDict, Unpack

from heliograph.testing.connection import Json, Steering
from heliograph.testing.times import Seconds, duration

_UNMET_ADVICE = "If that is all right, plan it with optional=True, or set amapi.faults.may_stay_unmet = True."


class FaultFields(TypedDict, total=False):
    """What a fault matches, how often, and its one effect: docs/faults-on-demand.md. Durations are seconds, a timedelta, or `"3s"`."""

    method: str
    phone: str
    caller: str
    share: float
    times: int
    after: Seconds | str
    error: int | Mapping[str, object]
    """An HTTP status, or `{"code": 503, "retryAfter": "1s"}`."""
    html: int | Mapping[str, object]
    latency: Seconds | str
    cut: str
    expired_token: bool
    operation: str
    notification: str | Mapping[str, object]
    """A fate, as in `"DOUBLED"`, or `{"fate": "LATE", "delay": "60s"}`."""
    offline: Seconds | str
    patch: Mapping[str, object]
    crash: str
    factory_reset: bool
    os_update: Mapping[str, object]


class Fault:
    """One planned fault; how often it was met is looked up each time."""

    def __init__(self, steering: Steering, view: Json) -> None:
        self._steering = steering
        self.name = str(view["name"])
        """`faults/1`."""
        self.plan = {name: value for name, value in view.items() if name not in {"name", "createTime", "met", "left"}}
        """What was planned, as JSON."""

    def __str__(self) -> str:
        """What was planned, in a line."""
        return f"{self.name} ({', '.join(f'{name} {value}' for name, value in self.plan.items())})"

    @property
    def met(self) -> int:
        """How often it happened."""
        return int(self._steering.get(self.name)["met"])

    def delete(self) -> None:
        """It does not happen any more."""
        self._steering.delete(self.name)


class Faults:
    """The faults of one world. One that was planned and never met fails its test: the test did not test what it says."""

    def __init__(self, steering: Steering, *, may_stay_unmet: bool = False) -> None:
        self._steering = steering
        self.may_stay_unmet = may_stay_unmet
        """Whether a test may end with faults that were never met."""
        self._optional: set[str] = set()

    def plan(self, given: Mapping[str, object] | None = None, /, *, optional: bool = False, **fields: Unpack[FaultFields]) -> Fault:
        """The fault is there: `plan(method="enterprises.devices.issueCommand", error=503, times=2)`.

        `given`: the same as JSON. `optional`: it may stay unmet.

        Raises: Refused: no such method, phone or effect; the message lists what exists.
        """
        view = self._steering.post("faults", {**(given or {}), **_wanted(fields)})
        if optional:
            self._optional.add(view["name"])
        return Fault(self._steering, view)

    def script(self, phone: str, *steps: FaultFields) -> None:
        """Each step is a fault of the phone of this id, all or nothing: `script("pixel8-…", {"after": 10, "offline": 600})`."""
        self._steering.post(f"devices/{phone}:script", {"steps": [_wanted(step) for step in steps]})

    def clear(self) -> None:
        """No fault happens any more, and `unmet` is empty."""
        self._steering.delete("faults")

    def unmet(self) -> list[Fault]:
        """Those that never happened, without the optional ones."""
        return [Fault(self._steering, view) for view in self._views() if not view["met"] and view["name"] not in self._optional]

    def check(self) -> None:
        """Each was met, or may stay unmet.  Raises: AssertionError, which names those that were not."""
        __tracebackhide__ = True
        if not self.may_stay_unmet and (unmet := self.unmet()):
            raise AssertionError("\n  ".join(["Planned faults were never met:", *map(str, unmet), _UNMET_ADVICE]))

    def __iter__(self) -> Iterator[Fault]:
        """In the order in which they were planned, spent ones too."""
        return iter([Fault(self._steering, view) for view in self._views()])

    def __len__(self) -> int:
        """How many were planned and not deleted."""
        return len(self._views())

    def _views(self) -> list[Json]:
        found: list[Json] = self._steering.get("faults")["faults"]
        return found


_LONGER = {"error": "code", "html": "code", "notification": "fate"}
_DURATIONS = frozenset({"after", "latency", "offline"})
_JSON_NAMES = {"expired_token": "expiredToken", "factory_reset": "factoryReset", "os_update": "osUpdate"}


def _wanted(fields: FaultFields) -> dict[str, object]:
    """The fields as JSON."""
    wanted: dict[str, object] = {}
    for name, value in fields.items():
        if name in _DURATIONS and isinstance(value, str | int | float | timedelta):
            wanted[name] = duration(value)
        elif name in _LONGER and not isinstance(value, Mapping):
            wanted[name] = {_LONGER[name]: value}
        else:
            wanted[_JSON_NAMES.get(name, name)] = value
    return wanted
