"""The SQL of a record kind, out of its row (kinds.py): what both engines are asked. `make docs` prints it into kinds.sql."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from heliograph.storage.kind import Kind, StatementNames
from heliograph.storage.kinds import KINDS

AnyKind = Kind[Any, Any]


class Statement(NamedTuple):
    """A statement, as queries.sql has them: its name, one line what it is for, the SQL."""

    name: str
    purpose: str
    sql: str


@functools.cache
def kind_statements(engine: str) -> Mapping[str, str]:
    """The statements of every kind for this engine ("sqlite": with question marks, "postgresql": with $1, $2, …), by name."""
    return {statement.name: statement.sql for kind in KINDS for statement in _statements_of(kind, engine)}


@functools.cache
def kind_reads() -> Mapping[str, str]:
    """What `heliograph db check` reads of every kind with a codec, by name: whole tables, which no server does."""
    return {kind.names.every_record: f"SELECT record FROM {kind.table}" for kind in KINDS if kind.codec}


def _statements_of(kind: AnyKind, engine: str) -> Iterator[Statement]:
    """The statements that a server has for the kind."""
    dialect = _Sqlite(kind) if engine == "sqlite" else _Postgres(kind)
    if not kind.by_hand:
        yield from dialect.reads()
        yield from _pages_and_counts(kind, engine)
    yield from dialect.writes()
    if kind.expires:
        yield from dialect.retention()


def check_of(kind: AnyKind) -> Statement | None:
    """An invariant of the kind's rows: the statement counts the rows that break it, on both engines."""
    parent = kind.belongs_to
    if parent is None:
        return None
    article = "an" if parent.one[0] in "aeiou" else "a"
    same = " AND ".join(f"p.{column.name} = t.{column.name}" for column in parent.key_columns)
    return Statement(
        f"{kind.table}_have_{article}_{re.sub('[^a-z]', '_', parent.one)}",
        f"Every {kind.one} belongs to {article} {parent.one}.",
        f"SELECT count(*) FROM {kind.table} t WHERE NOT EXISTS (SELECT 1 FROM {parent.table} p WHERE {same})",
    )


def printed() -> str:
    """The text of kinds.sql."""
    lines = [
        "-- Made by `make docs` from kinds.py, for people, searches and reviews: nothing reads this file. `-- engine: name --`, one line",
        "-- what it is for, the statement. Where a statement ends in a VALUES group that Python repeats, the group stands here once.",
    ]
    for kind in KINDS:
        for engine in ("sqlite", "postgresql"):
            for name, purpose, sql in _statements_of(kind, engine):
                lines += ["", f"-- {engine}: {name} --", f"-- {purpose}", sql]
        if check := check_of(kind):
            lines += ["", f"-- check: {check.name} --", f"-- {check.purpose}", check.sql]
        if kind.codec:
            name = kind.names.every_record
            lines += ["", f"-- check: {name} --", "-- Whether every record can be read.", kind_reads()[name]]
    return "\n".join([*lines, ""])


def _pages_and_counts(kind: AnyKind, engine: str) -> Iterator[Statement]:
    """The engines differ in how a value is marked only."""
    marks = iter("?" * 9) if engine == "sqlite" else map("${}".format, range(1, 10))
    read = ", ".join(column.name for column in (kind.stored_columns if kind.codec is None else kind.stored_columns[-1:]))
    if kind.has("position"):
        parent = kind.belongs_to.key_columns if kind.belongs_to else ()
        wanted = [f"{column.name} = {next(marks)}" for column in parent] + [f"position > {next(marks)}"]
        wanted += [f"expires_us > {next(marks)}"] if kind.expires else []
        whose = f"{kind.many.capitalize()} of one {kind.belongs_to.one}" if kind.belongs_to else kind.many.capitalize()
        sql = f"SELECT {read} FROM {kind.table} WHERE {' AND '.join(wanted)} ORDER BY position LIMIT {next(marks)}"
        yield Statement(kind.names.page, f"{whose} after a position, in order of creation.", sql)
    if kind.held is not None:
        marks = iter("??") if engine == "sqlite" else iter(("$1", "$2"))
        first = kind.key_columns[0].name
        value, total, bytes_too = (
            ("length(record) AS bytes", "coalesce(sum(bytes), 0)", ", and the bytes of these") if kind.weighed else ("1 AS one", "0", "")
        )
        inner = f"SELECT {value} FROM {kind.table} WHERE {first} = {next(marks)} LIMIT {next(marks)}"
        purpose = f"How many {kind.many} an enterprise has, counted up to a number{bytes_too}."
        yield Statement(kind.names.holding, purpose, f"SELECT count(*), {total} FROM ({inner}) AS counted")


class _Dialect:
    """What both engines' statements of a kind are made of."""

    def __init__(self, kind: AnyKind) -> None:
        self.kind = kind
        self.names: StatementNames = kind.names
        self.keys = [column.name for column in kind.key_columns]
        self.key_list = ", ".join(self.keys)
        self.all = [column.name for column in kind.stored_columns]
        self.read = "t.record" if kind.codec else ", ".join(f"t.{name}" for name in self.all)

    @property
    def update(self) -> str:
        """What a put does to an existing record."""
        changes = ", ".join(f"{name} = excluded.{name}" for name in self.all if name not in self.keys)
        return f"ON CONFLICT ({self.key_list}) DO UPDATE SET\n    {changes}"

    def same(self, left: str, right: str, keys: Iterable[str] | None = None) -> str:
        """Two rows have the same key."""
        return " AND ".join(f"{left}.{name} = {right}.{name}" for name in keys or self.keys)


class _Sqlite(_Dialect):
    """Values are question marks; a VALUES group is repeated for its rows (queries.py, `grouped`)."""

    def reads(self) -> Iterator[Statement]:
        """By key, and by the other column."""
        kind, names = self.kind, self.names
        # CROSS JOIN also says which table is read first: the few rows that are wanted, never a whole table.
        wanted = " AND ".join(f"t.{name} = wanted.column{number}" for number, name in enumerate(self.keys, 1))
        sql = f"SELECT {self.read} FROM (VALUES ({_marks(self.keys)})) AS wanted CROSS JOIN {kind.table} t\nWHERE {wanted}"
        yield Statement(names.named, f"{kind.many.capitalize()} by name, for many names.", sql)
        if kind.found_by:
            sql = (
                f"SELECT {self.read} FROM (VALUES (?)) AS wanted CROSS JOIN {kind.table} t\n"
                f"WHERE t.{kind.found_by} = wanted.column1 ORDER BY t.position"
            )
            yield Statement(names.found, f"{kind.many.capitalize()} by {kind.found_by}, for many of these.", sql)

    def writes(self) -> Iterator[Statement]:
        """The writes for many records."""
        kind, names = self.kind, self.names
        many = kind.many.capitalize()
        sql = f"INSERT INTO {kind.table} ({', '.join(self.all)}) VALUES ({_marks(self.all)})\n{self.update}"
        yield Statement(names.put, f"{many} as they are now.", sql)
        if not kind.by_hand or kind.expires:
            yield self._delete()
        if parent := kind.belongs_to:
            theirs = [column.name for column in parent.key_columns]
            its = theirs[0] if len(theirs) == 1 else f"({', '.join(theirs)})"
            sql = f"DELETE FROM {kind.table} WHERE {its} IN (VALUES ({_marks(theirs)}))"
            yield Statement(names.delete_of_parent, f"The {kind.many} of deleted {parent.many} go with them.", sql)
        if kind.has("enterprise") and kind.has("device"):
            sql = f"DELETE FROM {kind.table} WHERE enterprise = ? AND device = ?"
            yield Statement(names.forget_of_device, f"Sandbox: the {kind.many} of a device never were.", sql)

    def _delete(self) -> Statement:
        keys = self.key_list if len(self.keys) == 1 else f"({self.key_list})"
        sql = f"DELETE FROM {self.kind.table} WHERE {keys} IN (VALUES ({_marks(self.keys)}))"
        return Statement(self.names.delete, f"These {self.kind.many} are gone.", sql)

    def retention(self) -> Iterator[Statement]:
        """The keys: SQLite deletes them by their keys, so that memory forgets them, too."""
        sql = f"SELECT {self.key_list} FROM {self.kind.table} WHERE expires_us <= ? ORDER BY expires_us LIMIT ?"
        yield Statement(self.names.expired, f"The {self.kind.many} past their expiry, the longest expired first.", sql)


class _Postgres(_Dialect):
    """Many rows come as arrays, one per column; rows are locked in the order of keys."""

    def reads(self) -> Iterator[Statement]:
        """By key, and by the other column; each with a lock, too."""
        kind, names = self.kind, self.names
        order = ", ".join(f"t.{name}" for name in self.keys)
        many = kind.many.capitalize()
        sql = (
            f"SELECT {self.read} FROM {self._arrays(self.keys, 'wanted')}\n"
            f"JOIN {kind.table} t ON {' AND '.join(f't.{name} = wanted.{name}' for name in self.keys)}"
        )
        yield Statement(names.named, f"{many} by name, for many names.", sql)
        locked = f"{sql}\nORDER BY {order} FOR NO KEY UPDATE OF t"
        yield Statement(names.lock, f"{many} by name; they are this transaction's.", locked)
        if kind.found_by:
            sql = f"SELECT {self.read} FROM {kind.table} t WHERE t.{kind.found_by} = ANY($1::text[])"
            yield Statement(names.found, f"{many} by {kind.found_by}, the oldest first.", f"{sql} ORDER BY t.position")
            locked = f"{sql}\nORDER BY {order} FOR NO KEY UPDATE OF t"
            yield Statement(names.lock_found, f"{many} by {kind.found_by}; they are this transaction's.", locked)

    def writes(self) -> Iterator[Statement]:
        """The writes for many records."""
        kind, names = self.kind, self.names
        many = kind.many.capitalize()
        insert = f"INSERT INTO {kind.table} ({', '.join(self.all)})\nSELECT * FROM {self._arrays(self.all)}"
        if not kind.by_hand:
            purpose = f"{many} that were looked for and not there; a unique violation says that they are there by now."
            yield Statement(names.insert, purpose, insert)
        yield Statement(names.put, f"{many} as they are now.", f"{insert}\n{self.update}")
        if not kind.by_hand:
            yield Statement(names.delete, f"These {kind.many} are gone.", self._delete(self.keys))
        if parent := kind.belongs_to:
            sql = self._delete([column.name for column in parent.key_columns])
            yield Statement(names.delete_of_parent, f"The {kind.many} of deleted {parent.many} go with them.", sql)

    def retention(self) -> Iterator[Statement]:
        """One statement: no memory has to forget anything. What another server locks, or retires already, is passed over."""
        old = f"SELECT {self.key_list} FROM {self.kind.table} WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED"
        sql = f"DELETE FROM {self.kind.table} t USING (\n    {old}\n) AS old\nWHERE {self.same('t', 'old')}\nRETURNING 1"
        yield Statement(self.names.retire, f"{self.kind.many.capitalize()} past their expiry are gone.", sql)

    def _delete(self, keys: list[str]) -> str:
        return f"DELETE FROM {self.kind.table} t USING {self._arrays(keys, 'gone')}\nWHERE {self.same('t', 'gone', keys)}"

    def _arrays(self, names: list[str], alias: str = "") -> str:
        types = {column.name: column.type for column in self.kind.stored_columns}
        arrays = ", ".join(f"${number}::{types[name]}[]" for number, name in enumerate(names, 1))
        return f"unnest({arrays})" + (f" AS {alias}({', '.join(names)})" if alias else "")


def _marks(names: Iterable[str]) -> str:
    return ", ".join("?" for _ in names)
