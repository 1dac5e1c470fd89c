"""Every row of a small database as values that JSON can hold, and back: a sandbox's world is written to a file and read again."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import apsw
import msgspec

from heliograph.protojson.parser import MALFORMED

NOT_KEPT = frozenset({"schema_version", "room", "sealing_key"})
"""Tables that every database has by itself."""

JSON, MSGPACK, BASE64, MAP = "json", "msgpack", "base64", "map"
_CODES: Mapping[str, Any] = {JSON: msgspec.json, MSGPACK: msgspec.msgpack}

Rows = Mapping[str, Sequence[Any]]
"""By table, in the order of the primary key: each row by column. Bytes are an object that says how they are to be read."""


class RowsUnreadable(ValueError):
    """The rows are none of this schema."""


def rows_of(connection: apsw.Connection) -> Rows:
    """All rows; tables without any are left out."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for table, columns in _tables(connection).items():
        names = ", ".join(columns)
        found = connection.execute(f"SELECT {names} FROM {table} ORDER BY {names}").fetchall()  # noqa: S608 - the schema's own names
        if found:
            rows[table] = [dict(zip(columns, map(_shown, row), strict=True)) for row in found]
    return rows


def fill(connection: apsw.Connection, rows: Rows) -> None:
    """These rows are all there are.  Raises: RowsUnreadable: a table or column that is not there, or a value that cannot be."""
    tables = _tables(connection)
    if unknown := sorted(rows.keys() - tables.keys()):
        raise RowsUnreadable(f"there is no table {unknown[0][:64]!r}")
    with connection:
        for table, columns in tables.items():
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the schema's own name
            for place, row in enumerate(rows.get(table, ())):
                if not isinstance(row, Mapping) or row.keys() != set(columns):
                    raise RowsUnreadable(f"{table}[{place}] must have the columns {', '.join(columns)}")
            marks = ", ".join("?" * len(columns))
            values = (
                [_value(row[name], f"{table}.{name}", is_bytes=is_bytes) for name, is_bytes in columns.items()]
                for row in rows.get(table, ())
            )
            try:
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - the schema's own name
            except (apsw.ConstraintError, apsw.MismatchError, TypeError) as error:
                raise RowsUnreadable(f"{table}: {error}") from None


def _tables(connection: apsw.Connection) -> dict[str, dict[str, bool]]:
    """The columns of each table, and whether they hold bytes."""
    names = [str(row[0]) for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()]
    return {
        name: {str(row[1]): row[2] in ("BLOB", "bytea") for row in connection.execute(f"PRAGMA table_info({name})").fetchall()}
        for name in names
        if name not in NOT_KEPT and not name.startswith("sqlite_")
    }


def _shown(value: object) -> object:
    """The value as JSON can hold it: bytes say how they are to be read."""
    if isinstance(value, list):
        return [_shown(part) for part in value]
    if isinstance(value, dict):
        return {MAP: {name: _shown(part) for name, part in value.items()}}
    if not isinstance(value, bytes):
        return value
    for name, code in _CODES.items():
        try:
            decoded = code.decode(value)
            if isinstance(decoded, dict | list) and code.encode(decoded) == value:
                return {name: decoded if name == JSON else _shown(decoded)}
        except MALFORMED:
            continue
    return {BASE64: base64.b64encode(value).decode()}


def _value(value: object, where: str, *, is_bytes: bool) -> object:
    """The value of a column.  Raises: RowsUnreadable."""
    if value is None or (not is_bytes and isinstance(value, int | str)):
        return value
    stored = _stored(value, where)
    if isinstance(stored, bytes) is not is_bytes or not is_bytes:
        kind = f"an object with one of: {JSON}, {MSGPACK}, {BASE64}" if is_bytes else "text or a whole number"
        raise RowsUnreadable(f"{where} must be {kind}")
    return stored


def _stored(value: object, where: str) -> object:
    """Raises: RowsUnreadable."""
    if isinstance(value, list):
        return [_stored(part, where) for part in value]
    if not isinstance(value, dict):
        return value
    ((name, inner),) = value.items() if len(value) == 1 else (("", None),)
    if name == MAP and isinstance(inner, dict):
        return {key: _stored(part, where) for key, part in inner.items()}
    if name in _CODES:
        return _CODES[name].encode(inner if name == JSON else _stored(inner, where))
    try:
        if name == BASE64:
            return base64.b64decode(str(inner), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise RowsUnreadable(f"{where} must be an object with one of: {JSON}, {MSGPACK}, {BASE64}")
