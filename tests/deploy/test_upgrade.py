"""An upgrade and the way back, as docs/self-host.md says: to a version that is this one with one migration more."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from heliograph.storage.queries import migrations
from tests.architecture.sources import PACKAGE
from tests.e2e.program import running_server
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S

Environment = Mapping[str, str]

THIS = dict(os.environ)


@pytest.fixture
def next_version(tmp_path: Path) -> Environment:
    """The environment in which `heliograph` is the next version."""
    code = tmp_path / "next"
    shutil.copytree(PACKAGE, code / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    script = code / PACKAGE.name / "storage" / "migrations" / f"{len(migrations()) + 1:04}_before_kites.sql"
    script.write_text("CREATE TABLE kites (id BIGINT PRIMARY KEY);\n")
    return {**os.environ, "PYTHONPATH": str(code)}


def heliograph(version: Environment, *words: object) -> subprocess.CompletedProcess[str]:
    """What that version says."""
    command = [*HELIOGRAPH, *map(str, words)]
    return subprocess.run(command, env=dict(version), capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def policies(version: Environment, data: Path, *new: str) -> set[str]:
    """The policies that a server of that version has, after these are made there."""
    with running_server("--no-auth", "--data-dir", str(data), env=version, stderr=subprocess.DEVNULL) as (url, _):
        for name in new:
            send(url, "PATCH", f"/v1/enterprises/acme/policies/{name}", {})
        listed = send(url, "GET", "/v1/enterprises/acme/policies")["policies"]
        return {policy["name"].rpartition("/")[2] for policy in listed} - {"default"}


def send(url: str, method: str, path: str, body: object = None) -> dict[str, list[dict[str, str]]]:
    """The answer."""
    request = urllib.request.Request(url + path, None if body is None else json.dumps(body).encode(), method=method)  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
        return dict(json.load(answer))


def test_an_upgrade_and_the_way_back_by_the_backup(tmp_path: Path, next_version: Environment) -> None:
    data, backup = tmp_path / "data", tmp_path / "before.db"
    with running_server("--data-dir", str(data), stderr=subprocess.DEVNULL):
        made = heliograph(THIS, "keys", "create", "--data-dir", data, "--enterprise", "acme", "--role", "admin", "--out", tmp_path / "key")
        assert 0 == made.returncode, made.stderr
    assert {"before"} == policies(THIS, data, "before")
    assert 0 == heliograph(THIS, "db", "backup", backup, "--data-dir", data).returncode

    assert {"before", "since"} == policies(next_version, data, "since")

    refused = heliograph(THIS, "serve", "--no-auth", "--port", "0", "--data-dir", data)
    assert 2 == refused.returncode
    assert "this Heliograph knows" in refused.stderr
    assert {"before", "since"} == policies(next_version, data)  # the refused one changed nothing

    restored = heliograph(THIS, "db", "restore", backup, "--data-dir", data)
    assert 0 == restored.returncode, restored.stderr
    assert {"before"} == policies(THIS, data)


def test_a_version_without_a_migration_goes_back_as_it_came(tmp_path: Path, next_version: Environment) -> None:
    data = tmp_path / "data"
    for script in Path(next_version["PYTHONPATH"]).glob("*/storage/migrations/*_before_kites.sql"):
        script.unlink()
    with running_server("--data-dir", str(data), stderr=subprocess.DEVNULL):
        heliograph(THIS, "keys", "create", "--data-dir", data, "--enterprise", "acme", "--role", "admin", "--out", tmp_path / "key")

    assert {"one"} == policies(next_version, data, "one")
    assert {"one", "two"} == policies(THIS, data, "two")
