"""`/console/live`: the one stream of a browser, which says what has changed, so that its pages ask again for what they show.

It carries names, no content: what a page then gets is judged, and rendered, as if it were opened now. Each frame names everything that
changed since the one before, so its reader misses nothing, however fast things change; there are four frames a second at most.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator
from typing import Final

from heliograph.api.console.guest import DEVICES_GET, METHODS, Guest
from heliograph.api.http.streaming import Stream
from heliograph.domain.access import Caller
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import HeliographError, PermissionDenied
from heliograph.service.changes import Changes, Shelf, Thing

APART_S: Final = 0.25
"""Between two frames: four patches a second are as fast as eyes follow."""
NAMES_MOST: Final = 100
"""Of one frame; when more has changed, it says that everything may have."""
HEARTBEAT_S: Final = 15.0
"""Proxies give up on a connection that says nothing, mostly after a minute."""
LOOK_S: Final = 2.0
"""How late a page sees what another server of the same database changed."""
EVERYTHING: Final = "*"
FIRST: Final = b"retry: 1000\n\n"
HEARTBEAT: Final = b":\n\n"

Sleep = Callable[[float], Awaitable[None]]


async def follow(guest: Guest) -> Stream:
    """The names of what changes, from the cursor on that the page or the last frame had.

    Raises: Unauthenticated, PermissionDenied; TooManyStreams, Overloaded.
    """
    caller = await guest.identify()
    after = guest.header("last-event-id") or guest.parameter("after")
    owner = caller.key_id or guest.address
    guest.console.streams.require_room(owner)
    frames = frames_of(guest.ports.changes, guest.console.life, after, look_s=LOOK_S if guest.ports.shared else None)
    return Stream(b"text/event-stream; charset=utf-8", _pieces(guest, caller, owner, frames), recheck=guest.identify)


async def frames_of(
    changes: Changes, life: str, after: str, *, look_s: float | None = None, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[tuple[str, Collection[Thing] | None]]:
    """Each frame's cursor and what has changed since the frame before, the first at once; None: anything may have. Ends with the server.

    Nothing (no things) after each HEARTBEAT_S of silence. `look_s`: after so long without a change here, others may have changed
    something; None: there are no others.
    """
    of_life, _, digits = after.partition(".")
    number = int(digits) if of_life == life and digits.isascii() and digits.isdecimal() and len(digits) < 19 else -1  # noqa: PLR2004 - 2**63
    with changes.watching():
        while not changes.stopped:
            things, number = changes.since(number, most=NAMES_MOST), changes.last
            yield f"{life}.{number}", things
            await sleep(APART_S)
            while changes.last == number and not changes.stopped:
                try:
                    async with asyncio.timeout(look_s or HEARTBEAT_S):
                        await changes.wait(number)
                except TimeoutError:
                    yield f"{life}.{number}", () if look_s is None else None


async def _pieces(
    guest: Guest, caller: Caller, owner: str, frames: AsyncIterator[tuple[str, Collection[Thing] | None]]
) -> AsyncGenerator[bytes]:
    with guest.console.streams.one_of(owner):
        first = FIRST
        async for cursor, things in frames:
            if things is None or any(isinstance(thing, Shelf) and not thing.enterprise for thing in things):
                # Sessions, keys, roles: someone may have signed out, or lost a right.
                try:
                    caller = await guest.identify()
                except HeliographError:
                    return
            names = [EVERYTHING] if things is None else sorted({name for thing in things for name in _shown(guest, caller, thing)})
            if names or first:
                yield first + b"id: %b\n%b\n" % (cursor.encode(), b"".join(b"data: %b\n" % name.encode() for name in names or [""]))
            else:
                yield HEARTBEAT
            first = b""


def _shown(guest: Guest, caller: Caller, thing: Thing) -> Iterator[str]:
    """What the caller may know of it: a name, or only that something of the enterprise has changed."""
    if not thing.enterprise:
        return
    if guest.console.authorizer is None:
        yield str(thing)
        return
    if caller.rights.enterprises is not None and thing.enterprise not in caller.rights.enterprises:
        return
    by_device = True
    with contextlib.suppress(PermissionDenied):
        by_device = caller.rights.admit(METHODS[DEVICES_GET], thing.enterprise).by_device
    yield f"enterprises/{thing.enterprise}" if by_device and isinstance(thing, DeviceName) else str(thing)
