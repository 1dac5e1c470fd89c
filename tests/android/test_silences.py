"""The Android agent learns its networks exactly as the virtual phone does."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.agent.keep_alive import Silences
from heliograph.protocol import KEEP_ALIVE_MOST_S
from scripts.android_tools import program
from tests.patience import PATIENCE_S

Life = list[tuple[bool, int]]
Lives = st.lists(
    st.lists(st.tuples(st.booleans(), st.sampled_from([29, 30, 31, 55, 82]) | st.integers(0, 2 * KEEP_ALIVE_MOST_S)), max_size=60),
    min_size=50, max_size=200,
)  # fmt: skip


def obedient(forgets_after_s: int) -> Life:
    """That of a phone which asks for what it has learnt, in a network that forgets after so many seconds."""
    silences, life = Silences(), Life()
    for _ in range(120):
        asked_s = silences.next_s
        passed = asked_s <= forgets_after_s
        silences = silences.after_passed(asked_s) if passed else silences.after_lost(asked_s)
        life.append((passed, asked_s))
    return life


def in_python(lives: list[Life]) -> list[str]:
    """What the virtual phone asks for and knows after everything that happens."""
    known = []
    for life in lives:
        silences = Silences()
        known.append(f"{silences.next_s} {silences.passed_s} {silences.lost_s}")
        for passed, silent_s in life:
            silences = silences.after_passed(silent_s) if passed else silences.after_lost(silent_s)
            known.append(f"{silences.next_s} {silences.passed_s} {silences.lost_s}")
    return known


def in_java(lives: list[Life], class_path: str) -> list[str]:
    """What the Android agent does, which keeps what it knows over a restart after each."""
    words = {True: "passed", False: "lost"}
    lines = [line for life in lives for line in ("new", *(f"{words[passed]} {silent_s}" for passed, silent_s in life))]
    command = [program("java"), "-XX:TieredStopAtLevel=1", "-cp", class_path, "org.heliograph.agent.protocol.PlayedSilences"]
    return subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=True, timeout=PATIENCE_S
    ).stdout.splitlines()


def test_it_asks_for_the_same_in_every_network(class_path: str) -> None:
    lives = [obedient(forgets_after_s) for forgets_after_s in range(30, 1_000, 7)]

    assert in_python(lives) == in_java(lives, class_path)


@settings(max_examples=5)
@given(lives=Lives)
def test_it_knows_the_same_whatever_happens(class_path: str, lives: list[Life]) -> None:
    assert in_python(lives) == in_java(lives, class_path)
