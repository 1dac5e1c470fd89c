"""The examples for test frameworks of other languages: each makes a world for every test, and passes as it stands there."""

import contextlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.clients.programs import READY_WITHIN_S, require_tools, said_by
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client
from tests.socket_watch import beyond_loopback

pytestmark = [pytest.mark.clients, pytest.mark.timeout(2 * READY_WITHIN_S + PATIENCE_S)]


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A test framework, and the example for it."""

    folder: str
    tools: tuple[str, ...]
    fetch: tuple[str, ...]
    """Fetches its packages into the toolchain's own cache, or into the folder; empty: `test` does."""
    test: tuple[str, ...]
    passed: str
    """What it prints when two tests ran and none failed."""


SETUPS = ("node-test/world.mjs", "go-testing/world_test.go", "junit/src/test/java/com/example/World.java")
SETUP_MOST = 22
"""Lines that a user copies for a world per test, without imports and comments."""

FRAMEWORKS = (
    Framework(
        folder="node-test", tools=("node", "npm"), fetch=("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
        test=("npm", "test"), passed=r"# pass 2\b.*# fail 0\b|pass 2\b.*fail 0\b",
    ),
    Framework(
        folder="go-testing", tools=("go",), fetch=("go", "vet", "./..."), test=("go", "test", "-v", "./..."),
        passed=r"(--- PASS.*){2}^PASS",
    ),
    Framework(
        folder="junit", tools=("java", "mvn"), fetch=(), test=("mvn", "-B", "test"),
        passed=r"Tests run: 2, Failures: 0, Errors: 0, Skipped: 0",
    ),
)  # fmt: skip


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.folder)
def test_an_example_passes_and_leaves_no_world(framework: Framework, sandbox_url: str, tmp_path: Path) -> None:
    require_tools(framework.folder, framework.tools)
    project = Path(shutil.copytree(ROOT / "examples" / framework.folder, tmp_path / framework.folder))
    if framework.fetch:
        with beyond_loopback():
            said_by(*framework.fetch, cwd=project, within_s=READY_WITHIN_S)

    with contextlib.nullcontext() if framework.fetch else beyond_loopback():
        said = said_by(*framework.test, cwd=project, within_s=READY_WITHIN_S, HELIOGRAPH_URL=sandbox_url)

    assert re.search(framework.passed, said, re.DOTALL | re.MULTILINE), said
    assert [] == Client(sandbox_url).get("/sandbox/v1/worlds")["worlds"]


@pytest.mark.parametrize("setup", SETUPS)
def test_a_world_per_test_takes_as_many_lines_as_its_page_says(setup: str) -> None:
    text = re.sub(r"^import \(.*?^\)$", "", (ROOT / "examples" / setup).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    code = [line for line in text.splitlines() if line.strip() and not line.strip().startswith(("import ", "package ", "//", "/*"))]

    assert SETUP_MOST >= len(code)
    assert f"{len(code)} lines to copy" in (ROOT / "examples" / setup.partition("/")[0] / "README.md").read_text(encoding="utf-8")
