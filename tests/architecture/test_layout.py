"""Where things stand and what they are called: what import contracts cannot see."""

import ast
from pathlib import Path

import heliograph.commands
from tests.architecture.sources import (
    PACKAGE,
    assigned_names,
    functions,
    imported_names,
    modules_under,
    pure_modules,
    relative,
    shipped_modules,
    tree,
)
from tests.discovery import command_types

ADAPTERS = {"heliograph.storage.sqlite", "heliograph.storage.postgres"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"}


def test_the_core_is_never_asynchronous() -> None:
    """A rule that waits is no rule: domain, commands and protocol only compute."""
    offenders = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in pure_modules()
        for node in functions(path)
        if isinstance(node, ast.AsyncFunctionDef)
    ]

    assert [] == offenders


def test_no_command_type_is_named_outside_its_row() -> None:
    """Adding a type touches one file; everybody else reads the rows."""
    names = command_types() | set(getattr(heliograph.commands, "COMMANDS", ()))

    offenders = [
        f"{relative(path)}:{node.lineno} {node.value!r}"
        for path in modules_under(PACKAGE)
        if PACKAGE / "commands" not in path.parents
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names
    ]

    assert [] == offenders


def test_every_command_file_holds_exactly_one_row() -> None:
    """A command type is one file, one `COMMAND`."""
    rows = {
        relative(path): assigned_names(path).count("COMMAND")
        for path in modules_under(PACKAGE / "commands")
        if not path.name.startswith("_")
    }

    assert dict.fromkeys(rows, 1) == rows


def test_every_service_file_is_named_by_what_it_defines() -> None:
    """`service/issue_command.py` defines `issue_command`, or a class; `read_devices.py` what gets and lists them."""
    offenders = [
        relative(path)
        for path in modules_under(PACKAGE / "service")
        if path.name != "ports.py" and not path.name.startswith("_") and not defines_its_name(path)
    ]

    assert [] == offenders


def defines_its_name(path: Path) -> bool:
    """Whether the file defines the function it is named by (a read: get_… or list_…), or a class."""
    names = ("get_", "list_") if path.stem.startswith("read_") else (path.stem,)
    return any(
        isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(names))
        for node in tree(path).body
    )


def test_only_the_composition_root_picks_an_adapter() -> None:
    """Everybody else is handed a Store."""
    offenders = [
        relative(path)
        for path in modules_under(PACKAGE)
        if not {PACKAGE / "server", PACKAGE / "storage"} & set(path.parents)
        if ADAPTERS & imported_names(path)
    ]

    assert [] == offenders


def test_no_file_has_a_name_that_says_nothing() -> None:
    offenders = [relative(path) for path in shipped_modules() if VAGUE_NAMES & {path.stem, path.parent.name}]

    assert [] == offenders
