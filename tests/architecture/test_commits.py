"""A commit's subject fits into a line of everyone's tools."""

import shutil
import subprocess

import pytest

from tests.architecture.sources import ROOT
from tests.patience import PATIENCE_S

SUBJECT_MOST = 72
LAST_BEFORE_THE_RULE = "889d37f"
NOTICED_TOO_LATE = {
    "Give a tortured server, and all that heals, five minutes on a busy machine",
    "Give a sandbox's phones their user, and record why phones judge themselves",
    "Print access tokens, name what is missing, and keep tracebacks off exit codes",
}
"""Others had built on it already."""


def git(*arguments: str) -> str | None:
    """What git prints; None if it does not know."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    return done.stdout if done.returncode == 0 else None


def test_the_subject_of_every_new_commit_fits_into_72_characters() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git repository, or git is not here: nobody can see commits")
    # A merge says no more than what it merges. A shallow clone holds the newest commit alone.
    commits = git("log", "--format=%h %s", "--no-merges", f"{LAST_BEFORE_THE_RULE}..HEAD") or git("log", "--format=%h %s", "-1")
    assert commits is not None
    subjects = [line.partition(" ")[2] for line in commits.splitlines()]

    assert set() == {subject for subject in subjects if len(subject) > SUBJECT_MOST} - NOTICED_TOO_LATE
