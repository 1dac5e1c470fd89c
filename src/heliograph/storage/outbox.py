"""Outbox messages as rows: what a batch puts in and takes out, and how that is written and read."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from heliograph.service.outbox import OutboxMessage, Postponed, Publish, Published

Row = tuple[Any, ...]


class MessageRow(NamedTuple):
    """A row of the table `outbox`."""

    message_id: int
    due_us: int
    created_us: int
    attempts: int
    destination: str
    notification_type: str
    supersedes: str | None
    data: bytes


class OutboxChanges:
    """What a batch does to the outbox."""

    def __init__(self) -> None:
        self._new: dict[object, MessageRow] = {}
        self.published: list[Row] = []
        self.postponed: list[Row] = []

    def __bool__(self) -> bool:
        return bool(self._new or self.published or self.postponed)

    @property
    def new(self) -> Sequence[MessageRow]:
        """Messages put in; one of those that tell the state of the same thing."""
        return tuple(self._new.values())

    def take(self, write: Publish | Published | Postponed, *, now_us: int, new_id: Callable[[int], int]) -> None:
        """The write is one of the changes."""
        match write:
            case Publish():
                self._put(write, new_id(now_us), now_us)
            case Published():
                self.published.append((write.message_id,))
            case Postponed():
                self.postponed.append((write.message_id, write.due_us, write.attempts))

    def _put(self, write: Publish, message_id: int, now_us: int) -> None:
        notification, destination = write.notification, write.destination
        subject = notification.supersedes or None
        self._new[(destination, subject) if subject else message_id] = MessageRow(
            message_id, now_us, now_us, 0, destination, notification.notification_type, subject, notification.data
        )


def message_from(row: Row) -> OutboxMessage:
    """The message of a row of `page_of_outbox`."""
    message_id, due_us, created_us, attempts, destination, notification_type, data = row
    return OutboxMessage(
        message_id=message_id, destination=destination, notification_type=notification_type, data=data,
        created_us=created_us, due_us=due_us, attempts=attempts,
    )  # fmt: skip
