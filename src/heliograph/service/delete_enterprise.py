"""An enterprise goes, and everything in it."""

import asyncio
from collections.abc import Sequence

from heliograph.domain.errors import EnterpriseNotAuthorized, NotFound
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.service._absence import enterprise_absence
from heliograph.service.delete_device import delete_device
from heliograph.service.ports import Decision, DeleteEnterprise, Facts, Ports, Sees

CHUNK = 100
"""Devices deleted at a time: one commit holds many, and others get their turn between two."""


async def delete_enterprise(ports: Ports, name: EnterpriseName) -> None:
    """The enterprise is gone first, so that nothing can be added; then each device as by devices.delete, with its own last order.

    After a crash in between, `finish_deletions` ends what is left before the server answers anybody.

    Raises: EnterpriseNotAuthorized.
    """

    def rule(facts: Facts) -> Decision[bool]:
        if facts.enterprise is None:
            return Decision(answer=False)
        return Decision(answer=True, writes=(DeleteEnterprise(name),))

    if not await ports.store.decide(Sees(enterprise=name), rule):
        raise await enterprise_absence(ports, name) or EnterpriseNotAuthorized()
    while devices := (await ports.store.devices(name, after="", limit=CHUNK)).items:
        await _delete_all(ports, [device.name for device in devices])


async def finish_deletions(ports: Ports) -> None:
    """No device is left whose enterprise is gone: a deletion that a crash interrupted is finished. Called before anybody is served."""
    while orphans := await ports.store.orphans(limit=CHUNK):
        await _delete_all(ports, orphans)


async def _delete_all(ports: Ports, devices: Sequence[DeviceName]) -> None:
    results = await asyncio.gather(*(delete_device(ports, device) for device in devices), return_exceptions=True)
    for result in results:
        # One that another deletion, or its own wipe, took away meanwhile is gone as well; its enterprise is gone anyhow.
        if result is not None and not isinstance(result, (NotFound, EnterpriseNotAuthorized)):
            raise result
