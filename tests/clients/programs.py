"""The programs that walk, made ready to run: packages fetched and compiled into a cache outside the repository."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.android_tools import SHORT_LIVED_JVM
from tests.one_at_a_time import CACHE, made_once
from tests.patience import PATIENCE_S
from tests.socket_watch import beyond_loopback

HERE = Path(__file__).parent
READY_WITHIN_S = 400
"""Fetching and compiling for the first time takes half a minute to a minute and a half a language; a slow network longer."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """What a client's language needs, and how a program in it is run."""

    name: str
    tools: tuple[str, ...]
    prepare: Callable[[Path], None]
    """Everything that `command` needs is in the folder."""
    command: Callable[[Path, Path], list[str]]
    """Runs this source file, with what stands in that folder."""
    source: str
    """The program that walks."""


def require_tools(name: str, tools: Sequence[str]) -> None:
    """Skips, and says why, where a tool of the toolchain is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{name}: {' and '.join(missing)} not found, so it was not tried")


def said_by(*command: str, within_s: float, cwd: Path | None = None, **environment: str) -> str:
    """What the command printed; it must end well."""
    done = subprocess.run(
        command, cwd=cwd, env=clean_environment(**environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within_s,
        check=False,
    )  # fmt: skip
    assert 0 == done.returncode, f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2_000:]}{done.stdout[-4_000:]}"
    return done.stdout


def prepared(language: Language) -> Path:
    """The folder with what the language's programs need; skips, and says why, where the toolchain is missing."""
    require_tools(language.name, language.tools)
    return made_once(CACHE / f"{language.name.lower()}-{_fingerprint(HERE / language.source)}", language.prepare)


def run(language: Language, source: Path, *arguments: str, environment: Mapping[str, str], cwd: Path | None = None) -> str:
    """What the program printed; it must end well."""
    return said_by(*language.command(prepared(language), source), *arguments, within_s=PATIENCE_S, cwd=cwd, **environment)


def walked(language: Language, steps: Path, **environment: str) -> list[Any]:
    """The outcome of each step."""
    results: list[Any] = json.loads(run(language, HERE / language.source, str(steps), environment=environment))
    return results


def clean_environment(**more: str) -> dict[str, str]:
    """This process's, without settings of Heliograph and of Google's libraries."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HELIOGRAPH_", "GOOGLE_"))}
    return clean | {"NO_COLOR": "1", "JAVA_TOOL_OPTIONS": SHORT_LIVED_JVM} | more


def _fingerprint(source: Path) -> str:
    """Changes with the program's folder, and with how it is prepared: everything pinned, compiled or copied is then made again."""
    files = [Path(__file__), *sorted(path for path in source.parent.iterdir() if path.is_file())]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _fetch(*command: str, cwd: Path | None = None, **environment: str) -> None:
    """Done; tried once more if it went wrong, since packages come over a network.  Raises: AssertionError."""
    with beyond_loopback():
        try:
            said_by(*command, within_s=READY_WITHIN_S, cwd=cwd, **environment)
        except AssertionError:
            said_by(*command, within_s=READY_WITHIN_S, cwd=cwd, **environment)


def _prepare_node(folder: Path, of: str = "node") -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / of / name, folder)
    _fetch("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder))


def _run_node(folder: Path, source: Path) -> list[str]:
    """Node looks for packages beside the program, so it is copied to where they are: under a name of its own, see `_fresh`."""
    program = folder / _fresh(source)
    copy = shutil.copy(source, program.with_suffix(f".{os.getpid()}"))
    Path(copy).replace(program)
    return ["node", str(program)]


def _fresh(source: Path) -> str:
    """A file name like the source's, by its content: other workers run other programs in the same folder at the same time."""
    return f"{source.stem}-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}{source.suffix}"


def _prepare_go(folder: Path, source: str = "walk.go") -> None:
    _build_go(source, folder / Path(source).stem)


def _run_go(folder: Path, source: Path) -> list[str]:
    if (built := folder / source.stem).exists() and source.parent == HERE / "go":
        return [str(built)]
    program = source.with_suffix(".built")
    _build_go(str(source), program)
    return [str(program)]


def _build_go(source: str, program: Path) -> None:
    _fetch("go", "build", "-C", str(HERE / "go"), "-o", str(program), source, GOTOOLCHAIN="local", GOFLAGS="-mod=readonly")


def _prepare_rust(folder: Path) -> None:
    """The crates are compiled once for each Cargo.lock, in half a minute to a minute; a changed program alone takes seconds."""
    project = HERE / "rust"
    compiled = CACHE / f"cargo-{hashlib.sha256((project / 'Cargo.lock').read_bytes()).hexdigest()[:16]}"
    _fetch("cargo", "build", "--quiet", "--locked", "--manifest-path", str(project / "Cargo.toml"), "--target-dir", str(compiled))
    shutil.copy(compiled / "debug" / "calls", folder)


def _prepare_java(folder: Path) -> None:
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    _fetch("mvn", "-q", "-B", "-f", str(HERE / "java" / "pom.xml"), goal, f"-DoutputDirectory={folder / 'libraries'}")
    _fetch("javac", "-cp", f"{folder / 'libraries'}/*", "-d", str(folder / "walk"), str(HERE / JAVA.source))


def _run_java(folder: Path, source: Path) -> list[str]:
    """Java compiles a source file that it is given, each time."""
    libraries = f"{folder / 'libraries'}/*"
    if source == HERE / JAVA.source:
        return ["java", "-cp", os.pathsep.join((str(folder / "walk"), libraries)), source.stem]
    return ["java", "-cp", libraries, str(source)]


PYTHON = Language(
    name="Python", tools=(), prepare=lambda _folder: None, command=lambda _folder, source: [sys.executable, str(source)],
    source="python/walk.py",
)  # fmt: skip
NODE = Language(name="Node", tools=("node", "npm"), prepare=_prepare_node, command=_run_node, source="node/walk.mjs")
GO = Language(name="Go", tools=("go",), prepare=_prepare_go, command=_run_go, source="go/walk.go")
JAVA = Language(name="Java", tools=("java", "mvn"), prepare=_prepare_java, command=_run_java, source="java/Walk.java")
LANGUAGES = (PYTHON, NODE, GO, JAVA)

RUST = Language(
    name="Rust", tools=("cargo",), prepare=_prepare_rust, command=lambda folder, _source: [str(folder / "calls")], source="rust/calls.rs"
)
GOOGLEAPIS = Language(
    name="googleapis", tools=("node", "npm"), prepare=lambda folder: _prepare_node(folder, "googleapis"), command=_run_node,
    source="googleapis/calls.mjs",
)  # fmt: skip
FLEET = Language(name="Fleet", tools=("go",), prepare=lambda folder: _prepare_go(folder, "calls.go"), command=_run_go, source="go/calls.go")
"""Clients behind a pipe (tests/clients/pipe.py): what other programs are made with, or how they use Google's client."""
