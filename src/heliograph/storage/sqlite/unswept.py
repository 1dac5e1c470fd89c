"""The newest operations of each device: those that the index does not hold yet.

The writer's thread alone changes it; the event loop only looks. A device's ids are a list that grows at its end or makes way for
another list, so a reader sees it whole.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter

from heliograph.domain.names import DeviceName

NEIGHBOURS = 64
"""Devices with neighbouring index rows on disk, swept together."""


UnsweptRow = tuple[DeviceName, int, int]
"""An operation: its device, the device's key, create_ms."""


class Unswept:
    """Which operations of each device are not in the index yet; per device, ids grow."""

    def __init__(self) -> None:
        self.size = 0
        self._ids: dict[DeviceName, list[int]] = {}
        self._rows: dict[int, list[UnsweptRow]] = {}

    def after(self, device: DeviceName, after_ms: int, limit: int) -> list[int]:
        """At most `limit` ids of the device's unswept operations, greater than `after_ms`, ascending. For any thread."""
        ids = self._ids.get(device)
        if ids is None:
            return []
        start = bisect_right(ids, after_ms)
        return ids[start : start + limit]

    def add(self, new: Mapping[tuple[DeviceName, int], int]) -> None:
        """These operations (by name, with their devices' keys; oldest first) are unswept."""
        ids, rows = self._ids, self._rows
        for (device, create_ms), key in new.items():
            ids.setdefault(device, []).append(create_ms)
            rows.setdefault(key // NEIGHBOURS, []).append((device, key, create_ms))
        self.size += len(new)

    def places(self) -> list[int]:
        """Where rows are: neighbours in the index share a place, and places are in its order."""
        return sorted(self._rows)

    def sort(self, place: int) -> None:
        """Put the place's rows into the index's order: rows taken together are then together on disk, however many a device has."""
        self._rows.get(place, []).sort(key=itemgetter(1, 2))

    def oldest(self, place: int, most: int) -> list[UnsweptRow]:
        """At most this many rows of a place, each device's oldest."""
        return self._rows.get(place, [])[:most]

    def drop_oldest(self, rows: Sequence[UnsweptRow]) -> None:
        """Remove these rows, which `oldest` returned. Takes no longer if a device has many more."""
        newest = {device: create_ms for device, _, create_ms in rows}
        counts = Counter(key // NEIGHBOURS for _, key, _ in rows)
        for place, count in counts.items():
            del self._rows[place][:count]
            if not self._rows[place]:
                del self._rows[place]
        for device, create_ms in newest.items():
            ids = self._ids[device]
            self._keep(device, ids[bisect_right(ids, create_ms) :])
        self.size -= len(rows)

    def remove(self, rows: Collection[UnsweptRow]) -> None:
        """These operations are not unswept any more, whether or not they were."""
        gone = set(rows)
        for place in {key // NEIGHBOURS for _, key, _ in gone} & self._rows.keys():
            before = self._rows[place]
            left = [row for row in before if row not in gone]
            self.size -= len(before) - len(left)
            self._rows[place] = left
            if not left:
                del self._rows[place]
        gone_ids = {(device, create_ms) for device, _, create_ms in gone}
        for device in {device for device, _ in gone_ids} & self._ids.keys():
            self._keep(device, [create_ms for create_ms in self._ids[device] if (device, create_ms) not in gone_ids])

    def _keep(self, device: DeviceName, ids: list[int]) -> None:
        if ids:
            self._ids[device] = ids
        else:
            del self._ids[device]
