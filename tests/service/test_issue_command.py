"""A caller's command becomes an operation."""

import pytest

from heliograph.domain.device import Ownership
from heliograph.domain.errors import DeviceNoLongerManaged, EnterpriseNotAuthorized
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import State
from heliograph.protojson.errors import InvalidArgument, NotFound
from heliograph.service.devices import delete_device
from heliograph.service.issue_command import TooManyOpenOperations
from heliograph.service.limits import Limits
from heliograph.service.operations import cancel_operation
from tests.service.world import LAB, START_US, World, facts, world

NOBODY = DeviceName(LAB.enterprise, "nobody")


async def test_a_command_is_queued_for_ten_minutes_in_its_devices_name(lab: World) -> None:
    phone = await lab.phone()

    operation = await lab.operation(await lab.issue(phone.name))

    device = await lab.ports.store.device(phone.name)
    assert (State.QUEUED, "LOCK", "600s") == (operation.state, operation.type, operation.duration)
    assert START_US // 1_000 == operation.create_ms
    assert START_US + 600_000_000 == operation.expires_us == operation.deadline_us
    assert device is not None
    assert device.user_name == operation.user_name != ""


async def test_ids_increase_although_the_clock_stands_still(lab: World) -> None:
    phone = await lab.phone()

    names = [await lab.issue(phone.name) for _ in range(3)]

    assert [START_US // 1_000 + more for more in range(3)] == [name.create_ms for name in names]


async def test_a_duration_of_ten_thousand_years_does_not_overflow(lab: World) -> None:
    phone = await lab.phone()

    name = await lab.issue(phone.name, '{"type":"LOCK","duration":"315576000000s"}')

    assert START_US + 315_576_000_000 * 1_000_000 == (await lab.operation(name)).expires_us


async def test_the_shortest_duration_is_rounded_up_so_that_nothing_expires_early(lab: World) -> None:
    phone = await lab.phone()

    name = await lab.issue(phone.name, '{"type":"LOCK","duration":"0.000000001s"}')

    assert START_US + 1 == (await lab.operation(name)).expires_us


async def test_a_command_to_an_unknown_enterprise_is_not_authorized_and_to_an_unknown_device_not_found(lab: World) -> None:
    with pytest.raises(EnterpriseNotAuthorized) as refused:
        await lab.issue(DeviceName("LC0none", "nobody"))
    with pytest.raises(NotFound):
        await lab.issue(NOBODY)

    assert {} == refused.value.metadata


async def test_the_sandbox_names_the_enterprises_that_exist(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("world"), expose_enterprises=True) as lab:
        with pytest.raises(EnterpriseNotAuthorized) as refused:
            await lab.issue(DeviceName("LC0none", "nobody"))

    assert {"enterprises": str(LAB)} == refused.value.metadata


async def test_a_command_to_a_deleted_device_is_told_that_it_is_no_longer_managed(lab: World) -> None:
    phone = await lab.phone()
    await delete_device(lab.ports, phone.name)

    with pytest.raises(DeviceNoLongerManaged):
        await lab.issue(phone.name)


async def test_what_a_personal_phone_can_never_do_is_refused_when_issued(lab: World) -> None:
    phone = await lab.phone(facts(ownership=Ownership.PERSONALLY_OWNED))
    body = '{"type":"ADD_ESIM","addEsimParams":{"activationCode":"LPA:1$smdp.example$M","activationState":"ACTIVATED"}}'

    with pytest.raises(InvalidArgument) as refused:
        await lab.issue(phone.name, body)

    assert refused.value.violations[0].field.startswith("command.add_esim_params")


async def test_a_device_takes_so_many_open_commands_and_no_more(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("world"), limits=Limits(open_operations_most=2)) as lab:
        phone = await lab.phone()
        first = await lab.issue(phone.name)
        await lab.issue(phone.name)

        with pytest.raises(TooManyOpenOperations):
            await lab.issue(phone.name)
        await cancel_operation(lab.ports, first)
        await lab.issue(phone.name)


async def test_cancelling_an_acknowledged_or_finished_command_changes_nothing(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    before = await lab.operation(name)

    await cancel_operation(lab.ports, name)

    assert before == await lab.operation(name)


async def test_cancelling_after_the_end_of_its_time_finds_the_command_expired(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    lab.clock.advance(600)

    await cancel_operation(lab.ports, name)

    assert State.EXPIRED is (await lab.operation(name)).state


async def test_an_unknown_operation_cannot_be_cancelled(lab: World) -> None:
    phone = await lab.phone()

    with pytest.raises(NotFound, match="Choose a valid operation id"):
        await cancel_operation(lab.ports, OperationName(phone.name, 1))
    with pytest.raises(EnterpriseNotAuthorized):
        await cancel_operation(lab.ports, OperationName(DeviceName("LC0none", "nobody"), 1))
