"""How tests read files that others write and remove meanwhile: a phone's, a server's, Python's own of another test."""

from pathlib import Path


def held(file: Path) -> bytes:
    """What the file holds; nothing if it is not there, or goes between a look and a read."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def contents(folder: Path, pattern: str = "*") -> dict[Path, bytes]:
    """What the files below the folder hold, by their paths in it. Python's own, which any import may replace, are not among them."""
    files = sorted(path for path in folder.rglob(pattern) if "__pycache__" not in path.parts and path.is_file())
    return {path.relative_to(folder): held(path) for path in files}
