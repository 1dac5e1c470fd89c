"""`GET /heliograph/v1/enterprises/*/events`: an enterprise's notifications from a cursor on.  Heliograph's own: not in AMAPI."""

from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec

from heliograph.api.http.errors import http_status
from heliograph.api.http.streaming import EVENT_STREAM, Stream, stream_wanted
from heliograph.api.method import Call
from heliograph.domain.error_body import error_body
from heliograph.domain.messages import Message
from heliograph.domain.names import EnterpriseName
from heliograph.protojson.errors import HeliographError, InvalidArgument
from heliograph.protojson.messages import Int32
from heliograph.protojson.times import format_timestamp
from heliograph.service.event_log import Event
from heliograph.service.events import PAGE_MOST, follow_events, read_events

FIRST_LINE = b"retry: 1000\n\n"
"""How long (ms) an EventSource waits before it connects again."""


class EventsQuery(Message):
    """`after`: a cursor; empty: from the oldest event that is kept; `latest`: from now on."""

    after: str = ""
    page_size: Int32 = 0


class EventView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An event as callers see it."""

    cursor: str
    notification_type: str
    create_time: str
    data: msgspec.Raw | None = None
    """The resource, as the notification has it."""


class EventList(msgspec.Struct, frozen=True, rename="camel"):
    """A page of events, and the cursor to go on with."""

    events: list[EventView]
    cursor: str


async def list_(call: Call) -> bytes | Stream:
    """A page of the enterprise's events, or a stream of all from the cursor on, as the request's Accept says.

    Raises: EnterpriseNotAuthorized, EventsGone, CursorAhead, InvalidArgument.
    """
    query: EventsQuery = call.query
    if query.page_size < 0:
        raise InvalidArgument("pageSize must not be negative.")
    name, wanted = EnterpriseName(*call.ids), stream_wanted(call.scope)
    after = query.after
    if wanted == EVENT_STREAM:
        after = _header(call, b"last-event-id") or after
    limit = min(query.page_size, PAGE_MOST) or PAGE_MOST
    events, cursor = await read_events(call.ports, name, after, limit=limit)
    if wanted:
        form = _EventStream if wanted == EVENT_STREAM else _JsonLines
        return Stream(wanted.encode() + b"; charset=utf-8", _pieces(call, name, events, cursor, form))
    return msgspec.json.encode(EventList(list(map(_view, events)), str(cursor)))


class _JsonLines:
    """An event a line; an empty line shows that the connection lives."""

    first = b"\n"
    heartbeat = b"\n"

    @staticmethod
    def event(event: Event) -> bytes:
        return msgspec.json.encode(_view(event)) + b"\n"

    @staticmethod
    def error(body: bytes) -> bytes:
        return body + b"\n"


class _EventStream:
    """Server-sent events; a comment shows that the connection lives.  Source: html.spec.whatwg.org §9.2."""

    first = FIRST_LINE
    heartbeat = b":\n\n"

    @staticmethod
    def event(event: Event) -> bytes:
        return b"id: %d\ndata: %b\n\n" % (event.number, msgspec.json.encode(_view(event)))

    @staticmethod
    def error(body: bytes) -> bytes:
        return b"event: error\ndata: %b\n\n" % body


async def _pieces(
    call: Call, name: EnterpriseName, events: Sequence[Event], cursor: int, form: type[_JsonLines] | type[_EventStream]
) -> AsyncGenerator[bytes]:
    """The first page, then all that follows; an error that ends it is its last piece."""
    written: Callable[[Event], bytes] = form.event
    yield form.first + b"".join(map(written, events))
    try:
        async for page in follow_events(call.ports, name, cursor):
            yield b"".join(map(written, page)) or form.heartbeat
    except HeliographError as error:
        yield form.error(error_body(error, http_status(error)))


def _view(event: Event) -> EventView:
    data = msgspec.Raw(event.data) if event.data else None
    return EventView(str(event.number), event.notification_type, format_timestamp(event.created_us), data)


def _header(call: Call, wanted: bytes) -> str:
    found: bytes = next((value for name, value in call.scope["headers"] if name == wanted), b"")
    return found.decode("latin-1").strip()
