"""The events that show what a violation says: everything that was recorded of one operation, device or phone, by time."""

from collections.abc import Iterator, Sequence

from heliograph.history.events import (
    Acted,
    AnyEvent,
    AtRest,
    Completed,
    Enrolled,
    Fault,
    Final,
    Invoked,
    Judged,
    Notified,
    Reached,
    Shown,
    Subscribed,
)
from heliograph.history.faults import OF_PHONES

US_PER_S = 1_000_000


def story_of(events: Sequence[AnyEvent], about: str, *, most: int = 40) -> list[str]:
    """What happened to it, a line an event: seconds since the first event, and what. `most`: lines; the middle is left out beyond that.

    Faults of servers and databases are included, because they explain the rest.
    """
    start_us = events[0].at_us if events else 0
    showing = {event.call for event in events if isinstance(event, Completed) and any(shown.name == about for shown in event.shown)}
    calls = {event.call: event for event in events if isinstance(event, Invoked) and (event.call in showing or event.target == about)}
    lines: list[str] = []
    for event in events:
        when = f"{(event.at_us - start_us) / US_PER_S:12.6f}"
        lines += [f"{when}  {said}" for said in _told(event, about, calls)]
    if len(lines) <= most:
        return lines
    head, tail = most // 2, most - most // 2
    return [*lines[:head], f"{'':12}  … {len(lines) - most} more …", *lines[-tail:]]


def _told(event: AnyEvent, about: str, calls: dict[int, Invoked]) -> Iterator[str]:
    match event:
        case Invoked() if event.call in calls:
            yield f"call {event.call}: {event.verb.value} {event.type}".rstrip() + " …"
        case Completed():
            yield from _completed(event, about, calls)
        case Reached() if event.operation == about:
            yield f"{event.phone} (life {event.incarnation}): {event.moment.value}"
        case Acted() if about in {event.operation, event.phone}:
            how = "" if event.succeeded is None else " with success" if event.succeeded else " without success"
            yield f"{event.phone} (life {event.incarnation}, boot {event.boot_id or '?'}): {event.type} {event.step}{how}"
        case Fault() if event.target == about or event.what not in OF_PHONES:
            yield f"*** {event.what.value} {event.target}".rstrip()
        case _:
            yield from _told_besides(event, about)


def _told_besides(event: AnyEvent, about: str) -> Iterator[str]:
    match event:
        case Enrolled() if about in {event.phone, event.device}:
            yield f"{event.phone} is {event.device}"
        case Judged() if event.operation == about:
            yield f"by the phone's own facts: {event.judgement.value}"
        case AtRest() if event.phone == about or about in event.unfinished:
            managed, enrolled = ("" if event.managed else "not "), ("holds" if event.enrolled else "has forgotten")
            yield f"{event.phone} at rest: {managed}managed, {enrolled} its credential, {len(event.unfinished)} unfinished"
        case Subscribed() if event.enterprise == about:
            yield f"{event.enterprise} wants notifications"
        case Notified() if event.shown.name == about:
            yield f"told: {_shown(event.shown)}"
        case Final():
            yield from (f"at the end: {_shown(operation)}" for operation in event.operations if operation.name == about)
        case _:
            pass


def _completed(event: Completed, about: str, calls: dict[int, Invoked]) -> Iterator[str]:
    if event.call not in calls:
        return
    invoked = calls[event.call]
    what = f"call {event.call}: {invoked.verb.value}"
    told = [operation for operation in event.shown if about in {operation.name, invoked.target}]
    if not told:
        yield f"{what} → {event.answer.value} {event.status or ''} {event.why}".rstrip()
    for operation in told:
        yield f"{what} → {event.answer.value}, {_shown(operation)}"


def _shown(operation: Shown) -> str:
    detail = f" ({operation.detail})" if operation.detail else ""
    return f"{operation.name.rpartition('/')[2]} {operation.type} {operation.outcome}{detail}"
