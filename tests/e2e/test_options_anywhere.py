"""`--server`, `--key` and `--enterprise` hold wherever they stand on a command line."""

import pytest

from tests.e2e.program import Sandbox

NOBODY = "http://127.0.0.1:9"
"""Port 9 (discard): no one listens there."""


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "between", "last"])
def test_the_server_and_the_enterprise_may_stand_anywhere(sandbox: Sandbox, place: int) -> None:
    words = ["devices", "list"]
    words[place:place] = ["--enterprise", "LC0theirs", "--server", sandbox.url]

    done = sandbox.run(*words, HELIOGRAPH_SERVER=NOBODY)

    assert 4 == done.returncode
    assert "enterprises/sandbox" in done.stderr


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "between", "last"])
def test_the_key_file_may_stand_anywhere(sandbox: Sandbox, place: int) -> None:
    words = ["devices", "list"]
    words[place:place] = ["--key", "no-such-key.json"]

    done = sandbox.run(*words)

    assert 2 == done.returncode
    assert "Cannot read no-such-key.json" in done.stderr


def test_an_option_given_twice_holds_as_given_last(sandbox: Sandbox) -> None:
    assert 0 == sandbox.run("--server", NOBODY, "devices", "list", "--server", sandbox.url).returncode
    assert 5 == sandbox.run("--server", sandbox.url, "devices", "list", "--server", NOBODY).returncode


def test_options_before_a_type_hold_after_it(sandbox: Sandbox) -> None:
    done = sandbox.run("--server", sandbox.url, "issue", "--wait", "--json", "pixel8-a15-fully-managed", "LOCK", HELIOGRAPH_SERVER=NOBODY)

    assert 0 == done.returncode
    assert '"done": true' in done.stdout


def test_the_enterprise_of_a_key_may_stand_before_the_command(sandbox: Sandbox) -> None:
    done = sandbox.run("--enterprise", "sandbox", "keys", "create", "--role", "viewer", "--out", str(sandbox.output / "viewer.json"))

    assert 0 == done.returncode, done.stderr
    assert "viewer of enterprises/sandbox" in done.stdout
