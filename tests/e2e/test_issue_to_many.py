"""`heliograph issue` to many devices, against a real sandbox: which it reaches, what it prints, and the exit code."""

import json

import pytest

from tests.e2e.program import Json, Sandbox

PIXEL = "pixel8-a15-fully-managed"
MOTO = "moto-g5-a8-fully-managed"
PERSONAL = "galaxy-s25-a15-byod"


def results_of(printed: str) -> dict[str, Json]:
    """What `--json` printed, by device id."""
    return {result["device"].rpartition("/")[2]: result for result in json.loads(printed)["results"]}


def test_several_devices_are_named_and_waited_for(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", f"{PIXEL},{MOTO}", "LOCK", "--wait", "--json")

    assert 0 == done.returncode, done.stderr
    assert {PIXEL, MOTO} == results_of(done.stdout).keys()
    assert all(result["operation"]["done"] for result in results_of(done.stdout).values())
    assert "2 devices: 2 succeeded.\n" == done.stderr


def test_devices_come_from_standard_input(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", "-", "LOCK", "--json", input=f"{PIXEL}\n{MOTO}\n{PIXEL}\n")

    assert 0 == done.returncode, done.stderr
    assert [PIXEL, MOTO] == list(results_of(done.stdout))


@pytest.mark.parametrize("words", [["--all", "LOCK"], ["LOCK", "--all"], ["--all", "--body", '{"type": "LOCK"}']])
def test_all_devices_of_the_enterprise(sandbox: Sandbox, words: list[str]) -> None:
    done = sandbox.run("issue", *words, "--json")

    listed = sandbox.call("GET", "/v1/enterprises/sandbox/devices")["devices"]
    assert 0 == done.returncode, done.stderr
    assert {device["name"].rpartition("/")[2] for device in listed} == results_of(done.stdout).keys()


def test_devices_that_a_filter_selects(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", "--where", "api<29", "LOCK", "--wait")

    rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
    assert {(MOTO, "succeeded"), ("legacy-a7-fully-managed", "succeeded")} == {(row[0], row[2]) for row in rows}


def test_one_device_that_fails_gives_the_exit_code(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", f"{PIXEL},{PERSONAL}", "REBOOT", "--wait")

    assert 1 == done.returncode
    assert "MANAGEMENT_MODE" in done.stdout
    assert "2 devices: 1 succeeded, 1 failed.\n" == done.stderr


def test_a_device_that_is_not_there_stops_no_other(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", f"no-such-phone,{PIXEL}", "LOCK", "--wait", "--json")

    assert 3 == done.returncode
    assert results_of(done.stdout)[PIXEL]["operation"]["done"]
    assert 3 == results_of(done.stdout)["no-such-phone"]["error"]["exitCode"]


def test_waiting_too_long_for_one_exits_with_6(sandbox: Sandbox) -> None:
    sandbox.steer("PATCH", f"/devices/{MOTO}", online=False)

    done = sandbox.run("issue", f"{PIXEL},{MOTO}", "LOCK", "--wait", "--timeout", "5s", "--json")

    assert 6 == done.returncode
    assert not results_of(done.stdout)[MOTO]["operation"].get("done", False)


@pytest.mark.parametrize(
    "words", [["--all", "WIPE"], ["--all", "--body", '{"wipeParams": {}}'], ["--where", "api>30", "relinquish-ownership"]]
)
def test_what_ends_the_management_of_many_needs_yes(sandbox: Sandbox, words: list[str]) -> None:
    done = sandbox.run("issue", *words)

    assert 2 == done.returncode
    assert "--yes" in done.stderr
    assert "{}" == json.dumps(sandbox.call("GET", f"/v1/enterprises/sandbox/devices/{PIXEL}/operations"))


def test_with_yes_many_are_wiped(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", f"{PIXEL},{MOTO}", "WIPE", "--yes", "--wait")

    assert "2 devices: 2 succeeded.\n" == done.stderr
    assert 0 == done.returncode


@pytest.mark.parametrize("words", [[PIXEL, "LOCK", "--all"], ["--where", "", "LOCK"], ["--where", "api>99", "LOCK"]])
def test_no_device_or_two_ways_to_name_them_is_an_error(sandbox: Sandbox, words: list[str]) -> None:
    done = sandbox.run("issue", *words)

    assert done.returncode in {2, 3}
    assert "device" in done.stderr.lower()
    assert "Traceback" not in done.stderr
