"""`heliograph check-history`, as people and scripts use it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from heliograph.history.events import FaultKind
from heliograph.history.file import History
from tests.history.tale import CANCELLED, LOCKED, TAKEN_BACK, Tale, good_tale


def lost() -> Tale:
    """An accepted command is not there in the end."""
    tale = good_tale()
    tale.lose(TAKEN_BACK)
    return tale


def recorded(tale: Tale, path: Path, *faults: FaultKind) -> Path:
    """The tale in a file."""
    times = iter([event.at_us for event in tale.recorded().events])
    history = History(path, now_us=lambda: next(times), faults=faults, about="seed 7")
    for event in tale.recorded().events:
        history.record(event)
    history.close()
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command says."""
    command = [sys.executable, "-m", "heliograph", "check-history", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "tale, faults, code, word",
    [
        (good_tale, [FaultKind.SERVER_KILLED], 0, "The history is green."),
        (lost, [], 1, "The history is violated, 1 violations."),
        (good_tale, [FaultKind.DISK_FULL], 8, "The history is inconclusive."),
    ],
)
def test_the_exit_code_tells_the_verdict(tale: Callable[[], Tale], faults: list[FaultKind], code: int, word: str, tmp_path: Path) -> None:
    said = run(str(recorded(tale(), tmp_path / "history.jsonl", *faults)))

    assert (code, True) == (said.returncode, word in said.stdout), said.stdout


def test_a_violation_comes_with_the_story_of_its_operation(tmp_path: Path) -> None:
    said = run(str(recorded(lost(), tmp_path / "history.jsonl")))

    story = [line.split(maxsplit=1)[1] for line in said.stdout.splitlines() if line.startswith("     ") and line.strip()]
    assert f"1. what_was_accepted_is_there: {CANCELLED} was accepted and is lost." in said.stdout
    assert [
        "call 2: issue LOCK …",
        "call 2: issue → ok, 2 LOCK pending",
        "call 4: cancel …",
        "call 4: cancel → ok 200",
        "*** server killed",
        "call 6: list …",
        "call 6: list → ok, 2 LOCK cancelled",
    ] == story


def test_json_tells_all_of_it(tmp_path: Path) -> None:
    found = json.loads(run("--json", str(recorded(lost(), tmp_path / "history.jsonl", FaultKind.SERVER_KILLED))).stdout)

    assert ("violated", "seed 7", False) == (found["verdict"], found["about"], found["cut"])
    assert [{"what": "server killed", "times": 1, "inFlight": 1}] == found["faults"]
    assert [("what_was_accepted_is_there", CANCELLED, 7)] == [
        (violation["rule"], violation["about"], len(violation["story"])) for violation in found["violations"]
    ]


def test_of_many_violations_a_few_are_told_and_all_are_counted(tmp_path: Path) -> None:
    tale = good_tale()
    for _ in range(3):
        tale.act(LOCKED)
    tale.lose(TAKEN_BACK)
    said = run("--most", "1", str(recorded(tale, tmp_path / "history.jsonl")))

    assert (True, True, False) == tuple(word in said.stdout for word in ("1. what_was", "nothing_ran_twice", "2. nothing_ran"))


def test_a_file_that_is_no_history_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text("nothing of the kind\n")
    said = run(str(path))

    assert (2, "") == (said.returncode, said.stdout)
    assert "The first line is not a header" in said.stderr


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert 2 == run(str(tmp_path / "absent.jsonl")).returncode
