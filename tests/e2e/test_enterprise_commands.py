"""The command line for enterprises, policies and enrollment tokens, against a real sandbox."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click import BadParameter

from heliograph.cli.durations import DURATION, SECONDS
from tests.e2e.program import Sandbox, on_a_terminal


def test_a_token_is_made_listed_and_deleted(sandbox: Sandbox) -> None:
    made = sandbox.run("tokens", "create", "--policy", "default", "--duration", "10m", "--one-time", "--json")
    token = json.loads(made.stdout)
    token_id = token["name"].rpartition("/")[2]
    left = datetime.fromisoformat(token["expirationTimestamp"]) - datetime.now(UTC)

    assert "600s" == token["duration"]
    assert left.total_seconds() <= 600
    assert token["oneTimeOnly"] is True
    assert "enterprises/sandbox/policies/default" == token["policyName"]
    assert token_id in sandbox.run("tokens", "list").stdout

    deleted = sandbox.run("tokens", "delete", token_id)

    assert f"{token['name']} is deleted.\n" == deleted.stdout
    assert token_id not in sandbox.run("tokens", "list").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_a_name_that_somebody_chose_is_shown_as_it_is_and_does_nothing_to_the_terminal(sandbox: Sandbox) -> None:
    hostile = "[/b] [red]Acme[/red] \x1b]0;owned\x07\x1b[2J\x9b1A\u202eDtL"
    sandbox.call("PATCH", "/v1/enterprises/sandbox?updateMask=enterpriseDisplayName", {"enterpriseDisplayName": hostile})

    for printed in (on_a_terminal(100, "enterprises", "list", "--server", sandbox.url), sandbox.run("enterprises", "list").stdout):
        assert "[/b] [red]Acme[/red] �]0;owned��[2J�1A�DtL" in printed
    assert "[2J�1A�DtL" in on_a_terminal(100, "enterprises", "get", "sandbox", "--server", sandbox.url)


def test_a_token_is_printed_with_its_value_and_drawn_for_a_phone(sandbox: Sandbox) -> None:
    plain = sandbox.run("tokens", "create").stdout
    drawn = sandbox.run("tokens", "create", "--qr").stdout

    value = json.loads(sandbox.run("tokens", "list", "--json").stdout)["enrollmentTokens"][-2]["value"]
    assert f"value      {value}" in plain.splitlines()
    assert "▄" not in plain
    picture = [line for line in drawn.splitlines() if "▄" in line]
    assert len(picture) > 20
    assert max(map(len, picture)) <= 80 + len("\x1b[7m") + len("\x1b[0m")


def test_a_picture_that_no_fresh_phone_can_use_is_written_with_a_warning(sandbox: Sandbox, tmp_path: Path) -> None:
    picture = tmp_path / "token.png"

    written = sandbox.run("tokens", "create", "--qr-png", str(picture))
    unasked = sandbox.run("tokens", "create")

    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "a factory-fresh phone cannot use this token's QR code" in written.stderr
    assert "--agent-apk FILE" in written.stderr
    assert "" == unasked.stderr


def test_a_policy_is_set_from_a_file_and_from_standard_input(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"cameraDisabled": true}')

    first = sandbox.run("policies", "set", "kiosk", "--body", f"@{file}")
    second = sandbox.run(
        "policies", "set", "kiosk", "--body", "-", "--update-mask", "adjustVolumeDisabled", input='{"adjustVolumeDisabled": true}'
    )

    policy = json.loads(sandbox.run("policies", "get", "kiosk").stdout)
    assert "enterprises/sandbox/policies/kiosk is version 1.\n" == first.stdout
    assert "enterprises/sandbox/policies/kiosk is version 2.\n" == second.stdout
    assert policy["cameraDisabled"] is policy["adjustVolumeDisabled"] is True
    assert "adjustVolumeDisabled, cameraDisabled" in sandbox.run("policies", "list").stdout

    assert 0 == sandbox.run("policies", "delete", "kiosk").returncode
    assert 3 == sandbox.run("policies", "get", "kiosk").returncode


def test_a_body_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    done = sandbox.run("policies", "set", "kiosk", "--body", "@no-such-file.json")

    assert 2 == done.returncode
    assert "Cannot read no-such-file.json" in done.stderr


def test_an_enterprise_is_made_shown_and_deleted_with_yes(sandbox: Sandbox) -> None:
    made = json.loads(sandbox.run("enterprises", "create", "--display-name", "Acme", "--agreement-accepted", "--json").stdout)
    enterprise = made["name"].partition("/")[2]

    assert "Acme" in sandbox.run("enterprises", "list").stdout
    assert "Acme" == json.loads(sandbox.run("enterprises", "get", enterprise).stdout)["enterpriseDisplayName"]

    hasty = sandbox.run("enterprises", "delete", enterprise)
    assert 2 == hasty.returncode
    assert "--yes" in hasty.stderr
    assert enterprise in sandbox.run("enterprises", "list").stdout

    assert 0 == sandbox.run("enterprises", "delete", enterprise, "--yes").returncode
    assert enterprise not in sandbox.run("enterprises", "list").stdout


def test_an_enterprise_that_did_not_agree_is_refused_in_the_servers_words(sandbox: Sandbox) -> None:
    done = sandbox.run("enterprises", "create", "--display-name", "Acme")

    assert 2 == done.returncode
    assert "agreed" in done.stderr


@pytest.mark.parametrize(
    "written, meant",
    [
        ("90", "90s"),
        ("90s", "90s"),
        ("3.5s", "3.5s"),
        ("10m", "600s"),
        ("1.5h", "5400s"),
        ("7d", "604800s"),
        ("1w", "604800s"),
        ("0.1m", "6s"),
    ],
)
def test_a_duration_is_written_as_people_do(written: str, meant: str) -> None:
    assert meant == DURATION.convert(written, None, None)
    assert float(meant.removesuffix("s")) == SECONDS.convert(written, None, None)


@pytest.mark.parametrize("written", ["", "m", "-1s", "10 minutes", "1y"])
def test_another_duration_is_refused(written: str) -> None:
    with pytest.raises(BadParameter, match="10m"):
        DURATION.convert(written, None, None)
