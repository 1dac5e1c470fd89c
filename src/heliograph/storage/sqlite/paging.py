"""A page of a device's operations, out of its index and what is unswept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.service.ports import Page
from heliograph.storage.codec import OperationColumns
from heliograph.storage.kind import Row
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
        rows = tables.one("indexed_after", key, after_ms, wanted)
        if not newer:
            found += [read(name, row[0], row[1:]) for row in rows]
            ids = [row[0] for row in rows]
        else:
            older = {row[0]: row for row in rows}
            ids = sorted({*older, *newer})[:wanted] if older else newer
            found += _operations(tables, memory, device, ids, older, read)
        if len(ids) < wanted:
            break
        after_ms = ids[-1]
    return Page(items=tuple(found[:limit]), more=len(found) > limit)


def _operations(
    tables: Tables, memory: Memory, device: KeyedDevice, ids: Sequence[int], rows: Mapping[int, Row], read: FromRow[T]
) -> Iterator[Operation | T]:
    """These operations of the device, of which `rows` are read already. What retention took meanwhile is missing."""
    name, key = device
    at_hand = {create_ms: memory.operations.get((name, create_ms)) for create_ms in ids if create_ms not in rows}
    if None in at_hand.values():
        unread = [(create_ms, key) for create_ms, operation in at_hand.items() if operation is None]
        rows = {**rows, **{row[0]: row for row in tables.found("operations_of_keys", unread)}}
    for create_ms in ids:
        if (operation := at_hand.get(create_ms)) is not None:
            yield operation
        elif (row := rows.get(create_ms)) is not None:
            yield read(name, create_ms, row[1:])
