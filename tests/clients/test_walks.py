"""Google's own clients, unmodified, in four languages: each does the same, with the same outcome."""

import json
from pathlib import Path

import pytest

from tests.clients.conftest import Guarded
from tests.clients.programs import GO, JAVA, LANGUAGES, NODE, PYTHON, READY_WITHIN_S, Language, walked
from tests.clients.walk import Walk, as_a_viewer, as_an_admin, as_nobody, canonical, in_a_batch, through_the_sandbox, through_web_apps
from tests.discovery import command_types
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.timeout(READY_WITHIN_S + PATIENCE_S)

WRITES_DOWN_HOSTS = """
import atexit, os, sys, threading

def write_down(event, arguments):
    if event == "socket.getaddrinfo":
        with open(os.environ["LOOKED_FOR"], "a") as file:
            print(arguments[0], file=file)

def await_background():
    for thread in threading.enumerate():
        if thread.daemon:
            thread.join()

sys.addaudithook(write_down)
atexit.register(await_background)
"""


def marked(*languages: Language) -> list[object]:
    """Python's client is there wherever we are; the others need toolchains, packages and patience."""
    return [
        pytest.param(language, id=language.name, marks=() if language is PYTHON else pytest.mark.clients) for language in languages
    ]  # fmt: skip


def steps(walk: Walk, folder: Path) -> Path:
    """What a program is to do, as a file."""
    file = folder / "steps.json"
    file.write_text(json.dumps(walk.steps), encoding="utf-8")
    return file


def test_the_walk_issues_every_command_type() -> None:
    issued = {step["command"]["type"] for step in through_the_sandbox().steps if step["verb"] == "issue"}

    assert command_types() == issued


@pytest.mark.parametrize("time", ["2026-11-26T20:00:00.123Z", "2026-11-26T20:00:00Z"])
def test_two_times_are_the_same_to_a_walk_whether_or_not_one_falls_on_a_whole_second(time: str) -> None:
    assert [{"createTime": "#"}] == canonical([{"createTime": time}])


@pytest.mark.parametrize("time", ["2026-11-26T20:00:00.12Z", "2026-11-26T20:00:00.123", "2026-11-26", ""])
def test_a_time_that_is_written_otherwise_is_a_difference(time: str) -> None:
    assert [{"createTime": time}] == canonical([{"createTime": time}])


@pytest.mark.parametrize("language", marked(*LANGUAGES))
def test_every_command_type_is_issued_and_followed_and_operations_and_devices_are_seen(
    language: Language, sandbox_url: str, tmp_path: Path
) -> None:
    walk = through_the_sandbox()

    results = walked(language, steps(walk, tmp_path), HELIOGRAPH_URL=sandbox_url)

    assert walk.expected == canonical(results)


def test_the_discovery_document_that_the_python_client_ships_does_too(sandbox_url: str, tmp_path: Path) -> None:
    walk = through_the_sandbox()

    results = walked(PYTHON, steps(walk, tmp_path), HELIOGRAPH_URL=sandbox_url, HELIOGRAPH_DISCOVERY="static")

    assert walk.expected == canonical(results)


@pytest.mark.parametrize("document", ["served", "static"])
def test_web_apps_are_made_read_changed_and_deleted(document: str, sandbox_url: str, tmp_path: Path) -> None:
    """With Python's client: the others are made from the same document."""
    walk = through_web_apps()

    results = walked(PYTHON, steps(walk, tmp_path), HELIOGRAPH_URL=sandbox_url, HELIOGRAPH_DISCOVERY=document)

    assert walk.expected == canonical(results)


@pytest.mark.parametrize("language", marked(PYTHON, JAVA))
def test_a_batch_comes_here_too(language: Language, sandbox_url: str, tmp_path: Path) -> None:
    """The clients of the other languages have no batches."""
    walk = in_a_batch()

    results = walked(language, steps(walk, tmp_path), HELIOGRAPH_URL=sandbox_url)

    assert walk.expected == canonical(results)


@pytest.mark.parametrize("language", marked(PYTHON, NODE, GO, JAVA))
def test_a_key_file_signs_in(language: Language, guarded: Guarded, tmp_path: Path) -> None:
    for walk, key in ((as_an_admin(), guarded.admin_key), (as_a_viewer(), guarded.viewer_key)):
        results = walked(language, steps(walk, tmp_path), HELIOGRAPH_URL=guarded.url, HELIOGRAPH_KEY=str(key))

        assert walk.expected == canonical(results)


def test_a_walk_with_a_key_looks_for_no_other_host(guarded: Guarded, tmp_path: Path) -> None:
    """Google's credentials ask Google in the background where an account may be used, in a thread that can crash a program that ends."""
    walk, looked_for = as_a_viewer(), tmp_path / "looked-for"
    (tmp_path / "sitecustomize.py").write_text(WRITES_DOWN_HOSTS, encoding="utf-8")

    results = walked(
        PYTHON, steps(walk, tmp_path), HELIOGRAPH_URL=guarded.url, HELIOGRAPH_KEY=str(guarded.viewer_key),
        PYTHONPATH=str(tmp_path), LOOKED_FOR=str(looked_for),
    )  # fmt: skip

    assert walk.expected == canonical(results)
    assert {"127.0.0.1"} == set(looked_for.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("language", marked(*LANGUAGES))
def test_without_a_key_nobody_is_let_in(language: Language, guarded: Guarded, tmp_path: Path) -> None:
    walk = as_nobody()

    results = walked(language, steps(walk, tmp_path), HELIOGRAPH_URL=guarded.url)

    assert walk.expected == canonical(results)
