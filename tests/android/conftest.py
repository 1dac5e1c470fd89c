"""The agent's APK, the APK's classes on the host, and a whole server for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scripts import android_tools
from scripts.android_tools import ANDROID, compiled, pinned
from scripts.build_apk import Built
from tests.agent.lab import Lab, lab_in
from tests.android.apk import built_once, skipped_without_tools

HOST = ANDROID / "test" / "host"


@pytest.fixture(scope="session")
def full() -> Built:
    """The APK with everything in it."""
    return built_once()


@pytest.fixture(scope="session")
def safe() -> Built:
    """The APK without destructive code."""
    return built_once(safe=True)


@pytest.fixture(scope="session")
def class_path(full: Built, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The APK's classes, and the phone that is a folder."""
    with skipped_without_tools():
        others = [full.classes, pinned("android-all")]
        own = compiled(sorted(HOST.rglob("*.java")), tmp_path_factory.mktemp("host"), others)
    return android_tools.class_path([own, *others])


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab_in(tmp_path) as lab:
        yield lab
