"""The last notifications, for tests that look instead of listening."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from heliograph.domain.notification_subject import about
from heliograph.protojson.parser import MALFORMED
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.snapshot import NotificationState
from heliograph.service.outbox import OutboxMessage

MOST = 1_000


class NotificationLog:
    """The newest messages that went, or would go, to a push endpoint; each once, however often it is tried."""

    def __init__(self) -> None:
        self._messages: dict[int, OutboxMessage] = {}
        self._again: Counter[int] = Counter()
        self.on_record: Callable[[], None] = lambda: None
        """Called when there is another one."""

    def record(self, message: OutboxMessage) -> None:
        """The message is the newest; past MOST the oldest is forgotten."""
        self._messages.setdefault(message.message_id, message)
        if len(self._messages) > MOST:
            oldest = next(iter(self._messages))
            del self._messages[oldest], self._again[oldest]
        self.on_record()

    def record_again(self, message: OutboxMessage) -> None:
        """The message went out a further time, on purpose: it is shown so often."""
        if message.message_id in self._messages:
            self._again[message.message_id] += 1

    def states(self) -> tuple[NotificationState, ...]:
        """All messages, oldest first."""
        return tuple(NotificationState(message=message, again=self._again[number]) for number, message in self._messages.items())

    def recall(self, states: Iterable[NotificationState]) -> None:
        """These are the messages, oldest first."""
        for state in states:
            self.record(state.message)
            if state.again:
                self._again[state.message.message_id] = state.again

    def views(self, device: str = "") -> list[dict[str, Any]]:
        """What is to be seen, oldest first; with a device's name, what is about that device and its operations."""
        views = [_view(message) for message in self._messages.values() for _ in range(1 + self._again[message.message_id])]
        return [view for view in views if not device or f"{about(view['resource'])}/".startswith(f"{device}/")]


def _view(message: OutboxMessage) -> dict[str, Any]:
    view: dict[str, Any] = {
        "messageId": str(message.message_id),
        "publishTime": format_timestamp(message.created_us),
        "notificationType": message.notification_type,
        "resource": {},
    }
    try:
        return view | {"resource": msgspec.json.decode(message.data) if message.data else {}}
    except MALFORMED:  # a fault broke it
        return view | {"malformed": message.data.decode(errors="replace")}
