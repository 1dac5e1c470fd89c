"""The units of deploy/systemd: systemd takes every line, and finds little that an attacker inside could do."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.booted import ROOT
from tests.not_tried import program_or_skip
from tests.patience import PATIENCE_S

UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
EXPOSED_MOST = 20
"""Tenths, of systemd's 100: a service without any hardening has 96."""


@pytest.fixture(scope="module", autouse=True)
def systemd_analyze() -> None:
    """It is here, or the tests are skipped; in CI they fail."""
    program_or_skip("systemd-analyze", package="systemd")


def analyzed(*words: object) -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says."""
    return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def test_there_are_a_server_and_a_backup_with_its_timer() -> None:
    assert ["heliograph-backup.service", "heliograph-backup.timer", "heliograph.service"] == [unit.name for unit in UNITS]


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    here = [tmp_path / unit.name for unit in UNITS]
    for unit, copy in zip(UNITS, here, strict=True):
        # Verified is also that the program exists.
        copy.write_text(re.sub(r"/opt/heliograph/\S+/heliograph(?= serve)", "/bin/true", unit.read_text(encoding="utf-8")))

    done = analyzed("verify", "--man=no", *here)

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_little_is_exposed(unit: Path) -> None:
    done = analyzed("security", "--offline=true", f"--threshold={EXPOSED_MOST}", "--no-pager", unit)

    assert 0 == done.returncode, done.stdout
