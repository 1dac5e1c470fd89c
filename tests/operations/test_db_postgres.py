"""`heliograph db` on PostgreSQL: what it does there, and what it leaves to PostgreSQL's own tools."""

import json

from heliograph.storage.checks import checks
from heliograph.storage.queries import migrations
from tests.operations.server import heliograph
from tests.postgres import Cluster

NEWEST = migrations()[-1].version


async def failed_checks(url: str) -> list[str]:
    """The names of what does not hold."""
    told = await heliograph("db", "check", "--json", environment={"HELIOGRAPH_DATABASE": url})
    assert told.code in {0, 1}, told.err
    return [one["check"] for one in json.loads(told.out) if not one["ok"]]


async def test_migrate_makes_the_tables_once(database: str) -> None:
    assert ["schema"] == await failed_checks(database)

    first = await heliograph("db", "migrate", "--database", database)
    again = await heliograph("db", "migrate", "--database", database)

    assert (0, f"Schema 0 became schema {NEWEST}.\n") == (first.code, first.out)
    assert (0, f"The database has schema {NEWEST} already.\n") == (again.code, again.out)
    assert [] == await failed_checks(database)


async def test_check_finds_rows_that_must_not_be(database: str, postgres: Cluster) -> None:
    await heliograph("db", "migrate", "--database", database)
    postgres.sql("INSERT INTO operations VALUES (5, 1, 0, NULL, NULL, '')", url=database)

    assert ["deadlines", "operations_have_a_device_name"] == await failed_checks(database)
    assert "index_is_complete" not in checks("postgresql")


async def test_check_finds_settings_that_lose_what_was_answered() -> None:
    with Cluster({"fsync": "off", "full_page_writes": "off"}) as careless:
        url = careless.fresh_database()
        await heliograph("db", "migrate", "--database", url)

        assert ["fsync", "full_page_writes"] == await failed_checks(url)


async def test_a_backup_is_left_to_postgresql(database: str) -> None:
    told = await heliograph("db", "backup", "copy.db", "--database", database)

    assert 2 == told.code
    assert "pg_basebackup" in told.err
    assert "pg_dump" in told.err


async def test_a_database_that_cannot_be_reached_is_told_without_its_password(database: str) -> None:
    address = database.replace("postgresql://postgres@", "postgresql://postgres:hunter2@")
    nowhere = address.rsplit(":", 1)[0] + ":1/nothing"

    for verb in ("check", "migrate"):
        told = await heliograph("db", verb, "--database", nowhere)
        assert 5 == told.code
        assert "PostgreSQL refused" in told.err
        assert "hunter2" not in told.out + told.err

    wrong = await heliograph("db", "check", "--database", "mysql://root:hunter2@db/x")
    assert (2, False) == (wrong.code, "hunter2" in wrong.err)
