"""Bandit finds nothing in what is shipped but what was looked at: each with the reason why it stands."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from tests.architecture.sources import PACKAGE
from tests.patience import PATIENCE_S

NAMES = "the name of a constant, a claim or a parameter, not a secret"
OWN_PROGRAM = "a program that the operator named or our own, by a list of words and without a shell"
SEEDED = "chance of a play that is to be repeated, by its seed"
LOOKED_AT: Mapping[tuple[str, str], str] = {
    ("B104", "cli/check_agent.py"): "the address is compared with it, not bound",
    ("B105", "*"): NAMES,
    ("B107", "*"): NAMES,
    ("B311", "agent/*"): SEEDED,
    ("B311", "sandbox/*"): SEEDED,
    ("B314", "apk/manifest.py"): "what the decoder of our own package's manifest wrote: no entities, no document type",
    ("B405", "apk/manifest.py"): "as above",
    ("B404", "cli/accompanied.py"): OWN_PROGRAM,
    ("B404", "lab/adb.py"): OWN_PROGRAM,
    ("B404", "testing/server.py"): OWN_PROGRAM,
    ("B603", "cli/accompanied.py"): OWN_PROGRAM,
    ("B603", "lab/adb.py"): OWN_PROGRAM,
    ("B603", "testing/server.py"): OWN_PROGRAM,
    ("B608", "storage/kind_statements.py"): "statements made of rows of our own: no caller's value is in their text",
    ("B608", "storage/sqlite/rows.py"): "names of columns of our own tables",
}
"""By Bandit's rule and the file below the package."""


class Finding(NamedTuple):
    """One line that Bandit has something to say of."""

    rule: str
    file: str
    line: int
    text: str

    @property
    def looked_at(self) -> Iterator[tuple[str, str]]:
        """Rows that say why it stands."""
        return ((rule, pattern) for rule, pattern in LOOKED_AT if rule == self.rule and fnmatch(self.file, pattern))


def found(*paths: str) -> list[Finding]:
    """What Bandit finds in these files."""
    ran = subprocess.run(
        [sys.executable, "-m", "bandit", "--quiet", "--recursive", "--format", "json", "--exit-zero", *paths],
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    answer = json.loads(ran.stdout)
    assert [] == answer["errors"]
    prefix = f"{PACKAGE}/"
    return [
        Finding(one["test_id"], one["filename"].removeprefix(prefix), one["line_number"], one["issue_text"]) for one in answer["results"]
    ]


def test_bandit_finds_nothing_that_was_not_looked_at_and_nothing_stands_that_it_does_not_find(tmp_path: Path) -> None:
    findings = found(str(PACKAGE))

    assert [] == [finding for finding in findings if not any(finding.looked_at)]
    assert set() == set(LOOKED_AT) - {row for finding in findings for row in finding.looked_at}
    (wrong := tmp_path / "wrong.py").write_text("import os\nos.system(input())\n")
    assert {"B605"} <= {finding.rule for finding in found(str(wrong))}  # what finds nothing must be able to find something
