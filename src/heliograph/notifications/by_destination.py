"""One Publisher for all destinations."""

from collections.abc import Callable

from heliograph.notifications.pubsub import PubsubPublisher
from heliograph.notifications.push import PushPublisher
from heliograph.service.outbox import PUSH, Destinations, NotPublished, OutboxMessage, Publisher

Watch = Callable[[OutboxMessage], None] | None


def publisher_for(
    *, push_endpoint: str, pubsub: bool, watch: Watch = None, push: Publisher | None = None
) -> "PublisherByDestination":  # fmt: skip
    """The publisher of a server with these settings; `push` publishes to the push endpoint in place of one made here.

    Raises: InvalidArgument: the endpoint is not a URL; PubsubMissing.
    """
    if push is None and push_endpoint:
        push = PushPublisher(push_endpoint)
    return PublisherByDestination(push=push, topics=PubsubPublisher() if pubsub else None, watch=watch)


class PublisherByDestination:
    """Hands each message to the publisher of its destination."""

    def __init__(self, *, push: Publisher | None = None, topics: Publisher | None = None, watch: Watch = None) -> None:
        """`watch` sees every message to the push endpoint, which need not exist then."""
        self._push = push
        self._topics = topics
        self._watch = watch
        self.endpoints: Publisher | None = None
        """To enterprises' own push endpoints; they are in the store, which is there later."""
        self.destinations = Destinations(topics=topics is not None, push=push is not None or watch is not None)

    async def publish(self, message: OutboxMessage) -> None:
        """Its destination has taken the message.  Raises: NotPublished."""
        to_push = message.destination == PUSH
        if to_push and self._watch is not None:
            self._watch(message)
        publisher = self._push if to_push else self.endpoints if message.to_endpoint else self._topics
        if publisher is not None:
            await publisher.publish(message)
        elif not to_push or self._watch is None:
            # Written by a server that was started with other options.
            raise NotPublished(f"this server has no publisher for {message.destination}")

    async def close(self) -> None:
        for publisher in (self._push, self._topics, self.endpoints):
            if publisher is not None:
                await publisher.close()
