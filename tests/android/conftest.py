"""The agent's APK, the APK's classes on the host, and a whole server for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scripts import android_tools
from scripts.android_tools import ANDROID, compiled, pinned
from tests.agent.lab import Lab, lab_in
from tests.android.apk import built_once, skipped_without_tools

HOST = ANDROID / "test" / "host"


@pytest.fixture(scope="session")
def class_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The APK's classes, and the phone that is a folder."""
    classes = built_once().classes
    with skipped_without_tools():
        others = [classes, pinned("android-all")]
        own = compiled(sorted(HOST.rglob("*.java")), tmp_path_factory.mktemp("host"), others)
    return android_tools.class_path([own, *others])


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab_in(tmp_path) as lab:
        yield lab
