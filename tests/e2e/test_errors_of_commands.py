"""What a command line says when it fails, and which exit codes it keeps clear of."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from heliograph.commands import COMMANDS
from heliograph.domain.device_columns import COLUMNS
from tests.e2e.program import Sandbox, on_a_terminal
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S
from tests.running import Running

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", [["--help"], ["version"], ["devices", "list"], ["devices", "list", "--json"], ["tokens", "create"]])
def test_a_full_disk_is_no_outcome_of_a_command(sandbox: Sandbox, words: list[str]) -> None:
    with FULL.open("w") as full:
        environment = {**os.environ, "HELIOGRAPH_SERVER": sandbox.url}
        done = subprocess.run(
            [*HELIOGRAPH, *words], stdout=full, stderr=subprocess.PIPE, env=environment, check=False, text=True, timeout=PATIENCE_S
        )

    assert 74 == done.returncode
    assert "No space left" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(
    "words, names",
    [
        (["devices", "get", "no-such-phone"], ("pixel8-a15-fully-managed", "galaxy-s25-a15-byod", "moto-g5-a8-fully-managed")),
        (["devices", "list", "--sort", "colour"], COLUMNS),
        (["issue", "pixel8-a15-fully-managed"], COMMANDS),
    ],
)
def test_an_error_that_lists_names_is_broken_between_them_on_a_terminal(sandbox: Sandbox, words: list[str], names: Iterable[str]) -> None:
    printed = on_a_terminal(80, "--server", sandbox.url, *words)
    piped = sandbox.run(*words).stderr

    lines = printed.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80
    assert all(any(re.search(rf"(?<!\w){name}(?!\w)", line) for line in lines) for name in names)
    assert piped.split() == printed.split()
    assert 1 == piped.count("\n")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("columns", [20, 60, 90])
def test_a_command_in_an_error_is_never_broken(columns: int) -> None:
    assert "heliograph keys create" in on_a_terminal(columns, "token")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGPIPE")
@pytest.mark.parametrize(
    "words",
    [["--help"], ["devices", "--help"], ["devices", "list"], ["devices", "list", "--json"], ["tail", "--from-start"]],
    ids=" ".join,
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_ends_a_command_quietly(sandbox: Sandbox, words: list[str], unbuffered: str) -> None:
    sandbox.call("GET", "/v1/enterprises/sandbox")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        environment = {**os.environ, "HELIOGRAPH_SERVER": sandbox.url, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(
            [*HELIOGRAPH, *words], stdout=closed, stderr=subprocess.PIPE, env=environment, check=False, text=True, timeout=PATIENCE_S
        )

    assert (141, "") == (done.returncode, done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGPIPE")
def test_a_reader_of_errors_that_has_gone_changes_no_outcome_into_another(sandbox: Sandbox) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        environment = {**os.environ, "HELIOGRAPH_SERVER": sandbox.url}
        command = [*HELIOGRAPH, "devices", "get", "no-such-phone"]
        done = subprocess.run(command, stdout=closed, stderr=closed, env=environment, check=False, timeout=PATIENCE_S)

    assert 141 == done.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_ctrl_c_is_no_outcome_of_a_command(sandbox: Sandbox) -> None:
    sandbox.call("GET", "/v1/enterprises/sandbox")
    command = [*HELIOGRAPH, "tail", "--from-start", "--server", sandbox.url]
    with Running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        try:
            tail.line()
            tail.send_signal(signal.SIGINT)
            _, errors = tail.communicate()
        finally:
            tail.kill()  # it would keep the test, which waits for it

    assert (130, "\n") == (tail.returncode, errors)


@pytest.mark.parametrize(
    "words, there",
    [
        (["devices", "get", "no-such-phone"], "pixel8-a15-fully-managed"),
        (["issue", "no-such-phone", "LOCK"], "pixel8-a15-fully-managed"),
        (["policies", "get", "no-such-policy"], "default"),
    ],
)
def test_what_is_not_there_is_named_beside_what_there_is(sandbox: Sandbox, words: list[str], there: str) -> None:
    done = sandbox.run(*words)

    assert 3 == done.returncode
    assert "no-such-" in done.stderr
    assert there in done.stderr


def test_a_token_is_signed_with_the_key(sandbox: Sandbox) -> None:
    key = sandbox.output / "token-key.json"
    made = sandbox.run("keys", "create", "--enterprise", "sandbox", "--role", "viewer", "--out", str(key))

    token = sandbox.run("token", "--key", str(key))

    assert 0 == made.returncode, made.stderr
    assert 0 == token.returncode, token.stderr
    assert 3 == len(token.stdout.strip().split("."))  # header, claims, signature


def test_a_token_needs_a_key(sandbox: Sandbox) -> None:
    done = sandbox.run("token")

    assert 2 == done.returncode
    assert "--key" in done.stderr
