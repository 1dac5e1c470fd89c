"""Operations, one or a page of them, and the story of one."""

from collections.abc import Sequence

from heliograph.commands import COMMANDS
from heliograph.domain.filters import Filter, parse_filter
from heliograph.domain.longrunning import operation_view
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation
from heliograph.domain.paging import coerce_page_size, decode_page_token, encode_page_token
from heliograph.service._absence import device_absence, hidden_operations, operation_absence
from heliograph.service._timeline import Timeline, timeline_of
from heliograph.service.ports import Ports

__all__ = ["Timeline", "get_operation", "get_timeline", "list_operations"]

DEFAULT_SIZE = 100
MOST = 1_000
"""Amapi.md §2.6: undocumented; clients send 100, and walk many pages."""
SCANNED_MOST = 5_000
"""Operations looked at for one page: with a filter that wants few, a page may be short or empty, and its token goes on."""


async def get_operation(ports: Ports, name: OperationName) -> Operation:
    """The operation.  Raises: OperationNotFound, EnterpriseNotAuthorized; DeviceNoLongerManaged if the limits hide it."""
    operation = await ports.store.operation(name)
    if operation is not None and operation.open:
        return operation  # so its device is there, and its enterprise
    if (error := await hidden_operations(ports, name.device)) is not None:
        raise error
    if operation is None:
        raise await operation_absence(ports, name)
    return operation


async def list_operations(
    ports: Ports, device: DeviceName, *, filter_text: str = "", page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[Operation], str]:
    """A page of the device's operations that the filter wants, oldest first, and the next page's token (empty after the last).

    Raises: InvalidArgument: filter, page size or token; EnterpriseNotAuthorized, NotFound: no such device;
        DeviceNoLongerManaged where the limits hide the operations of deleted devices.
    """
    wanted = parse_filter(filter_text, types=COMMANDS) if filter_text else None
    limit = coerce_page_size(page_size, default=DEFAULT_SIZE, maximum=MOST)
    query = f"{device}/operations?{filter_text}"
    after_ms = int(decode_page_token(ports.page_secret, query, token=page_token) or 0)
    if (error := await hidden_operations(ports, device)) is not None:
        raise error
    found, more_after_ms = await _scan(ports, device, wanted, after_ms=after_ms, limit=limit)
    if not found and not after_ms and not await _was_here(ports, device):
        raise await device_absence(ports, device)
    return found, encode_page_token(ports.page_secret, query, position=str(more_after_ms)) if more_after_ms else ""


async def get_timeline(ports: Ports, name: OperationName) -> Timeline:
    """Every change of the operation with its time, offers that stand only in memory included, and why it is stuck.

    Raises: as `get_operation`.
    """
    return await timeline_of(ports, await get_operation(ports, name))


async def _scan(ports: Ports, device: DeviceName, wanted: Filter | None, *, after_ms: int, limit: int) -> tuple[Sequence[Operation], int]:
    """What the page holds, and the operation after which the next page starts (0: there is none)."""
    if wanted is None:
        page = await ports.store.operations(device, after_ms=after_ms, limit=limit)
        return page.items, page.items[-1].create_ms if page.more else 0
    found: list[Operation] = []
    for _ in range(SCANNED_MOST // MOST):
        page = await ports.store.operations(device, after_ms=after_ms, limit=MOST)
        for operation in page.items:
            if wanted.matches(operation_view(operation)):
                if len(found) == limit:
                    return found, after_ms
                found.append(operation)
            after_ms = operation.create_ms
        if not page.more:
            return found, 0
    return found, after_ms


async def _was_here(ports: Ports, device: DeviceName) -> bool:
    """Whether the name is, or lately was, a device's: its operations outlive it."""
    return await ports.store.device(device) is not None or await ports.store.tombstone(device) is not None
