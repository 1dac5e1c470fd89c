"""The agent on Android's own framework classes: a test for each level, which runs all classes of android/test/robolectric.

The agent's classes are those of the APK's dex. Two levels unless HELIOGRAPH_ANDROID_LEVELS says others, or `all` (`make test-android`):
each is a download of 90 to 200 MB.
"""

import os

import pytest

from scripts.build_apk import Built
from scripts.robolectric import LEVELS, Robolectric
from tests.android.apk import skipped_without_tools

FEW = (24, 35)
CHOSEN = os.environ.get("HELIOGRAPH_ANDROID_LEVELS", "")
CASES = {
    "CommandsTest": {24: 43, 30: 46},
    "LifeTest": {24: 10, 26: 11, 31: 12, 33: 11, 34: 12},
    "ServiceTest": {24: 0, 30: 32, 31: 33, 36: 0},
    "EuiccTest": {24: 0, 35: 28},
}
"""How many cases of a class apply, from which level on. A runner that found none has proven nothing."""


def cases(level: int) -> dict[str, int]:
    """How many of each class apply to this level, for those that do."""
    found = {name: of[max(first for first in of if first <= level)] for name, of in CASES.items()}
    return {name: count for name, count in found.items() if count}


def chosen_levels() -> tuple[int, ...]:
    """Of those that are pinned."""
    if not CHOSEN:
        return FEW
    return LEVELS if CHOSEN == "all" else tuple(map(int, CHOSEN.split(",")))


@pytest.fixture(scope="session")
def robolectric(full: Built, tmp_path_factory: pytest.TempPathFactory) -> Robolectric:
    """The tests, compiled against the APK's classes."""
    with skipped_without_tools():
        return Robolectric(tmp_path_factory.mktemp("robolectric"), full)


@pytest.mark.parametrize("level", chosen_levels())
def test_the_agent_keeps_its_promises_on_this_level(robolectric: Robolectric, level: int) -> None:
    with skipped_without_tools():
        applied = robolectric.applied(*cases(level), level=level)

    assert cases(level) == applied
