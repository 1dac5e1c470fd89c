"""An enterprise's event stream in the store: its notifications, numbered in an order that never changes (glossary: event)."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

import msgspec

from heliograph.domain.names import EnterpriseName
from heliograph.domain.notification import Notification
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument


class EventsGone(FailedPrecondition):
    """The events after this cursor are no longer kept."""

    reason = "EVENTS_GONE"

    def __init__(self, after: int, oldest: int, message: str = "") -> None:
        super().__init__(
            message
            or f"The events after cursor {after} are no longer kept. Reconcile by operations.list and devices.list, then go on with "
            f"after={oldest}.",
            metadata={"oldestCursor": str(oldest)},
        )


class EventsStartOver(EventsGone):
    """Everything was deleted and made again: the numbers of events start with 1."""

    def __init__(self) -> None:
        super().__init__(0, 0, "The sandbox was reset: its events start over. Go on with after=0.")


class CursorAhead(InvalidArgument):
    """No event of this enterprise has come so far."""

    reason = "EVENT_CURSOR_AHEAD"

    def __init__(self, after: int, last: int) -> None:
        super().__init__(
            f"The cursor {after} is ahead of the newest event, {last}: it is another enterprise's, or the database was restored from a "
            f"backup. Reconcile by operations.list and devices.list, then go on with after={last}.",
            metadata={"latestCursor": str(last)},
        )


class AppendEvent(msgspec.Struct, frozen=True):
    """A write: the notification is the next event of the enterprise."""

    enterprise: EnterpriseName
    notification: Notification


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One notification in an enterprise's stream."""

    number: int
    """1, 2, 3, … without a gap; no number is given twice."""
    created_us: int
    notification_type: str
    data: bytes


class EventPage(NamedTuple):
    """Events after some number, and the number of the enterprise's newest one (0: it never had any)."""

    events: Sequence[Event]
    last: int


class EventLog(Protocol):
    """The part of a Store (service/ports.py) that keeps events; they come with the write above, and go by `Store.retire`."""

    async def events(self, enterprise: EnterpriseName, *, after: int, limit: int) -> EventPage:
        """At most `limit` of the kept events with a greater number, in order; fewer if they are large.

        Complete: if number n is in an answer, every kept smaller one was in it or in an answer before. What was committed before
        the call is there. The oldest go first, so what is kept has no gaps.
        """

    def on_events(self, listener: Callable[[Collection[EnterpriseName]], None]) -> None:
        """`listener(enterprises)` is called on the event loop after a commit of this process that appended events of these."""
