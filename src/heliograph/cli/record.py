"""`heliograph record`: a proxy before a real server that writes what it answers, redacted; and candidates for the ledger from that."""

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from heliograph.cli.command_tree import Group, option
from heliograph.cli.event_loop import run
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.protojson.parser import MALFORMED

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("record", cls=Group, invoke_without_command=True)
@option("--to", "upstream", metavar="URL", help="Address of the server, as in https://androidmanagement.googleapis.com.")
@option("--out", type=click.Path(path_type=Path), show_default="stdout", metavar="FILE", help="File to write, which must be new.")
@option("--port", type=click.IntRange(0, 65_535), default=0, metavar="PORT", help="Port to listen on; 0 takes a free one.")
@click.pass_context
def app(context: click.Context, *, upstream: str | None, out: Path | None, port: int) -> None:
    """Record what a server answers, the real one too, without anything that is yours: a proxy that redacts by schema.

    Point a client at the address that is printed. Requests and answers pass through unchanged. Written are the method, field names, values
    of enums, durations, times, small numbers and pseudonyms; never headers such as Authorization, and no other text. Ctrl-C ends it.
    """
    if context.invoked_subcommand is not None:
        return
    if upstream is None:
        raise click.UsageError("Missing option '--to': the server to record.", context)
    from heliograph.conformance.recording.proxy import record  # noqa: PLC0415 - the other commands start without aiohttp

    with contextlib.ExitStack() as stack:
        write, count = _line_writer(out, stack), 0

        def counted(line: str) -> None:
            nonlocal count
            write(line)
            count += 1

        try:
            run(record(upstream, counted, port=port, ready=lambda url: click.echo(_ready(url, upstream), err=True)))
        except ValueError as error:
            raise Failure(ExitCode.INVALID, f"--to: {error}.") from None
        click.echo(_done(count, out), err=True)


@app.command("summarise")
@click.argument("file", type=FILE, help="What heliograph record wrote.")
@option("--by", default="", show_default=False, metavar="WHO", help="Who saw it: your name, or the issue with the recording.")
def summarise(*, file: Path, by: str) -> None:
    """Print candidates for the ledger: each kind of request, and what was answered, how often, and when last."""
    import msgspec  # noqa: PLC0415 - the other commands start without it

    from heliograph.conformance.recording.exchange import Exchange  # noqa: PLC0415
    from heliograph.conformance.recording.summary import candidates  # noqa: PLC0415

    try:
        lines = file.read_bytes().splitlines()
        found = candidates((msgspec.json.decode(line, type=Exchange) for line in lines if line), by=by)
    except MALFORMED:
        raise Failure(ExitCode.INVALID, f"{file} was not written by heliograph record.") from None
    click.echo(json.dumps([_to_fill_in(msgspec.to_builtins(claim)) for claim in found], indent=2, ensure_ascii=False))


def _to_fill_in(claim: dict[str, Any]) -> dict[str, Any]:
    """The claim without the fields that few claims have; `documented` and `test` are empty, for anyone who takes it into the ledger."""
    evidence = [{name: value for name, value in each.items() if value != ""} for each in claim["evidence"]]
    return {"subject": claim["subject"], "evidence": evidence, "heliograph": {"documented": ""}, "test": ""}


def _line_writer(out: Path | None, stack: contextlib.ExitStack) -> Callable[[str], None]:
    """What writes a line at once.  Raises: Failure: the file exists, or cannot be made."""
    if out is None:
        file = sys.stdout
    else:
        try:
            file = stack.enter_context(out.open("x", encoding="utf-8"))
        except FileExistsError:
            raise Failure(ExitCode.INVALID, f"--out {out}: the file exists already, name a new one.") from None
        except OSError as error:
            raise Failure(ExitCode.INVALID, f"--out {out}: {error.strerror}.") from None

    def write(line: str) -> None:
        file.write(line)
        file.flush()

    return write


def _ready(url: str, upstream: str) -> str:
    return f"Recording {upstream}. Point your client at {url}   (Ctrl-C ends it)"


def _done(count: int, out: Path | None) -> str:
    said = f"Recorded {count} {'call' if count == 1 else 'calls'}."
    return f"{said} Summarise them: heliograph record summarise {out}" if count and out is not None else said
