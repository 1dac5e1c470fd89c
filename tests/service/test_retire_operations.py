"""What ended long ago leaves the store."""

import asyncio

import pytest

from heliograph.domain.errors import OperationNotFound
from heliograph.service.cancel_operation import cancel_operation
from heliograph.service.delete_device import delete_device
from heliograph.service.retire_operations import retire_operations
from tests.service.world import World


async def test_operations_are_kept_for_thirty_days_after_their_end(lab: World) -> None:
    phone = await lab.phone()
    ended = await lab.issue(phone.name)
    waiting = await lab.issue(phone.name, '{"type":"LOCK","duration":"315360000s"}')
    await cancel_operation(lab.ports, ended)
    retiring = asyncio.create_task(retire_operations(lab.ports))

    lab.clock.advance(30 * 86_400 - 1)
    await asyncio.sleep(0.1)
    await lab.operation(ended)
    lab.clock.advance(3_600)
    lab.ports.haste.ask()
    await asyncio.sleep(0.1)
    retiring.cancel()

    with pytest.raises(OperationNotFound):
        await lab.operation(ended)
    assert (await lab.operation(waiting)).open


async def test_operations_outlive_their_device_until_then(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await delete_device(lab.ports, phone.name)

    lab.clock.advance(29 * 86_400)
    retiring = asyncio.create_task(retire_operations(lab.ports))
    await asyncio.sleep(0.1)
    retiring.cancel()

    assert (await lab.operation(name)).done
