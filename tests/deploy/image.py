"""deploy/Dockerfile without a Docker engine: its steps run on this machine, in folders that stand for the image's.

What stands in for the base image: a fresh virtual environment of this Python, with nothing but pip. The files beside are those that the
Dockerfile copies, as .dockerignore lets them through.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.patience import PATIENCE_S, WHOLE_JOB_S

ROOT = Path(__file__).parents[2]
INSIDE = ("/opt/heliograph", "/var/lib/heliograph", "/src")
"""Folders of the image that its steps name."""
UV_CACHE = Path(os.environ.get("UV_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv")
INSTRUCTION = re.compile(r"^([A-Z]+) (.+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, as in `RUN`, `uv sync`."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The arguments of an instruction in JSON form, options left out."""
        return [str(word) for word in json.loads(self.rest[self.rest.index("[") :])]


def stages() -> list[list[Step]]:
    """The steps of each stage of the Dockerfile."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: list[list[Step]] = []
    for instruction in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if matched := INSTRUCTION.match(instruction):
            step = Step(matched[1], matched[2])
            if step.word == "FROM":
                found.append([])
            found[-1].append(step)
    return found


def ignored(name: str) -> bool:
    """Whether .dockerignore keeps this file of the repository's root from the build."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split():
        if fnmatch(name, line.removeprefix("!")):
            verdict = not line.startswith("!")
    return verdict


class Built:
    """The image's folders below `folder`, made by the steps of the Dockerfile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment: dict[str, str] = {}
        """What the last stage's ENV lines set."""
        self._search = f"{folder}/system/bin:/usr/bin:/bin"
        subprocess.run([sys.executable, "-m", "venv", str(folder / "system")], check=True, timeout=PATIENCE_S)
        for stage in stages():
            self.environment = {}
            for step in stage:
                self._do(step)
        shutil.rmtree(folder / "src")  # of the first stage only what is copied goes on

    @property
    def heliograph(self) -> str:
        """The program that is the image's entry point."""
        return f"{self._folder}/opt/heliograph/bin/heliograph"

    @property
    def installed(self) -> Path:
        """What the image adds to its base."""
        return self._folder / "opt"

    def variables(self) -> dict[str, str]:
        """The environment of a container."""
        return {**self.environment, "LANG": "C.UTF-8"}

    def here(self, text: str) -> str:
        """The text with folders below `folder` instead of the image's."""
        for place in INSIDE:
            text = re.sub(rf"(?<![\w/.-]){re.escape(place)}\b", f"{self._folder}{place}", text)
        return text

    def _do(self, step: Step) -> None:
        if step.word == "COPY" and not step.rest.startswith("--from="):
            *sources, target = step.rest.split()
            for source in sources:
                self._copy(source, self._folder / "src" / target)
        elif step.word == "ENV":
            for name, value in (setting.split("=", 1) for setting in step.rest.split()):
                self.environment[name] = self.here(value).replace("$PATH", self._search)
        elif step.word == "RUN":
            self._run(step.rest)

    def _copy(self, source: str, target: Path) -> None:
        assert not ignored(source), f"{source} is copied, but .dockerignore keeps it away"
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, target)

    def _run(self, command: str) -> None:
        if os.geteuid() != 0:
            command = re.sub(r"--(owner|group)=\d+ ", "", command)
        (self._folder / "src").mkdir(exist_ok=True)
        (self._folder / "var" / "lib").mkdir(parents=True, exist_ok=True)
        inherited = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "UV_INDEX", "UV_DEFAULT", "SSL_", "HTTP"))}
        # What uv has fetched before it need not fetch again: a build's HOME is new each time.
        own = {"PATH": self._search, "HOME": str(self._folder / "home"), "UV_CACHE_DIR": str(UV_CACHE)}
        environment = {**own, **inherited, **self.environment}
        done = subprocess.run(
            ["sh", "-c", self.here(command)],
            cwd=self._folder / "src",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=WHOLE_JOB_S,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
