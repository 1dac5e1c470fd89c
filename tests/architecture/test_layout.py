"""Where things stand and what they are called: what import contracts cannot see."""

import ast
import re
from pathlib import Path

import heliograph.commands
from tests.architecture.sources import (
    PACKAGE,
    assigned_names,
    functions,
    imported_names,
    modules_under,
    nodes,
    pure_modules,
    relative,
    shipped_modules,
    tree,
)
from tests.discovery import command_types

ADAPTERS = {"heliograph.storage.sqlite.store", "heliograph.storage.postgres.store"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"}


def test_the_core_is_never_asynchronous() -> None:
    """A rule that waits is no rule: protojson, domain, commands and protocol only compute."""
    offenders = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in pure_modules()
        for node in functions(path)
        if isinstance(node, ast.AsyncFunctionDef)
    ]

    assert [] == offenders


def test_protojson_knows_nothing_of_the_api_that_it_serves() -> None:
    """It could be a library of its own: no text in it, docstrings aside, is about Heliograph, Android or their messages."""
    found = [(path, node) for path in modules_under(PACKAGE / "protojson") for node in nodes(path)]
    docstrings = {id(node.value) for _, node in found if isinstance(node, ast.Expr)}
    texts = [
        (path, node.lineno, node.value)
        for path, node in found
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
    of_the_api = re.compile(r"android|devicemanagement|enterprise|heliograph", re.IGNORECASE)

    offenders = [f"{relative(path)}:{line} {text!r}" for path, line, text in texts if of_the_api.search(text)]

    assert len(texts) > 100
    assert [] == offenders


def test_no_command_type_is_named_outside_its_row() -> None:
    """Adding a type touches one file; all other code reads the rows. Probes are a client: they write what they send to any server."""
    names = command_types() | set(getattr(heliograph.commands, "COMMANDS", ()))

    offenders = [
        f"{relative(path)}:{node.lineno} {node.value!r}"
        for path in modules_under(PACKAGE)
        if not {PACKAGE / "commands", PACKAGE / "conformance" / "probes"} & {*path.parents}
        for node in nodes(path)
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


WAY_OF_A_COMMAND = ("issue", "offer", "acknowledge", "refuse", "report", "expire")
OF_A_RESOURCE = ("get_", "list_", "create_", "patch_", "delete_", "cancel_", "modify_", "remove_")


def test_every_step_on_the_way_of_a_command_is_a_file() -> None:
    """`service/issue_command.py` defines `issue_command`."""
    files = [path for path in modules_under(PACKAGE / "service") if path.stem.partition("_")[0] in WAY_OF_A_COMMAND]

    assert len(WAY_OF_A_COMMAND) == len(files)
    assert [] == [relative(path) for path in files if not {path.stem, BOOK_OF.get(path.stem)} & defined_names(path)]


BOOK_OF = {"offer_command": "OfferBook"}
"""An offer changes no state: who makes them is an object with a memory."""


def test_a_public_verb_lives_in_the_file_of_its_resource() -> None:
    """`get_device` is in `service/devices.py`, `delete_policy` in `service/policies.py`."""
    verbs = [(path, name) for path in modules_under(PACKAGE / "service") for name in awaited_names(path) if name.startswith(OF_A_RESOURCE)]

    assert len(verbs) >= 20
    assert [] == [f"{relative(path)}: {name}" for path, name in verbs if not speaks_of(name, path.stem)]


def speaks_of(verb: str, resource: str) -> bool:
    """Whether the verb's noun is the resource: `list_policies` and `get_policy` speak of `policies`."""
    singular = f"{resource.removesuffix('ies')}y" if resource.endswith("ies") else resource.removesuffix("s")
    noun = verb.partition("_")[2].replace("_", "")
    return any(word.replace("_", "") in noun for word in (resource, singular))


def awaited_names(path: Path) -> set[str]:
    """The verbs of the file: what reads or changes the store is awaited."""
    return {node.name for node in tree(path).body if isinstance(node, ast.AsyncFunctionDef)}


def defined_names(path: Path) -> set[str]:
    """What the file defines at its top."""
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in tree(path).body if isinstance(node, kinds)}


def test_only_the_composition_root_picks_an_adapter() -> None:
    """All other code is handed a Store."""
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


def test_who_reads_json_expects_every_way_in_which_it_can_be_malformed() -> None:
    """`except MALFORMED` (protojson/parser.py): with `except msgspec.MsgspecError` alone, a text that nests deeply is a fault."""
    offenders = [
        f"{relative(path)}:{node.lineno}"
        for path in modules_under(PACKAGE)
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and node.type is not None and "msgspec.MsgspecError" in ast.unparse(node.type)
    ]

    assert [] == offenders
