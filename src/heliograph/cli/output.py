"""What people see: tables, an operation in a few lines, errors; and the server's JSON, untouched, for scripts."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heliograph.cli.api_client import Failure
from heliograph.domain.longrunning import OutcomeView, read_outcome

Json = dict[str, Any]

PIPE_WIDTH = 160
"""Columns of a table that no terminal shows: wide enough that names stay in one piece."""

STYLES = {"succeeded": "green", "pending": "cyan", "failed": "red", "timed out": "red", "cancelled": "yellow", "expired": "yellow"}


def console(*, errors: bool = False) -> Console:
    """Where to print: as wide as the terminal, with colours where there is one."""
    stream = sys.stderr if errors else sys.stdout
    shown = Console(file=stream, highlight=False)
    return shown if shown.is_terminal or "COLUMNS" in os.environ else Console(file=stream, highlight=False, width=PIPE_WIDTH)


def print_json(body: bytes) -> None:
    """The server's answer, byte for byte."""
    sys.stdout.write(body.decode() if body.endswith(b"\n") else body.decode() + "\n")


def print_pages(pages: Sequence[bytes], member: str) -> None:
    """The one page as the server wrote it, or several as one list."""
    if len(pages) == 1:
        return print_json(pages[0])
    merged = {member: [item for page in pages for item in json.loads(page).get(member, ())]}
    sys.stdout.write(json.dumps(merged, indent=2, ensure_ascii=False) + "\n")
    return None


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, empty: str) -> None:
    """The rows under their headings; the first column stays whole. `empty` is said instead of a table without rows."""
    listed = list(rows)
    if not listed:
        console().print(empty, style="dim")
        return
    console().print(table_of(columns, listed))


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, title: str | None = None) -> Table:
    """The rows under their headings."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table


def outcome_text(outcome: OutcomeView) -> Text:
    """The outcome's word in its colour."""
    return Text(outcome.outcome, style=STYLES.get(outcome.outcome, ""))


def print_operation(operation: Json) -> None:
    """One operation: what, when, and how it came out."""
    metadata, outcome = operation.get("metadata", {}), read_outcome(operation)
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column(overflow="fold")
    lines.add_row("operation", str(operation.get("name", "")))
    lines.add_row("type", str(metadata.get("type", "")))
    lines.add_row("created", f"{local_time(metadata.get('createTime', ''))}, good for {metadata.get('duration', '')}")
    lines.add_row("outcome", outcome_text(outcome))
    message = operation.get("error", {}).get("message", "")
    if outcome.detail and outcome.detail != message:
        lines.add_row("detail", outcome.detail)
    if message:
        lines.add_row("message", str(message))
    console().print(lines)


def local_time(timestamp: str) -> str:
    """A timestamp of the API as this machine's wall shows it; what is none stays as it is."""
    try:
        return datetime.fromisoformat(timestamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return timestamp


def short_time(timestamp: str) -> str:
    """As `local_time`: only the time if it was today, only the date otherwise."""
    day, _, moment = local_time(timestamp).partition(" ")
    today = local_time(datetime.now(UTC).isoformat()).partition(" ")[0]
    return moment if day == today else day


def print_failure(failure: Failure, *, as_json: bool) -> None:
    """The error on stderr: the server's JSON for scripts, its words for people."""
    if as_json and failure.body:
        sys.stderr.write(failure.body.decode(errors="replace") + "\n")
        return
    print_error(failure.message)


def print_error(message: str) -> None:
    """One error, in words; the terminal breaks the lines, so that a command in it can be copied."""
    console(errors=True).print(Text.assemble(("Error: ", "bold red"), message), soft_wrap=True)
