"""Who gets the source distribution gets tests that run."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

BUILD = "import sys; from hatchling.build import build_sdist; print(build_sdist(sys.argv[1]))"
NEEDS_FILES = "architecture or test_documentation or test_generated_docs or test_docs"
"""Those that read what lies beside the program: pages, the Makefile, examples, the lock file."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution's folder."""
    folder = tmp_path_factory.mktemp("sdist")
    built = subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    archive = folder / built.stdout.split()[-1]
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What pytest says there, of the program that lies there."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_every_test_is_collected_from_the_sdist_and_finds_what_it_reads_beside_the_program(unpacked: Path) -> None:
    """One run for both: it collects every test, and ends badly if it cannot, before it runs those that read files."""
    said = pytest_in(unpacked, "tests", "-k", NEEDS_FILES)

    assert 0 == said.returncode, said.stdout[-4_000:]
    assert re.search(r"^[0-9]+ passed.* [0-9]+ deselected", said.stdout, re.MULTILINE), said.stdout[-400:]
    assert files_of(ROOT) == files_of(unpacked)


def test_the_sdist_holds_what_git_would(unpacked: Path) -> None:
    names = {path.name for path in unpacked.iterdir()}

    assert set() == names & {".git", ".venv", ".mypy_cache", ".ruff_cache", ".import_linter_cache", "dist"}
    assert {"Makefile", "CONTRIBUTING.md", "uv.lock", ".ci", "src", "tests", "docs", "examples", "scripts", "benchmarks", "deploy"} <= names


def files_of(folder: Path) -> set[str]:
    """The files of tests, as the folder names them."""
    return {path.relative_to(folder).as_posix() for path in (folder / "tests").rglob("*.py")}
