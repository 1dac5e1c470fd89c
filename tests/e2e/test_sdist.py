"""Who gets the source distribution gets tests that run."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.patience import PATIENCE_S, WHOLE_JOB_S

BUILD = "import sys; from hatchling.build import build_sdist; print(build_sdist(sys.argv[1]))"
NEEDS_GIT = "test_commits.py"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution's folder."""
    folder = tmp_path_factory.mktemp("sdist")
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert built.returncode == 0, built.stderr
    archive = folder / built.stdout.split()[-1]
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What pytest says there, of the program that lies there."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=WHOLE_JOB_S)


def test_every_test_is_collected_from_the_sdist(unpacked: Path) -> None:
    """It ends badly if one cannot be. The one file that runs is the only one that reads what no sdist has: git's log."""
    # Without pytest's own asserts, which nothing here needs: making them takes longer than the rest.
    said = pytest_in(unpacked, "tests", "--assert=plain", "-k", NEEDS_GIT)

    assert 0 == said.returncode, said.stdout[-4_000:]
    assert re.search(r"^1 skipped, [0-9]+ deselected", said.stdout, re.MULTILINE), said.stdout[-400:]
    assert files_of(ROOT) == files_of(unpacked)


def test_the_sdist_holds_every_file_of_the_repository_to_the_byte(unpacked: Path) -> None:
    """So what a test reads beside the program it finds there too, with what it finds here."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is not a git repository, or git is not installed: which files are the repository's is unknown")
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    ).stdout
    names = [name for name in listed.split("\0") if name and (ROOT / name).exists()]

    assert names
    assert [] == [name for name in names if not same(ROOT / name, unpacked / name)]


def test_the_sdist_holds_what_git_would(unpacked: Path) -> None:
    names = {path.name for path in unpacked.iterdir()}

    assert set() == names & {".git", ".venv", ".mypy_cache", ".ruff_cache", ".import_linter_cache", "dist"}
    assert {"Makefile", "CONTRIBUTING.md", "uv.lock", ".ci", "src", "tests", "docs", "examples", "scripts", "benchmarks", "deploy"} <= names


def files_of(folder: Path) -> set[str]:
    """The files of tests, as the folder names them."""
    return {path.relative_to(folder).as_posix() for path in (folder / "tests").rglob("*.py")}


def same(one: Path, other: Path) -> bool:
    """Whether both are files with the same content."""
    return other.is_file() and one.read_bytes() == other.read_bytes()
