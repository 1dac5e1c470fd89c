"""The command line for devices, against a real sandbox."""

import csv
import io
import json
import sys

import pytest

from tests.e2e.program import Sandbox, on_a_terminal

PIXEL = "pixel8-a15-fully-managed"
PERSONAL = "galaxy-s25-a15-byod"


def rows_of(printed: str) -> list[dict[str, str]]:
    """What `--csv` printed."""
    return list(csv.DictReader(io.StringIO(printed)))


def serial_of(sandbox: Sandbox, device: str) -> str:
    shown = sandbox.call("GET", f"/v1/enterprises/sandbox/devices/{device}")
    return str(shown["hardwareInfo"]["serialNumber"])


def test_a_device_is_found_by_serial_user_id_and_text(sandbox: Sandbox) -> None:
    user = sandbox.call("GET", f"/v1/enterprises/sandbox/devices/{PIXEL}")["userName"].rpartition("/")[2]

    for text in (serial_of(sandbox, PIXEL).lower(), user, PIXEL, "shiba"):
        found = rows_of(sandbox.run("devices", "find", text, "--csv").stdout)
        assert [PIXEL] == [row["device"] for row in found], text


def test_a_device_that_is_not_found_exits_with_3(sandbox: Sandbox) -> None:
    done = sandbox.run("devices", "find", "no-such-serial")

    assert 3 == done.returncode
    assert "'no-such-serial'" in done.stderr


def test_devices_are_filtered_sorted_and_shown_by_column(sandbox: Sandbox) -> None:
    printed = sandbox.run("devices", "list", "--filter", "api>=33 AND mode!=PROFILE_OWNER", "--columns", "device,api", "--csv").stdout
    by_level = rows_of(sandbox.run("devices", "list", "--sort", "-api", "--csv").stdout)

    assert f"device,api\n{PIXEL},35\n" == printed
    levels = [int(row["api"]) for row in by_level]
    assert sorted(levels, reverse=True) == levels


def test_json_has_the_devices_that_the_filter_holds_for(sandbox: Sandbox) -> None:
    listed = json.loads(sandbox.run("devices", "list", "--filter", "model~pixel", "--json").stdout)["devices"]

    assert all("Pixel" in device["hardwareInfo"]["model"] for device in listed)
    assert sandbox.call("GET", f"/v1/enterprises/sandbox/devices/{PIXEL}") in listed


@pytest.mark.parametrize(
    "words, there", [(["--filter", "state"], "state=ACTIVE"), (["--filter", "colour=red"], "serial"), (["--sort", "colour"], "serial")]
)
def test_a_filter_or_column_that_does_not_exist_is_named(sandbox: Sandbox, words: list[str], there: str) -> None:
    done = sandbox.run("devices", "list", *words)

    assert 2 == done.returncode
    assert there in done.stderr


def test_a_pipe_gets_tabs_and_no_padding(sandbox: Sandbox) -> None:
    lines = sandbox.run("devices", "list", "--columns", "device,model").stdout.splitlines()

    assert "DEVICE\tMODEL" == lines[0]
    assert f"{PIXEL}\tPixel 8" in lines


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_of_80_columns_breaks_no_word(sandbox: Sandbox) -> None:
    printed = on_a_terminal(80, "devices", "list", "--server", sandbox.url)

    names = [device["name"].rpartition("/")[2] for device in sandbox.call("GET", "/v1/enterprises/sandbox/devices")["devices"]]
    lines = [line.rstrip() for line in printed.splitlines() if line.strip()]
    assert len(names) + 2 == len(lines)  # the headings and the rule below them
    assert max(map(len, lines)) <= 80
    assert all(any(name in line for line in lines) for name in names)


def test_a_device_is_disabled_and_enabled(sandbox: Sandbox) -> None:
    disabled = sandbox.run("devices", "disable", PIXEL, PERSONAL)
    states = {row["device"]: row["state"] for row in rows_of(sandbox.run("devices", "list", "--csv").stdout)}
    enabled = sandbox.run("devices", "enable", PIXEL, PERSONAL)

    assert 0 == disabled.returncode == enabled.returncode
    assert "DISABLED" == states[PIXEL] == states[PERSONAL]
    assert "ACTIVE" == sandbox.call("GET", f"/v1/enterprises/sandbox/devices/{PIXEL}")["state"]


def test_a_device_is_deleted_only_with_yes(sandbox: Sandbox) -> None:
    hasty = sandbox.run("devices", "delete", PERSONAL)
    still_there = sandbox.run("devices", "get", PERSONAL)
    deleted = sandbox.run("devices", "delete", PERSONAL, "--wipe-data-flag", "WIPE_ESIMS", "--wipe-reason", "Good-bye.", "--yes")

    assert 2 == hasty.returncode
    assert "--yes" in hasty.stderr
    assert 0 == still_there.returncode
    assert 0 == deleted.returncode, deleted.stderr
    assert 3 == sandbox.run("devices", "get", PERSONAL).returncode
