"""The part of a Store that counts an enterprise's devices and commands, for people (fleet_summary.py)."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from heliograph.domain.device import DeviceState
from heliograph.domain.names import EnterpriseName
from heliograph.domain.outcome_hours import EndedCount


class DeviceStates(NamedTuple):
    """Some devices of an enterprise by their states, and the position to go on after; empty: there are no more."""

    counts: Counter[DeviceState]
    next_after: str


class FleetCounts(Protocol):
    """The part of a Store that counts for people. Each read is bounded and runs beside the others."""

    async def states_of_devices(self, enterprise: EnterpriseName, *, after: str, limit: int) -> DeviceStates:
        """The states of at most `limit` devices after the position `after`, oldest first."""

    async def open_count(self, enterprise: EnterpriseName) -> int:
        """How many operations of the enterprise's devices are open."""

    async def ended_counts(self, enterprise: EnterpriseName, *, from_us: int, until_us: int, limit: int) -> Sequence[EndedCount]:
        """The enterprise's operations that ended from then until before then, among the server's newest `limit` of that time."""
