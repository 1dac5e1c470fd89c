"""`heliograph db`: migrate, check, back up and restore the database, on the machine where it is."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.options import AsJson
from heliograph.cli.output import console, print_table
from heliograph.domain.errors import FailedPrecondition
from heliograph.settings import database_url

if TYPE_CHECKING:
    from heliograph.storage.checks import Finding

NAME: Final = "heliograph.db"
KEY_NAME: Final = "heliograph.key"

DataDir = Annotated[Path, typer.Option(help="Data directory of `heliograph serve`.")]
Database = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="HELIOGRAPH_DATABASE",
        help="A PostgreSQL database instead of the data directory's file.",
        show_default="SQLite",
    ),
]
DEFAULT_DATA_DIR: Final = Path("heliograph-data")

app = typer.Typer(help="Migrate, check, back up and restore the database.", no_args_is_help=True)


class BackUpWithPostgres(FailedPrecondition):
    """A PostgreSQL database is backed up by PostgreSQL's own tools."""


@app.command("migrate")
def migrate(*, data_dir: DataDir = DEFAULT_DATA_DIR, database: Database = "") -> None:
    """Bring the tables to the newest schema. The server does so itself when it starts; this does it beforehand."""
    now_us = time.time_ns() // 1_000
    if database:
        from heliograph.storage.postgres_check import migrate_database  # noqa: PLC0415 - the other commands start without a database

        before, after = asyncio.run(migrate_database(database_url(database), now_us))
    else:
        from heliograph.storage.sqlite_file import migrate_file  # noqa: PLC0415

        data_dir.mkdir(parents=True, exist_ok=True)
        before, after = migrate_file(data_dir / NAME, now_us)
    told = f"Schema {before} became schema {after}." if before != after else f"The database has schema {after} already."
    console().print(told)


@app.command("check")
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A SQLite file, as a backup is.", show_default=f"{NAME} in the data directory")
    ] = None,
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Say of everything that must hold in the database whether it does. Reads it all; a server may run meanwhile.

    Exit code 1: something does not hold.
    """
    findings = _findings(file, data_dir, database)
    if as_json:
        told = [{"check": name, "holds": holds, "ok": not trouble, "trouble": trouble} for name, holds, trouble in findings]
        typer.echo(json.dumps(told, indent=2))
    else:
        rows = [(name, _said(trouble), trouble or holds) for name, holds, trouble in findings]
        print_table(("CHECK", "RESULT", "WHAT"), rows, empty="Nothing was checked.")
    if any(finding.trouble for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(help="Where the copy goes. It is never overwritten.", show_default=False)],
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: Database = "",
) -> None:
    """Copy the database as it is at one moment; its server may run and goes on.

    What was answered before this began is in the copy. The key file is not: what is sealed in the database stays sealed wherever
    the copy goes.
    """
    if database:
        raise BackUpWithPostgres(
            "A PostgreSQL database is backed up by PostgreSQL's own tools: pg_basebackup with WAL archiving, from which any moment can be "
            "restored, or pg_dump for a copy of one moment (docs/operations.md)."
        )
    from heliograph.storage.sqlite_file import back_up  # noqa: PLC0415

    size = back_up(data_dir / NAME, target)
    console().print(f"{target}: {size / 1e6:.1f} MB, mode 0600.", soft_wrap=True)
    console().print(
        f"The key file ({data_dir / KEY_NAME}) is not in it: keep a copy of that apart, once. "
        "Without it nobody opens what is sealed in the backup.",
        soft_wrap=True,
    )


@app.command("restore")
def restore(
    copy: Annotated[Path, typer.Argument(help="A file that `db backup` made.", show_default=False)],
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Put a backup in the place of the database; its server must be stopped. What was there is kept beside it.

    A command that a phone executed after the backup was made may be executed again: see docs/operations.md before phones connect.
    """
    from heliograph.storage.sqlite_file import restore as put_back  # noqa: PLC0415

    replaced = put_back(copy, data_dir / NAME)
    kept = f" What was there is {replaced}." if replaced is not None else ""
    console().print(f"{data_dir / NAME} is now {copy}.{kept}", soft_wrap=True)


def _findings(file: Path | None, data_dir: Path, database: str) -> "Sequence[Finding]":
    if database and file is None:
        from heliograph.storage.postgres_check import check_database  # noqa: PLC0415

        return asyncio.run(check_database(database_url(database)))
    from heliograph.storage.sqlite_file import check_file  # noqa: PLC0415

    return check_file(file or data_dir / NAME)


def _said(trouble: str) -> Text:
    return Text("FAILED", style="bold red") if trouble else Text("ok", style="green")
