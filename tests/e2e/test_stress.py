"""`make stress` says of each run whether it was green, and of each test how often it failed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT
from tests.patience import WHOLE_JOB_S

NOW_AND_THEN = """
from pathlib import Path

def test_of_every_second_run(tmp_path):
    (tmp_path / "evidence").touch()
    seen = Path(__file__).with_name("seen")
    with seen.open("a") as file:
        file.write(".")
    assert len(seen.read_text()) % 2

def test_of_every_run(tmp_path):
    (tmp_path / "evidence").touch()
"""


def test_a_test_that_fails_now_and_then_is_named_with_how_often_it_did(tmp_path: Path) -> None:
    file = tmp_path / "test_now_and_then.py"
    file.write_text(NOW_AND_THEN, encoding="utf-8")
    command = [sys.executable, "-m", "scripts.stress_tests", "--times", "4", "--load", "0", "--", str(file)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=WHOLE_JOB_S)

    assert 1 == said.returncode, said.stdout + said.stderr
    assert ["green", "red", "green", "red"] == [line.partition(",")[0] for line in said.stdout.splitlines()[:4]]
    assert "2 of 4 runs were green." in said.stdout
    assert ["failed 2 times: "] == [line.strip()[:16] for line in said.stdout.splitlines() if "failed " in line and "test_of_every" in line]
    assert "test_of_every_second_run" in said.stdout
    assert ["run-02.folders", "run-04.folders"] == sorted(path.parents[1].name for path in tmp_path.rglob("evidence"))
