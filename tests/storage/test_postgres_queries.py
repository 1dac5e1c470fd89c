"""What PostgreSQL is asked costs the same however large the tables are; and the schema is said once for both engines."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from heliograph.storage.kind_statements import kind_statements
from heliograph.storage.postgres.store import PostgresStore
from heliograph.storage.queries import Migration, migration_script, migrations, postgres_queries, statements
from tests.patience import PATIENCE_S
from tests.storage.records import SetClock

TABLES = re.compile(
    r"\b(?:operations|devices|device_keys|tombstones|serials|tokens|enterprises|policies|requests|outbox|service_keys|dead_letters"
    r"|events|event_numbers|event_arrivals|key_uses|roles|role_bindings|access_states|tallies)\b"
)
READS_A_WHOLE_TABLE = {
    "full_outboxes": "the outbox alone, after many new messages: how many wait of each enterprise",
    "oldest_messages": "the outbox alone, and no further than the oldest; only while too many of an enterprise wait",
    "list_of_service_keys": "few, and listed whole",
    "list_of_key_uses": "one for each key",
    "list_of_roles": "few, and listed whole",
    "list_of_role_bindings": "few, and listed whole",
    "stats": "of operations the open ones, of the outbox all: asked every few seconds at most",
}
SOURCES = "".join(path.read_text(encoding="utf-8") for path in Path("src/heliograph/storage/postgres").glob("*.py"))
OWN = statements("postgres.sql").keys() | kind_statements("postgresql").keys()
ASKED = sorted(
    name for name in OWN | (set(re.findall(r'"(\w+)"', SOURCES)) & postgres_queries().keys()) if TABLES.search(postgres_queries()[name])
)
"""Every statement that this store asks tables with."""


@pytest.fixture
async def connection(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    store = await PostgresStore.open(database, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    connected = await store.connect()
    await store.close()
    yield connected
    await connected.close()


async def plan_of(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> list[str]:
    """The steps of the plan that our sessions use."""
    values = ", ".join(["NULL"] * (max(map(int, re.findall(r"\$(\d+)", statement)), default=0)))
    await connection.execute(f"PREPARE asked AS {statement}")
    rows = await connection.fetch(f"EXPLAIN EXECUTE asked{f'({values})' if values else ''}")
    await connection.execute("DEALLOCATE asked")
    return [str(row[0]).strip(" ->") for row in rows]


async def test_no_statement_reads_a_whole_table(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Neither as it stands nor, without a condition, along an index; but the first of an index costs nothing."""
    whole: dict[str, list[str]] = {}
    for name in ASKED:
        steps = await plan_of(connection, postgres_queries()[name])
        for number, step in enumerate(steps):
            along = re.match(r"(?:Bitmap )?Index (?:Only )?Scan (?:Backward )?(?:using|on) (\w+)", step)
            bounded = along and any("Index Cond" in after for after in steps[number + 1 : number + 3])
            first = along and any(before.startswith(("Limit", "InitPlan")) for before in steps[:number])
            if step.startswith("Seq Scan") or (along and not bounded and not first):
                whole.setdefault(name, []).append(step)

    assert {} == {name: steps for name, steps in whole.items() if name not in READS_A_WHOLE_TABLE}


async def test_a_page_is_read_in_its_order_and_no_further(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    pages = [name for name in ASKED if name.startswith("page_")]

    plans = {name: await plan_of(connection, postgres_queries()[name]) for name in pages}

    assert 8 == len(pages)
    assert [] == [name for name, steps in plans.items() if any(step.startswith("Sort") for step in steps)]


def test_statements_are_left_to_the_engine_that_they_are_marked_for() -> None:
    script = "CREATE TABLE both (a BLOB);\n-- sqlite only\nUPDATE a;\n-- postgresql only\nCREATE b (\n  c);\nDROP d;\n"
    migration = Migration(1, script)

    assert ["CREATE TABLE both (a BLOB);", "UPDATE a;", "DROP d;"] == migration_script(migration, "sqlite").splitlines()
    assert ["CREATE TABLE both (a BYTEA);", "CREATE b (", "  c);", "DROP d;"] == migration_script(migration, "postgresql").splitlines()


def test_no_word_of_sqlite_alone_reaches_postgres() -> None:
    scripts = "".join(migration_script(migration, "postgresql") for migration in migrations())
    statements = "".join(line for line in scripts.splitlines() if not line.startswith("--"))

    assert [] == re.findall(r"ROWID|json_|BLOB|history|swept", statements)
