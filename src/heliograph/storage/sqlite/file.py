"""A SQLite file beside its server: migrate, check, copy, restore. None of these changes what a running server works with."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import apsw

from heliograph.domain.audit import Block
from heliograph.machine import BYTES, CLOSE_ON_EXEC, sync_folder
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, NotFound
from heliograph.storage.audit_trail import TRAIL_SINCE, NoTrail, Trail
from heliograph.storage.checks import Finding, check_reads, checks, schema_finding
from heliograph.storage.lock_file import LockFile
from heliograph.storage.queries import queries
from heliograph.storage.records_check import record_findings
from heliograph.storage.sqlite.connection import check_library, connect, migrate

BUSY_MS = 10_000
MODE = 0o600
SIDE_FILES = ("-wal", "-shm")


class NoDatabase(NotFound):
    """There is no database."""


class BackupDamaged(FailedPrecondition):
    """The backup is not a sound database."""


class Migrated(NamedTuple):
    """The schema before and after."""

    before: int
    after: int


def migrate_file(path: Path, now_us: int) -> Migrated:
    """The file, created if missing, has the newest schema.  Raises: DatabaseInUse, DatabaseTooNew, LibraryTooOld."""
    check_library(apsw.sqlite_lib_version())
    with contextlib.closing(LockFileHeld(path)), contextlib.closing(connect(path)) as connection:
        before = schema_version(connection)
        migrate(connection, now_us)
        return Migrated(before, schema_version(connection))


class LockFileHeld(LockFile):
    """A lock file that closes like everything else."""

    def close(self) -> None:
        """Others may use the database."""
        self.release()


def check_file(path: Path) -> list[Finding]:
    """Every invariant of the file, and whether it holds; all seen at one moment, beside a running server too.

    Raises: NoDatabase, LibraryTooOld.
    """
    findings = []
    with reading(path) as connection:
        try:
            connection.execute(check_reads()["begin_reading"])
            problems = [str(row[0]) for row in connection.execute(check_reads()["integrity"]) if row[0] != "ok"]
            findings.append(Finding("integrity", "SQLite finds the file sound.", " ".join(problems[:5])))
            schema = schema_finding(schema_version(connection))
            findings.append(schema)
            if not schema.trouble:
                findings += _invariants(connection)
        except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as error:
            findings.append(Finding("integrity", "SQLite finds the file sound.", str(error)))
    return findings


def _invariants(connection: apsw.Connection) -> Iterator[Finding]:
    for name, check in checks("sqlite").items():
        yield check.finding(name, connection.execute(check.statement).fetchall()[0][0])  # type: ignore[arg-type]  # apsw: any value
    yield from record_findings(connection)


@contextlib.contextmanager
def audit_trail(path: Path) -> Iterator[Trail]:
    """The audit trail in the file as it is at one moment, beside a running server too.  Raises: NoDatabase, NoTrail, LibraryTooOld."""
    with reading(path) as connection:
        connection.execute(check_reads()["begin_reading"])
        if schema_version(connection) < TRAIL_SINCE:
            raise NoTrail
        ((newest_us,),) = connection.execute(check_reads()["newest_command_us"]).fetchall()
        rows = connection.execute(check_reads()["every_audit_block"])
        yield Trail((Block(*row) for row in rows), int(newest_us))  # type: ignore[arg-type]  # apsw: any value


def back_up(path: Path, target: Path) -> int:
    """A copy of the file as it is at one moment stands at `target`, mode 0600, durably. Its size in bytes.

    The copy has everything answered before this call. The server keeps running; its log cannot be emptied until the copy is complete.

    Raises: NoDatabase, LibraryTooOld, AlreadyExists: `target` exists already; OSError.
    """
    with reading(path) as source:
        partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
        _reject_existing(target)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOSE_ON_EXEC, MODE))
        try:
            with contextlib.closing(apsw.Connection(str(partial))) as copy:
                with copy.backup("main", source, "main") as backup:
                    # In one step, which is one moment of the source; between steps a commit would make it start again, for ever.
                    backup.step(-1)
                # One file that can be read from a medium that takes no writes; the server changes it back.
                copy.pragma("journal_mode", "delete")
            _publish(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    return target.stat().st_size


def restore(copy: Path, path: Path) -> Path | None:
    """The copy replaces the file, durably. Returns where the old file is now; None: there was no file.

    Raises: DatabaseInUse: its server runs; NoDatabase, BackupDamaged: the copy is not a sound database; LibraryTooOld, OSError.
    """
    damaged = [finding.trouble for finding in check_file(copy) if finding.trouble and finding.name != "schema"]
    if damaged:
        raise BackupDamaged(f"{copy} is not a sound database; nothing was changed: {damaged[0]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(LockFileHeld(path)):
        fresh = path.with_name(f".{path.name}.restoring")
        with copy.open("rb") as source, os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BYTES, MODE), "wb") as written:
            shutil.copyfileobj(source, written)
            written.flush()
            os.fsync(written.fileno())
        replaced = _put_aside(path) if path.exists() else None
        fresh.replace(path)
        sync_folder(path.parent)
    return replaced


def _put_aside(path: Path) -> Path:
    """The file is kept under another name; its log, which must not be taken for the new file's, is in it or beside it."""
    with contextlib.suppress(apsw.Error), contextlib.closing(connect(path)) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    number = next(number for number in range(1, 10_000) if not path.with_name(f"{path.name}.replaced-{number}").exists())
    replaced = path.with_name(f"{path.name}.replaced-{number}")
    os.link(path, replaced)
    for side in SIDE_FILES:
        log = path.with_name(path.name + side)
        if log.exists():
            log.replace(replaced.with_name(replaced.name + side))
    return replaced


@contextlib.contextmanager
def reading(path: Path) -> Iterator[apsw.Connection]:
    """A connection that only reads.  Raises: NoDatabase, LibraryTooOld."""
    check_library(apsw.sqlite_lib_version())
    if not path.is_file():
        raise NoDatabase(f"There is no database {path}.")
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        connection.set_busy_timeout(BUSY_MS)
        yield connection


def is_missing(path: Path) -> bool:
    """Whether there is no database: no file, or nothing in it or in its log."""
    return not any(file.is_file() and file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")))


def schema_version(connection: apsw.Connection) -> int:
    """The newest migration that ran; 0: no migration ran."""
    if not connection.execute(queries()["has_schema"]).fetchall()[0][0]:
        return 0
    version: int = connection.execute(queries()["schema_version"]).fetchall()[0][0]  # type: ignore[assignment]  # apsw: any value
    return version


def _reject_existing(target: Path) -> None:
    if target.exists():
        raise AlreadyExists(f"{target} exists already, and backups are never overwritten: choose another name.")


def _publish(partial: Path, target: Path) -> None:
    """The file gets its name, unless that is taken by now, and both survive a power cut."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(partial, target)
    except FileExistsError:
        _reject_existing(target)
    partial.unlink()
    sync_folder(target.parent)
