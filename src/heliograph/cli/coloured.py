"""Coloured words in a table, for code that draws tables."""

from typing import NamedTuple

PIPE_WIDTH = 160
"""Columns of output that no terminal shows: wide enough that names stay in one piece."""


class Coloured(NamedTuple):
    """A word in a colour; "" keeps the terminal's own."""

    text: str
    colour: str
