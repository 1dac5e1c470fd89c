"""An enterprise's events: read from a cursor on, and followed as they come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from heliograph.domain.names import EnterpriseName
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.enterprises import get_enterprise
from heliograph.service.event_log import CursorAhead, Event, EventPage, EventsGone
from heliograph.service.ports import Ports

PAGE_MOST = 100
HEARTBEAT_S = 15.0
"""Proxies give up on a connection that says nothing, mostly after a minute."""
LOOK_S = 1.0
"""How late a follower sees what another server of the same database committed."""
READS_APART_S = 0.02
"""Under load there is a commit every millisecond: what comes meanwhile is read together."""
LATEST = "latest"
"""The cursor of those who want only what comes from now on."""


async def read_events(ports: Ports, name: EnterpriseName, after: str, *, limit: int = PAGE_MOST) -> tuple[Sequence[Event], int]:
    """At most `limit` events after the cursor, and the cursor to go on with.

    `after`: a cursor, LATEST, or empty: from the oldest that is kept.

    Raises: EnterpriseNotAuthorized; InvalidArgument: not a cursor; EventsGone; CursorAhead.
    """
    await get_enterprise(ports, name)
    if after == LATEST:
        return (), (await ports.store.events(name, after=0, limit=1)).last
    if after and not (after.isascii() and after.isdecimal() and len(after) < 19):  # noqa: PLR2004 - less than 2**63
        raise InvalidArgument(f"after={after[:32]!r} is not a cursor: send what an event or a page gave as `cursor`, or {LATEST!r}.")
    number = int(after or 0)
    page = await ports.store.events(name, after=number, limit=limit)
    if after:
        _require_kept(number, page)
    if page.events:
        return page.events, page.events[-1].number
    return (), page.last


def _require_kept(number: int, page: EventPage) -> None:
    """Raises: EventsGone, CursorAhead."""
    if number > page.last:
        raise CursorAhead(number, page.last)
    oldest = page.events[0].number - 1 if page.events else page.last
    if oldest > number:
        raise EventsGone(number, oldest)


async def follow_events(ports: Ports, name: EnterpriseName, after: int) -> AsyncIterator[Sequence[Event]]:
    """All events after the cursor, as they come, a page at a time; nothing (an empty page) after each HEARTBEAT_S of silence.

    Ends when the server does.  Raises: as `read_events`; the error with which followers are stopped.
    """
    with ports.followers.following(name) as bell:
        silent_s = 0.0
        while True:
            stopped = ports.followers.stopped
            bell.clear()
            events, after = await read_events(ports, name, str(after))
            if events:
                silent_s = 0.0
                yield events
            if stopped:
                break
            if events:
                await asyncio.sleep(READS_APART_S)
                continue
            wait_s = LOOK_S if ports.shared else HEARTBEAT_S
            with contextlib.suppress(TimeoutError):
                # By real time: a connection must show that it lives although a sandbox's clock stands.
                async with asyncio.timeout(wait_s):
                    await bell.wait()
            silent_s += wait_s
            if silent_s >= HEARTBEAT_S:
                silent_s = 0.0
                yield ()
    if ports.followers.because is not None:
        raise ports.followers.because
