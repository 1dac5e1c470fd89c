"""A page of events as the statement `page_of_events` reads it."""

from collections.abc import Sequence
from operator import attrgetter

from heliograph.domain.names import EnterpriseName
from heliograph.service.event_log import Event, EventPage
from heliograph.storage.kind import ReadRow

PAGE_MAX_BYTES = 1_024 * 1_024
"""Of data in one page, its last event apart: this is what a reader that does not read keeps in memory."""


def page_of_events(enterprise: EnterpriseName, after: int, limit: int) -> tuple[str, str, int, int, int]:
    """The statement's values."""
    return enterprise.enterprise, enterprise.enterprise, after, limit, PAGE_MAX_BYTES


def event_page(rows: Sequence[ReadRow]) -> EventPage:
    """The page; the one row of an empty page has no event."""
    found = [
        Event(number=number, created_us=created_us, notification_type=notification_type, data=data)
        for _, number, created_us, notification_type, data, *_ in rows
        if number is not None
    ]
    return EventPage(sorted(found, key=attrgetter("number")), rows[0][0])
