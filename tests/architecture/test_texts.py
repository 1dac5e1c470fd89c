"""What no written file may hold."""

import re

from tests.architecture.sources import ROOT, relative, written_files

# Written so that this file does not hold what it looks for.
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root|farm)/")
PYPI_HOSTS = {"pypi.org", "files.pythonhosted.org"}


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    """Every line of a written file that the pattern finds, as `path:line`."""
    return [
        f"{relative(path)}:{number}"
        for path in written_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_nothing_is_left_for_later_without_an_issue() -> None:
    assert [] == lines_matching(UNFINISHED)


def test_no_path_of_a_developers_machine_is_written_down() -> None:
    assert [] == lines_matching(MACHINE_PATH)


def test_the_lock_file_names_only_the_public_registry() -> None:
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")

    assert set(re.findall(r"https?://([^/\"]+)", lock)) == PYPI_HOSTS
