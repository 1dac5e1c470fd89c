"""What callers read."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from heliograph.domain.device import Ownership
from heliograph.domain.errors import DeviceNoLongerManaged, EnterpriseNotAuthorized, OperationNotFound
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName
from heliograph.protojson.errors import InvalidArgument, NotFound
from heliograph.service.devices import delete_device, get_device, list_devices
from heliograph.service.enterprises import list_enterprises
from heliograph.service.limits import Limits
from heliograph.service.operations import SCANNED_MOST, cancel_operation, get_operation, list_operations
from heliograph.service.ports import Whereabouts
from heliograph.service.timeline import get_timeline
from tests.service.world import LAB, World, facts, world


async def test_a_list_right_after_the_issue_contains_the_operation(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    operations, token = await list_operations(lab.ports, phone.name)

    assert [name] == [operation.name for operation in operations]
    assert "" == token


async def test_pages_together_are_all_operations_oldest_first(lab: World) -> None:
    phone = await lab.phone()
    names = [await lab.issue(phone.name) for _ in range(5)]

    found, token = [], ""
    while True:
        page, token = await list_operations(lab.ports, phone.name, page_size=2, page_token=token)
        found += [operation.name for operation in page]
        if not token:
            break

    assert names == found


async def test_a_filter_wants_some_and_pages_through_them(lab: World) -> None:
    phone = await lab.phone()
    names = [await lab.issue(phone.name) for _ in range(6)]
    for name in names[::2]:
        await cancel_operation(lab.ports, name)

    first, token = await list_operations(lab.ports, phone.name, filter_text="done=true", page_size=2)
    second, last = await list_operations(lab.ports, phone.name, filter_text="done=true", page_size=2, page_token=token)

    assert names[::2] == [operation.name for operation in [*first, *second]]
    assert "" == last


async def test_a_filter_that_wants_little_gives_an_empty_page_and_a_token_rather_than_scanning_on(tmp_path: Path) -> None:
    async with world(tmp_path, limits=Limits(open_operations_most=SCANNED_MOST + 1)) as lab:
        phone = await lab.phone()
        names = await asyncio.gather(*(lab.issue(phone.name) for _ in range(SCANNED_MOST + 1)))
        await cancel_operation(lab.ports, max(names))

        first, token = await list_operations(lab.ports, phone.name, filter_text="done=true")
        second, last = await list_operations(lab.ports, phone.name, filter_text="done=true", page_token=token)

        assert ([], [max(names)], "") == (first, [operation.name for operation in second], last)


async def test_a_page_token_is_good_for_its_own_query_only(lab: World) -> None:
    phone = await lab.phone()
    for _ in range(2):
        await lab.issue(phone.name)
    _, token = await list_operations(lab.ports, phone.name, page_size=1)

    with pytest.raises(InvalidArgument):
        await list_operations(lab.ports, phone.name, page_size=1, page_token=token, filter_text="done=true")
    with pytest.raises(InvalidArgument):
        await list_devices(lab.ports, LAB, page_token=token)


async def test_an_unknown_operation_device_or_enterprise_each_has_its_own_error(lab: World) -> None:
    phone = await lab.phone()

    with pytest.raises(OperationNotFound):
        await get_operation(lab.ports, OperationName(phone.name, 1))
    with pytest.raises(NotFound):
        await list_operations(lab.ports, DeviceName(LAB.enterprise, "nobody"))
    with pytest.raises(EnterpriseNotAuthorized):
        await get_operation(lab.ports, OperationName(DeviceName("LC0none", "nobody"), 1))
    with pytest.raises(EnterpriseNotAuthorized):
        await list_devices(lab.ports, EnterpriseName("LC0none"))
    with pytest.raises(NotFound):
        await get_device(lab.ports, DeviceName(LAB.enterprise, "nobody"))


async def test_the_operations_of_a_deleted_device_stay_readable(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await delete_device(lab.ports, phone.name)

    operations, _ = await list_operations(lab.ports, phone.name)

    assert [name] == [operation.name for operation in operations]
    with pytest.raises(DeviceNoLongerManaged):
        await get_device(lab.ports, phone.name)


async def test_operations_of_deleted_devices_can_be_hidden_as_real_amapi_may_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("world"), limits=Limits(operations_of_deleted_devices="404")) as lab:
        phone = await lab.phone()
        name = await lab.issue(phone.name)
        await get_operation(lab.ports, name)
        await delete_device(lab.ports, phone.name)

        for hidden in (get_operation(lab.ports, name), list_operations(lab.ports, phone.name), cancel_operation(lab.ports, name)):
            with pytest.raises(DeviceNoLongerManaged):
                await hidden


async def test_devices_and_enterprises_are_listed_in_pages_of_ten(lab: World) -> None:
    names = [(await lab.phone()).name for _ in range(12)]

    first, token = await list_devices(lab.ports, LAB)
    second, last = await list_devices(lab.ports, LAB, page_size=1_000, page_token=token)
    enterprises, _ = await list_enterprises(lab.ports)

    assert names == [record.name for record in [*first, *second]]
    assert (10, "") == (len(first), last)
    assert [LAB] == [record.name for record in enterprises]


async def test_a_timeline_tells_every_change_with_its_time_live_offers_included(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    lab.clock.advance(1)
    await phone.hears()

    timeline = await get_timeline(lab.ports, name)

    assert ["issued", "offered"] == [entry.what for entry in timeline.entries]
    assert "It was offered once" in timeline.why_stuck
    assert ("QUEUED", "") == (timeline.state, timeline.ended_at)


async def test_a_timeline_says_why_a_command_is_stuck(lab: World) -> None:
    phone = await lab.phone(facts(ownership=Ownership.PERSONALLY_OWNED))
    head, behind = await lab.issue(phone.name), await lab.issue(phone.name)

    waiting = (await get_timeline(lab.ports, head)).why_stuck
    lab.here.connected_devices.clear()
    offline = (await get_timeline(lab.ports, head)).why_stuck
    lab.here.connected_devices.add(phone.name)
    held = (await get_timeline(lab.ports, behind)).why_stuck
    await phone.acknowledges(head)
    acknowledged = (await get_timeline(lab.ports, head)).why_stuck
    await cancel_operation(lab.ports, behind)
    ended = (await get_timeline(lab.ports, behind)).why_stuck

    assert "was not offered the command yet" in waiting
    assert "not connected" in offline
    assert str(head) in held
    assert "has not reported its end" in acknowledged
    assert "" == ended


async def test_a_timeline_names_the_device_that_a_reset_phone_is_by_now_and_says_what_to_do(lab: World) -> None:
    old, other = await lab.phone(facts(serial="S1")), await lab.phone(facts(serial="S2"))
    waiting, begun = await lab.issue(old.name), await lab.issue(old.name)
    elsewhere = await lab.issue(other.name)
    await old.acknowledges(begun)
    lab.clock.advance(60)
    gone, new = await lab.phone(facts(serial="S1")), await lab.phone(facts(serial="S1"))
    again = await lab.phone(facts(serial="S1"))
    await delete_device(lab.ports, again.name)
    lab.here.connected_devices.clear()

    told = [(await get_timeline(lab.ports, name)).why_stuck for name in (waiting, begun)]

    for why in told:
        assert f"enrolled again at 2026-09-21T14:14:20Z as {new.name}" in why
        assert f"Delete {old.name}" in why
        assert f"issue this one to {new.name}" in why
        assert not any(str(phone.name) in why for phone in (gone, again))
    assert "serial" not in (await get_timeline(lab.ports, elsewhere)).why_stuck
    lab.here.connected_devices.add(old.name)
    assert not any(["serial" in (await get_timeline(lab.ports, name)).why_stuck for name in (waiting, begun)])
    assert "serial" not in (await get_timeline(lab.ports, await lab.issue(new.name))).why_stuck


async def test_where_there_are_other_servers_a_timeline_says_only_what_this_one_knows(lab: World) -> None:
    shared = dataclasses.replace(lab.ports, shared=True)
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    said = {}

    for where in (Whereabouts.AT_ANOTHER_SERVER, Whereabouts.NOT_HERE, Whereabouts.NOWHERE):
        lab.here.connected_devices.clear()
        lab.here.not_here = where
        said[where] = (await get_timeline(shared, name)).why_stuck
    lab.here.connected_devices.add(phone.name)
    said[Whereabouts.HERE] = (await get_timeline(shared, name)).why_stuck
    await phone.hears()
    offered = (await get_timeline(shared, name)).why_stuck

    assert "is connected to another server" in said[Whereabouts.AT_ANOTHER_SERVER]
    assert "not connected to this server; other servers cannot be asked" in said[Whereabouts.NOT_HERE]
    assert said[Whereabouts.NOWHERE].startswith("The device is not connected and has never connected")
    assert "was not offered the command by this server yet" in said[Whereabouts.HERE]
    assert "It was offered once by this server" in offered
