"""What people see: tables, an operation in a few lines; for scripts, the server's JSON untouched."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from heliograph.cli.coloured import PIPE_WIDTH, Coloured
from heliograph.cli.foreign_text import harmless
from heliograph.domain.longrunning import OutcomeView, read_outcome
from heliograph.protojson.times import TIMESTAMP_IN_TEXT

if TYPE_CHECKING:
    from heliograph.cli.api_client import ApiClient, Query

Json = dict[str, Any]

STYLES = {"succeeded": "green", "pending": "cyan", "failed": "red", "timed out": "red", "cancelled": "yellow", "expired": "yellow"}


GAP = 2
"""Between two columns of a table."""


def print_json(body: bytes) -> None:
    """The server's answer, byte for byte."""
    sys.stdout.write(body.decode() if body.endswith(b"\n") else body.decode() + "\n")


def print_object(value: object) -> None:
    """JSON of this command line's own."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_list(  # noqa: PLR0913 - what a list command is made of
    client: "ApiClient", path: str, columns: Sequence[str], row: Callable[[Json], Sequence[str | Coloured]], *, empty: str, as_json: bool,
    query: "Query | None" = None,
) -> None:  # fmt: skip
    """Print the collection at this path as a table; as JSON, one page as the server wrote it, several as one list.  Raises: Failure."""
    pages, collection = list(client.pages(path, query)), path.rpartition("/")[2]
    if as_json and len(pages) == 1:
        return print_json(pages[0])
    found = [item for page in pages for item in json.loads(page).get(collection, ())]
    return print_object({collection: found}) if as_json else print_table(columns, map(row, found), empty=empty)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Coloured]], *, empty: str) -> None:
    """Print the rows under their headings, in a pipe with tabs and no padding. Without rows, print `empty` instead."""
    listed = list(rows)
    if not listed:
        click.secho(empty, dim=True)
        return
    if not sys.stdout.isatty():
        for row in (columns, *listed):
            click.echo("\t".join(harmless(" ".join(_text(cell).split())) for cell in row))
        return
    # Import rich only when there are rows to show: the import takes as long as the rest of the command.
    from heliograph.cli.tables import console, table_of  # noqa: PLC0415

    console().print(table_of(columns, listed))


def fitting(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """The first columns, as many as a terminal shows without breaking a word; in a pipe, all."""
    if not sys.stdout.isatty():
        return list(columns), [list(row) for row in rows]
    left, count = shutil.get_terminal_size().columns, 0
    for texts in zip(columns, *rows, strict=True):
        left -= max(map(len, texts)) + GAP
        if left < 0 and count:
            break
        count += 1
    return list(columns[:count]), [list(row[:count]) for row in rows]


def _text(cell: str | Coloured) -> str:
    return cell.text if isinstance(cell, Coloured) else cell


def print_resource(body: bytes, *, as_json: bool) -> None:
    """The server's JSON, in colours on a terminal unless it was asked for as it is."""
    if as_json or not sys.stdout.isatty():
        return print_json(body)
    from heliograph.cli.tables import console  # noqa: PLC0415 - as in print_table

    return console().print_json(harmless(body.decode()))


def print_paragraph(text: str) -> None:
    """Text for people, on a terminal broken between words."""
    text = harmless(text)
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        text = "\n".join(wrap(text, columns, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False))
    click.echo(text)


def outcome_word(outcome: OutcomeView) -> Coloured:
    return Coloured(outcome.outcome, STYLES.get(outcome.outcome, ""))


def print_operation(operation: Json) -> None:
    """One operation: what, when, and its outcome."""
    metadata, outcome = operation.get("metadata", {}), read_outcome(operation)
    message = str(operation.get("error", {}).get("message", ""))
    print_field("operation", str(operation.get("name", "")))
    print_field("type", str(metadata.get("type", "")))
    print_field("created", f"{local_time(metadata.get('createTime', ''))}, good for {metadata.get('duration', '')}")
    print_field("outcome", outcome.outcome, colour=outcome_word(outcome).colour)
    if outcome.detail and outcome.detail != message:
        print_field("detail", outcome.detail)
    if message:
        print_field("message", message)


def print_field(label: str, text: str, *, colour: str = "") -> None:
    """One labelled value, broken between words if it is wider than the terminal."""
    indent = " " * len("operation  ")
    width = shutil.get_terminal_size((PIPE_WIDTH, 0)).columns - len(indent)
    first, *others = [
        line for given in harmless(text).splitlines() for line in wrap(given, max(width, 1), break_on_hyphens=False, break_long_words=False)
    ] or [""]
    click.echo(click.style(f"{label:<{len(indent)}}", bold=True) + click.style(first, fg=colour or None))
    for line in others:
        click.echo(indent + line)


def local_time(timestamp: str) -> str:
    """A timestamp of the API in this machine's local time, with its offset: 2026-11-27 13:00:00+01. Other text is unchanged."""
    try:
        return datetime.fromisoformat(timestamp).astimezone().strftime("%Y-%m-%d %H:%M:%S%z").removesuffix("00")
    except ValueError:
        return timestamp


def with_local_times(text: str) -> str:
    """A sentence of the server's, its timestamps as `local_time` has them."""
    return TIMESTAMP_IN_TEXT.sub(lambda found: local_time(found[0]), text)


def short_time(timestamp: str) -> str:
    """As `local_time`, but only the time if it is today's, otherwise only the date."""
    day, _, moment = local_time(timestamp).partition(" ")
    today = local_time(datetime.now(UTC).isoformat()).partition(" ")[0]
    return moment if day == today else day
