"""A migration's name says whether it comes before or after the code that it is for, and it does what its name allows."""

import itertools
import re
from pathlib import Path

import apsw
import pytest

from heliograph.storage.queries import migration_script, migrations, queries
from heliograph.storage.sqlite.connection import migrate
from tests.architecture.sources import PACKAGE

FOLDER = PACKAGE / "storage" / "migrations"
NAMED_BEFORE_THE_RULE = 7
NAME = re.compile(r"\d{4}_(?P<when>before|after)_\w+\.sql")
TAKES_AWAY = re.compile(r"\b(DROP|RENAME|DELETE)\b")
SAYS_HOW = (
    "name it NNNN_before_what.sql if the new code needs it (it only adds, since servers of the version before go on beside it), or "
    "NNNN_after_what.sql if it takes away what the code of the last release needs no more"
)


def trouble(name: str, script: str) -> str:
    """What is wrong with a migration; "" for nothing."""
    found = NAME.fullmatch(name)
    if found is None:
        return f"{name}: {SAYS_HOW}."
    if found["when"] == "before" and (word := TAKES_AWAY.search(re.sub(r"--.*", "", script))):
        return f"{name}: {word[0]} breaks servers of the version before: do it in a release later, in NNNN_after_what.sql."
    return ""


def test_every_migration_says_when_it_runs() -> None:
    newer = [path for path in sorted(FOLDER.iterdir()) if path.suffix == ".sql" and int(path.name[:4]) > NAMED_BEFORE_THE_RULE]

    assert [] == [said for path in newer if (said := trouble(path.name, path.read_text(encoding="utf-8")))]


def test_no_number_is_left_out_or_given_twice() -> None:
    numbers = sorted(int(path.name[:4]) for path in FOLDER.iterdir() if path.suffix == ".sql")

    assert [*range(1, len(numbers) + 1)] == numbers == [migration.version for migration in migrations()]


@pytest.mark.parametrize(
    "name, script, said",
    [
        ("0008_before_rings.sql", "CREATE TABLE rings (id INTEGER);", ""),
        ("0008_before_rings.sql", "-- DROP would be wrong.\nCREATE TABLE rings (id INTEGER);", ""),
        ("0008_after_rings.sql", "DROP TABLE rings;", ""),
        ("0008_rings.sql", "CREATE TABLE rings (id INTEGER);", SAYS_HOW),
        ("0008_before_rings.sql", "DROP TABLE rings;", "DROP breaks servers of the version before"),
    ],
)
def test_a_name_that_does_not_say_it_is_refused_with_what_to_do(name: str, script: str, said: str) -> None:
    found = trouble(Path(name).name, script)

    assert bool(said) is bool(found)
    assert said in found


@pytest.mark.parametrize("version", range(len(migrations()) + 1))
def test_a_new_database_has_its_schema_by_one_commit_and_an_older_one_by_one_for_each_step(version: int) -> None:
    """SQLite: a kill meanwhile leaves no part of a new database, and no step of an older one is done again."""
    connection, commits = apsw.Connection(":memory:"), itertools.count()
    for migration in migrations()[:version]:
        connection.execute(migration_script(migration, "sqlite"))
        connection.execute(queries()["migration_applied"], (migration.version, 0))
    connection.set_commit_hook(lambda: next(commits) < 0)

    migrate(connection, 0)

    assert (len(migrations()) - version if version else 1) == next(commits)
    assert migrations()[-1].version == connection.execute(queries()["schema_version"]).get
