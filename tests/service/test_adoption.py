"""The outcome of a command that its phone has begun and whose acknowledgement the server lost (ADR 0016)."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from heliograph.domain.errors import DeviceNoLongerManaged
from heliograph.domain.operation import Operation, State
from heliograph.protocol import Drop, DropWhy, Execute, InFlightState, ReportState
from heliograph.service.operations import cancel_operation
from heliograph.service.phones import DeviceGone, authenticate_device
from heliograph.service.report_result import OtherAckId
from tests.service.world import ACK_A, ACK_B, World, world

BEGUN = pytest.mark.parametrize("state", [InFlightState.EXECUTING, InFlightState.RESULT])


def whats(operation: Operation) -> list[str]:
    """The story of the operation, in a word each."""
    return [entry.what for entry in operation.timeline]


@BEGUN
async def test_a_command_that_its_phone_has_begun_is_adopted_at_the_hello_and_not_run_again(lab: World, state: InFlightState) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    with capture_logs() as logs:
        await phone.greets({name: ACK_A}, state)
    offered = await phone.hears_name()
    await phone.reports(name, ReportState.SUCCEEDED)

    operation = await lab.operation(name)
    assert None is offered
    assert (State.SUCCEEDED, ACK_A) == (operation.state, operation.ack_id)
    assert ["issued", "adopted", "succeeded"] == whats(operation)
    assert [("command.adopted", str(name))] == [(line["event"], line["operation"]) for line in logs]


async def test_a_command_that_its_phone_only_wants_to_begin_is_left_to_its_acknowledgement(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    await phone.greets({name: ACK_A}, InFlightState.ACKING)

    assert State.QUEUED is (await lab.operation(name)).state
    await cancel_operation(lab.ports, name)
    assert Drop(drop=DropWhy.CANCELLED) == await phone.acknowledges(name)


async def test_a_begun_command_whose_time_is_over_is_adopted_while_it_is_queued(tmp_path: Path) -> None:
    """It was begun in time: the server that answered its acknowledgement looked."""
    async with world(tmp_path, watches_deadlines=False) as lab:
        phone = await lab.phone()
        name = await lab.issue(phone.name)
        lab.clock.advance(601)

        await phone.greets({name: ACK_A})
        await phone.reports(name, ReportState.SUCCEEDED)

        assert State.SUCCEEDED is (await lab.operation(name)).state


async def test_a_begun_command_whose_end_callers_saw_stays_as_it_is(lab: World) -> None:
    phone = await lab.phone()
    expired = await lab.issue(phone.name)
    cancelled = await lab.issue(phone.name)
    await cancel_operation(lab.ports, cancelled)
    lab.clock.advance(601)
    await lab.deadlines_pass()

    await phone.greets({expired: ACK_A, cancelled: ACK_B})
    await phone.reports(expired, ReportState.SUCCEEDED)
    await phone.reports(cancelled, ReportState.SUCCEEDED, ack_id=ACK_B)

    operations = [await lab.operation(name) for name in (expired, cancelled)]
    assert [State.EXPIRED, State.CANCELLED] == [operation.state for operation in operations]
    assert ["late", "late"] == [whats(operation)[-1] for operation in operations]


async def test_a_command_that_another_acknowledgement_owns_is_not_adopted(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name, ACK_B)

    await phone.greets({name: ACK_A})

    assert ACK_B == (await lab.operation(name)).ack_id
    with pytest.raises(OtherAckId):
        await phone.reports(name, ReportState.SUCCEEDED)


@pytest.mark.parametrize("state", [ReportState.SUCCEEDED, ReportState.FAILED, ReportState.PROGRESS])
async def test_a_report_adopts_too_for_a_failover_ends_no_connection_of_a_phone(lab: World, state: ReportState) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    with capture_logs() as logs:
        await phone.reports(name, state)

    operation = await lab.operation(name)
    expected = {ReportState.SUCCEEDED: State.SUCCEEDED, ReportState.FAILED: State.FAILED, ReportState.PROGRESS: State.ACKNOWLEDGED}
    assert (expected[state], ACK_A) == (operation.state, operation.ack_id)
    assert ["command.adopted"] == [line["event"] for line in logs]
    assert Drop(drop=DropWhy.TAKEN if operation.open else DropWhy.FINISHED) == await phone.acknowledges(name, ACK_B)
    assert None is await phone.hears_name()


async def test_an_adopted_command_can_be_acknowledged_again_and_not_cancelled(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.greets({name: ACK_A})

    await cancel_operation(lab.ports, name)

    assert isinstance(await phone.acknowledges(name), Execute)
    assert State.ACKNOWLEDGED is (await lab.operation(name)).state


async def test_a_wipe_that_its_phone_has_begun_ends_its_device_at_the_hello(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, '{"type":"WIPE"}')
    other = await lab.issue(phone.name, '{"type":"LOCK","duration":"9999s"}')
    lab.clock._now_us += 601_000_000  # noqa: SLF001 - no timer has its turn

    with pytest.raises(DeviceNoLongerManaged):
        await phone.greets({name: ACK_A})

    assert State.SUCCEEDED is (await lab.operation(name)).state
    assert State.FAILED is (await lab.operation(other)).state
    with pytest.raises(DeviceGone) as gone:
        await authenticate_device(lab.ports, phone.credential_hash)
    assert (str(name), ACK_A) == (gone.value.tombstone.last_order.operation, gone.value.tombstone.ack_id)
