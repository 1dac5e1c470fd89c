"""Phones are enrolled over adb: real adb, Debian's real adbd, a real server; the phone's own programs are played."""

import contextlib
import sys
import zipfile
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from heliograph.lab.enrolment import ALREADY_OWNED, NOT_OWNED
from scripts.android_tools import fetched
from scripts.build_apk import Built
from tests.android.apk import skipped_without_tools
from tests.lab.conftest import Computer, LabPhone, until_ready

PEER_PORT = 5556


def test_a_phone_gets_the_agent_and_its_owner_and_enrols_over_the_cable_alone(computer: Computer, phone: LabPhone) -> None:
    """The phone's network has no way to the server but adb."""
    done = computer.heliograph("lab", "enrol", "--serial", phone.serial)

    assert done.returncode == 0, done.stderr
    device = computer.devices()[-1]
    assert f"{phone.serial} is enrolled as {device['name']}.\n" == done.stdout
    assert phone.hardware_serial == device["hardwareInfo"]["serialNumber"]
    assert f"adb {phone.serial}" == device["enrollmentTokenData"]

    reserved = computer.heliograph("lab", "reserve", device["name"], "--owner", "build 17")
    rebooted = computer.heliograph("issue", device["name"], "REBOOT", "--wait", "--timeout", "60s")
    listed = computer.json("lab", "list")["phones"]

    assert (0, 0) == (reserved.returncode, rebooted.returncode), reserved.stderr + rebooted.stderr
    assert {
        "serial": phone.serial,
        "state": "device",
        "model": "Pixel 8",
        "owner": "org.heliograph.agent",
        "device": device["name"],
        "reservedBy": "build 17",
    } in listed


def test_every_phone_that_is_attached_is_enrolled_and_one_that_cannot_be_stops_no_other(computer: Computer) -> None:
    with computer.phone() as one, computer.phone() as two, computer.phone() as third:
        two.steer("accounts", 1)
        done = computer.heliograph("lab", "enrol", "--all")

        assert 2 == done.returncode
        assert f"Error: {two.serial} has accounts: remove all of them in its settings, or reset it and add none.\n" == done.stderr
        assert [one.serial, third.serial] == [line.split()[0] for line in done.stdout.splitlines()]


def test_a_phone_is_reset_by_enrolling_it_as_a_new_device_without_its_apps(computer: Computer, phone: LabPhone) -> None:
    first = computer.json("lab", "enrol", "--serial", phone.serial)["phones"][0]["device"]

    second = computer.json("lab", "reset", "--serial", phone.serial)["phones"][0]["device"]

    assert first != second
    newest = next(device for device in computer.devices() if device["name"] == second)
    assert [first] == newest["previousDeviceNames"]
    assert "com.example.game" not in computer.adb("-s", phone.serial, "shell", "pm", "list", "packages", "-3")


def test_a_phone_that_keeps_an_app_is_not_reset(computer: Computer, phone: LabPhone) -> None:
    first = computer.json("lab", "enrol", "--serial", phone.serial)["phones"][0]["device"]
    phone.steer("keeps", "com.example.game")

    done = computer.heliograph("lab", "reset", "--serial", phone.serial)

    assert (2, "") == (done.returncode, done.stdout)
    assert f"{phone.serial} keeps what a user installed: com.example.game (Failure [DELETE_FAILED_OWNER_BLOCKED])." in done.stderr
    assert first == next(row["device"] for row in computer.json("lab", "list")["phones"] if row["serial"] == phone.serial)


def test_a_phone_that_the_agent_owns_already_is_enrolled_again_with_a_token_of_the_admins(computer: Computer, phone: LabPhone) -> None:
    token = computer.json("tokens", "create", "--additional-data", "desk 7")["value"]

    names = [computer.json("lab", "enrol", "--serial", phone.serial, "--token", token)["phones"][0]["device"] for _ in range(2)]

    assert 2 == len(set(names))
    assert {"desk 7"} == {device["enrollmentTokenData"] for device in computer.devices() if device["name"] in names}


@pytest.mark.parametrize(
    "name, value, code, sentence",
    [
        ("accounts", 2, 2, "has accounts: remove all of them in its settings, or reset it and add none."),
        ("owner", "com.other.mdm", 2, "is owned by com.other.mdm: have its server release the phone, or reset the phone."),
        ("api_level", 23, 2, "has API level 23; the agent needs 24, Android 7."),
        ("refuses_install", "INSTALL_FAILED_USER_RESTRICTED: Install canceled by user", 2, "its user must allow installing over USB"),
        ("refuses_install", "INSTALL_FAILED_INSUFFICIENT_STORAGE", 2, "its storage is full."),
        ("refuses_install", "INSTALL_FAILED_ODD: really", 2, "refused to install the agent: Failure [INSTALL_FAILED_ODD: really]."),
    ],
)
def test_what_stands_in_the_way_is_one_sentence_with_what_to_do(
    computer: Computer, phone: LabPhone, name: str, value: object, code: int, sentence: str
) -> None:
    phone.steer(name, value)
    before = len(computer.devices())

    done = computer.heliograph("lab", "enrol", "--serial", phone.serial)

    assert (code, "", 1) == (done.returncode, done.stdout, len(done.stderr.splitlines()))
    assert done.stderr.startswith(f"Error: {phone.serial} ")
    assert sentence in done.stderr
    assert before == len(computer.devices())


@contextlib.contextmanager
def peer(computer: Computer, kind: str) -> Iterator[str]:
    """What adb calls a phone that is unauthorized or silent."""
    command = [sys.executable, "-m", "tests.lab.adb_peers", str(PEER_PORT), kind]
    with until_ready(computer.network, command):
        serial = f"127.0.0.1:{PEER_PORT}"
        computer.adb("connect", serial)
        try:
            yield serial
        finally:
            computer.adb("disconnect", serial)


@pytest.mark.parametrize(
    "kind, code, sentence",
    [
        ("unauthorized", 4, "does not trust this computer: unlock it, accept its question about USB debugging, and try again."),
        ("silent", 5, "does not answer adb (it is offline): plug it in again, or restart it."),
    ],
)
def test_a_phone_that_takes_no_commands_says_why(computer: Computer, kind: str, code: int, sentence: str) -> None:
    with peer(computer, kind) as serial:
        done = computer.heliograph("lab", "enrol", "--serial", serial)
        listed = {row["serial"]: row["state"] for row in computer.json("lab", "list")["phones"]}

    assert (code, f"Error: {serial} {sentence}\n") == (done.returncode, done.stderr)
    assert serial in listed


def test_a_phone_that_died_on_its_cable_says_so(computer: Computer, phone: LabPhone) -> None:
    phone.adbd.kill()

    done = computer.heliograph("lab", "enrol", "--serial", phone.serial)

    assert done.returncode in {3, 5}
    assert 1 == len(done.stderr.splitlines())
    assert phone.serial in done.stderr


def test_a_phone_that_dies_while_phones_are_listed_hides_no_other(computer: Computer, phone: LabPhone) -> None:
    with computer.phone() as other:
        phone.steer("dies_with", phone.adbd.pid)
        listed = {row["serial"]: row["model"] for row in computer.json("lab", "list")["phones"]}

    assert ("", "Pixel 8") == (listed[phone.serial], listed[other.serial])


def test_without_a_phone_or_adb_the_command_says_what_to_do(computer: Computer) -> None:
    nothing = computer.heliograph("lab", "enrol", "--all")
    unknown = computer.heliograph("lab", "enrol", "--serial", "R58N12ABCDE")
    no_server = computer.heliograph("lab", "list", ANDROID_ADB_SERVER_PORT="5999", ADBUTILS_ADB_PATH="/nonexistent/adb")
    no_adb = computer.heliograph("lab", "list", ANDROID_ADB_SERVER_PORT=str(urlsplit(computer.url).port))
    neither = computer.heliograph("lab", "enrol", HELIOGRAPH_SERVER="http://127.0.0.1:1")

    assert (3, True) == (nothing.returncode, "plug one in" in nothing.stderr)
    assert (3, True) == (unknown.returncode, "No phone R58N12ABCDE is attached; there are none." in unknown.stderr)
    assert (5, True) == (no_server.returncode, "No adb server answers" in no_server.stderr)
    assert (5, True) == (no_adb.returncode, "No adb server answers" in no_adb.stderr)
    assert (2, True) == (neither.returncode, "--serial S (several times), or --all" in neither.stderr)


def test_an_address_that_no_phone_could_use_is_refused_before_a_phone_is_touched(computer: Computer, phone: LabPhone) -> None:
    done = computer.heliograph("lab", "enrol", "--serial", phone.serial, "--url-for-phones", "https://me@mdm.example.com")

    assert (2, "") == (done.returncode, done.stdout)
    assert "'https://me@mdm.example.com' is not the address of a server" in done.stderr
    assert "org.heliograph.agent" not in computer.adb("-s", phone.serial, "shell", "pm", "list", "packages", "-3")


def test_a_phone_that_never_reaches_the_server_is_waited_for_and_named(computer: Computer, phone: LabPhone) -> None:
    done = computer.heliograph(
        "lab", "enrol", "--serial", phone.serial, "--url-for-phones", "http://10.255.0.1:1", "--timeout", "1s"
    )  # fmt: skip

    assert 6 == done.returncode
    assert "has not enrolled within 1 s" in done.stderr


@pytest.mark.parametrize("level", [24, 35])
def test_androids_own_refusals_have_the_words_that_are_looked_for(level: int, full: Built) -> None:
    with skipped_without_tools():
        (jar,) = fetched(f"level-{level}")
    with zipfile.ZipFile(jar) as android:
        names = [name for name in android.namelist() if name.startswith("com/android/server/devicepolicy/")]
        code = b"".join(android.read(name) for name in names)

    words = [ALREADY_OWNED, *(words for words, _, _ in NOT_OWNED if level > 30 or words != "already paired"), "Device Owner: ", "package="]
    assert [] == [word for word in words if word.encode() not in code]


def test_a_reserved_phone_goes_to_the_next_after_the_lab_has_reset_it(computer: Computer, phone: LabPhone) -> None:
    first = computer.json("lab", "enrol", "--serial", phone.serial)["phones"][0]["device"]
    token = computer.json("lab", "reserve", first)["fencingToken"]
    released = computer.json("lab", "release", phone.hardware_serial, "--fencing-token", token)
    dirty = computer.heliograph("lab", "reserve", first)

    second = computer.json("lab", "reset", "--serial", phone.serial)["phones"][0]["device"]
    again = computer.json("lab", "reserve", second)

    assert "RELEASED" == released["state"]
    assert (2, True) == (dirty.returncode, "heliograph lab reset" in dirty.stderr)
    assert (str(int(token) + 1), "ACTIVE") == (again["fencingToken"], again["state"])


def test_a_reserved_phone_is_reset_for_its_holder_only(computer: Computer, phone: LabPhone) -> None:
    first = computer.json("lab", "enrol", "--serial", phone.serial)["phones"][0]["device"]
    token = int(computer.json("lab", "reserve", first, "--owner", "build 17")["fencingToken"])
    reset = ("lab", "reset", "--serial", phone.serial)

    without = computer.heliograph(*reset)
    wrong = computer.heliograph(*reset, "--fencing-token", str(token + 1))

    assert (2, True) == (without.returncode, f"{phone.hardware_serial} is reserved by build 17 until " in without.stderr)
    assert (True, True) == (wrong.returncode != 0, "stop using the phone" in wrong.stderr)
    assert first == next(row["device"] for row in computer.json("lab", "list")["phones"] if row["serial"] == phone.serial)
    second = computer.json(*reset, "--fencing-token", str(token))["phones"][0]["device"]
    assert first != second
