"""A page of a device's operations, out of its index and what is unswept."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.service.ports import Page
from heliograph.storage.codec import OperationColumns
from heliograph.storage.sqlite.memory import Memory
from heliograph.storage.sqlite.tables import Tables

T = TypeVar("T")
FromRow = Callable[[DeviceName, int, OperationColumns], T]
"""Makes of a row what is wanted of its operation (storage/codec.py)."""


class KeyedDevice(NamedTuple):
    """A device's name, and its key in the tables."""

    name: DeviceName
    key: int


def page_of_operations(
    tables: Tables, memory: Memory, device: KeyedDevice, *, after_ms: int, limit: int, read: FromRow[T]
) -> Page[Operation | T]:
    """At most `limit` operations of the device after `after_ms`, oldest first: as memory holds them, or as `read` reads their rows."""
    name, key = device
    found: list[Operation | T] = []
    while len(found) <= limit:
        wanted = limit + 1 - len(found)
        # The unswept first: a row swept between the two looks is seen twice, never missed.
        newer = memory.unswept.after(name, after_ms, wanted)
        older = {row[0]: row[1:] for row in tables.one("indexed_after", key, after_ms, wanted)}
        ids = sorted({*older, *newer})[:wanted] if newer else [*older]
        at_hand = {create_ms: memory.operations.get((name, create_ms)) for create_ms in ids if create_ms not in older}
        unread = [(*name, create_ms) for create_ms, operation in at_hand.items() if operation is None]
        older.update({row[2]: row[3:] for row in tables.many("operations_named", unread)})
        # What retention took between the looks is missing: the next ones stand in for it.
        for create_ms in ids:
            if (operation := at_hand.get(create_ms)) is not None:
                found.append(operation)
            elif (columns := older.get(create_ms)) is not None:
                found.append(read(name, create_ms, columns))
        if len(ids) < wanted:
            break
        after_ms = ids[-1]
    return Page(items=tuple(found[:limit]), more=len(found) > limit)
