"""What one row of kinds.py says of a record kind, and the names of the statements that follow from it."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from heliograph.domain.names import DeviceName
from heliograph.service.changes import Shelf, Thing
from heliograph.service.tenant_bounds import Held

Row = tuple[Any, ...]
K = TypeVar("K", bound=tuple[Any, ...])
R = TypeVar("R")


class ReadRow(Protocol):
    """A row that a statement read: apsw's tuple, or asyncpg's record."""

    def __getitem__(self, index: int, /) -> Any: ...  # noqa: ANN401 - a column's value

    def __iter__(self) -> Iterator[Any]: ...


class Column(NamedTuple):
    """A column that statements ask for."""

    name: str
    type: str = "text"
    """In PostgreSQL's words: text, integer, bigint or bytea."""
    of: str = ""
    """The record's attribute, with dots for nested attributes; empty: the one with the same name."""


POSITION = Column("position")
"""A record's place in lists: `page_of_…` uses it."""


@dataclass(frozen=True, slots=True)
class Codec(Generic[R]):
    """How a record stands in the column `record`."""

    encode: Callable[[R], bytes]
    decode: Callable[[bytes], R]


class StatementNames(NamedTuple):
    """What a kind's statements are called. Which of them there are depends on the row (kind_statements.py)."""

    named: str
    """Records by their keys; `lock`: and they are this transaction's (PostgreSQL)."""
    lock: str
    found: str
    """Records by the column `found_by`; `lock_found`: and they are this transaction's (PostgreSQL)."""
    lock_found: str
    page: str
    put: str
    insert: str
    """Records that were looked for and missing (PostgreSQL)."""
    delete: str
    delete_of_parent: str
    holding: str
    expired: str
    """The keys of records past their expiry (SQLite); `retire` deletes them (PostgreSQL)."""
    retire: str
    forget_of_device: str
    every_record: str
    """Records for `heliograph db check`."""


@dataclass(frozen=True, eq=False, kw_only=True)  # two kinds are never equal: as a key of a dict, one costs no more than an object
class Kind(Generic[K, R]):
    """A record kind. Its table has the columns of the key, then `columns`, and at the end `record` if it has a codec."""

    table: str
    one: str
    """What people call one of its records."""
    many: str
    record: type[R]
    key: type[K]
    """A named tuple; its values are the columns `key_columns`, in their order. Each kind has its own."""
    key_of: Callable[[R], K]
    key_columns: tuple[Column, ...]
    columns: tuple[Column, ...] = ()
    codec: Codec[R] | None = None
    from_columns: Callable[[ReadRow], R] | None = None
    """Makes the record from all columns, if it has no codec."""
    belongs_to: "Kind[Any, Any] | None" = None
    """The kind that it is deleted with. The key begins with that kind's key."""
    of_devices: bool = False
    """Rules reach it through a device, too: it is then read and not locked, so that an enterprise's devices do not wait for each other."""
    by_hand: bool = False
    """Rules see it as a part of its device (view.py): only writing, retention, checks and the sandbox's forgetting follow from the row."""
    found_by: str = ""
    """Another column that records are looked up by."""
    few: bool = False
    """Listed in full: the table is small, and has no index on the order."""
    expires: bool = False
    """Past its `expires_us`, which is a column, no rule and no reader sees a record, and retention removes it."""
    remembered: int = 0
    """Records kept in memory, per generation, of which there are two (recent.py)."""
    held: Held | None = None
    """The limit by which an enterprise's records are counted. The key begins with the enterprise."""
    weighed: bool = False
    """Their bytes are counted, too."""
    resource: Callable[[K], str] | None = str
    """What the audit trail calls a record, by its key; None: no change of these is recorded."""

    @functools.cached_property
    def names(self) -> StatementNames:
        """What its statements are called."""
        table, parent = self.table, self.belongs_to.table if self.belongs_to else ""
        return StatementNames(
            named=f"{table}_named", lock=f"lock_{table}",
            found=f"{table}_by_{self.found_by}", lock_found=f"lock_{table}_by_{self.found_by}",
            page=f"list_of_{table}" if self.few else f"page_of_{table}",
            put=f"put_{table}", insert=f"insert_{table}", delete=f"delete_{table}", delete_of_parent=f"delete_{table}_of_{parent}",
            holding=f"holding_{table}", expired=f"{table}_expired", retire=f"retire_{table}",
            forget_of_device=f"forget_{table}_of_device", every_record=f"every_record_of_{table}",
        )  # fmt: skip

    @functools.cached_property
    def stored_columns(self) -> tuple[Column, ...]:
        """Every column of the table."""
        record = (Column("record", "bytea"),) if self.codec else ()
        return (*self.key_columns, *self.columns, *record)

    @functools.cached_property
    def row_of(self) -> Callable[[K, R], Row]:
        """Makes the row of a record: its values in the order of `stored_columns`."""
        getters = [attrgetter(column.of or column.name) for column in self.columns]
        encode = self.codec.encode if self.codec else None

        def row(key: K, record: R) -> Row:
            values = [get(record) for get in getters]
            return (*key, *values) if encode is None else (*key, *values, encode(record))

        return row

    @functools.cached_property
    def from_row(self) -> Callable[[ReadRow], R]:
        """Makes the record of a row that one of its statements read."""
        if self.codec is None:
            if self.from_columns is None:
                raise TypeError(f"the kind {self.table} needs a codec, or from_columns")
            return self.from_columns
        decode = self.codec.decode
        return lambda row: decode(row[0])

    @functools.cached_property
    def found_value(self) -> Callable[[R], str]:
        """The value of the column `found_by`."""
        return attrgetter(next(column.of or column.name for column in self.columns if column.name == self.found_by))

    @functools.cached_property
    def thing_of(self) -> Callable[[tuple[Any, ...]], Thing]:
        """What a page that shows a record of this kind, by its key, watches: its device, or the records of the kind."""
        columns = [column.name for column in self.key_columns]
        if columns[:2] == ["enterprise", "device"]:
            return lambda key: DeviceName(*key[:2])
        if columns[0] == "enterprise":
            return lambda key: Shelf(key[0], self.table)
        of_server = Shelf("", self.table)
        return lambda _key: of_server

    def living(self, record: R | None, now_us: int) -> R | None:
        """The record, unless it is past its expiry."""
        return None if record is None or (self.expires and record.expires_us <= now_us) else record  # type: ignore[attr-defined]

    def has(self, column: str) -> bool:
        """Whether statements may ask for a column of this name."""
        return any(column == one.name for one in (*self.key_columns, *self.columns))
