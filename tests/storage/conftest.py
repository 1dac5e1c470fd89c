"""What the tests of storage share."""

from collections.abc import Iterator

import apsw
import pytest

from heliograph.storage.sqlite.connection import connect, migrate


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apsw.Connection]:
    """An empty SQLite database on the newest schema, which no test of the module can change."""
    with_schema = connect(tmp_path_factory.mktemp("schema") / "heliograph.db")
    migrate(with_schema, 0)
    with_schema.execute("PRAGMA query_only = ON")
    yield with_schema
    with_schema.close()
