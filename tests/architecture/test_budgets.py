"""Small on purpose: files and functions stay within what one reading holds (ruff counts parameters).

Past the first budget a test warns: look whether the file holds two things. Past the second it fails. Nothing is split for a number.
Command rows are exempt, and so are message classes, which are as long as the API makes them.
"""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, FunctionNode, functions, relative, shipped_modules

FILE_WARNS_AT, FILE_FAILS_AT = 300, 500
FUNCTION_WARNS_AT, FUNCTION_FAILS_AT = 40, 80


@pytest.mark.filterwarnings("default")
def test_no_file_is_longer_than_one_reading() -> None:
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in budgeted_modules()}

    assert {} == over(lines, FILE_FAILS_AT)

    for name, count in over(lines, FILE_WARNS_AT).items():
        warnings.warn(f"{name} has {count} lines: does it hold two things?", stacklevel=1)


@pytest.mark.filterwarnings("default")
def test_no_function_is_longer_than_a_screen() -> None:
    """Counted without decorators and docstring: a contract may be as long as it needs."""
    lines = {f"{relative(path)}::{node.name}": length(node) for path, node in shipped_functions()}

    assert {} == over(lines, FUNCTION_FAILS_AT)

    for name, count in over(lines, FUNCTION_WARNS_AT).items():
        warnings.warn(f"{name} has {count} lines: does it do two things?", stacklevel=1)


def over(lines: dict[str, int], budget: int) -> dict[str, int]:
    """What is longer than the budget."""
    return {name: count for name, count in lines.items() if count > budget}


def budgeted_modules() -> list[Path]:
    """Every shipped file but the command rows."""
    return [path for path in shipped_modules() if PACKAGE / "commands" not in path.parents]


def shipped_functions() -> Iterator[tuple[Path, FunctionNode]]:
    """Every function of every shipped file."""
    return ((path, node) for path in shipped_modules() for node in functions(path))


def length(node: FunctionNode) -> int:
    """Lines from `def` to the end, docstring not counted."""
    first = node.body[0]
    docstring = first if ast.get_docstring(node) is not None else None
    docstring_lines = (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1 if docstring else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines
