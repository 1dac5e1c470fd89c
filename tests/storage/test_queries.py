"""Statements stand in files, keep their cost as tables grow, and repeat their VALUES group as asked."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from heliograph.storage.queries import GROUP_SIZES, Migration, filled_groups, grouped, groups, migration_script, queries
from heliograph.storage.sqlite.connection import Connections, connect, memory_template, migrate

READS_A_WHOLE_TABLE = {
    "living_devices": "an index's keys, once, when the store opens",
    "has_schema": "the catalogue is small",
    "plain_indexes": "likewise",
    "stats": "of operations the open ones, of the outbox an index: asked every few seconds at most",
    "full_outboxes": "the outbox alone, after many new messages: how many wait of each enterprise",
    "oldest_messages": "the outbox alone, and no further than the oldest; only while too many of an enterprise wait",
    "list_of_service_keys": "few, and listed whole",
    "list_of_key_uses": "one for each key",
    "list_of_roles": "few, and listed whole",
    "list_of_role_bindings": "few, and listed whole",
    "give_room_back": "the table is empty",
    "move_watermark": "the table has one row",
}


PART_OF_A_PAGE = ("SCAN newest", "SCAN page", "SCAN few", "SCAN (subquery")
"""Steps that go through the rows of another step."""


@pytest.mark.parametrize("rows", [1, 16])
@pytest.mark.parametrize("name", sorted(queries().keys() - READS_A_WHOLE_TABLE.keys()))
def test_no_statement_reads_a_whole_table(connection: apsw.Connection, name: str, rows: int) -> None:
    statement = grouped(name, rows)

    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?")).fetchall()

    steps = [str(step[3]) for step in plan]
    harmless = (
        "VALUES CLAUSE",
        "SCAN wanted",
        "SCAN CONSTANT ROW",
        "SCAN counted",
        *PART_OF_A_PAGE,
        "operations_by_deadline",
        "outbox_by_due",
    )
    assert [] == [step for step in steps if "SCAN" in step and not any(word in step for word in harmless)]
    assert [] == [step for step in steps if "AUTOMATIC" in step]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 63, 64, 150])
def test_rows_are_grouped_without_gap_or_overlap(count: int) -> None:
    slices = list(groups(count))

    assert [*range(count)] == [row for start, stop in slices for row in range(start, stop)]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 63, 64, 65, 150])
def test_rows_that_are_looked_for_are_few_groups_of_which_the_last_may_be_longer(count: int) -> None:
    slices = filled_groups(count)

    assert [*range(count)] == [row for start, stop in slices for row in range(start, stop)][:count]
    assert len(slices) == -(-count // GROUP_SIZES[0])
    assert {stop - start for start, stop in slices} <= {*GROUP_SIZES}


def test_a_statement_marked_for_one_engine_runs_there_alone() -> None:
    script = """
-- For all.
CREATE TABLE a (
    b BLOB
);
-- Why.
-- sqlite only
CREATE TABLE c (
    d BLOB
) WITHOUT ROWID;
-- postgresql only
CREATE INDEX e ON a (b);
CREATE INDEX f ON a (b);
"""

    on_sqlite, on_postgresql = (migration_script(Migration(1, script), engine) for engine in ("sqlite", "postgresql"))

    assert [True, True, False, True] == [f" {name} " in on_sqlite for name in "acef"]
    assert [True, False, True, True] == [f" {name} " in on_postgresql for name in "acef"]
    assert "only" not in on_sqlite + on_postgresql


def test_a_values_group_is_repeated_for_its_rows() -> None:
    assert grouped("delete_tokens", 2).endswith("IN (VALUES (?, ?), (?, ?))")


IN_MEMORY, IN_A_FILE = "in memory", "in a file"


@pytest.mark.parametrize("where", [IN_MEMORY, IN_A_FILE])
def test_no_statement_is_planned_again_because_its_parameters_are_others(tmp_path: Path, where: str) -> None:
    steps: list[object] = []

    def compiling(*step: object) -> int:
        steps.append(step)
        return apsw.SQLITE_OK

    with closing(Connections.in_memory(memory_template(1)).reader if where == IN_MEMORY else connect(tmp_path / "x.db")) as connection:
        migrate(connection, now_us=1)
        connection.authorizer = compiling
        for statement in (statement for statement in queries().values() if "LIMIT ?" in statement):
            connection.execute(statement, [1] * statement.count("?")).fetchall()
            planned = len(steps)
            connection.execute(statement, [2] * statement.count("?")).fetchall()

            assert [] == steps[planned:]

    assert steps
