"""Every row of kinds.py says of its table what the migrations say."""

from typing import Any

import apsw
import pytest

from heliograph.storage.kind import Kind
from heliograph.storage.kinds import KINDS

TYPES = {"text": "TEXT", "integer": "INTEGER", "bigint": "BIGINT", "bytea": "BLOB"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_a_kind_has_the_columns_and_the_key_of_its_table(connection: apsw.Connection, kind: Kind[Any, Any]) -> None:
    columns = connection.execute("SELECT name, type, pk FROM pragma_table_info(?)", (kind.table,)).fetchall()

    assert {(str(name), type_) for name, type_, _ in columns} == {(column.name, TYPES[column.type]) for column in kind.stored_columns}
    assert [str(name) for name, _, place in columns if place] == [column.name for column in kind.key_columns]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_the_name_of_a_record_has_a_value_for_each_column_of_the_key(kind: Kind[Any, Any]) -> None:
    assert len(kind.key_columns) == len(kind.key._fields)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.belongs_to], ids=lambda kind: kind.table)
def test_what_belongs_to_another_kind_begins_its_key_with_that_kinds_and_comes_after_it(kind: Kind[Any, Any]) -> None:
    parent = kind.belongs_to
    assert parent is not None

    assert [column.name for column in parent.key_columns] == [column.name for column in kind.key_columns[: len(parent.key_columns)]]
    assert KINDS.index(parent) < KINDS.index(kind)


def test_no_two_kinds_share_a_table_a_name_or_a_record() -> None:
    for what in ("table", "key", "record"):
        assert len(KINDS) == len({getattr(kind, what) for kind in KINDS}), what
