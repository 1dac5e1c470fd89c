"""Why something does not exist: the same words for every verb."""

from heliograph.domain.errors import DeviceNoLongerManaged, EnterpriseNotAuthorized, OperationNotFound
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName
from heliograph.protojson.errors import HeliographError, NotFound
from heliograph.service.ports import Ports

ENTERPRISES_SHOWN = 20
"""A 403 that names what exists shall stay readable."""


async def enterprise_absence(ports: Ports, enterprise: EnterpriseName) -> HeliographError | None:
    """The error for an enterprise that does not exist, or None.  Source: amapi.md §4.5 (403, not 404)."""
    if await ports.store.enterprise(enterprise) is not None:
        return None
    if not ports.expose_enterprises:
        return EnterpriseNotAuthorized()
    known = await ports.store.enterprises(after="", limit=ENTERPRISES_SHOWN)
    return EnterpriseNotAuthorized(metadata={"enterprises": ", ".join(str(record.name) for record in known.items)})


async def device_absence(ports: Ports, device: DeviceName) -> HeliographError:
    """The error for a device that does not exist. Its enterprise is checked first, then whether the device ever existed."""
    if (error := await enterprise_absence(ports, device.parent)) is not None:
        return error
    return DeviceNoLongerManaged() if await ports.store.tombstone(device) is not None else NotFound()


async def operation_absence(ports: Ports, name: OperationName) -> HeliographError:
    """The error for an operation that does not exist."""
    return await enterprise_absence(ports, name.device.parent) or OperationNotFound()


async def hidden_operations(ports: Ports, device: DeviceName) -> HeliographError | None:
    """The error that hides a device's operations, None if they may be shown.

    With a deleted enterprise they are always hidden, as all that was in it; with a deleted device if the limits say so. A device that is
    there answers for its enterprise: `delete_enterprise` takes away every one.
    """
    if await ports.store.device(device) is not None:
        return None
    if ports.limits.operations_of_deleted_devices == "keep":
        return await enterprise_absence(ports, device.parent)
    return await device_absence(ports, device)
