"""Tables and pictures on a terminal, drawn by rich."""

import os
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heliograph.cli.coloured import PIPE_WIDTH, Coloured
from heliograph.cli.foreign_text import harmless


def console(*, errors: bool = False) -> Console:
    """Where to print: as wide as the terminal, in colour if the terminal has it."""
    stream = sys.stderr if errors else sys.stdout
    shown = Console(file=stream, highlight=False)
    return shown if shown.is_terminal or "COLUMNS" in os.environ else Console(file=stream, highlight=False, width=PIPE_WIDTH)


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str | Coloured]], *, title: str | None = None) -> Table:
    """The rows under their headings; the first column stays whole."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        # As Text: in a plain str, rich obeys [brackets].
        table.add_row(
            *(Text(harmless(cell.text), style=cell.colour) if isinstance(cell, Coloured) else Text(harmless(cell)) for cell in row)
        )
    return table
