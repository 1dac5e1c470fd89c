"""docs/testing.md shows what really happens: its first test is run, and its output compared."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from heliograph.testing import Amapi
from tests.patience import PATIENCE_S

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
SHOWN = re.compile(r"<!-- the output of test_wipe.py -->\n```text\n(?P<output>.*?)```\n<!-- end -->", re.DOTALL)


def block(after: str, language: str = "python") -> str:
    """The first block of code after this text."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(after)
    return rest.partition(f"```{language}\n")[2].partition("```")[0]


def test_the_failure_on_the_page_is_the_real_one(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, amapi: Amapi) -> None:
    monkeypatch.setenv("HELIOGRAPH_URL", amapi.sandbox_url)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(test_wipe=block("`test_wipe.py`:"))

    result = pytester.runpytest_subprocess("test_wipe.py", timeout=PATIENCE_S)

    shown = SHOWN.search(PAGE.read_text(encoding="utf-8"))
    lines = result.outlines
    begins = next(index for index, line in enumerate(lines) if "FAILURES" in line) + 1
    ends = next(index for index, line in enumerate(lines) if "short test summary" in line)
    assert shown is not None
    assert "\n".join(line.rstrip() for line in lines[begins:ends]) + "\n" == shown["output"]


def test_the_program_without_pytest_runs_as_it_stands() -> None:
    ran = subprocess.run([sys.executable, "-c", block("## Without pytest")], capture_output=True, text=True, check=True, timeout=PATIENCE_S)

    assert block("## Without pytest", "text") == ran.stdout


@pytest.mark.parametrize("section", ["## The clock", "## Operations", "## Faults"])
def test_the_pieces_of_the_page_run_as_they_stand(section: str, amapi: Amapi) -> None:
    if section == "## Faults":
        amapi.faults.may_stay_unmet = True

    exec(block(section), {"amapi": amapi})  # noqa: S102 - our own page


def test_the_piece_about_what_was_sent_runs_as_it_stands(amapi: Amapi) -> None:
    amapi.faults.plan(method="enterprises.devices.issueCommand", error=503, times=1)
    issue = amapi.client.enterprises().devices().issueCommand
    for status in (503, 200):
        request = issue(name=amapi.phones["pixel8"].name, body={"type": "LOCK"})
        if status == 200:
            request.execute()
        else:
            with pytest.raises(Exception, match="503"):
                request.execute()
    piece = block("## Requests and answers").replace("times=3", "times=2")

    exec(piece, {"amapi": amapi})  # noqa: S102 - our own page
