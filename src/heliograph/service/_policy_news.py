"""Phones hear of a policy that has changed."""

import asyncio

from heliograph.domain.names import PolicyName
from heliograph.service.ports import Ports

CHUNK = 100
"""Devices looked up at a time: others get their turn between two pages."""


async def tell_phones(ports: Ports, name: PolicyName) -> None:
    """Every connected phone that has this policy is told soon; the others hear of it when they connect."""
    after = ""
    while True:
        page = await ports.store.devices_with_policy(name, after=after, limit=CHUNK)
        for device in page.items:
            ports.doorbell.policy_changed(device.name)
        if not page.more or not page.items:
            return
        after = page.items[-1].position
        await asyncio.sleep(0)
