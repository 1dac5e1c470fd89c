"""The outbox: notifications written with the change they report, and sent afterwards (glossary: outbox)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import msgspec

from heliograph.domain.notification import Notification, Subscription

PUSH = "push"
"""The destination that is this server's own push endpoint; others are an enterprise's push endpoint, or a Pub/Sub topic, by name."""


NOWHERE: Mapping[str, int] = MappingProxyType({})


class NotPublished(Exception):
    """The message was not accepted, or the outcome is unknown: it is sent again later. The text says why, without secrets."""

    def __init__(self, reason: str, *, only_this: bool = False, retry_after_us: int | None = None) -> None:
        """`only_this`: other messages to the same destination may do better. `retry_after_us`: how long it wants to be left alone."""
        super().__init__(reason)
        self.only_this = only_this
        self.retry_after_us = retry_after_us


class DestinationClosed(NotPublished):
    """The destination takes no messages any more: this one is given up at once."""


class Publish(msgspec.Struct, frozen=True):
    """A write: the notification waits in the outbox. The store gives it a message id that no other message ever has."""

    notification: Notification
    destination: str
    enterprise: str = ""
    """The id of the enterprise that it is about; empty: it is dropped when it is given up, and not kept as a dead letter."""
    message_id: int = 0
    """The id that a message keeps which is sent again after it was given up; 0: a new one."""


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
    enterprise: str = ""

    @property
    def to_endpoint(self) -> bool:
        """Whether it goes to a push endpoint of its enterprise; the names of topics begin with `projects/`."""
        return self.destination.startswith("enterprises/")


class Outbox(Protocol):
    """The part of a Store (service/ports.py) that holds messages; they come and go with the writes above."""

    async def claim(
        self, *, limit: int, now_us: int, until_us: int, each: int | None = None, busy: Mapping[str, int] = NOWHERE
    ) -> Sequence[OutboxMessage]:
        """At most `limit` messages with due_us <= now_us, the soonest due first; no other claim gets them before `until_us`.

        Of one destination at most `each` (None: `limit`), less what `busy` says of it. If there are more than `limit`, destinations
        take turns.
        No one waits: messages that another server is claiming are skipped. A claim ends sooner by the writes
        above; one that is not ended (its server died) lapses. A newer message in its place is unclaimed.
        """

    async def next_messages_us(self) -> Mapping[str, int]:
        """The smallest due_us of the unclaimed messages, by destination; empty: there are none, or only the database knows."""

    async def full_outboxes(self, *, most: int) -> Mapping[str, int]:
        """How many messages wait, by the id of the enterprise, of those enterprises that have more than `most`."""

    async def oldest_messages(self, enterprise: str, *, limit: int) -> Sequence[OutboxMessage]:
        """The messages of the enterprise with the smallest ids, claimed or not."""

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
    """Messages that became dead letters after their time, or because their destination takes no more."""
    overflowed: int = 0
    """Messages that became dead letters because too many waited."""
    dropped: int = 0
    """Dead letters that went because there were too many."""
    closed: int = 0
    """Push endpoints that were disabled because they answered 410."""
    begun: int = 0
    ended: int = 0
    """Attempts started, and attempts whose outcome is durable: while they differ, some are in progress."""
    buried: set[str] = field(default_factory=set)
    """Enterprises with new dead letters, which were not counted since."""
    resting_until_us: dict[str, int] = field(default_factory=dict)
    """When destinations that are left alone for a while, since they take nothing, are tried again; times that passed may be among them."""

    def resting(self, now_us: int) -> int:
        """How many destinations are left alone now."""
        return sum(until_us > now_us for until_us in self.resting_until_us.values())


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where this server can send notifications, besides the push endpoints of enterprises."""

    topics: bool = False
    """To the enterprise's Pub/Sub topic."""
    push: bool = False
    """To the server's push endpoint: for an enterprise without a topic, too."""
    events: bool = False
    """To the enterprise's events, for those who read them."""

    @property
    def outside(self) -> bool:
        """Whether notifications leave the server by themselves."""
        return self.topics or self.push

    def of(self, subscription: Subscription) -> Sequence[str]:
        """Where a notification that the enterprise wants is sent."""
        topic = (subscription.pubsub_topic,) if self.topics and subscription.pubsub_topic else ()
        return (*topic, PUSH) if self.push else topic
