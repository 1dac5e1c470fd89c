"""Somebody who installs the wheel, from PyPI alone, has the program, and the first page's examples work."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import heliograph
from tests.architecture.sources import ROOT
from tests.patience import PATIENCE_S, WHOLE_JOB_S
from tests.socket_watch import beyond_loopback

BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
MARK = "<!-- run by tests/e2e/test_wheel.py -->\n```python\n"
ASKS = """
import json, os, urllib.request
with urllib.request.urlopen(os.environ["HELIOGRAPH_URL"] + "/v1/enterprises/sandbox/devices") as answer:
    print(len(json.load(answer)["devices"]), "phones")
"""
OURS = ("HELIOGRAPH_", "PYTHONPATH", "VIRTUAL_ENV")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert built.returncode == 0, built.stderr
    return folder / built.stdout.split()[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment with the wheel and what tests need."""
    folder = tmp_path_factory.mktemp("fresh")
    # uv asks PyPI for what pip would ask for, in a thirtieth of the time: what it has fetched before it only links.
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([sys.executable, "-m", "venv", *(["--without-pip"] if uv.exists() else []), str(folder)], check=True, timeout=PATIENCE_S)
    python = folder / "bin" / "python"
    pip = [str(uv), "pip", "install", "--python", str(python)] if uv.exists() else [str(python), "-m", "pip", "install"]
    with beyond_loopback():
        subprocess.run([*pip, "--quiet", f"{wheel}[testing]"], env=clean(), check=True, timeout=WHOLE_JOB_S)
    return folder / "bin"


def clean() -> dict[str, str]:
    """An environment that says nothing of this checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """An installed program, ended."""
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, env=clean(), capture_output=True, text=True, timeout=WHOLE_JOB_S, check=False
    )


def test_the_wheel_says_its_version_which_is_written_once(wheel: Path, installed: Path, tmp_path: Path) -> None:
    done = run(installed / "heliograph", "--version", cwd=tmp_path)

    assert f"{heliograph.__version__}\n" == done.stdout
    assert wheel.name.startswith(f"heliograph-{heliograph.__version__}-py3-none-any")


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.suffix in {".py", ".sql", ".typed"}}

    assert {"heliograph", f"heliograph-{heliograph.__version__}.dist-info"} == {name.partition("/")[0] for name in names}
    assert sources <= set(names)


def test_an_installed_sandbox_runs_for_a_command(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "heliograph", "sandbox", "--", installed / "python", "-c", ASKS, cwd=tmp_path)

    assert (0, "9 phones\n") == (done.returncode, done.stdout), done.stderr


def test_the_first_test_that_the_readme_shows_passes(installed: Path, tmp_path: Path) -> None:
    (example,) = re.findall(re.escape(MARK) + "(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "test_first.py").write_text(example)

    done = run(installed / "python", "-m", "pytest", "-q", cwd=tmp_path)

    assert 0 == done.returncode, done.stdout[-4_000:]
    assert "1 passed" in done.stdout
