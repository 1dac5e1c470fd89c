"""A page of a device's operations, out of its index and what is unswept."""

from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.service.ports import Page
from heliograph.storage.sqlite.tables import Tables
from heliograph.storage.sqlite.unswept import Unswept


def page_of_operations(tables: Tables, unswept: Unswept, device: DeviceName, *, after_ms: int, limit: int) -> Page[Operation]:
    """At most `limit` operations of the device after `after_ms`, oldest first."""
    found: list[Operation] = []
    while len(found) <= limit:
        wanted = limit + 1 - len(found)
        # The unswept first: a row swept between the two looks is seen twice, never missed.
        newer = unswept.after(device, after_ms, wanted)
        older = [create_ms for (create_ms,) in tables.one("indexed_after", *device, after_ms, wanted)]
        keys = [(device, create_ms) for create_ms in sorted({*older, *newer})[:wanted]]
        read = tables.operations(keys)
        # What retention took between the looks is missing: the next ones stand in for it.
        found += [read[key] for key in keys if key in read]
        if len(keys) < wanted:
            break
        after_ms = keys[-1][1]
    return Page(items=tuple(found[:limit]), more=len(found) > limit)
