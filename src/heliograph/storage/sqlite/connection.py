"""Connections to the database file, as durable and as careful as every one of them must be."""

import contextlib
from pathlib import Path
from typing import NamedTuple, Self

import apsw

from heliograph.protojson.errors import FailedPrecondition
from heliograph.storage.lock_file import LockFile
from heliograph.storage.queries import DatabaseTooNew, migration_script, migrations, queries

LIBRARY_LEAST = (3, 51, 3)
"""Older ones may corrupt a log that one connection commits to while another checkpoints (sqlite.org/wal.html#walresetbug)."""
BUSY_MS = 5_000
CACHE_KIB = 8_192
"""Of a connection to a file. Holds the inner pages and the newest leaves of all indexes for some 100,000 devices. Not more: after a commit
that reordered pages, SQLite looks at every page in the cache, a quarter of a millisecond with 64 MiB (docs/adr/0073)."""
MEMORY_PAGE_BYTES = 512
"""SQLite's least: a database that is nearly empty has a page for each table and index; with the usual 4 KiB, three times the memory."""
MEMORY_HAS_MANY = frozenset({
    "devices", "device_keys", "operations", "outbox", "events", "requests", "tokens", "tombstones", "dead_letters", "serials"
})  # fmt: skip
"""Tables that a test may fill with thousands of rows: of the others, what only makes a search shorter is left out in memory."""
MEMORY_STATEMENTS = 5
"""Compiled statements that a connection in memory keeps: 5 KiB each, which a thousand worlds must hold. Eight are no quicker."""
MEMORY_CACHE_KIB = 2_048
LOG_MOST_BYTES = 64 * 1024 * 1024
"""Size at which the write-ahead log restarts; the file is cut to it if a long read made it longer."""


class LibraryTooOld(FailedPrecondition):
    """The SQLite library is too old: install a newer apsw."""


def check_library(version: str) -> None:
    """Raises: LibraryTooOld."""
    if tuple(int(part) for part in version.split(".")) < LIBRARY_LEAST:
        least = ".".join(map(str, LIBRARY_LEAST))
        raise LibraryTooOld(f"SQLite {version} may corrupt databases under load; {least} or newer is needed: install a newer apsw.")


class Connections(NamedTuple):
    """The connections to one database, which belongs to this process until they are closed."""

    lock: LockFile | None
    """None: the database is not a file."""
    writer: apsw.Connection
    checkpointer: apsw.Connection
    reader: apsw.Connection
    """The event loop's."""
    page_reader: apsw.Connection
    """The thread's that reads large pages."""

    @classmethod
    def open(cls, path: Path, now_us: int, *, durable: bool = True) -> Self:
        """All of them, on the newest schema; not `durable`: a power cut may cost the file.

        Raises: DatabaseInUse, DatabaseTooNew, LibraryTooOld.
        """
        check_library(apsw.sqlite_lib_version())
        with contextlib.ExitStack() as undo:
            lock = LockFile(path)
            undo.callback(lock.release)
            writer = undo.enter_context(contextlib.closing(connect(path)))
            migrate(writer, now_us)
            opened = cls(lock, writer, connect(path), connect(path, read_only=True), connect(path, read_only=True))
            if not durable:
                for connection in (opened.writer, opened.checkpointer):
                    connection.pragma("synchronous", "off")
            undo.pop_all()
        return opened

    @classmethod
    def in_memory(cls, template: apsw.Connection) -> Self:
        """A copy of the template, in memory: one connection for everything, since one thread does everything."""
        connection = apsw.Connection(":memory:", statementcachesize=MEMORY_STATEMENTS)
        connection.pragma("page_size", MEMORY_PAGE_BYTES)
        connection.pragma("cache_size", -MEMORY_CACHE_KIB)
        plan_once(connection)
        with connection.backup("main", template, "main") as backup:
            backup.step(-1)
        return cls(None, connection, connection, connection, connection)

    def close(self) -> None:
        """The log is in the database, and others may use it."""
        for connection in (self.checkpointer, self.reader, self.page_reader, self.writer):
            connection.close()
        if self.lock is not None:
            self.lock.release()


def memory_template(now_us: int) -> apsw.Connection:
    """An empty database on the newest schema, to be copied.  Raises: LibraryTooOld."""
    check_library(apsw.sqlite_lib_version())
    connection = apsw.Connection(":memory:")
    connection.pragma("page_size", MEMORY_PAGE_BYTES)
    migrate(connection, now_us)
    for table, index in connection.execute(queries()["plain_indexes"]).fetchall():
        if table not in MEMORY_HAS_MANY:  # a page, a part of the schema and its text: 1.3 KiB of each world
            connection.execute(f"DROP INDEX {index}")
    connection.execute("VACUUM")
    return connection


def without_memory_in_advance() -> None:
    """Connections of this process take memory as they need it: SQLite gives each 48 KiB, which a thousand worlds would hold unused.

    SQLite is configured before its first use; a process that has a connection already keeps what it has.
    Source: sqlite.org/malloc.html#lookaside.
    """
    if not apsw.connections():
        apsw.shutdown()
        apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, 0, 0)
        apsw.initialize()


def copy_of(template: apsw.Connection) -> apsw.Connection:
    """Another database in memory like it."""
    return Connections.in_memory(template).writer


def connect(path: Path, *, cache_kib: int = CACHE_KIB, read_only: bool = False) -> apsw.Connection:
    """A connection in WAL mode that syncs every commit."""
    if not read_only:
        path.touch(mode=0o600)  # names, tokens and keys are private; SQLite gives its log the same mode
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("journal_size_limit", LOG_MOST_BYTES)
    connection.pragma("mmap_size", 0)
    plan_once(connection)
    connection.pragma("cache_size", -cache_kib)
    # Secrets are sealed, and gone when the operation ends: what was deleted inside a page is overwritten with it.
    connection.pragma("secure_delete", "fast")
    if read_only:
        connection.pragma("query_only", value=True)
    return connection


def plan_once(connection: apsw.Connection) -> None:
    """A prepared statement stays as it is, whatever its parameters are.

    Else SQLite parses and plans one with `LIMIT ?` again whenever it is run, since the number might ask for another plan: ten microseconds,
    half of what a short page costs. Source: sqlite.org/queryplanner-ng.html#qpstab.
    """
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


def migrate(connection: apsw.Connection, now_us: int) -> None:
    """The schema is the newest one.  Raises: DatabaseTooNew."""

    def run(name: str, *values: int) -> int:
        rows = connection.execute(queries()[name], values).fetchall()
        return rows[0][0] if rows else 0  # type: ignore[return-value]

    version = run("schema_version") if run("has_schema") else 0
    if version > migrations()[-1].version:
        raise DatabaseTooNew(f"The database has schema {version}, this Heliograph knows {migrations()[-1].version}: run a newer one.")
    # A new database is there whole or not at all, and waits for the disk once.
    with contextlib.nullcontext() if version else connection:
        for migration in migrations():
            if migration.version > version:
                with connection:
                    connection.execute(migration_script(migration, "sqlite"))
                    run("migration_applied", migration.version, now_us)
