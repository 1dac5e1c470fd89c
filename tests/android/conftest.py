"""The agent's APK, the APK's classes on the host, and a whole server for every test."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scripts.android_tools import ANDROID
from tests.agent.lab import Lab, lab_in
from tests.android.apk import android_library, built_once, compiled, session_folder, skipped_without_tools

HOST = ANDROID / "test" / "host"


@pytest.fixture(scope="session")
def class_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The APK's classes, and the phone that is a folder."""
    folder = session_folder(tmp_path_factory)
    built = built_once(folder)
    with skipped_without_tools():
        path = os.pathsep.join(map(str, (built.classes, android_library())))
        own = compiled(HOST, tmp_path_factory.mktemp("host"), path)
    return os.pathsep.join((str(own), path))


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab_in(tmp_path) as lab:
        yield lab
