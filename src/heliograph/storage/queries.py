"""The statements by name, and the migrations in their order: SQL lives in files, Python only names it."""

import functools
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple

from heliograph.protojson.errors import FailedPrecondition
from heliograph.storage.kind_statements import kind_statements

GROUPS_REMEMBERED = 512
"""As many as there are rows in a batch."""
GROUP_SIZES = (64, 16, 4, 1)
"""Rows per statement: few sizes, so that every one stays prepared; large ones, so that the interpreter lock is let go seldom."""

_QUERY = re.compile(r"^-- (\w+) --\n(?:--[^\n]*\n)(.+?)\s*(?=^-- |\Z)", re.MULTILINE | re.DOTALL)
_VALUES_GROUP = re.compile(r"(VALUES )(\([?, ]+\))")
_MIGRATION = re.compile(r"(\d{4})_\w+\.sql")
_BLOB = re.compile(r"\bBLOB\b")
_OF_ONE_ENGINE = re.compile(r"^-- (sqlite|postgresql) only\n(.+?;[ ]*\n)", re.MULTILINE | re.DOTALL)


class DatabaseTooNew(FailedPrecondition):
    """The database was written by a newer Heliograph: run that version, or give this one another database."""


class Migration(NamedTuple):
    """One step of the schema: its number, which also is the schema's version afterwards, and what it runs."""

    version: int
    script: str


@functools.cache
def queries() -> Mapping[str, str]:
    """Every statement of queries.sql, and those of the record kinds, by name."""
    return {**statements("queries.sql"), **kind_statements("sqlite")}


@functools.cache
def postgres_queries() -> Mapping[str, str]:
    """Every statement as PostgreSQL takes it: its own (postgres.sql, the record kinds'), and of queries.sql what stands there for both."""
    both = {name: _numbered(statement) for name, statement in statements("queries.sql").items()}
    return {**both, **statements("postgres.sql"), **kind_statements("postgresql")}


def _numbered(statement: str) -> str:
    """The statement with $1, $2, … for its question marks."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


@functools.cache
def grouped(name: str, rows: int) -> str:
    """The statement with its VALUES group repeated for this many rows."""
    return _VALUES_GROUP.sub(lambda group: group[1] + ", ".join([group[2]] * rows), queries()[name])


@functools.lru_cache(maxsize=GROUPS_REMEMBERED)
def groups(count: int) -> Sequence[tuple[int, int]]:
    """`count` rows as slices (start, stop), each as large as one of GROUP_SIZES."""
    found: list[tuple[int, int]] = []
    start = 0
    for size in GROUP_SIZES:
        while count - start >= size:
            found.append((start, start + size))
            start += size
    return found


@functools.lru_cache(maxsize=GROUPS_REMEMBERED)
def filled_groups(count: int) -> Sequence[tuple[int, int]]:
    """As `groups`, in as few slices as there can be: the last one may end beyond the rows."""
    found: list[tuple[int, int]] = []
    start = 0
    while start < count:
        size = next((size for size in reversed(GROUP_SIZES) if size >= count - start), GROUP_SIZES[0])
        found.append((start, start + size))
        start += size
    return found


def migration_script(migration: Migration, engine: str) -> str:
    """What the migration runs on this engine ("sqlite", "postgresql"): without the statements that are marked as another's.

    Types are said as SQLite says them; a BLOB is PostgreSQL's BYTEA.
    """
    script = _OF_ONE_ENGINE.sub(lambda found: found[2] if found[1] == engine else "", migration.script)
    return script if engine == "sqlite" else _BLOB.sub("BYTEA", script)


def statements(file: str) -> Mapping[str, str]:
    """Every statement of a .sql file of this package by its name."""
    return dict(_QUERY.findall((resources.files(__package__) / file).read_text(encoding="utf-8")))


@functools.cache
def migrations() -> Sequence[Migration]:
    """All migrations in order; they only go forward."""
    folder = resources.files(__package__) / "migrations"
    found = [(_MIGRATION.fullmatch(entry.name), entry) for entry in folder.iterdir()]
    return sorted(Migration(int(match[1]), entry.read_text(encoding="utf-8")) for match, entry in found if match)
