"""Words of a table in a colour, for those who draw tables."""

from typing import NamedTuple

PIPE_WIDTH = 160
"""Columns of what no terminal shows: wide enough that names stay in one piece."""


class Coloured(NamedTuple):
    """A word in a colour; "" is the terminal's own."""

    text: str
    colour: str
