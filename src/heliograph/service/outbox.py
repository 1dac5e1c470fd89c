"""The outbox: notifications written with the change they report, and sent afterwards (glossary: outbox)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from heliograph.domain.enterprise import NotificationType
from heliograph.domain.notification import Notification, Subscription

PUSH = "push"
"""The destination that is this server's own push endpoint; every other one is a Pub/Sub topic's name."""


class NotPublished(Exception):
    """The message was not accepted, or the outcome is unknown: it is sent again later. The text says why, without secrets."""


class Publish(msgspec.Struct, frozen=True):
    """A write: the notification waits in the outbox. The store gives it a message id that no other message ever has."""

    notification: Notification
    destination: str


class Published(msgspec.Struct, frozen=True):
    """A write: the message leaves the outbox."""

    message_id: int


class Postponed(msgspec.Struct, frozen=True):
    """A write: the message is tried again at `due_us`, after this many failed attempts."""

    message_id: int
    due_us: int
    attempts: int


class OutboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits in the outbox."""

    message_id: int
    destination: str
    notification_type: str
    data: bytes
    created_us: int
    due_us: int
    attempts: int = 0


class Outbox(Protocol):
    """The part of a Store (service/ports.py) that holds messages; they come and go with the writes above."""

    async def claim(self, *, limit: int, now_us: int, until_us: int) -> Sequence[OutboxMessage]:
        """At most `limit` messages with due_us <= now_us, the soonest due first; no other claim gets them before `until_us`.

        No one waits: messages that another server is claiming are skipped. A claim ends sooner by the writes
        above; one that is not ended (its server died) lapses. A newer message in its place is unclaimed.
        """

    async def next_message_us(self) -> int | None:
        """The smallest due_us of the unclaimed messages; None: there are none, or only the database knows."""

    def on_published(self, listener: Callable[[Sequence[int]], None]) -> None:
        """`listener(message_ids)` is called on the event loop after a commit that put messages into the outbox."""


class Publisher(Protocol):
    """Sends messages to the world outside."""

    async def publish(self, message: OutboxMessage) -> None:
        """The destination has taken the message.  Raises: NotPublished."""

    async def close(self) -> None: ...


@dataclass(slots=True)
class PublishingCounts:
    """Outcomes of messages since this process started."""

    published: int = 0
    failed: int = 0
    """Attempts that are repeated later."""
    given_up: int = 0
    begun: int = 0
    ended: int = 0
    """Attempts started, and attempts whose outcome is durable: while they differ, some are in progress."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where this server can send notifications."""

    topics: bool = False
    """To the enterprise's Pub/Sub topic."""
    push: bool = False
    """To the server's push endpoint: for an enterprise without a topic, too."""

    events: bool = False
    """To the enterprise's event stream."""

    def __bool__(self) -> bool:
        return self.topics or self.push or self.events

    def of(self, subscription: Subscription | None, notification_type: NotificationType) -> Sequence[str]:
        """Where a notification of this type goes; nowhere if the enterprise did not enable it."""
        if subscription is None or not subscription.wants(notification_type):
            return ()
        return self.of_test(subscription)

    def of_test(self, subscription: Subscription) -> Sequence[str]:
        """Where a test message goes."""
        topic = (subscription.pubsub_topic,) if self.topics and subscription.pubsub_topic else ()
        return (*topic, PUSH) if self.push else topic
