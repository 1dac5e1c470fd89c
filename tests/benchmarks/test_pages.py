"""What a read touches of the file follows from the depth of its trees, not from how much is in them."""

from pathlib import Path

import apsw
import pytest

from benchmarks.pages import count
from benchmarks.seed import Seeded

NAMES, KEYS, ROWS, INDEX = "device_keys_by_name", "sqlite_autoindex_operations_1", "operations", "history"
PAGE_ONE = 1
"""Read when a read begins, to see whether something has changed."""


def levels(path: Path) -> dict[str, int]:
    """How deep each tree of the database is."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    # The path of a page is "/" for the root, "/000/" for its first child, and so on.
    rows = connection.execute("SELECT name, max(length(path) - length(replace(path, '/', ''))) FROM dbstat GROUP BY name").fetchall()
    connection.close()
    return {str(name): int(str(depth)) for name, depth in rows}


@pytest.mark.parametrize("devices, operations", [(20, 200), (1_000, 10_000), (2_000, 60_000)])
async def test_a_get_touches_one_page_a_level_and_a_list_no_more_than_that_for_each_operation(
    tmp_path: Path, devices: int, operations: int
) -> None:
    seeded = Seeded(devices, operations, cache=tmp_path / "cache")
    seeded.copy(tmp_path)
    depth = levels(seeded.path)

    touched = await count(tmp_path / "heliograph.db", seeded)

    assert PAGE_ONE + depth[NAMES] + depth[KEYS] + depth[ROWS] == touched["operations.get, nothing cached"]
    # A page of ten looks at an eleventh; the roots are the same for each, and so may be more.
    of_rows = 11 * (depth[KEYS] - 1 + depth[ROWS] - 1) + 2
    assert touched["operations.list of 10, nothing cached"] <= PAGE_ONE + depth[NAMES] + depth[INDEX] + 1 + of_rows
