"""A run that was killed leaves mounts behind, which the next one lifts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.left_mounts import lift, mounted_below
from tests.patience import PATIENCE_S
from tests.torture.small_disk import tmpfs

DEAD = "import os; print(os.getpid())"


def test_what_is_mounted_in_the_folder_of_a_run_that_has_ended_is_lifted_and_only_that(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    pids = {
        "killed": subprocess.run([sys.executable, "-c", DEAD], capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout,
        "living": f"{os.getpid()}",
    }
    for name, pid in pids.items():
        (tmp_path / name / "a test").mkdir(parents=True)
        (tmp_path / name / ".lock").write_text(pid, encoding="utf-8")

    with tmpfs(tmp_path / "killed" / "a test" / "disk") as one, tmpfs(tmp_path / "living" / "a test" / "disk") as other:
        if not (one and other):
            pytest.skip("this kernel lets nobody mount")
        lifted = lift(tmp_path)
        left = mounted_below(tmp_path)

    assert [tmp_path / "killed" / "a test" / "disk"] == lifted
    assert [tmp_path / "living" / "a test" / "disk"] == left
