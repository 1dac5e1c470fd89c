"""Where devices are connected, for verbs: a port (service/ports.py)."""

import enum
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from heliograph.domain.names import DeviceName


class Whereabouts(enum.Enum):
    """Where a device is connected, or was a moment ago."""

    HERE = enum.auto()
    AT_ANOTHER_SERVER = enum.auto()
    NOWHERE = enum.auto()
    NOT_HERE = enum.auto()
    """And it is unknown whether it is at another server."""


class Sighting(NamedTuple):
    """Where a device is, and when it was last heard (0: not since those servers started)."""

    where: Whereabouts
    last_seen_us: int


class Presence(Protocol):
    """Who is connected; asked for people's eyes only (the timeline's `whyStuck`, /metrics, /readyz)."""

    @property
    def draining(self) -> bool:
        """Whether the server stops and sends its devices elsewhere."""

    def transports(self) -> Mapping[str, int]:
        """How many devices are connected over each transport."""

    def connected(self, device: DeviceName) -> bool:
        """Whether the device is connected, or was heard a moment ago."""

    async def sighting(self, device: DeviceName) -> Sighting:
        """Where the device is, asked of all servers; may take half a second."""
