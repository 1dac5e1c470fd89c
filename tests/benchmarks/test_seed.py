"""A seeded database is one that the server itself could have written: its schema is storage's own."""

from pathlib import Path

from benchmarks.seed import Seeded, device_name
from heliograph.domain.names import OperationName
from heliograph.domain.operation import State
from heliograph.server import SystemClock
from heliograph.storage.sqlite.store import SqliteStore
from tests.patience import PATIENCE_S

DEVICES, OPERATIONS = 20, 200


async def test_each_device_has_its_share_of_finished_operations_in_its_history(tmp_path: Path) -> None:
    seeded = Seeded(DEVICES, OPERATIONS, cache=tmp_path / "cache")
    seeded.copy(tmp_path / "data")
    store = SqliteStore.open(tmp_path / "data" / "heliograph.db", clock=SystemClock(), ring=lambda _: None, waits_most_s=PATIENCE_S)
    try:
        pages = [await store.operations(device_name(number), after_ms=0, limit=100) for number in range(DEVICES)]
        by_id = await store.operation(OperationName.parse(seeded.operation_name(OPERATIONS - 1)))
    finally:
        await store.close()

    assert [OPERATIONS // DEVICES] * DEVICES == [len(found.items) for found in pages]
    assert {State.SUCCEEDED} == {operation.state for found in pages for operation in found.items}
    assert by_id is not None


async def test_a_seeded_database_is_made_once(tmp_path: Path) -> None:
    first = Seeded(DEVICES, OPERATIONS, cache=tmp_path)
    first.make()
    second = Seeded(DEVICES, OPERATIONS, cache=tmp_path)

    assert second.make() == 0.0
    assert first.operation_name(7) == second.operation_name(7)
