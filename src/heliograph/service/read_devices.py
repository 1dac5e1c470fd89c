"""Devices, one or a page of them."""

from collections.abc import Sequence

from heliograph.domain.device import DeviceRecord
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.service._absence import device_absence, enterprise_absence
from heliograph.service._pages import page_of
from heliograph.service.ports import Ports


async def get_device(ports: Ports, name: DeviceName) -> DeviceRecord:
    """The device.  Raises: EnterpriseNotAuthorized, DeviceNoLongerManaged, NotFound."""
    record = await ports.store.device(name)
    if record is None:
        raise await device_absence(ports, name)
    return record


async def list_devices(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[DeviceRecord], str]:
    """A page of the enterprise's devices, oldest enrolment first, and the next page's token (empty after the last).

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """
    page = await page_of(
        ports,
        f"{enterprise}/devices",
        lambda after, limit: ports.store.devices(enterprise, after=after, limit=limit),
        page_size=page_size,
        page_token=page_token,
    )
    if not page[0] and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return page
