"""Runs the Android agent's JUnit tests with Robolectric, without Gradle and without an Android SDK (docs/android.md)."""

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.android_tools import ANDROID, cache, fetched, locked, program, run
from scripts.build_apk import Built

SOURCES = ANDROID / "test" / "robolectric"
LEVELS = tuple(sorted({int(row.set.removeprefix("level-")) for row in locked(*(f"level-{n}" for n in range(24, 60)))}))
"""The levels of Android that are pinned."""
OPENED = ("lang", "io", "util", "net", "text", "lang.reflect", "nio")
"""Packages of the JDK into which Robolectric reaches."""
RUNS_WITHIN_S = 600
CONFIG = """android_merged_manifest={manifest}
android_resource_apk={resources}
android_merged_assets={none}
android_merged_resources={none}
android_custom_package=org.heliograph.agent
"""


class Robolectric:
    """The compiled tests and their class path."""

    def __init__(self, folder: Path, built: Built, classes: Path | None = None) -> None:
        """`classes`: the agent's, if not those of the build.  Raises: ToolMissing, RuntimeError."""
        jars = [_unpacked(path) for path in fetched("test")]
        android = next(path for path in fetched("build") if path.name.startswith("android-all-"))
        agent = classes or built.classes
        config = folder / "config" / "com" / "android" / "tools" / "test_config.properties"
        config.parent.mkdir(parents=True)
        config.write_text(CONFIG.format(manifest=ANDROID / "AndroidManifest.xml", resources=built.resources, none=folder / "none"))
        own = folder / "tests"
        own.mkdir()
        path = _joined([agent, *jars, android])
        run(
            [program("javac"), "-nowarn", "-Xlint:-options", "-encoding", "UTF-8", "-cp", path, "-d", own, *sorted(SOURCES.rglob("*.java"))]
        )
        self._class_path = _joined([own, folder / "config", agent, *jars, android])

    def said(self, classes: Sequence[str], *, level: int, properties: Mapping[str, str] | None = None) -> str:
        """What JUnit printed.  Raises: RuntimeError: a test failed; its message holds the failures."""
        fetched(f"level-{level}")
        opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENED]
        opened.append("--add-opens=java.base/jdk.internal.access=ALL-UNNAMED")
        settings = {
            "robolectric.offline": "true", "robolectric.dependency.dir": str(cache()), "robolectric.enabledSdks": str(level),
            **(properties or {}),
        }  # fmt: skip
        given = [f"-D{name}={value}" for name, value in settings.items()]
        command = [program("java"), "-Xmx2g", "-XX:TieredStopAtLevel=1", *opened, *given, "-cp", self._class_path]
        return run([*command, "org.junit.runner.JUnitCore", *classes], within_s=RUNS_WITHIN_S)


def _joined(paths: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, paths))


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
