"""What the tests of storage share."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from heliograph.storage.sqlite.connection import connect, migrate


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    """An empty SQLite database on the newest schema."""
    with_schema = connect(tmp_path / "heliograph.db")
    migrate(with_schema, 0)
    yield with_schema
    with_schema.close()
