"""Small on purpose: files and functions stay within what one reading holds (ruff counts parameters)."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import FunctionNode, functions, relative, shipped_modules

FILE_MAX_LINES = 300
FUNCTION_MAX_LINES = 40

# What may be larger, each with its reason; an entry that is no longer needed fails the test.
LARGE_FILES: dict[str, str] = {}
LARGE_FUNCTIONS: dict[str, str] = {}


def test_no_file_is_longer_than_one_reading() -> None:
    over = {relative(path) for path in shipped_modules() if len(path.read_text(encoding="utf-8").splitlines()) > FILE_MAX_LINES}

    assert set(LARGE_FILES) == over


def test_no_function_is_longer_than_a_screen() -> None:
    """Counted without decorators and docstring: a contract may be as long as it needs."""
    over = {name(path, node) for path, node in shipped_functions() if length(node) > FUNCTION_MAX_LINES}

    assert set(LARGE_FUNCTIONS) == over


def shipped_functions() -> Iterator[tuple[Path, FunctionNode]]:
    """Every function of every shipped file."""
    return ((path, node) for path in shipped_modules() for node in functions(path))


def name(path: Path, node: FunctionNode) -> str:
    """How the tables above name a function."""
    return f"{relative(path)}::{node.name}"


def length(node: FunctionNode) -> int:
    """Lines from `def` to the end, docstring not counted."""
    first = node.body[0]
    docstring = first if ast.get_docstring(node) is not None else None
    docstring_lines = (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1 if docstring else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines
