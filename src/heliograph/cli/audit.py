"""`heliograph audit`: who did what, and whether that record is the one that was written."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.api_client import Json
from heliograph.cli.command_tree import option
from heliograph.cli.db import DATA_DIR, DATABASE, KEY_NAME, NAME
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.new_file import new_private_file
from heliograph.cli.options import AS_JSON, PATH, client_of, enterprise_name
from heliograph.cli.output import local_time, print_object, print_table
from heliograph.domain.audit import Checkpoint, decode_checkpoint
from heliograph.domain.audit_check import Verdict, check_trail
from heliograph.domain.audit_export import FORMAT, ExportHead, export_lines, read_export_blocks, read_export_head
from heliograph.protojson.parser import MALFORMED
from heliograph.protojson.times import format_timestamp
from heliograph.settings import database_url

if TYPE_CHECKING:
    from heliograph.service.audit_signing import CheckpointSigner
    from heliograph.storage.audit_trail import Trail

COLUMNS: Final = ("TIME", "ACTOR", "METHOD", "RESOURCE", "OUTCOME", "ADDRESS")
PAGE_SIZE: Final = 1_000
KEY_FILE: Final = option(
    "--key-file",
    type=PATH,
    show_default="in --data-dir",
    metavar="FILE",
    help="Key file of the server: the key that signs is made from it.",
)

app = server_group("audit", "List, export and verify the audit trail: who did what, and what was refused.")


@app.command("list")
@option("--filter", default="", show_default=False, metavar="EXPRESSION", help="As in 'type=WIPE outcome!=OK' (AIP-160).")
@option("--everything", is_flag=True, help="Also sign-ins and keys, of all enterprises; for callers who manage every enterprise.")
@option("--most", type=click.IntRange(min=1), default=100, metavar="N", help="Most entries to show.")
@ENTERPRISE
@SERVER
@AS_JSON
def list_entries(*, filter: str, everything: bool, most: int, enterprise: str, server: str, as_json: bool) -> None:
    """List who did what in an enterprise, the newest first."""
    name = "enterprises/-" if everything else str(enterprise_name(enterprise))
    query = {"pageSize": str(min(most, PAGE_SIZE)), "filter": filter}
    entries: list[Json] = []
    for page in client_of(server).pages(f"/heliograph/v1/{name}/auditEntries", query):
        entries += json.loads(page).get("auditEntries", ())
        if len(entries) >= most:
            break
    if as_json:
        print_object({"auditEntries": entries[:most]})
    else:
        print_table(COLUMNS, map(_row, entries[:most]), empty="No entry.")


@app.command("export")
@click.argument("target", type=PATH, help="File to write to. An existing file is never overwritten.")
@DATA_DIR
@DATABASE
@KEY_FILE
def export(target: Path, *, data_dir: Path, database: str, key_file: Path | None) -> None:
    """Write the whole audit trail as lines of JSON, which can be verified anywhere. Its server may keep running."""
    signer = _signer(key_file or data_dir / KEY_NAME)
    with _stored(data_dir, database) as trail, new_private_file(target) as file:
        head = ExportHead(
            heliograph_audit_trail=FORMAT,
            exported_us=time.time_ns() // 1_000,
            newest_us=trail.newest_us,
            waiting=trail.waiting,
            public_key=signer.public_key if signer is not None else "",
        )
        lines = -1
        for line in export_lines(head, trail.blocks):
            file.write(line)
            lines += 1
    click.echo(f"{target}: {lines} blocks, mode 0600.")


@app.command("public-key")
@DATA_DIR
@KEY_FILE
def public_key(*, data_dir: Path, key_file: Path | None) -> None:
    """Print the public key that checkpoints are verified with. Give it to those who verify exports."""
    path = key_file or data_dir / KEY_NAME
    signer = _signer(path)
    if signer is None:
        raise Failure(ExitCode.INVALID, f"There is no key file {path}: heliograph serve makes one.")
    click.echo(signer.public_key, nl=False)


@app.command("verify")
@click.argument("file", type=PATH, required=False, help="An export, or a SQLite file such as a backup.  [default: the database]")
@option("--witness", "witnesses", type=PATH, multiple=True, metavar="FILE", help="Checkpoints that a witness kept; several times.")
@option(
    "--public-key",
    "public_keys",
    type=PATH,
    multiple=True,
    show_default="of the key file",
    metavar="FILE",
    help="What audit public-key printed; several times, if the server changed its key file.",
)
@DATA_DIR
@DATABASE
@KEY_FILE
@option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(  # noqa: PLR0913 - one option each
    file: Path | None, *, witnesses: tuple[Path, ...], public_keys: tuple[Path, ...], data_dir: Path, database: str,
    key_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Check offline that no entry was edited, deleted or moved, and, with a witness, that none is missing at the end.

    Exit code 1: something was found.
    """
    witnessed = [checkpoint for path in witnesses for checkpoint in _witnessed(path)]
    with _trail(file, data_dir, database) as (source, embedded):
        keys = _Keys.of([path.read_text(encoding="utf-8") for path in public_keys], key_file or data_dir / KEY_NAME, embedded)
        newest_us = None if source.waiting else source.newest_us
        verdict = check_trail(source.blocks, is_signed=keys.signed, witnessed=witnessed, newest_us=newest_us)
    notes = list(_notes(verdict, keys, waiting=source.waiting, with_witness=bool(witnesses)))
    if as_json:
        print_object(_as_json(verdict, notes))
    else:
        _print(verdict, notes)
    if verdict.findings:
        sys.exit(ExitCode.FAILED)


class _Keys(NamedTuple):
    """The public keys that are trusted."""

    signed: Callable[[Checkpoint], bool]
    trusted: bool
    """False: the only key is the one in the export, which the one who edited the export could have put there."""

    @classmethod
    def of(cls, given: Sequence[str], key_file: Path, embedded: str) -> "_Keys":
        """The keys that were given, else the key file's, else the export's own.  Raises: InvalidArgument, Failure."""
        from heliograph.service.audit_signing import is_signed_by, read_public_key  # noqa: PLC0415 - takes long to load

        texts, trusted = list(given), True
        if not texts and (signer := _signer(key_file)) is not None:
            texts = [signer.public_key]
        elif not texts:
            texts, trusted = ([embedded] if embedded else []), False
        if not texts:
            raise Failure(
                ExitCode.INVALID, f"There is no key file {key_file}: give --public-key with what heliograph audit public-key prints."
            )
        keys = list(map(read_public_key, texts))
        return cls(lambda checkpoint: any(is_signed_by(key, checkpoint) for key in keys), trusted)


def _signer(key_file: Path) -> "CheckpointSigner | None":
    """Who signs with this key file; None: there is no such file.  Raises: KeyFileUnsafe."""
    from heliograph.service.audit_signing import PURPOSE, CheckpointSigner  # noqa: PLC0415 - takes long to load
    from heliograph.storage.vault import FileVault  # noqa: PLC0415

    return CheckpointSigner(FileVault(key_file).derive(PURPOSE)) if key_file.exists() else None


@contextlib.contextmanager
def _trail(file: Path | None, data_dir: Path, database: str) -> "Iterator[tuple[Trail, str]]":
    """The trail to verify, and the public key that stands in it.  Raises: NotAnExport, Failure; as `_stored`."""
    from heliograph.storage.audit_trail import Trail  # noqa: PLC0415 - the other commands start without a database
    from heliograph.storage.sqlite.file import audit_trail  # noqa: PLC0415

    if file is None:
        with _stored(data_dir, database) as trail:
            yield trail, ""
        return
    try:
        with file.open("rb") as lines:
            if not lines.peek(16).startswith(b"SQLite format 3\0"):
                head = read_export_head(lines.readline())
                yield Trail(read_export_blocks(lines), head.newest_us, head.waiting), head.public_key
                return
    except OSError as error:
        raise Failure(ExitCode.INVALID, f"Cannot read {file}: {error.strerror}.") from None
    with audit_trail(file) as trail:
        yield trail, ""


@contextlib.contextmanager
def _stored(data_dir: Path, database: str) -> "Iterator[Trail]":
    """The database's trail.  Raises: NoDatabase, NoTrail, PostgresUnreachable."""
    if database:
        from heliograph.storage.postgres.check import audit_trail as postgres_trail  # noqa: PLC0415

        yield asyncio.run(postgres_trail(database_url(database)))
        return
    from heliograph.storage.sqlite.file import audit_trail  # noqa: PLC0415

    with audit_trail(data_dir / NAME) as trail:
        yield trail


def _witnessed(path: Path) -> Iterable[Checkpoint]:
    """The checkpoints in a witness' file, one a line.  Raises: Failure."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Failure(ExitCode.INVALID, f"Cannot read {path}: {error.strerror}.") from None
    for place, line in enumerate(lines, 1):
        try:
            yield decode_checkpoint(line)
        except MALFORMED:
            if place < len(lines):  # the last one may be half written
                raise Failure(ExitCode.INVALID, f"Line {place} of {path} is not a checkpoint.") from None


def _notes(verdict: Verdict, keys: _Keys, *, waiting: int, with_witness: bool) -> Iterator[str]:
    """What the verdict does not cover."""
    if not keys.trusted:
        yield "The public key stands in the export itself: the one who changed the export could have signed it. Give --public-key."
    if verdict.last > verdict.signed + 1:
        yield f"Blocks {verdict.signed + 1} to {verdict.last} are not signed yet: anyone who can write the database could change these."
    if waiting:
        yield f"{waiting} blocks wait for their link: a server links them within seconds."
    if not with_witness:
        yield "No witness was asked: a trail that was cut at its end, or a database that was put back whole, may go unnoticed."


def _print(verdict: Verdict, notes: Sequence[str]) -> None:
    for finding in verdict.findings:
        click.echo(click.style(finding.attack.value, fg="red", bold=True) + f"  {finding.message}")
    if verdict.blocks:
        until = local_time(format_timestamp(verdict.last_us))
        click.echo(f"{verdict.blocks} blocks with {verdict.entries} entries: numbers {verdict.first} to {verdict.last}, until {until}.")
    else:
        click.echo("The trail is empty.")
    if verdict.signed:
        click.echo(f"Signed up to block {verdict.signed}, at {local_time(format_timestamp(verdict.signed_us))}.")
    if verdict.witnessed:
        click.echo(f"The witness confirms block {verdict.witnessed}.")
    for note in notes:
        click.echo(f"Note: {note}")
    click.echo("Something was changed." if verdict.findings else "Nothing was found.")


def _as_json(verdict: Verdict, notes: Sequence[str]) -> Json:
    return {
        "ok": not verdict.findings,
        "findings": [{"attack": finding.attack.value, "message": finding.message} for finding in verdict.findings],
        "blocks": verdict.blocks,
        "entries": verdict.entries,
        "first": verdict.first,
        "last": verdict.last,
        "signed": verdict.signed,
        "witnessed": verdict.witnessed,
        "notes": list(notes),
    }


def _row(entry: Json) -> list[str]:
    what = entry.get("resource", "")
    more = len(entry.get("alsoChanged", ())) + int(entry.get("moreChanged", 0))
    outcome = f"{entry['outcome']} {entry.get('reason', '')}".rstrip() + (f" ({entry['count']} times)" if entry.get("count", 1) > 1 else "")
    return [
        local_time(entry["createTime"]),
        entry.get("actor") or entry["actorType"].lower(),
        " ".join(filter(None, (entry.get("method", ""), entry.get("type", "")))),
        what + (f" and {more} more" if more else ""),
        outcome,
        entry.get("address", ""),
    ]
