"""What a commit means for others on the event loop: bells, deadlines, messages."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from heliograph.domain.names import DeviceName
from heliograph.storage.batch import Batch


class News:
    """Tells listeners of commits, and knows the nearest deadline as far as this server can."""

    def __init__(self, ring: Callable[[DeviceName], None]) -> None:
        self.nearest_us: int | None = None
        """No open operation is due before; one that this server or the last look saw was due then, and may have ended since."""
        self.deadline_listeners: list[Callable[[], None]] = []
        self.outbox_listeners: list[Callable[[Sequence[int]], None]] = []
        self.ring_listeners: list[Callable[[Sequence[DeviceName]], None]] = []
        self._ring = ring
        self._since_look_us: int | None = None
        self._loop = asyncio.get_running_loop()

    def committed(self, batch: Batch, rings: Sequence[DeviceName]) -> None:
        """The batch is durable."""
        if rings:
            self._loop.call_soon(self._ring_all, rings)
        written = batch.written
        if written.new_operations or written.operations:
            self._deadline(_nearest(self._deadlines(batch), None))
        if written.outbox.new and self.outbox_listeners:
            message_ids = [message.message_id for message in written.outbox.new]
            for told in self.outbox_listeners:
                self._loop.call_soon(told, message_ids)

    def _deadlines(self, batch: Batch) -> Iterable[int]:
        written, operations = batch.written, batch.operations
        for keys in (written.new_operations, written.operations):
            for key in keys:
                operation = operations[key]
                if operation is not None and operation.deadline_us is not None:
                    yield operation.deadline_us

    def _deadline(self, at_us: int | None) -> None:
        if at_us is None:
            return
        self._since_look_us = _nearest((at_us,), self._since_look_us)
        if self.nearest_us is None or at_us < self.nearest_us:
            self.nearest_us = at_us
            self._tell_deadline()

    def _tell_deadline(self) -> None:
        for listener in self.deadline_listeners:
            self._loop.call_soon(listener)

    def look_begins(self) -> None:
        """The database is being asked for the nearest deadline: what is committed from now on it may not know."""
        self._since_look_us = None

    def looked(self, at_us: int | None) -> None:
        """The database said so."""
        before_us = self.nearest_us
        self.nearest_us = _nearest(() if at_us is None else (at_us,), self._since_look_us)
        if self.nearest_us is not None and (before_us is None or self.nearest_us < before_us):
            self._tell_deadline()

    def _ring_all(self, devices: Sequence[DeviceName]) -> None:
        for device in devices:
            self._ring(device)
        for listener in self.ring_listeners:
            listener(devices)


def _nearest(times_us: Iterable[int], other_us: int | None) -> int | None:
    nearest_us = min(times_us, default=None)
    if nearest_us is None or other_us is None:
        return other_us if nearest_us is None else nearest_us
    return min(nearest_us, other_us)
