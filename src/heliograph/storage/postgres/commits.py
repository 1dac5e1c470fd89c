"""What a commit means for others on the event loop, when other servers commit too."""

from collections.abc import Callable, Iterable, Sequence

from heliograph.domain.names import DeviceName
from heliograph.storage.batch.writes import Batch
from heliograph.storage.commit_listeners import CommitListeners


class PostgresCommitListeners(CommitListeners):
    """The nearest deadline is as this server or the last look saw it: an operation that was due then may have ended since."""

    def __init__(self, ring: Callable[[DeviceName], None]) -> None:
        super().__init__(ring)
        self._since_look_us: int | None = None

    def committed(self, batch: Batch, rings: Sequence[DeviceName]) -> None:
        """The batch is durable."""
        self.rang(rings)
        if batch.written.new_operations or batch.written.operations:
            self._deadline(_nearest(self._deadlines(batch), None))
        self.published([message.message_id for message in batch.written.outbox.new])
        self.appended(batch.event_streams())
        self.changed(batch.changed_things())

    def _deadlines(self, batch: Batch) -> Iterable[int]:
        written, operations = batch.written, batch.operations
        for keys in (written.new_operations, written.operations):
            for key in keys:
                operation = operations[key]
                if operation is not None and operation.deadline_us is not None:
                    yield operation.deadline_us

    def _deadline(self, at_us: int | None) -> None:
        if at_us is not None:
            self._since_look_us = _nearest((at_us,), self._since_look_us)
            self.nearest(_nearest((at_us,), self.nearest_us))

    def look_begins(self) -> None:
        """A read of the nearest deadline begins: it may not see what is committed from now on."""
        self._since_look_us = None

    def looked(self, at_us: int | None) -> None:
        """The database said so."""
        self.nearest(_nearest(() if at_us is None else (at_us,), self._since_look_us))


def _nearest(times_us: Iterable[int], other_us: int | None) -> int | None:
    nearest_us = min(times_us, default=None)
    if nearest_us is None or other_us is None:
        return other_us if nearest_us is None else nearest_us
    return min(nearest_us, other_us)
