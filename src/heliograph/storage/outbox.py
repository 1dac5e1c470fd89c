"""Outbox messages as rows: what a batch puts in and takes out, how that is written and read, and who sends them."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

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
    enterprise: str


class OutboxChanges(msgspec.Struct):
    """What a batch does to the outbox."""

    _new: dict[object, MessageRow] = {}
    published: list[Row] = []
    postponed: list[Row] = []

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
                self._put(write, write.message_id or new_id(now_us), now_us)
            case Published():
                self.published.append((write.message_id,))
            case Postponed():
                self.postponed.append((write.message_id, write.due_us, write.attempts))

    def _put(self, write: Publish, message_id: int, now_us: int) -> None:
        notification, destination = write.notification, write.destination
        subject = notification.supersedes or None
        self._new[(destination, subject) if subject else message_id] = MessageRow(
            message_id, now_us, now_us, 0, destination, notification.notification_type, subject, notification.data, write.enterprise
        )


def message_from(row: Row) -> OutboxMessage:
    """The message of a row of `due_messages`."""
    message_id, due_us, created_us, attempts, destination, notification_type, data, enterprise = row
    return OutboxMessage(
        message_id=message_id, destination=destination, notification_type=notification_type, data=data,
        created_us=created_us, due_us=due_us, attempts=attempts, enterprise=enterprise,
    )  # fmt: skip


def soonest(message: OutboxMessage) -> tuple[int, int]:
    """What messages are sorted by: when they are due, then how old they are."""
    return message.due_us, message.message_id


class Rota:
    """Which destinations are looked at, and in which order: the one after the last that got its turn comes first."""

    def __init__(self) -> None:
        self._last = ""

    def rooms(self, destinations: Sequence[str], *, each: int, busy: Mapping[str, int]) -> Sequence[tuple[str, int]]:
        """Those of the sorted destinations that may get messages, and how many: `each`, less what `busy` says."""
        after = bisect_right(destinations, self._last)
        rooms = ((destination, each - busy.get(destination, 0)) for destination in (*destinations[after:], *destinations[:after]))
        return [(destination, room) for destination, room in rooms if room > 0]

    def served(self, rooms: Sequence[tuple[str, int]], claimed: Sequence[OutboxMessage]) -> None:
        """These were claimed; `rooms` are those of this turn."""
        got = {message.destination for message in claimed}
        self._last = next((destination for destination, _ in reversed(rooms) if destination in got), self._last)


class Claims:
    """Who sends which messages, in the memory of the one process that uses a database: gone with it, so its messages go out again."""

    def __init__(self) -> None:
        self._until_us: dict[str, dict[tuple[int, int], int]] = {}
        """By destination, and there by message id and due_us: a message that was put off is another turn's."""

    def of(self, destination: str) -> int:
        """How many messages to the destination are claimed, at most."""
        return len(self._until_us.get(destination, ()))

    def holds(self, message: OutboxMessage) -> bool:
        """Whether the message is claimed for this turn."""
        return (message.message_id, message.due_us) in self._until_us.get(message.destination, ())

    def take(self, destination: str, due: Sequence[OutboxMessage], *, limit: int, now_us: int, until_us: int) -> Sequence[OutboxMessage]:
        """Claim the first `limit` of the unclaimed messages to the destination.

        `due` are the soonest due messages to it: `limit` more than are claimed already.
        """
        turns = {(message.message_id, message.due_us) for message in due}
        held = self._until_us.get(destination, {})
        # What was settled meanwhile is due no more.
        held = {turn: over_us for turn, over_us in held.items() if turn in turns and over_us > now_us}
        free = [message for message in due if (message.message_id, message.due_us) not in held][:limit]
        held.update(((message.message_id, message.due_us), until_us) for message in free)
        self._until_us[destination] = held
        return free

    def forget(self, *, but: Collection[str], now_us: int) -> None:
        """Nothing waits for other destinations any more; nor do claims hold that have lapsed, also where no one looks now."""
        self._until_us = {
            destination: {turn: over_us for turn, over_us in held.items() if over_us > now_us}
            for destination, held in self._until_us.items()
            if destination in but
        }
