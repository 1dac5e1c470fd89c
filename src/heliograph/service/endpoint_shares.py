"""Room for each enterprise: push endpoints that answer slowly, however many one enterprise has, hold up no other's notifications.

A destination's own share (send_notifications.EACH_MOST) does not see to that: a tenant makes as many endpoints as it may have.
"""

from collections import Counter
from collections.abc import Collection, Iterator

from heliograph.service.outbox import OutboxMessage


class EndpointShares:
    """What one server sends to push endpoints, by their enterprises; in memory, for as long as something is being sent."""

    def __init__(self) -> None:
        self._endpoints: dict[str, set[str]] = {}

    def busy(self, sending: Collection[OutboxMessage], *, most: int, each: int) -> Iterator[tuple[str, int]]:
        """By how much of `each` an endpoint gets less, at least, so that its enterprise has about `most` messages in progress.

        One more for each of its endpoints is possible: they share what is left, rounded up.
        """
        ours = [message for message in sending if message.to_endpoint]
        counts = Counter(message.enterprise for message in ours)
        for message in ours:
            self._endpoints.setdefault(message.enterprise, set()).add(message.destination)
        for enterprise in self._endpoints.keys() - counts.keys():
            del self._endpoints[enterprise]
        for enterprise, endpoints in self._endpoints.items():
            share = -(-max(0, most - counts[enterprise]) // len(endpoints))
            yield from ((endpoint, each - share) for endpoint in endpoints if share < each)
