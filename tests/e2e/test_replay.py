"""`heliograph replay`: the world of a snapshot, in a process of its own."""

import json
import subprocess
from pathlib import Path

from heliograph.sandbox.settings import SandboxSettings
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.sandbox.client import Client, Json
from tests.sandbox.conftest import running

PIXEL = "pixel8-a15-fully-managed"


def a_snapshot() -> Json:
    """Of a world in which something has happened."""
    with running(SandboxSettings(port=0)) as root:
        world = Client(root.post("/sandbox/v1/worlds", {"seed": 1, "now": "2030-01-01T00:00:00Z"})["url"])
        world.run(PIXEL, {"type": "LOCK"})
        return world.post("/sandbox/v1:export")


def replayed(file: Path) -> subprocess.CompletedProcess[str]:
    """What the command does with a file that it cannot load."""
    return subprocess.run([*HELIOGRAPH, "replay", str(file)], capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_a_snapshot_is_replayed_and_its_url_printed(tmp_path: Path) -> None:
    snapshot, file = a_snapshot(), tmp_path / "world.json"
    file.write_text(json.dumps(snapshot))

    with Running([*HELIOGRAPH, "replay", str(file)], stdout=subprocess.PIPE) as process:
        try:
            url = process.line().split(" is at ")[1].split()[0]
            again = Client(url).post("/sandbox/v1:export")
        finally:
            process.terminate()

    assert snapshot == again


def test_a_file_that_is_not_a_snapshot_is_an_error_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    for text, what in (("{}", "missing required field `heliographSnapshot`"), ("no JSON", "JSON is malformed")):
        file.write_text(text)

        ended = replayed(file)

        assert ended.returncode != 0
        assert what in ended.stderr
        assert "Traceback" not in ended.stderr


def test_rows_that_are_broken_are_an_error_that_says_where(tmp_path: Path) -> None:
    snapshot, file = a_snapshot(), tmp_path / "world.json"
    snapshot["tables"]["devices"][0]["record"] = 7
    file.write_text(json.dumps(snapshot | {"phones": []}))

    ended = replayed(file)

    assert ended.returncode != 0
    assert "devices.record must be an object with one of: json, msgpack, base64" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "does not exist" in replayed(tmp_path / "nothing.json").stderr
