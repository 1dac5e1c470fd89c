"""A world's clock: tests move it, and everything due on the way has happened when they continue."""

from dataclasses import dataclass
from datetime import datetime

from heliograph.testing.connection import Steering
from heliograph.testing.times import Seconds, duration, moment, timestamp


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that was due: `kind` is OPERATION_DEADLINE, PHONE, NOTIFICATION or OFFER (docs/sandbox.md#clock)."""

    kind: str
    name: str
    """The operation, or the device; empty for the others."""


class Clock:
    """The clock of one world."""

    def __init__(self, steering: Steering) -> None:
        self._steering = steering

    @property
    def now(self) -> datetime:
        """The world's time, in UTC."""
        return moment(self._steering.get("clock")["now"])

    @property
    def frozen(self) -> bool:
        """Whether it stands until a test moves it."""
        return bool(self._steering.get("clock")["frozen"])

    def advance(self, seconds: Seconds) -> datetime:
        """So much later, all that was due on the way has happened, each thing at its own time.  Raises: Refused."""
        return moment(self._steering.post("clock:advance", {"duration": duration(seconds)})["now"])

    def set(self, time: datetime | str) -> datetime:
        """The same, at this time; a clock never goes back.  Raises: Refused."""
        return moment(self._steering.post("clock:set", {"time": timestamp(time)})["now"])

    def next(self) -> list[Due]:
        """The next thing that is due has happened, and this is what it was; empty: nothing is due.  Raises: Refused."""
        due = self._steering.post("clock:next").get("due", [])
        return [Due(each["kind"], each.get("name", "")) for each in due]

    def freeze(self) -> None:
        """It stands until it is moved."""
        self._steering.post("clock:freeze")

    def run(self) -> None:
        """It goes by itself from where it stands."""
        self._steering.post("clock:run")
