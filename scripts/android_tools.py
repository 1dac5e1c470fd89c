"""The tools that build and test the Android agent: fetched once with Maven, into a cache outside the repository, and checked by hash.

`android/tools.lock` pins them: coordinates, SHA-256, and the set that each belongs to.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ANDROID = Path(__file__).parent.parent / "android"
LOCK = ANDROID / "tools.lock"
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
FETCHED_WITHIN_S = 1_800
"""A level of Android is up to 200 MB."""

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>org.heliograph</groupId><artifactId>tools</artifactId><version>0</version>
<packaging>pom</packaging><build><plugins><plugin><groupId>org.apache.maven.plugins</groupId>
<artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version><configuration><artifactItems>{items}</artifactItems>
</configuration></plugin></plugins></build></project>
"""


SHORT_LIVED_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""What a JVM saves that lives for seconds: it compiles once, and not better and better."""


class ToolMissing(Exception):
    """A tool is not there and cannot be had here; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One file of Maven Central."""

    set: str
    group: str
    name: str
    version: str
    kind: str
    sha256: str

    @property
    def file(self) -> str:
        """Its name in the cache."""
        return f"{self.name}-{self.version}.{self.kind}"

    def as_item(self) -> str:
        """For Maven's POM."""
        return (
            f"<artifactItem><groupId>{self.group}</groupId><artifactId>{self.name}</artifactId>"
            f"<version>{self.version}</version><type>{self.kind}</type></artifactItem>"
        )


def cache() -> Path:
    """Where the tools are kept: HELIOGRAPH_ANDROID_CACHE, else below the user's cache folder."""
    chosen = os.environ.get("HELIOGRAPH_ANDROID_CACHE")
    return Path(chosen) if chosen else _xdg("XDG_CACHE_HOME", ".cache") / "heliograph" / "android"


def data() -> Path:
    """Where the development key is kept: it must outlive a cleaned cache, or no phone takes an update."""
    return _xdg("XDG_DATA_HOME", ".local/share") / "heliograph" / "android"


def locked(*sets: str) -> list[Artifact]:
    """The pinned files of these sets."""
    rows = [line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    artifacts = []
    for of, coordinates, sha256 in rows:
        group, name, version, *kind = coordinates.split(":")
        artifacts.append(Artifact(set=of, group=group, name=name, version=version, kind=kind[0] if kind else "jar", sha256=sha256))
    return [artifact for artifact in artifacts if artifact.set in sets]


def fetched(*sets: str) -> list[Path]:
    """The files of these sets, each as its hash says.

    Raises: ToolMissing: Maven or a file is not to be had; ValueError: a file is not the pinned one.
    """
    return kept(locked(*sets), cache())


def kept(artifacts: Sequence[Artifact], folder: Path) -> list[Path]:
    """The artifacts' files in the folder, each as its hash says.  Raises: as `fetched`."""
    missing = [artifact for artifact in artifacts if not (folder / artifact.file).exists()]
    if missing:
        _fetch(missing, folder)
    return [folder / artifact.file for artifact in artifacts]


def pinned(name: str) -> Path:
    """The file in the cache that is pinned for building under this name."""
    return next(cache() / artifact.file for artifact in locked("build") if artifact.name == name)


def program(name: str) -> str:
    """The path of a program.  Raises: ToolMissing."""
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is not installed (Debian, Ubuntu: sudo apt-get install {PACKAGES.get(name, name)})")
    return found


PACKAGES = {"java": "default-jdk-headless", "javac": "default-jdk-headless", "keytool": "default-jdk-headless", "mvn": "maven"}


def run(command: Sequence[str | Path], *, within_s: float = 300) -> str:
    """What the command printed.  Raises: RuntimeError: it failed; the message has its last words."""
    # The machine's own options last: they may name a proxy or whom to trust, and of two that differ the last one counts.
    options = f"{SHORT_LIVED_JVM} {os.environ.get('JAVA_TOOL_OPTIONS', '')}".strip()
    environment = os.environ | {"TZ": "UTC", "JAVA_TOOL_OPTIONS": options}
    done = subprocess.run(
        [str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within_s,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stdout[-4_000:]}{done.stderr[-4_000:]}")
    return done.stdout


def compiled(sources: Iterable[Path], classes: Path, others: Iterable[Path], *options: str) -> Path:
    """The folder with the sources' classes, which see the others.  Raises: ToolMissing, RuntimeError."""
    classes.mkdir(parents=True, exist_ok=True)
    run(
        [program("javac"), "-nowarn", "-Xlint:-options", "-encoding", "UTF-8", *options, "-cp", class_path(others), "-d", classes, *sources]
    )
    return classes


def class_path(paths: Iterable[Path]) -> str:
    """Folders and jars as Java takes them."""
    return os.pathsep.join(map(str, paths))


def _xdg(variable: str, otherwise: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / otherwise)


def _fetch(missing: Iterable[Artifact], folder: Path) -> None:
    """Into a folder beside first: what stands in the folder is whole and checked."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        pom = Path(beside) / "pom.xml"
        pom.write_text(POM.format(items="".join(artifact.as_item() for artifact in missing)))
        try:
            run([program("mvn"), "-q", "-B", "-f", pom, COPY_GOAL, f"-DoutputDirectory={beside}"], within_s=FETCHED_WITHIN_S)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            names = ", ".join(artifact.file for artifact in missing)
            raise ToolMissing(f"Maven could not fetch {names}: {error}") from error
        for artifact in missing:
            _check(artifact, Path(beside) / artifact.file)
            (Path(beside) / artifact.file).replace(folder / artifact.file)


def _check(artifact: Artifact, file: Path) -> None:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != artifact.sha256:
        raise ValueError(f"{artifact.file} is not the pinned file: its SHA-256 is {found}, not {artifact.sha256}.")
