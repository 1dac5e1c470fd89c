"""What the house was and is, counted: `python -m scripts.house_in_numbers 889d37f 3433bc7 HEAD` (docs/adr/0028-what-is-one-thing.md).

Only what is committed counts, and only Python files below `src/heliograph`.
"""

import ast
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from scripts.architecture_page import PACKAGE, arrows_of
from scripts.markdown import table

SOURCE = f"src/{PACKAGE}"
ROOMS = ("service", "storage", "domain", "protojson", "api", "agent", "sandbox")
SMALL_LINES = 60


def main(commits: Sequence[str]) -> None:
    """Print a table with a column for each commit."""
    columns = [dict(numbers(commit)) for commit in commits]
    rows = [(name, *(f"{column[name]:,}" for column in columns)) for name in columns[0]]
    print(table(("", *(_called(commit) for commit in commits)), rows))


def numbers(commit: str) -> Iterator[tuple[str, int]]:
    """The numbers of the house at this commit, with what each is."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit, SOURCE], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        source = Path(folder) / SOURCE
        files = {path: path.read_text(encoding="utf-8") for path in sorted(source.rglob("*.py"))}
        lengths = [len(text.splitlines()) for text in files.values() if text.strip()]
        arrows = arrows_of(source)
        yield "files", len(files)
        yield "lines", sum(lengths)
        yield "lines of the middle file", round(statistics.median(lengths))
        yield f"files below {SMALL_LINES} lines", sum(length < SMALL_LINES for length in lengths)
        yield "rooms", len(arrows)
        yield "arrows between rooms", sum(map(len, arrows.values()))
        yield "imports between files", sum(map(imports, files.values()))
        for room in ROOMS:
            inside = [path for path in files if (source / room) in path.parents]
            yield f"files of `{room}`", len(inside)


def imports(text: str) -> int:
    """How many modules of the package this one imports from."""
    nodes = list(ast.walk(ast.parse(text)))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and node.level == 0}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return sum(name.split(".")[0] == PACKAGE for name in names)


def _called(commit: str) -> str:
    shown = subprocess.run(["git", "show", "-s", "--format=%h, %as", commit], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1:] or ["HEAD"])
