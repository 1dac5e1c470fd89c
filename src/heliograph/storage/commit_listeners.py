"""What reacts to a commit on the event loop: bells, the timers that wait for the nearest deadline, the sender of the outbox."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.service.changes import Thing


class CommitListeners:
    """Calls listeners after commits, each at a turn of the event loop of its own; knows the nearest deadline of an open operation."""

    def __init__(self, ring: Callable[[DeviceName], None], nearest_us: int | None = None) -> None:
        self.nearest_us = nearest_us
        """None: nothing is ever due."""
        self.on_deadline: list[Callable[[], None]] = []
        """Called when the nearest deadline comes nearer."""
        self.on_published: list[Callable[[Sequence[int]], None]] = []
        """Called with the ids of messages that came into the outbox."""
        self.on_events: list[Callable[[Collection[EnterpriseName]], None]] = []
        """Called with the enterprises that have new events."""
        self.on_rings: list[Callable[[Sequence[DeviceName]], None]] = []
        """Called with the devices to ring."""
        self.on_changes: list[Callable[[Collection[Thing]], None]] = []
        """Called with the devices and kinds of records that changed."""
        self._ring = ring

    def rang(self, devices: Sequence[DeviceName]) -> None:
        """Decisions that are durable ring these devices."""
        if devices:
            self._soon(self._ring_all, devices)

    def published(self, message_ids: Sequence[int]) -> None:
        """These messages are in the outbox."""
        if message_ids:
            for listener in self.on_published:
                self._soon(listener, message_ids)

    def appended(self, enterprises: Collection[EnterpriseName]) -> None:
        """These enterprises have new events."""
        if enterprises:
            for listener in self.on_events:
                self._soon(listener, enterprises)

    def changed(self, things: Collection[Thing]) -> None:
        """These have changed."""
        if things:
            for listener in self.on_changes:
                self._soon(listener, things)

    def nearest(self, at_us: int | None) -> None:
        """The nearest deadline is now this one; None: no deadline."""
        before_us, self.nearest_us = self.nearest_us, at_us
        if at_us is not None and (before_us is None or at_us < before_us):
            for listener in self.on_deadline:
                self._soon(listener)

    def _soon(self, call: Callable[..., None], *values: object) -> None:
        asyncio.get_running_loop().call_soon(call, *values)

    def _ring_all(self, devices: Sequence[DeviceName]) -> None:
        for device in devices:
            self._ring(device)
        for listener in self.on_rings:
            listener(devices)
