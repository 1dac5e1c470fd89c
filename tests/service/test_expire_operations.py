"""Deadlines: never early, soon after, without a poll."""

import asyncio
from pathlib import Path

from heliograph.domain.operation import State
from heliograph.protocol import ReportState
from heliograph.server import SystemClock
from tests.agent.lab import eventually
from tests.patience import PATIENCE_S
from tests.service.world import START_US, World, world


async def test_a_command_expires_when_its_time_is_over_and_not_before(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    lab.clock.advance(599.999999)
    await asyncio.sleep(0.05)
    before = await lab.operation(name)
    lab.clock.advance(0.000001)
    await lab.deadlines_pass()

    operation = await lab.operation(name)
    assert State.QUEUED is before.state
    assert (State.EXPIRED, operation.expires_us) == (operation.state, operation.ended_us)


async def test_a_nearer_deadline_is_watched_at_once(lab: World) -> None:
    phone = await lab.phone()
    await lab.issue(phone.name)
    await asyncio.sleep(0.01)
    soon = await lab.issue(phone.name, '{"type":"LOCK","duration":"1s"}')

    lab.clock.advance(1.1)
    await lab.deadlines_pass()

    assert State.EXPIRED is (await lab.operation(soon)).state


async def test_commands_that_are_carried_out_in_time_wake_no_one(lab: World) -> None:
    """Whoever waits for the nearest deadline wakes for the first command's, long after that was met, and not for each."""
    phone = await lab.phone()
    for _ in range(5):
        name = await lab.issue(phone.name)
        await phone.acknowledges(name)
        await phone.reports(name, ReportState.SUCCEEDED)
        lab.clock.advance(1)
    before = list(lab.clock.sleeps)
    last = await lab.issue(phone.name)

    lab.clock.advance(595.5)
    await eventually(lambda: len(lab.clock.sleeps) > 1)
    lab.clock.advance(4.5)
    await lab.deadlines_pass()

    assert [START_US + 600_000_000] == before
    assert State.EXPIRED is (await lab.operation(last)).state


async def test_more_than_one_chunk_expires(lab: World) -> None:
    phones = [await lab.phone() for _ in range(2)]
    names = [name for phone in phones for name in await asyncio.gather(*(lab.issue(phone.name) for _ in range(300)))]

    lab.clock.advance(700)
    await lab.deadlines_pass()

    assert {State.EXPIRED} == {(await lab.operation(name)).state for name in names}


async def test_an_acknowledged_command_does_not_expire_and_is_given_up_after_its_rows_time(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    lab.clock.advance(86_399)
    await lab.deadlines_pass()
    before = await lab.operation(name)
    lab.clock.advance(1)
    await lab.deadlines_pass()

    operation = await lab.operation(name)
    assert State.ACKNOWLEDGED is before.state
    assert (State.FAILED, "timed out") == (operation.state, operation.timeline[-1].what)


async def test_offers_of_an_expired_command_are_told_in_its_timeline(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.hears()

    lab.clock.advance(600)
    await lab.deadlines_pass()

    assert ["issued", "offered", "expired"] == [entry.what for entry in (await lab.operation(name)).timeline]


async def test_on_a_real_clock_expiry_is_never_early_and_comes_by_itself(tmp_path: Path) -> None:
    """The promise is 50 ms on an idle server, which a test machine is not."""
    async with world(tmp_path, real_clock=SystemClock()) as lab:
        phone = await lab.phone()
        name = await lab.issue(phone.name, '{"type":"LOCK","duration":"0.3s"}')

        async with asyncio.timeout(PATIENCE_S):
            while not (operation := await lab.operation(name)).done:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)

        assert operation.ended_us is not None
        assert operation.ended_us >= operation.expires_us
