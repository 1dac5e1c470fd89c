"""An enterprise in numbers: of this moment if counting is quick, of a while ago if it is not, and never waited for."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from heliograph.domain.device import DeviceState
from heliograph.domain.names import EnterpriseName
from heliograph.domain.operation import State
from heliograph.domain.outcome_hours import EndedCount
from heliograph.service.changes import Changes, Shelf
from heliograph.service.fleet_counts import DeviceStates, FleetCounts
from heliograph.service.fleet_summary import SUMMARY, FleetSummaries, FleetSummary
from tests.service.world import LAB, World


class HeldUp:
    """A FleetCounts that counts once it may."""

    def __init__(self, counts: FleetCounts) -> None:
        self._counts = counts
        self.may = asyncio.Event()
        self.asked = 0

    async def states_of_devices(self, enterprise: EnterpriseName, *, after: str, limit: int) -> DeviceStates:
        self.asked += 1
        await self.may.wait()
        return await self._counts.states_of_devices(enterprise, after=after, limit=limit)

    async def open_count(self, enterprise: EnterpriseName) -> int:
        return await self._counts.open_count(enterprise)

    async def ended_counts(self, enterprise: EnterpriseName, *, from_us: int, until_us: int, limit: int) -> Sequence[EndedCount]:
        return await self._counts.ended_counts(enterprise, from_us=from_us, until_us=until_us, limit=limit)


async def counted(summaries: FleetSummaries) -> FleetSummary:
    """The numbers, once there are any."""
    while (found := await summaries.newest(LAB)) is None:
        pass
    return found


async def test_the_numbers_are_those_of_the_store(lab: World) -> None:
    device = (await lab.phone()).name
    ports = lab.ports
    await lab.issue(device)

    found = await counted(FleetSummaries(ports.store, ports.clock, ports.changes))

    assert Counter({DeviceState.PROVISIONING: 1}) == found.devices
    assert 1 == found.open_commands
    assert 24 == len(found.hours)
    lab.clock.advance(700)
    await lab.deadlines_pass()
    later = await counted(FleetSummaries(ports.store, ports.clock, ports.changes))
    assert [State.EXPIRED] == [state for hour in later.hours for state in hour.outcomes]


async def test_a_page_does_not_wait_for_slow_numbers_and_hears_when_they_are_there(lab: World) -> None:
    await lab.phone()
    held_up, changes = HeldUp(lab.ports.store), Changes()
    summaries = FleetSummaries(held_up, lab.ports.clock, changes)

    with changes.watching():
        assert await summaries.newest(LAB) is None
        assert await summaries.newest(LAB) is None
        assert 1 == held_up.asked  # those who ask meanwhile wait for the same
        number = changes.last
        held_up.may.set()
        await changes.wait(number)

        assert [Shelf(LAB.enterprise, SUMMARY)] == list(changes.since(number, most=9) or ())

    assert 1 == (await counted(summaries)).devices.total()


async def test_hours_that_are_over_are_counted_once(lab: World) -> None:
    asked: list[int] = []

    class Watched(HeldUp):
        async def ended_counts(self, enterprise: EnterpriseName, *, from_us: int, until_us: int, limit: int) -> Sequence[EndedCount]:
            asked.append(from_us)
            return await super().ended_counts(enterprise, from_us=from_us, until_us=until_us, limit=limit)

    watched = Watched(lab.ports.store)
    watched.may.set()
    summaries = FleetSummaries(watched, lab.ports.clock, Changes())
    first = await counted(summaries)
    lab.clock.advance(3_600)
    while (again := await counted(summaries)) is first:  # noqa: ASYNC110 - nothing signals the end of a pause
        await asyncio.sleep(0.002)

    assert asked[:24] == [hour.begin_us for hour in first.hours]
    assert set(asked[24:]) <= {hour.begin_us for hour in again.hours[-3:]}
