"""A command that waits for its user expires as any other; what has expired has no effect, ever, for its phone asks before it begins."""

from pathlib import Path

import pytest

from heliograph.domain.behaviour import Behaviour
from heliograph.domain.device import Ownership
from heliograph.domain.names import OperationName
from heliograph.domain.operation import State
from heliograph.protocol import Drop, DropWhy, Execute, ReportState
from heliograph.service.devices import delete_device
from heliograph.service.limits import Limits
from heliograph.service.report_result import NotAcknowledged
from tests.service.world import ACK_B, Phone, World, facts, world

EID = '{"requestDeviceInfoParams":{"deviceInfo":"EID"},"duration":"60s"}'
DONE = {"status": "SUCCEEDED"}
MONTH_S = 30 * 86_400


async def acknowledged(lab: World) -> tuple[Phone, OperationName]:
    """A phone that has said "I will" to a request for its EID, of 60 s."""
    phone = await lab.phone(facts(ownership=Ownership.PERSONALLY_OWNED))
    name = await lab.issue(phone.name, EID)
    await phone.acknowledges(name)
    return phone, name


async def test_a_question_that_nobody_answers_in_time_expires_and_may_not_begin(lab: World) -> None:
    phone, name = await acknowledged(lab)
    lab.clock.advance(20)
    within_ms = await phone.asks(name)

    lab.clock.advance(40)
    await lab.deadlines_pass()

    operation = await lab.operation(name)
    assert (40_000, State.EXPIRED, b"") == (within_ms, operation.state, operation.status)
    assert Drop(drop=DropWhy.EXPIRED) == await phone.begins(name)
    assert State.EXPIRED is (await lab.operation(name)).state


async def test_who_asks_in_time_begins_and_expires_no_more(lab: World) -> None:
    phone, name = await acknowledged(lab)
    await phone.asks(name)
    lab.clock.advance(59.5)

    let = await phone.begins(name)
    lab.clock.advance(3_600)
    await lab.deadlines_pass()
    again = await phone.begins(name)
    await phone.reports(name, ReportState.SUCCEEDED, seq=2, status=DONE)

    assert [500, 0] == [answer.start_within_ms for answer in (let, again) if isinstance(answer, Execute)]
    assert State.SUCCEEDED is (await lab.operation(name)).state
    assert ["begun"] == [entry.what for entry in (await lab.operation(name)).timeline if entry.what == "begun"]


@pytest.mark.parametrize("asked", [True, False])
async def test_the_time_is_looked_at_whether_or_not_a_timer_fired_or_the_question_was_heard_of(tmp_path: Path, *, asked: bool) -> None:
    async with world(tmp_path, watches_deadlines=False) as lab:
        phone, name = await acknowledged(lab)
        if asked:
            await phone.asks(name)
        lab.clock.advance(60)

        assert Drop(drop=DropWhy.EXPIRED) == await phone.begins(name)
        assert State.EXPIRED is (await lab.operation(name)).state


async def test_a_question_that_is_heard_of_too_late_is_to_be_withdrawn(lab: World) -> None:
    phone, name = await acknowledged(lab)
    lab.clock.advance(61)

    assert 0 == await phone.asks(name)
    await lab.deadlines_pass()
    assert 0 == await phone.asks(name, seq=2)
    await phone.reports(name, ReportState.NOT_STARTED, seq=3)

    operation = await lab.operation(name)
    assert (State.EXPIRED, 1) == (operation.state, sum(entry.what == "late" for entry in operation.timeline))


async def test_a_hello_gives_a_question_no_more_time(lab: World) -> None:
    phone, name = await acknowledged(lab)
    await phone.asks(name)
    lab.clock.advance(59)
    await phone.greets({name: "a" * 32})

    lab.clock.advance(1)
    await lab.deadlines_pass()

    assert State.EXPIRED is (await lab.operation(name)).state


async def test_a_phone_that_does_not_know_of_begin_waits_as_long_as_its_user(lab: World) -> None:
    """It would not ask: that it has no effect after the end nobody could promise."""
    phone, name = await acknowledged(lab)
    await phone.reports(name, ReportState.PROGRESS, status={"status": "PENDING_USER_ACTION"})

    lab.clock.advance(MONTH_S - 60)
    await lab.deadlines_pass()

    assert State.ACKNOWLEDGED is (await lab.operation(name)).state


async def test_as_observed_an_answer_counts_whenever_it_comes(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(behaviour=Behaviour.AS_OBSERVED)) as lab:
        phone, name = await acknowledged(lab)
        within_ms = await phone.asks(name)
        lab.clock.advance(3_600)
        await lab.deadlines_pass()

        assert (None, Execute(start_within_ms=0)) == (within_ms, await phone.begins(name))
        assert State.ACKNOWLEDGED is (await lab.operation(name)).state


async def test_only_the_owner_of_the_acknowledgement_may_begin(lab: World) -> None:
    phone, name = await acknowledged(lab)
    other = await lab.issue(phone.name, EID)

    assert Drop(drop=DropWhy.TAKEN) == await phone.begins(name, ACK_B)
    with pytest.raises(NotAcknowledged):
        await phone.begins(other)


async def test_nothing_begins_on_a_device_that_is_deleted_nor_twice(lab: World) -> None:
    phone, name = await acknowledged(lab)
    await phone.begins(name)
    await phone.reports(name, ReportState.SUCCEEDED, status=DONE)
    assert Drop(drop=DropWhy.FINISHED) == await phone.begins(name)
    second = await lab.issue(phone.name, EID)
    await phone.acknowledges(second)
    await phone.asks(second)
    lab.clock.advance(61)

    await delete_device(lab.ports, phone.name)

    assert State.EXPIRED is (await lab.operation(second)).state
