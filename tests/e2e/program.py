"""The real command line as its users start it: a sandbox or a server that runs for a while, and commands that end."""

import contextlib
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.forks import HELIOGRAPH
from tests.hung import Watched
from tests.patience import PATIENCE_S
from tests.running import Running

Json = dict[str, Any]


@dataclass(frozen=True)
class Sandbox:
    """A sandbox in a process of its own: its address, its data, and where its output goes."""

    url: str
    data_dir: Path
    output: Path

    def run(self, *arguments: str, input: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """`heliograph` with these arguments, ended; `variables` are added to its environment."""
        return subprocess.run(
            [*HELIOGRAPH, *arguments],
            env=self._environment(variables),
            input=input,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def started(self, *arguments: str) -> Running:
        """`heliograph` with these arguments, running."""
        return Running([*HELIOGRAPH, *arguments], env=self._environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        return {**os.environ, "HELIOGRAPH_SERVER": self.url, "COLUMNS": "160", **variables}

    def steer(self, method: str, path: str, **body: object) -> Json:
        """The answer of `/sandbox/v1`."""
        return self.call(method, f"/sandbox/v1{path}", body)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer of any path."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", content, method=method)  # noqa: S310 - our own address
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return dict(json.load(answer))


def on_a_terminal(columns: int, *arguments: str) -> str:
    """What `heliograph` prints on a terminal of this width, without colours."""
    import pty  # noqa: PLC0415 - Windows has none

    terminal, inner = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    printed = b""
    with Running([*HELIOGRAPH, *arguments], stdin=inner, stdout=inner, stderr=inner, env=environment) as process:
        os.close(inner)
        with Watched(process.pid), contextlib.suppress(OSError):  # Linux reports the end of a terminal so
            while more := os.read(terminal, 4_096):
                printed += more
    os.close(terminal)
    return re.sub(r"\x1b\[[0-9;]*m", "", printed.decode())


@contextlib.contextmanager
def running_sandbox(folder: Path, *arguments: str) -> Iterator[Sandbox]:
    """`heliograph sandbox` on a free port, for as long as the block lasts; everything it writes stands in `folder`."""
    data_dir, output = folder / "data", folder / "output"
    output.mkdir(parents=True)
    command = [*HELIOGRAPH, "sandbox", "--port", "0", "--data-dir", str(data_dir), *arguments]
    with (output / "stderr").open("w") as errors, Running(command, stdout=subprocess.PIPE, stderr=errors) as process:
        try:
            yield Sandbox(process.until(r"http://\S+")[0], data_dir, output)
        finally:
            process.terminate()
            rest, _ = process.communicate()
            (output / "stdout").write_text("".join(process.heard) + rest)


@contextlib.contextmanager
def running_server(*options: str, **more: Any) -> Iterator[tuple[str, Running]]:  # noqa: ANN401 - as Popen has them
    """`heliograph serve` on a free port: its address, and its process, which ends with the block; `more` goes to Popen."""
    command = [*HELIOGRAPH, "serve", "--port", "0", *options]
    with Running(command, stdout=subprocess.PIPE, **more) as server:
        try:
            yield server.until(r"http://\S+")[0], server
        finally:
            server.terminate()
            server.communicate()
