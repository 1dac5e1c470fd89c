"""The house as docs/architecture.md shows it: rooms and arrows, made from the imports, so that the drawing is always true.

A room is a package (or a single module) directly below `heliograph`. An arrow says that something in one room imports something in
another. Sizes are rounded to one digit, so that the page changes only when the house does.
"""

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from scripts.markdown import first_sentence, table

PACKAGE = "heliograph"
Arrows = Mapping[str, frozenset[str]]


def drawing(source: Path) -> str:
    """The rooms as a Mermaid drawing. An arrow that a longer way implies is left out."""
    arrows = arrows_of(source)
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {room}["{room}<br/>{rounded(lines_of(source, room)):,} lines"]' for room in top_down(arrows)]
    for room in top_down(arrows):
        lines += [f"    {room} --> {target}" for target in sorted(direct(arrows, room))]
    return "\n".join([*lines, "```"])


def rooms(source: Path) -> str:
    """The rooms as a table, top floor first: what each is for, its size, and all that it imports."""
    arrows = arrows_of(source)
    rows = [
        (f"`{room}`", purpose(source, room), f"{rounded(lines_of(source, room)):,}", ", ".join(sorted(arrows[room])) or "–")
        for room in top_down(arrows)
    ]
    return table(("room", "what it is", "lines, about", "imports"), rows)


@functools.cache
def arrows_of(source: Path) -> Arrows:
    """What each room imports, dunder modules aside."""
    names = {path.stem for path in source.iterdir() if (path.suffix == ".py" or (path / "__init__.py").exists())}
    own = {name for name in names if not name.startswith("__")}
    return {room: frozenset(imported(modules_of(source, room)) & own - {room}) for room in sorted(own)}


def imported(modules: Iterable[Path]) -> set[str]:
    """The rooms that these modules import from, their own included."""
    found: set[str] = set()
    for path in modules:
        for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{name}" for name in names] if node.level == 0 else []
            found |= {name.split(".")[1] for name in names if name.startswith(f"{PACKAGE}.")}
    return found


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All that stands in the node as a statement: expressions, most of a tree, hold no imports."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from statements(child)


def modules_of(source: Path, room: str) -> list[Path]:
    """The room's Python files."""
    return sorted((source / room).rglob("*.py")) if (source / room).is_dir() else [source / f"{room}.py"]


def lines_of(source: Path, room: str) -> int:
    """The lines of the room's Python files."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in modules_of(source, room))


def rounded(count: int) -> int:
    """To one digit that counts."""
    return round(count, 1 - len(str(count)))


def purpose(source: Path, room: str) -> str:
    """The first sentence of the room's docstring."""
    path = source / room / "__init__.py" if (source / room).is_dir() else source / f"{room}.py"
    return first_sentence((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n\n")[0].replace("\n", " "))


def height(arrows: Arrows, room: str) -> int:
    """The longest way down from the room: 0 at the bottom.  Raises: RecursionError: the rooms import each other in a circle."""
    return max((1 + height(arrows, below) for below in arrows[room]), default=0)


def top_down(arrows: Arrows) -> list[str]:
    """The rooms, those first that most others lie below."""
    return sorted(arrows, key=lambda room: (-height(arrows, room), room))


def direct(arrows: Arrows, room: str) -> set[str]:
    """What the room imports and no other way down from it reaches."""
    return {target for target in arrows[room] if not any(target in below(arrows, other) for other in arrows[room] - {target})}


def below(arrows: Arrows, room: str) -> set[str]:
    """Everything that the room reaches."""
    return set(arrows[room]).union(*(below(arrows, other) for other in arrows[room]))
