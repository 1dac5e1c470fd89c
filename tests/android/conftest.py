"""The agent's APK, the APK's classes on the host, and a whole server for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scripts import android_tools
from scripts.android_tools import pinned
from scripts.build_apk import Built
from tests.agent.lab import Lab, lab_in
from tests.android.apk import built_once, host_classes, skipped_without_tools


@pytest.fixture(scope="session")
def full() -> Built:
    """The APK with everything in it."""
    return built_once()


@pytest.fixture(scope="session")
def safe() -> Built:
    """The APK without destructive code."""
    return built_once(safe=True)


@pytest.fixture(scope="session")
def class_path(full: Built) -> str:
    """The APK's classes, and the phone that is a folder."""
    with skipped_without_tools():
        return android_tools.class_path([host_classes(full), full.classes, pinned("android-all")])


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab_in(tmp_path) as lab:
        yield lab
