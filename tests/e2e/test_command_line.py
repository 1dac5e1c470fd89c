"""The command line against a real sandbox: what it prints, and the exit codes a script reads."""

import json
import re
import subprocess
import sys
from datetime import datetime

import pytest
from click.testing import CliRunner

from heliograph.cli import app
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType
from heliograph.domain.command_fields import command_fields
from tests.e2e.program import Sandbox
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S

PIXEL = "pixel8-a15-fully-managed"
MOTO = "moto-g5-a8-fully-managed"
PERSONAL = "galaxy-s25-a15-byod"
NOBODY = "http://127.0.0.1:9"
"""Port 9 (discard): no one listens there."""


def help_of(*arguments: str) -> str:
    """What `heliograph … --help` prints, without line breaks."""
    told = CliRunner().invoke(app, [*arguments, "--help"])
    return " ".join(told.stdout.split())


def test_a_command_that_succeeds_exits_with_0(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", PIXEL, "LOCK", "--wait")

    assert 0 == done.returncode
    assert "succeeded" in done.stdout


def test_a_command_that_fails_on_the_device_exits_with_1(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", PERSONAL, "reboot", "--wait")

    assert 1 == done.returncode
    assert "MANAGEMENT_MODE" in done.stdout


def test_an_invalid_command_exits_with_2_and_the_servers_words(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", PIXEL, "CLEAR_APP_DATA")

    assert 2 == done.returncode
    assert "package_names is required" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_device_that_is_not_there_exits_with_3(sandbox: Sandbox) -> None:
    assert 3 == sandbox.run("issue", "no-such-phone", "LOCK").returncode


def test_an_enterprise_of_others_exits_with_4_and_tells_which_there_are(sandbox: Sandbox) -> None:
    done = sandbox.run("devices", "list", "--enterprise", "LC0theirs")

    assert 4 == done.returncode
    assert "enterprises/sandbox" in done.stderr


def test_no_server_exits_with_5_and_says_what_to_do(sandbox: Sandbox) -> None:
    done = sandbox.run("devices", "list", "--server", NOBODY)

    assert 5 == done.returncode
    assert "heliograph sandbox" in done.stderr
    assert "Traceback" not in done.stderr


def test_waiting_too_long_exits_with_6(sandbox: Sandbox) -> None:
    sandbox.steer("PATCH", f"/devices/{MOTO}", online=False)

    done = sandbox.run("issue", MOTO, "LOCK", "--wait", "--timeout", "0.2")

    assert 6 == done.returncode
    assert "operations timeline" in done.stderr


def test_a_cancelled_command_exits_with_7(sandbox: Sandbox) -> None:
    sandbox.steer("PATCH", f"/devices/{MOTO}", online=False)
    operation = json.loads(sandbox.run("issue", MOTO, "WIPE", "--json").stdout)

    cancelled = sandbox.run("operations", "cancel", operation["name"])
    waited = sandbox.run("operations", "wait", operation["name"])

    assert 0 == cancelled.returncode
    assert "cancelled" in cancelled.stdout
    assert 7 == waited.returncode


def test_json_is_the_servers_answer_byte_for_byte(sandbox: Sandbox) -> None:
    name = json.loads(sandbox.run("issue", PIXEL, "LOCK", "--wait", "--json").stdout)["name"]

    printed = sandbox.run("operations", "get", name, "--json").stdout

    assert sandbox.call("GET", f"/v1/{name}") == json.loads(printed)
    assert printed.startswith('{\n  "name":')


def test_an_error_in_json_is_the_servers_error(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", PIXEL, "CLEAR_APP_DATA", "--json")

    assert "INVALID_ARGUMENT" == json.loads(done.stderr)["error"]["status"]


def test_a_raw_body_is_sent_as_it_is(sandbox: Sandbox) -> None:
    body = '{"clearAppsDataParams": {"packageNames": ["com.slack"]}}'

    done = sandbox.run("issue", PIXEL, "--body", body, "--wait")

    assert 0 == done.returncode
    assert "com.slack: SUCCESS" in done.stdout


def test_a_secret_can_be_given_on_standard_input(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", PIXEL, "RESET_PASSWORD", "--new-password", "-", "--wait", input="314159265\n")

    phone = sandbox.steer("GET", f"/devices/{PIXEL}")["phone"]
    assert 0 == done.returncode
    assert 9 == phone["credential"]["length"]


def test_a_message_reaches_the_phone_in_its_own_language(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", PERSONAL, "wipe", "--wipe-reason", "Good-bye.", "--wipe-reason-in", "fr=Au revoir.", "--wait")

    phone = sandbox.steer("GET", f"/devices/{PERSONAL}")["phone"]
    assert 0 == done.returncode
    assert "Au revoir." == phone["wipeReasonShown"]


def test_devices_are_listed_and_shown(sandbox: Sandbox) -> None:
    listed = sandbox.run("devices", "list").stdout
    shown = sandbox.run("devices", "get", PIXEL, "--json").stdout

    assert all(name in listed for name in (PIXEL, MOTO, PERSONAL))
    assert 35 == json.loads(shown)["apiLevel"]


def test_operations_are_listed_with_their_outcome_and_filtered(sandbox: Sandbox) -> None:
    sandbox.run("issue", PIXEL, "LOCK", "--wait")
    sandbox.run("issue", PIXEL, "STOP_LOST_MODE", "--wait")

    everything = sandbox.run("operations", "list", PIXEL).stdout
    locks = json.loads(sandbox.run("operations", "list", PIXEL, "--filter", 'metadata.type="LOCK"', "--json").stdout)

    assert "NOT_IN_LOST_MODE" in everything
    assert ["LOCK"] == [operation["metadata"]["type"] for operation in locks["operations"]]


@pytest.mark.skipif(sys.platform == "win32", reason="takes its zone from the system alone")
@pytest.mark.parametrize("zone, offset", [("UTC0", "+00"), ("HERE-1", "+01"), ("INDIA-5:30", "+0530"), ("WEST+3", "-03")])
def test_a_time_in_a_table_says_its_zone(sandbox: Sandbox, zone: str, offset: str) -> None:
    sandbox.run("issue", PIXEL, "LOCK")

    listed = sandbox.run("operations", "list", PIXEL, TZ=zone).stdout.splitlines()

    created = listed[1].split("\t")[2]
    assert re.fullmatch(r"[0-9-]{10} [0-9:]{8}" + re.escape(offset), created), created
    shown = sandbox.call("GET", f"/v1/enterprises/sandbox/devices/{PIXEL}/operations")["operations"][0]["metadata"]["createTime"]
    assert datetime.fromisoformat(shown).replace(microsecond=0) == datetime.fromisoformat(created)


def test_the_timeline_tells_why_a_command_is_stuck(sandbox: Sandbox) -> None:
    sandbox.steer("PATCH", f"/devices/{MOTO}", online=False)
    name = json.loads(sandbox.run("issue", MOTO, "LOCK", "--json").stdout)["name"]

    told = sandbox.run("operations", "timeline", f"{MOTO}/{name.rpartition('/')[2]}").stdout

    assert "QUEUED" in told
    assert "not connected" in told


def test_a_command_that_waits_is_explained_with_what_comes_next_and_what_to_do(sandbox: Sandbox) -> None:
    sandbox.steer("PATCH", f"/devices/{MOTO}", online=False)
    name = json.loads(sandbox.run("issue", MOTO, "LOCK", "--json").stdout)["name"]

    said = sandbox.run("explain", f"{MOTO}/{name.rpartition('/')[2]}").stdout.splitlines()
    as_json = json.loads(sandbox.run("explain", name, "--json").stdout)

    assert said[0].startswith("The device is not connected; it was last seen at ")
    assert said[1].startswith("The command waits for it until ")
    assert "Switch the phone on" in said[2]
    assert ("PHONE_OFFLINE", name) == (as_json["waiting"], as_json["name"])


def test_a_command_that_came_and_ended_between_two_looks_is_watched_too(sandbox: Sandbox) -> None:
    with sandbox.started("watch", PIXEL) as watching:
        assert "Watching" in watching.complaint()
        name = json.loads(sandbox.run("issue", PIXEL, "LOCK", "--wait", "--json").stdout)["name"]
        line = watching.line()
        watching.terminate()
        watching.communicate()

    assert f"{PIXEL} LOCK issued" in line, name


def test_commands_are_watched_until_they_have_ended(sandbox: Sandbox) -> None:
    sandbox.steer("PATCH", f"/devices/{MOTO}", online=False)
    name = json.loads(sandbox.run("issue", MOTO, "LOCK", "--json").stdout)["name"]

    with sandbox.started("watch", name, "--json") as watching:
        seen = [json.loads(watching.line()) for _ in range(2)]
        sandbox.steer("PATCH", f"/devices/{MOTO}", online=True)
        seen += map(json.loads, watching.lines())

    assert 0 == watching.returncode
    assert ["issued", "waits"] == [entry["what"] for entry in seen[:2]]
    assert "not connected" in seen[1]["detail"]
    assert "succeeded" in [entry["what"] for entry in seen]
    assert {name} == {entry["operation"] for entry in seen}


@pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS)
def test_every_type_has_its_options_from_its_row(row: CommandType) -> None:
    """No one wrote these options down: a new row has them at once."""
    told = help_of("issue", "DEVICE", row.name)

    for field in command_fields(row):
        flag = "--" + field.name.replace("_", "-")
        assert (flag.removesuffix("s") if field.repeated else flag) in told


def test_help_lists_every_type_and_every_exit_code() -> None:
    told = help_of("issue")

    assert all(name in told for name in COMMANDS)
    assert all(f"{code} " in told for code in range(8))


def test_nothing_but_loopback_is_listened_on() -> None:
    done = subprocess.run([*HELIOGRAPH, "sandbox", "--host", "0.0.0.0"], capture_output=True, text=True, check=False, timeout=PATIENCE_S)  # noqa: S104

    assert 2 == done.returncode
    assert "0.0.0.0" in done.stderr  # noqa: S104
    assert "Traceback" not in done.stderr
