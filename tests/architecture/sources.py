"""The repository's own files, as the architecture tests read them."""

import ast
import contextlib
import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "heliograph"
SHIPPED_FOLDERS = ("src", "examples", "benchmarks", "scripts")
WRITTEN_FOLDERS = (*SHIPPED_FOLDERS, "tests", "docs", ".ci")
TEXT_SUFFIXES = {"", ".css", ".html", ".js", ".json", ".md", ".mjs", ".py", ".sh", ".sql", ".toml", ".yml"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    """The path as the repository names it."""
    return path.relative_to(ROOT).as_posix()


def modules_under(*places: Path) -> list[Path]:
    """Every Python file at or below the places, in a stable order; places that do not exist yet hold none."""
    found = {path for place in places for path in ([place] if place.is_file() else place.rglob("*.py"))}
    return sorted(found)


def shipped_modules() -> list[Path]:
    """Every Python file that is not a test."""
    return modules_under(*(ROOT / folder for folder in SHIPPED_FOLDERS))


def pure_modules() -> list[Path]:
    """The part that may know neither clock nor I/O."""
    return modules_under(PACKAGE / "protojson", PACKAGE / "domain", PACKAGE / "commands", PACKAGE / "protocol.py")


def written_files() -> list[Path]:
    """Every text file that people wrote, lock file and licence aside (a worktree's `.git` is a file, and git's)."""
    top = [path for path in ROOT.iterdir() if path.is_file() and path.name not in {"uv.lock", "LICENSE", ".git"}]
    below = [path for folder in WRITTEN_FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return sorted(path for path in (*top, *below) if path.suffix in TEXT_SUFFIXES)


@contextlib.contextmanager
def nothing_is_garbage() -> Iterator[None]:
    """The collector does not search what is kept: it would take twice as long as to parse it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    with nothing_is_garbage():
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of the file's syntax tree; kept, since walking a tree takes several times as long as parsing it."""
    return tuple(ast.walk(tree(path)))


def functions(path: Path) -> Iterator[FunctionNode]:
    """Every function and method of the file, nested ones included."""
    return (node for node in nodes(path) if isinstance(node, FunctionNode))


def assigned_names(path: Path) -> list[str]:
    """Every name assigned at module level, once per assignment."""
    targets: list[ast.expr] = []
    for node in tree(path).body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign):
            targets.append(node.target)
    return [target.id for target in targets if isinstance(target, ast.Name)]


def imported_names(path: Path) -> set[str]:
    """Every module the file imports and, for `from m import n`, `m.n` too."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
