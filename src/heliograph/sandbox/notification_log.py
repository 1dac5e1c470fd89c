"""The last notifications, for tests that look instead of listening."""

from typing import Any

import msgspec

from heliograph.protojson.times import format_timestamp
from heliograph.service.outbox import OutboxMessage

MOST = 1_000


class NotificationLog:
    """The newest messages that went, or would go, to a push endpoint; each once, however often it is tried."""

    def __init__(self) -> None:
        self._messages: dict[int, OutboxMessage] = {}

    def record(self, message: OutboxMessage) -> None:
        """The message is the newest; past MOST the oldest is forgotten."""
        self._messages.setdefault(message.message_id, message)
        if len(self._messages) > MOST:
            del self._messages[next(iter(self._messages))]

    def views(self, device: str = "") -> list[dict[str, Any]]:
        """What is to be seen, oldest first; with a device's name, what is about that device and its operations."""
        views = [_view(message) for message in self._messages.values()]
        return [view for view in views if not device or f"{view['resource'].get('name', '')}/".startswith(f"{device}/")]


def _view(message: OutboxMessage) -> dict[str, Any]:
    return {
        "messageId": str(message.message_id),
        "publishTime": format_timestamp(message.created_us),
        "notificationType": message.notification_type,
        "resource": msgspec.json.decode(message.data) if message.data else {},
    }
