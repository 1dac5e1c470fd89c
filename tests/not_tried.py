"""Tests whose parts are not here: skipped, and named by the run; in CI, where everything must be here, failed."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.patience import WHOLE_JOB_S

INSTALLER = Path(__file__).parents[1] / "scripts" / "test_needs.sh"


def not_tried(why: str) -> NoReturn:
    """Skip the test, or fail it in CI; `why` says what is missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def program_or_skip(name: str, *, package: str = "") -> str:
    """The path of the program, installed by the script if that is possible; else the test is skipped (in CI: failed).

    `package`: as the script calls it, if not by the program's name. Debian has some programs in /usr/sbin, which is not in everyone's PATH.
    """
    path, package = f"{os.environ.get('PATH', '')}:/usr/sbin", package or name
    if shutil.which(name, path=path) is None:
        subprocess.run([INSTALLER, package], check=False, timeout=WHOLE_JOB_S)
    found = shutil.which(name, path=path)
    if found is None:
        not_tried(f"{name} is not here: scripts/test_needs.sh {package} installs it")
    return found
