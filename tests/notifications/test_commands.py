"""Every end of a command is sent, once, as operations.get shows it, and not before its caller can know the operation."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import pytest

from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import OperationName
from heliograph.protocol import ReportState
from heliograph.service.devices import delete_device
from heliograph.service.operations import cancel_operation, get_operation
from tests.notifications.endpoint import Endpoint, Json
from tests.notifications.lab import Lab
from tests.service.world import Phone

DAY_S = 86_400
End = Callable[[Lab, Phone, OperationName], Awaitable[None]]


async def succeeds(lab: Lab, phone: Phone, name: OperationName) -> None:
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.SUCCEEDED)


async def fails(lab: Lab, phone: Phone, name: OperationName) -> None:
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.FAILED, error_code="UNKNOWN")


async def is_not_started(lab: Lab, phone: Phone, name: OperationName) -> None:
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.NOT_STARTED)


async def is_refused(lab: Lab, phone: Phone, name: OperationName) -> None:
    await phone.refuses(name, "MANAGEMENT_MODE")


async def is_cancelled(lab: Lab, phone: Phone, name: OperationName) -> None:
    await cancel_operation(lab.ports, name)


async def expires(lab: Lab, phone: Phone, name: OperationName) -> None:
    lab.clock.advance(601 * 1_000_000)


async def times_out(lab: Lab, phone: Phone, name: OperationName) -> None:
    await phone.acknowledges(name)
    lab.clock.advance(2 * DAY_S * 1_000_000)


async def loses_its_device(lab: Lab, phone: Phone, name: OperationName) -> None:
    await delete_device(lab.ports, phone.name)


async def loses_its_device_to_a_wipe(lab: Lab, phone: Phone, name: OperationName) -> None:
    await phone.acknowledges(await lab.issue(phone.name, '{"type":"WIPE"}'))


ENDS: list[End] = [
    succeeds, fails, is_not_started, is_refused, is_cancelled, expires, times_out, loses_its_device, loses_its_device_to_a_wipe,
]  # fmt: skip


async def as_read(lab: Lab, name: OperationName) -> Json:
    """The operation as operations.get shows it."""
    read: Json = json.loads(render_operation(await get_operation(lab.ports, name)))
    return read


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_a_command_is_told_once_however_it_ends(pushing: Lab, endpoint: Endpoint, end: End) -> None:
    phone = await pushing.phone()
    name = await pushing.issue(phone.name)

    await end(pushing, phone, name)
    await endpoint.has(1)
    await endpoint.quiet()

    told = [one.resource for one in endpoint.of_kind("COMMAND") if one.resource["name"] == str(name)]
    assert [await as_read(pushing, name)] == told
    assert told[0]["done"]


async def test_a_wipe_is_told_when_its_phone_acknowledges_it(pushing: Lab, endpoint: Endpoint) -> None:
    phone = await pushing.phone()
    name = await pushing.issue(phone.name, '{"type":"WIPE"}')

    await phone.acknowledges(name)
    await phone.acknowledges(name)
    await endpoint.has(1)
    await endpoint.quiet()

    assert [await as_read(pushing, name)] == [one.resource for one in endpoint.received]


async def test_a_late_or_repeated_report_is_not_told_again(pushing: Lab, endpoint: Endpoint) -> None:
    phone = await pushing.phone()
    name = await pushing.issue(phone.name)
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.SUCCEEDED)

    await phone.reports(name, ReportState.SUCCEEDED)
    await phone.reports(name, ReportState.FAILED, seq=2, error_code="UNKNOWN")
    await endpoint.has(1)
    await endpoint.quiet()

    assert 1 == len(endpoint.received)


async def test_a_command_is_told_no_sooner_than_a_tenth_of_a_second_after_its_end(pushing: Lab, endpoint: Endpoint) -> None:
    """A caller just answered by issueCommand must have had the time to write the operation's name down."""
    phone = await pushing.phone()
    waits: list[float] = []
    for number in range(1, 6):
        name = await pushing.issue(phone.name)
        before_the_end = time.monotonic()
        await cancel_operation(pushing.ports, name)

        waits.append((await endpoint.has(number))[-1].at - before_the_end)

    assert min(waits) >= 0.1


async def test_what_is_not_enabled_is_not_told(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables()
    phone = await pushing.phone()

    await cancel_operation(pushing.ports, await pushing.issue(phone.name))
    await delete_device(pushing.ports, phone.name)
    await endpoint.quiet()

    assert [] == endpoint.received


async def test_a_hundred_commands_at_once_are_all_told(pushing: Lab, endpoint: Endpoint) -> None:
    phones = [await pushing.phone() for _ in range(4)]
    names = [await pushing.issue(phone.name) for phone in phones for _ in range(25)]

    await asyncio.gather(*(cancel_operation(pushing.ports, name) for name in names))
    received = await endpoint.has(100)

    assert {str(name) for name in names} == {one.resource["name"] for one in received}
    assert 100 == len({one.message_id for one in received})


async def test_secrets_are_never_told(pushing: Lab, endpoint: Endpoint) -> None:
    phone = await pushing.phone()
    await is_cancelled(pushing, phone, await pushing.issue(phone.name, '{"type":"RESET_PASSWORD","newPassword":"hunter22"}'))

    (told,) = await endpoint.has(1)

    assert "hunter22" not in json.dumps(told.resource)
    assert "newPassword" not in told.resource["metadata"]
