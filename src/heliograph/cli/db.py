"""`heliograph db`: migrate, check, back up and restore the database, on the machine where it is."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from heliograph.cli.coloured import Coloured
from heliograph.cli.command_tree import group, option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.options import DEFAULT_DATA_DIR, PATH
from heliograph.cli.output import print_table
from heliograph.protojson.errors import FailedPrecondition
from heliograph.settings import database_url

if TYPE_CHECKING:
    from heliograph.storage.checks import Finding

NAME: Final = "heliograph.db"
KEY_NAME: Final = "heliograph.key"

DATA_DIR = option("--data-dir", type=PATH, default=DEFAULT_DATA_DIR, help="Data directory of `heliograph serve`.")
DATABASE = option(
    "--database",
    default="",
    show_default="SQLite",
    metavar="URL",
    envvar="HELIOGRAPH_DATABASE",
    help="A PostgreSQL database instead of the data directory's file.",
)

app = group("db", "Migrate, check, back up and restore the database.")


class BackUpWithPostgres(FailedPrecondition):
    """A PostgreSQL database is backed up by PostgreSQL's own tools."""


@app.command("migrate")
@DATA_DIR
@DATABASE
def migrate(*, data_dir: Path, database: str) -> None:
    """Migrate the tables to the newest schema. The server does this when it starts; this command does it beforehand."""
    now_us = time.time_ns() // 1_000
    if database:
        from heliograph.storage.postgres.check import migrate_database  # noqa: PLC0415 - the other commands start without a database

        before, after = asyncio.run(migrate_database(database_url(database), now_us))
    else:
        from heliograph.storage.sqlite.file import migrate_file  # noqa: PLC0415

        data_dir.mkdir(parents=True, exist_ok=True)
        before, after = migrate_file(data_dir / NAME, now_us)
    shown = f"Schema {before} became schema {after}." if before != after else f"The database has schema {after} already."
    click.echo(shown)


@app.command("check")
@click.argument("file", type=PATH, required=False, help="A SQLite file, such as a backup.  [default: heliograph.db in the data directory]")
@DATA_DIR
@DATABASE
@option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(file: Path | None, *, data_dir: Path, database: str, as_json: bool) -> None:
    """Check the database's invariants and report each. Reads the whole database; a server may run meanwhile.

    Exit code 1: an invariant is broken.
    """
    findings = _findings(file, data_dir, database)
    if as_json:
        shown = [{"check": name, "holds": holds, "ok": not trouble, "trouble": trouble} for name, holds, trouble in findings]
        click.echo(json.dumps(shown, indent=2))
    else:
        rows = [(name, _said(trouble), trouble or holds) for name, holds, trouble in findings]
        print_table(("CHECK", "RESULT", "WHAT"), rows, empty="Nothing was checked.")
    if any(finding.trouble for finding in findings):
        sys.exit(ExitCode.FAILED)


@app.command("backup")
@click.argument("target", type=PATH, help="File to write the copy to. An existing file is never overwritten.")
@DATA_DIR
@DATABASE
def backup(target: Path, *, data_dir: Path, database: str) -> None:
    """Copy the database as it is at one moment. Its server may keep running.

    The copy has everything that was answered before the backup began. It does not have the key file: sealed secrets stay sealed
    wherever the copy goes.
    """
    if database:
        raise BackUpWithPostgres(
            "A PostgreSQL database is backed up by PostgreSQL's own tools: pg_basebackup with WAL archiving, from which any moment can be "
            "restored, or pg_dump for a copy of one moment (docs/operations.md)."
        )
    from heliograph.storage.sqlite.file import back_up  # noqa: PLC0415

    size = back_up(data_dir / NAME, target)
    click.echo(f"{target}: {size / 1e6:.1f} MB, mode 0600.")
    click.echo(
        f"The key file ({data_dir / KEY_NAME}) is not in it: keep one copy of it apart. "
        "Without it, the backup's sealed secrets cannot be opened.",
    )


@app.command("restore")
@click.argument("copy", type=PATH, help="A backup made by `db backup`.")
@DATA_DIR
def restore(copy: Path, *, data_dir: Path) -> None:
    """Replace the database with a backup. Stop its server first. The old database is kept beside it.

    A phone may execute again a command that it executed after the backup was made: see docs/operations.md before phones connect.
    """
    from heliograph.storage.sqlite.file import restore as put_back  # noqa: PLC0415

    replaced = put_back(copy, data_dir / NAME)
    kept = f" What was there is {replaced}." if replaced is not None else ""
    click.echo(f"{data_dir / NAME} is now {copy}.{kept}")


def _findings(file: Path | None, data_dir: Path, database: str) -> "Sequence[Finding]":
    if database and file is None:
        from heliograph.storage.postgres.check import check_database  # noqa: PLC0415

        return asyncio.run(check_database(database_url(database)))
    from heliograph.storage.sqlite.file import check_file  # noqa: PLC0415

    return check_file(file or data_dir / NAME)


def _said(trouble: str) -> Coloured:
    return Coloured("FAILED", "bold red") if trouble else Coloured("ok", "green")
