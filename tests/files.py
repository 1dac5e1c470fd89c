"""How tests read files that others write and remove meanwhile: a phone's, a server's, Python's own of another test."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.patience import PATIENCE_S


def held(file: Path) -> bytes:
    """What the file holds; nothing if it is not there, or goes between a look and a read."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def written(file: Path, holds: Callable[[str], object]) -> str:
    """The file's whole lines, once that is so: a server writes its log behind its answers.  Raises: AssertionError: it never is so."""
    until = time.monotonic() + PATIENCE_S
    while not holds(text := held(file).decode(errors="replace").rpartition("\n")[0]):
        assert time.monotonic() < until, text
        time.sleep(0.02)
    return text


def contents(folder: Path, pattern: str = "*") -> dict[Path, bytes]:
    """What the files below the folder hold, by their paths in it. Python's own, which any import may replace, are not among them."""
    files = sorted(path for path in folder.rglob(pattern) if "__pycache__" not in path.parts and path.is_file())
    return {path.relative_to(folder): held(path) for path in files}
