"""Runs the Android agent's JUnit tests with Robolectric, without Gradle and without an Android SDK (docs/android.md)."""

import os
import re
import zipfile
from pathlib import Path

from scripts.android_tools import ANDROID, ToolMissing, cache, class_path, compiled, fetched, locked, pinned, program, run
from scripts.build_apk import Built

SOURCES = ANDROID / "test" / "robolectric"
LEVELS = tuple(sorted({int(row.set.removeprefix("level-")) for row in locked(*(f"level-{n}" for n in range(24, 60)))}))
"""The levels of Android that are pinned."""
OPENED = ("lang", "io", "util", "net", "text", "lang.reflect", "nio")
"""Packages of the JDK into which Robolectric reaches."""
NEW_JAVA_FROM_LEVEL = 36
NEW_JAVA = 21
"""Robolectric wants it for these levels."""
JVMS = Path("/usr/lib/jvm")
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
        tools = [*(_unpacked(path) for path in fetched("test")), pinned("android-all")]
        config = folder / "config" / "com" / "android" / "tools" / "test_config.properties"
        config.parent.mkdir(parents=True)
        config.write_text(
            CONFIG.format(manifest=ANDROID / "AndroidManifest.xml", resources=built.resources, none=folder / "none", package=PACKAGE)
        )
        mock_maker = folder / "config" / "mockito-extensions" / "org.mockito.plugins.MockMaker"
        mock_maker.parent.mkdir()
        mock_maker.write_text("mock-maker-subclass")  # the other one is an agent of the JVM
        own = compiled(sorted(SOURCES.rglob("*.java")), folder / "tests", [built.classes, *tools])
        self._class_path = class_path([own, folder / "config", _from_dex(built, folder), *tools])

    def applied(self, *names: str, level: int) -> dict[str, int]:
        """How many cases of each of these test classes applied to this level, all of which passed.

        All run in one JVM: preparing Android's classes takes longer than most cases.

        Raises: RuntimeError: a case failed; its message holds the failures. ToolMissing: the level, or the Java that it needs.
        """
        java = _java(NEW_JAVA if level >= NEW_JAVA_FROM_LEVEL else 0)
        fetched(f"level-{level}")
        opened = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in OPENED]
        opened.append("--add-opens=java.base/jdk.internal.access=ALL-UNNAMED")
        settings = {
            "robolectric.offline": "true", "robolectric.dependency.dir": str(cache()), "robolectric.enabledSdks": str(level),
        }  # fmt: skip
        given = [f"-D{name}={value}" for name, value in settings.items()]
        command = [java, "-Xmx2g", *opened, *given, "-cp", self._class_path]
        said = run([*command, f"{PACKAGE}.Cases", *(f"{PACKAGE}.{name}" for name in names)], within_s=RUNS_WITHIN_S)
        return {name.rpartition(".")[2]: int(count) for name, count in re.findall(r"^applied of (\S+): (\d+)$", said, re.MULTILINE)}


def _java(at_least: int) -> str:
    """The program of such a version: the one on the path, or one that lies where systems keep several.  Raises: ToolMissing."""
    on_path = program("java")
    for java in (on_path, *map(str, sorted(JVMS.glob("*/bin/java")))):
        if at_least == 0 or _version(Path(java)) >= at_least:
            return java
    raise ToolMissing(f"Java {at_least} or later is neither on the path nor in {JVMS}")


def _version(java: Path) -> int:
    """The first number of its version, 0 if it does not say."""
    release = java.resolve().parent.parent / "release"
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE) if release.exists() else None
    return int(found[1]) if found else 0


def _from_dex(built: Built, folder: Path) -> Path:
    """The jar with the classes that the APK's dex holds: what is tested is what a phone runs, as far as a JVM can run it."""
    with zipfile.ZipFile(built.apk) as archive:
        dex = Path(archive.extract("classes.dex", folder))
    jar = folder / "classes.jar"
    # The verifier's stack maps are computed again, which takes the classes' ancestors.
    ancestors = [*fetched("dex"), built.classes, pinned("android-all")]
    run([program("java"), "-cp", class_path(ancestors), ANDROID / "tools" / "FromDex.java", dex, jar])
    return jar


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
