"""Markdown as the generated pages write it."""

import re
from collections.abc import Iterable, Sequence

BLOCK = re.compile(r"(<!-- made by make docs: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars and angle brackets inside a cell stay text."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    shown = text.replace("|", "\\|").replace("\n", " ")
    return shown if "`" in shown else shown.replace("<", "&lt;")


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence."""
    return re.split(r"(?<=[a-z)])\. (?=[A-Z])", text, maxsplit=1)[0].rstrip(".") + "."


def with_blocks(text: str, blocks: dict[str, str]) -> str:
    """The text with every marked block written again.  Raises: KeyError: a block that nothing makes."""
    return BLOCK.sub(lambda found: found[1] + blocks[found["name"]].strip("\n") + "\n" + found[3], text)
