"""An enterprise in numbers, for people: devices by state, open commands, and how commands came out in the last hours.

Counting 100,000 devices takes most of a second, so numbers are counted aside, in small reads that let others pass, and remembered. Who asks
gets the newest there are; if counting is quick, as of most enterprises, they are of this moment.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from heliograph.domain.device import DeviceState
from heliograph.domain.names import EnterpriseName
from heliograph.domain.outcome_hours import HOUR_US, OutcomeHour, hours_until
from heliograph.service.changes import Changes, Shelf
from heliograph.service.fleet_counts import FleetCounts
from heliograph.service.ports import Clock

DEVICES_AT_ONCE: Final = 2_000
"""Of one read: some milliseconds."""
ENDED_MOST: Final = 20_000
"""Commands of the server that are looked at for each hour, the newest: what counting costs is bounded, however busy the server is."""
WAIT_S: Final = 0.02
"""How long a page waits for numbers of this moment before it takes those of a while ago."""
SHARE: Final = 20
"""Numbers are counted again after so many times as long as counting took: at most a twentieth of one thread's time."""
SETTLED_US: Final = 60_000_000
"""So long after its end, nothing is added to an hour any more: a report may come in late by what a commit takes."""
SUMMARY: Final = "summary"
"""What changes (changes.py) when numbers are there that someone waited for."""
REMEMBERED_MOST: Final = 256
"""Enterprises."""


class FleetSummary(NamedTuple):
    """The numbers, and of when they are."""

    at_us: int
    devices: Counter[DeviceState]
    open_commands: int
    hours: Sequence[OutcomeHour]
    """The last 24, oldest first; the last one goes on."""


class _Known:
    """What is known of one enterprise."""

    def __init__(self) -> None:
        self.newest: FleetSummary | None = None
        self.counting: asyncio.Task[None] | None = None
        self.again_s = 0.0
        """When it may be counted again, by the event loop's time."""
        self.hours: dict[int, OutcomeHour] = {}
        """Hours to which nothing is added any more."""


class FleetSummaries:
    """Of one server."""

    def __init__(self, counts: FleetCounts, clock: Clock, changes: Changes) -> None:
        self._counts = counts
        self._clock = clock
        self._changes = changes
        self._known: dict[EnterpriseName, _Known] = {}

    async def newest(self, enterprise: EnterpriseName) -> FleetSummary | None:
        """The enterprise in numbers; None: they are being counted, for the first time, and `Shelf(…, SUMMARY)` changes then.

        Raises: as Store: counting failed, and no numbers are known.
        """
        known = self._known.get(enterprise)
        if known is None:
            if len(self._known) >= REMEMBERED_MOST:
                self._known.pop(next(iter(self._known)))
            known = self._known[enterprise] = _Known()
        if known.counting is None and asyncio.get_running_loop().time() >= known.again_s:
            known.counting = asyncio.create_task(self._count(enterprise, known))
            known.counting.add_done_callback(_looked_at)
        if (counting := known.counting) is not None:
            await asyncio.wait({counting}, timeout=WAIT_S)
            if counting.done() and known.newest is None:
                counting.result()
        return known.newest

    async def _count(self, enterprise: EnterpriseName, known: _Known) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            known.newest = FleetSummary(
                self._clock.now_us(),
                await self._devices(enterprise),
                await self._counts.open_count(enterprise),
                await self._hours(enterprise, known),
            )
        finally:
            took_s = loop.time() - began_s
            known.again_s = loop.time() + SHARE * took_s
            known.counting = None
        if took_s > WAIT_S:
            self._changes.heard((Shelf(enterprise.enterprise, SUMMARY),))

    async def _devices(self, enterprise: EnterpriseName) -> Counter[DeviceState]:
        counts: Counter[DeviceState] = Counter()
        after = ""
        while True:
            page = await self._counts.states_of_devices(enterprise, after=after, limit=DEVICES_AT_ONCE)
            counts += page.counts
            if not page.next_after:
                return counts
            after = page.next_after
            await asyncio.sleep(0)  # others get their turn

    async def _hours(self, enterprise: EnterpriseName, known: _Known) -> Sequence[OutcomeHour]:
        now_us = self._clock.now_us()
        wanted = hours_until(now_us)
        known.hours = {begin_us: hour for begin_us, hour in known.hours.items() if begin_us >= wanted[0]}
        found = []
        for begin_us in wanted:
            hour = known.hours.get(begin_us)
            if hour is None:
                until_us = begin_us + HOUR_US
                counts = await self._counts.ended_counts(enterprise, from_us=begin_us, until_us=until_us, limit=ENDED_MOST)
                hour = OutcomeHour.of(begin_us, counts)
                if until_us + SETTLED_US <= now_us:
                    known.hours[begin_us] = hour
            found.append(hour)
        return found


def _looked_at(counting: asyncio.Task[None]) -> None:
    """The error of a count that no one waits for is dropped: the next who asks counts again."""
    if not counting.cancelled():
        counting.exception()
