"""Runs the Android agent's JUnit tests with Robolectric, without Gradle and without an Android SDK (docs/android.md)."""

import os
import re
import zipfile
from pathlib import Path

from scripts.android_tools import ANDROID, cache, class_path, compiled, fetched, locked, pinned, program, run
from scripts.build_apk import Built

SOURCES = ANDROID / "test" / "robolectric"
LEVELS = tuple(sorted({int(row.set.removeprefix("level-")) for row in locked(*(f"level-{n}" for n in range(24, 60)))}))
"""The levels of Android that are pinned."""
OPENED = ("lang", "io", "util", "net", "text", "lang.reflect", "nio")
"""Packages of the JDK into which Robolectric reaches."""
RUNS_WITHIN_S = 600
PACKAGE = "org.heliograph.agent"
CONFIG = """android_merged_manifest={manifest}
android_resource_apk={resources}
android_merged_assets={none}
android_merged_resources={none}
android_custom_package={package}
"""


class Robolectric:
    """The compiled tests and their class path."""

    def __init__(self, folder: Path, built: Built) -> None:
        """Raises: ToolMissing, RuntimeError."""
        others = [built.classes, *(_unpacked(path) for path in fetched("test")), pinned("android-all")]
        config = folder / "config" / "com" / "android" / "tools" / "test_config.properties"
        config.parent.mkdir(parents=True)
        config.write_text(
            CONFIG.format(manifest=ANDROID / "AndroidManifest.xml", resources=built.resources, none=folder / "none", package=PACKAGE)
        )
        mock_maker = folder / "config" / "mockito-extensions" / "org.mockito.plugins.MockMaker"
        mock_maker.parent.mkdir()
        mock_maker.write_text("mock-maker-subclass")  # the other one is an agent of the JVM
        own = compiled(sorted(SOURCES.rglob("*.java")), folder / "tests", others)
        self._class_path = class_path([own, folder / "config", *others])

    def applied(self, *names: str, level: int) -> dict[str, int]:
        """How many cases of each of these test classes applied to this level, all of which passed.

        All run in one JVM: preparing Android's classes takes longer than most cases.

        Raises: RuntimeError: a case failed; its message holds the failures.
        """
        fetched(f"level-{level}")
        opened = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in OPENED]
        opened.append("--add-opens=java.base/jdk.internal.access=ALL-UNNAMED")
        settings = {
            "robolectric.offline": "true", "robolectric.dependency.dir": str(cache()), "robolectric.enabledSdks": str(level),
        }  # fmt: skip
        given = [f"-D{name}={value}" for name, value in settings.items()]
        command = [program("java"), "-Xmx2g", *opened, *given, "-cp", self._class_path]
        said = run([*command, f"{PACKAGE}.Cases", *(f"{PACKAGE}.{name}" for name in names)], within_s=RUNS_WITHIN_S)
        return {name.rpartition(".")[2]: int(count) for name, count in re.findall(r"^applied of (\S+): (\d+)$", said, re.MULTILINE)}


def _unpacked(path: Path) -> Path:
    """The jar; out of an Android archive, the one in it."""
    if path.suffix != ".aar":
        return path
    jar = path.with_suffix(".jar")
    if not jar.exists():
        with zipfile.ZipFile(path) as archive:
            beside = path.with_suffix(f".{os.getpid()}")
            beside.write_bytes(archive.read("classes.jar"))
            beside.replace(jar)
    return jar
