"""What ended long ago leaves the store."""

import asyncio

from heliograph.domain.errors import OperationNotFound
from heliograph.domain.names import OperationName
from heliograph.service.devices import delete_device
from heliograph.service.operations import cancel_operation, retire_operations
from tests.patience import PATIENCE_S
from tests.service.world import World


async def gone(lab: World, name: OperationName) -> bool:
    """Whether it is forgotten everywhere."""
    try:
        await lab.operation(name)
    except OperationNotFound:
        return True
    return False


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
    async with asyncio.timeout(PATIENCE_S):
        while not await gone(lab, ended):  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
    retiring.cancel()

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
