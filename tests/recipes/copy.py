"""A copy of the repository that a test may change as a contributor would, and a Python that runs what is in it.

Nothing is installed: the copy stands in front of the installed package in PYTHONPATH.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEFT_OUT = {
    ".git", ".venv", ".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".dmypy.json", "build", "dist",
}  # fmt: skip
NOT_WRITTEN = {"__pycache__", ".hypothesis", ".pytest_cache", ".ruff_cache"}
"""What programs leave behind, which is no file of the repository's."""
NEXT_RELEASE = ".next_release"
"""Packages that stand in front of those installed."""
PATIENCE_S = 900
TEST_TIMEOUT_S = 1_800
"""A recipe runs hundreds of tests, half a minute of CPU; a busy machine may take long for it."""


class Copy:
    """The repository, copied."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made."""
        self.root = folder
        # Compiled files go along: what was not changed need not be compiled again.
        shutil.copytree(ROOT, folder, ignore=lambda _folder, names: LEFT_OUT & set(names), symlinks=True, copy_function=_copied)
        self._as_copied = self._digests()

    def read(self, path: str) -> str:
        """The file's text."""
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        """The file holds this text."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def insert(self, path: str, text: str, *, after: str) -> None:
        """The text stands after this line, which the file has once."""
        before, found, rest = self.read(path).partition(f"\n{after}\n")
        assert found, f"{path} has no line {after!r}"
        self.write(path, f"{before}{found}{text}{rest}")

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What Python prints for these arguments; it ends well, or with an error if it `fails`."""
        path = os.pathsep.join(str(self.root / folder) for folder in (NEXT_RELEASE, "src", "."))
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert fails is bool(done.returncode), done.stdout + done.stderr
        return done.stdout + done.stderr

    def replace(self, path: str, old: str, new: str) -> None:
        """`new` stands where `old` stood, once."""
        text = self.read(path)
        assert 1 == text.count(old), f"{path} has {old!r} {text.count(old)} times"
        self.write(path, text.replace(old, new))

    def docs(self) -> None:
        """`make docs`."""
        for script in re.findall(r"^\t\$\(BIN\)/python -m (scripts\.\w+)", _target(self.read("Makefile"), "docs"), re.MULTILINE):
            self.run("-m", script)

    def tests(self, *arguments: str, fails: bool = False) -> str:
        """What pytest prints for these arguments: it passes, or `fails`."""
        return self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments, fails=fails)

    def lint(self, *paths: str) -> None:
        """What was written is as ruff wants it, form included."""
        self._ruff("check", *paths)
        self._ruff("format", "--check", *paths)

    def format(self, *paths: str) -> None:
        """`make format`, of these files."""
        self._ruff("check", "--fix", *paths)
        self._ruff("format", *paths)

    def _ruff(self, *arguments: str) -> None:
        ruff = str(Path(sys.executable).parent / "ruff")
        done = subprocess.run(
            [ruff, *arguments, "--no-cache"], cwd=self.root, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
        assert 0 == done.returncode, done.stdout + done.stderr

    def touched(self) -> set[str]:
        """The files that are no longer as they were copied, or are new; those that programs leave behind aside."""
        return {path for path, digest in self._digests().items() if self._as_copied.get(path) != digest}

    def _digests(self) -> Mapping[str, bytes]:
        files = ((path, path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())
        return {
            inside.as_posix(): hashlib.sha256(path.read_bytes()).digest()
            for path, inside in files
            if not (NOT_WRITTEN | {NEXT_RELEASE}) & set(inside.parts)
        }


def _copied(source: str, target: str) -> str:
    """The file is copied. One that another test's Python compiles at the same time may have another name by now."""
    with contextlib.suppress(FileNotFoundError) if NOT_WRITTEN & set(Path(source).parts) else contextlib.nullcontext():
        shutil.copy2(source, target)
    return target


def _target(makefile: str, name: str) -> str:
    """The lines of a target."""
    found = re.search(rf"^{name}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert found is not None
    return found[1]


def section(page: str, heading: str) -> str:
    """What stands below the heading of a page, up to the next heading of its kind."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^\1 |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"CONTRIBUTING.md has no section {heading!r}"
    return found[2]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def files_listed(text: str) -> set[str]:
    """The files that the line "Files: …" of a recipe names."""
    lines = re.findall(r"^Files: (.+?)$(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    assert lines, "the recipe says which files it touches: Files: `…`, …"
    return {path for line in lines for path in re.findall(r"`([\w./-]+)`", line)}
