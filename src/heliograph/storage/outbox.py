"""Outbox messages as rows: what a batch puts in and takes out, how that is written and read, and who sends them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from heliograph.service.outbox import OutboxMessage, Postponed, Publish, Published
from heliograph.storage.kind import Row


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
        """Messages put in; of several with the state of the same thing, one."""
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
    """The message of a row of `due_messages`."""
    message_id, due_us, created_us, attempts, destination, notification_type, data = row
    return OutboxMessage(
        message_id=message_id, destination=destination, notification_type=notification_type, data=data,
        created_us=created_us, due_us=due_us, attempts=attempts,
    )  # fmt: skip


class Claims:
    """Who sends which messages, in the memory of the one process that uses a database: gone with it, so its messages go out again."""

    def __init__(self) -> None:
        self._until_us: dict[tuple[int, int], int] = {}
        """By message id and due_us: a message that was put off is another turn's."""

    def __len__(self) -> int:
        return len(self._until_us)

    def holds(self, message: OutboxMessage) -> bool:
        """Whether the message is claimed for this turn."""
        return (message.message_id, message.due_us) in self._until_us

    def take(self, due: Sequence[OutboxMessage], *, limit: int, now_us: int, until_us: int) -> Sequence[OutboxMessage]:
        """Claim the first `limit` of the unclaimed messages.

        `due` are the soonest due messages: `limit` more than are claimed already.
        """
        turns = {(message.message_id, message.due_us) for message in due}
        # What was settled meanwhile is due no more.
        self._until_us = {turn: over_us for turn, over_us in self._until_us.items() if turn in turns and over_us > now_us}
        free = [message for message in due if (message.message_id, message.due_us) not in self._until_us][:limit]
        self._until_us.update(((message.message_id, message.due_us), until_us) for message in free)
        return free
