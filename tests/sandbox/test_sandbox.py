"""What a test can see and do in a sandbox, over real sockets."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heliograph.agent.profiles import PROFILES
from heliograph.domain.behaviour import Behaviour
from heliograph.sandbox.settings import SandboxSettings
from heliograph.service.limits import Limits
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client, Refused
from tests.sandbox.conftest import running

PIXEL = "pixel8-a15-fully-managed"
BYOD = "galaxy-s25-a15-byod"
OTHER_BYOD = "galaxy-a14-a13-byod"


def test_a_sandbox_starts_with_one_phone_of_each_profile_under_its_name(sandbox: Client) -> None:
    devices = sandbox.get("/v1/enterprises/sandbox/devices?pageSize=100")["devices"]

    assert [f"enterprises/sandbox/devices/{name}" for name in PROFILES] == [device["name"] for device in devices]
    assert {"ACTIVE"} == {device["state"] for device in devices}
    assert list(PROFILES) == [phone["id"] for phone in sandbox.get("/sandbox/v1/devices")["devices"]]


def test_a_phone_can_be_looked_at_and_never_shows_a_password(sandbox: Client) -> None:
    operation = sandbox.run(PIXEL, {"type": "RESET_PASSWORD", "newPassword": "geheim-4711", "resetPasswordFlags": ["LOCK_NOW"]})

    assert "response" in operation
    phone = sandbox.phone(PIXEL)
    assert phone["locked"] is True
    assert phone["credential"]["length"] == len("geheim-4711")
    assert "geheim-4711" not in str(sandbox.get(f"/sandbox/v1/devices/{PIXEL}"))


def test_a_phone_that_is_offline_gets_its_command_when_it_comes_back(sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    operation = sandbox.issue(PIXEL, {"type": "LOCK"})
    time.sleep(0.3)
    assert "done" not in sandbox.get(f"/v1/{operation}")

    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": True})

    assert "response" in sandbox.wait(operation)


def test_the_clock_moves_server_and_phones_together(sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    operation = sandbox.issue(PIXEL, {"type": "LOCK", "duration": "43200s"})

    before = sandbox.get("/sandbox/v1/clock")["now"]
    after = sandbox.post("/sandbox/v1/clock:advance", {"duration": "43200s"})["now"]

    assert before < after
    assert 4 == sandbox.wait(operation)["error"]["code"]


def test_lost_mode_is_refused_for_twelve_hours_after_its_user_left_it(sandbox: Client) -> None:
    start = {"startLostModeParams": {"lostMessage": {"defaultMessage": "Call me"}}}
    assert "response" in sandbox.run(PIXEL, start)
    assert "LOST" == sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")["state"]
    assert "Call me" == sandbox.phone(PIXEL)["lostMode"]["message"]

    sandbox.post(f"/sandbox/v1/devices/{PIXEL}:leaveLostMode")
    refused = sandbox.run(PIXEL, start)
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "43201s"})
    again = sandbox.run(PIXEL, start)

    assert "USER_EXIT_LOST_MODE_RECENTLY" == refused["metadata"]["startLostModeStatus"]["status"]
    assert 9 == refused["error"]["code"]
    assert "SUCCESS" == again["metadata"]["startLostModeStatus"]["status"]


@pytest.mark.parametrize("consent, status", [("APPROVE", "SUCCEEDED"), ("DECLINE", "USER_DECLINED")])
def test_the_user_of_a_phone_answers_as_told(sandbox: Client, consent: str, status: str) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{BYOD}", {"consent": consent, "consentDelay": "0.05s"})

    operation = sandbox.run(BYOD, {"requestDeviceInfoParams": {"deviceInfo": "EID"}})

    assert status == operation["metadata"]["requestDeviceInfoStatus"]["status"]


def test_a_user_who_ignores_the_phone_can_still_be_made_to_answer(sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{BYOD}", {"consent": "IGNORE"})
    operation = sandbox.issue(BYOD, {"requestDeviceInfoParams": {"deviceInfo": "EID"}})
    sandbox.until(lambda: sandbox.get(f"/sandbox/v1/devices/{BYOD}")["userIsAsked"])
    waiting = sandbox.until(lambda: found if "requestDeviceInfoStatus" in (found := sandbox.get(f"/v1/{operation}"))["metadata"] else None)

    sandbox.post(f"/sandbox/v1/devices/{BYOD}:approve")

    assert "PENDING_USER_ACTION" == waiting["metadata"]["requestDeviceInfoStatus"]["status"]
    assert "done" not in waiting
    assert sandbox.wait(operation)["metadata"]["requestDeviceInfoStatus"]["eidInfo"]["eids"]


@pytest.mark.parametrize("loss", ["ACKNOWLEDGE", "ACKNOWLEDGE_ANSWER", "REPORT", "REPORT_ANSWER"])
def test_a_lost_message_harms_no_command(sandbox: Client, loss: str) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"dropNext": [loss]})

    assert "response" in sandbox.run(PIXEL, {"type": "REBOOT"})
    assert 2 == sandbox.phone(PIXEL)["boots"]


def test_a_duplicated_message_harms_no_command(sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"duplicateNext": ["ACKNOWLEDGE", "REPORT"], "latency": "0.02s"})

    assert "response" in sandbox.run(PIXEL, {"type": "REBOOT"})
    assert 2 == sandbox.phone(PIXEL)["boots"]


def test_a_wiped_phone_can_enrol_again_as_a_new_device_that_names_its_old_one(sandbox: Client) -> None:
    assert "response" in sandbox.run(PIXEL, {"type": "WIPE"})
    sandbox.until(lambda: sandbox.phone(PIXEL)["managed"] is False)

    view = sandbox.post(f"/sandbox/v1/devices/{PIXEL}:enroll")

    assert view["name"] != f"enterprises/sandbox/devices/{PIXEL}"
    assert [f"enterprises/sandbox/devices/{PIXEL}"] == sandbox.get(f"/v1/{view['name']}")["previousDeviceNames"]
    assert "response" in sandbox.run(view["name"].rsplit("/", 1)[1], {"type": "LOCK"})


def test_a_managed_phone_does_not_enrol_again(sandbox: Client) -> None:
    with pytest.raises(Refused, match=":reset"):
        sandbox.post(f"/sandbox/v1/devices/{PIXEL}:enroll")


def test_a_phone_is_reset_under_its_id_also_after_a_wipe(sandbox: Client) -> None:
    sandbox.run(PIXEL, {"type": "LOCK"})
    sandbox.run(PIXEL, {"type": "WIPE"})
    with pytest.raises(Refused, match="no longer being managed"):
        sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")

    sandbox.post(f"/sandbox/v1/devices/{PIXEL}:reset")

    device = sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")
    assert "ACTIVE" == device["state"]
    assert "previousDeviceNames" not in device
    assert {} == sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}/operations")
    assert "response" in sandbox.run(PIXEL, {"type": "LOCK"})


def test_a_reset_forgets_the_windows_of_a_phone(sandbox: Client) -> None:
    sandbox.run(PIXEL, {"type": "RESET_PASSWORD", "newPassword": "493817"})
    start = {"startLostModeParams": {"lostEmailAddress": "it@example.com"}}
    assert "RESET_PASSWORD_RECENTLY" == sandbox.run(PIXEL, start)["metadata"]["startLostModeStatus"]["status"]

    sandbox.post(f"/sandbox/v1/devices/{PIXEL}:reset")

    assert "SUCCESS" == sandbox.run(PIXEL, start)["metadata"]["startLostModeStatus"]["status"]


def test_resetting_everything_takes_less_than_a_second_and_leaves_nothing(sandbox: Client) -> None:
    operation = sandbox.issue(OTHER_BYOD, {"type": "WIPE"})
    sandbox.wait(operation)
    sandbox.post("/v1/enterprises/sandbox/enrollmentTokens", {})
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "86400s"})

    sandbox.post("/sandbox/v1:reset")

    with pytest.raises(Refused, match="Operation not found"):
        sandbox.get(f"/v1/{operation}")
    assert {} == sandbox.get("/v1/enterprises/sandbox/enrollmentTokens")
    assert list(PROFILES) == [phone["id"] for phone in sandbox.get("/sandbox/v1/devices")["devices"]]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(sandbox.get("/sandbox/v1/clock")["now"])) < timedelta(hours=1)


def test_a_phone_is_made_from_a_profile_with_some_facts_changed(sandbox: Client) -> None:
    view = sandbox.post("/sandbox/v1/devices", {"deviceId": "old-pixel", "profile": PIXEL, "overrides": {"apiLevel": 27}})

    assert "enterprises/sandbox/devices/old-pixel" == view["name"]
    operation = sandbox.run("old-pixel", {"clearAppsDataParams": {"packageNames": ["com.slack"]}})
    assert {"com.slack": {"clearingResult": "API_LEVEL"}} == operation["metadata"]["clearAppsDataStatus"]["results"]


@pytest.mark.parametrize(
    "body, message",
    [
        ({}, "deviceId and profile are required"),
        ({"deviceId": "x", "profile": "pixel8"}, "pixel8-a15-fully-managed"),
        ({"deviceId": PIXEL, "profile": PIXEL}, "already"),
        ({"deviceId": "x/y", "profile": PIXEL}, "letters, digits"),
        ({"deviceId": "x", "profile": PIXEL, "overrides": {"apiLvel": 27}}, "apiLevel"),
    ],
)
def test_a_phone_that_cannot_be_made_is_refused_with_what_to_do(sandbox: Client, body: dict[str, object], message: str) -> None:
    with pytest.raises(Refused, match=message):
        sandbox.post("/sandbox/v1/devices", body)


def test_an_unknown_phone_is_answered_with_those_there_are(sandbox: Client) -> None:
    with pytest.raises(Refused, match=PIXEL) as refused:
        sandbox.get("/sandbox/v1/devices/pixel9")

    assert 404 == refused.value.error["code"]


def test_an_unknown_enterprise_is_answered_with_those_there_are(sandbox: Client) -> None:
    with pytest.raises(Refused, match="not authorized to manage enterprise") as refused:
        sandbox.get("/v1/enterprises/LC0typo/devices")

    assert "enterprises/sandbox" in str(refused.value.error["details"])


def test_enterprises_can_be_named_and_each_has_phones_of_its_own() -> None:
    with running(SandboxSettings(port=0, enterprises=("LC01abcdef", "LC02abcdef"))) as client:
        for enterprise in ("LC01abcdef", "LC02abcdef"):
            assert "response" in client.run(PIXEL, {"type": "LOCK"}, enterprise)
        view = client.get(f"/sandbox/v1/enterprises/LC02abcdef/devices/{PIXEL}")
        assert f"enterprises/LC02abcdef/devices/{PIXEL}" == view["name"]
        with pytest.raises(Refused):
            client.get("/v1/enterprises/sandbox")


def test_as_observed_a_personal_phone_ends_what_it_cannot_do_with_a_plain_response() -> None:
    with running(SandboxSettings(port=0, limits=Limits(behaviour=Behaviour.AS_OBSERVED, operations_of_deleted_devices="404"))) as client:
        operation = client.run(BYOD, {"type": "REBOOT"})
        assert "response" in operation
        assert "errorCode" not in operation["metadata"]
        assert 1 == client.phone(BYOD)["boots"]
        assert "response" in client.run(BYOD, {"type": "RELINQUISH_OWNERSHIP"})
        assert "ACTIVE" == client.get(f"/v1/enterprises/sandbox/devices/{BYOD}")["state"]
        for alone in ("WIPE", "STOP_LOST_MODE"):
            with pytest.raises(Refused, match="Params"):
                client.issue(BYOD, {"type": alone})
        wiped = client.issue(PIXEL, {"wipeParams": {}})
        with pytest.raises((Refused, TimeoutError), match="no longer being managed"):
            client.wait(wiped)


def test_a_kept_data_directory_keeps_operations_and_devices(tmp_path: Path) -> None:
    settings = SandboxSettings(port=0, data_dir=tmp_path)
    with running(settings) as client:
        operation = client.run(PIXEL, {"type": "LOCK"})["name"]
        client.run(OTHER_BYOD, {"type": "WIPE"})

    with running(settings) as client:
        assert "response" in client.get(f"/v1/{operation}")
        assert "response" in client.run(PIXEL, {"type": "LOCK"})
        with pytest.raises(Refused, match="no longer being managed"):
            client.issue(OTHER_BYOD, {"type": "LOCK"})


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("PUT", "/sandbox/v1/devices", "GET, HEAD, POST"),
        ("GET", "/sandbox/v1/clock:advance", "POST"),
        ("DELETE", f"/sandbox/v1/devices/{PIXEL}", "GET, HEAD, PATCH"),
    ],
)
def test_another_http_method_is_refused_with_those_there_are(sandbox: Client, method: str, path: str, allowed: str) -> None:
    with pytest.raises(Refused) as refused:
        sandbox.ask(method, path)

    assert (405, f"The URL does not accept this HTTP method: it accepts {allowed}.") == (refused.value.error["code"], str(refused.value))


@pytest.mark.parametrize("path", ["/sandbox/v1/devices/", "/sandbox/v1/nothing", "/sandbox/"])
def test_a_path_that_there_is_not_is_refused_in_googles_form(sandbox: Client, path: str) -> None:
    with pytest.raises(Refused) as refused:
        sandbox.get(path)

    assert 404 == refused.value.error["code"]


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"overrides":' + b"[" * 50_000, b"\xff", b'{"\xff":1}', b'"' + b"x" * 100_000 + b'"'])
@pytest.mark.parametrize("path", ["devices", "clock:advance", f"devices/{PIXEL}:unlock"])
def test_whatever_the_body_is_it_is_refused_in_googles_form(sandbox: Client, path: str, body: bytes) -> None:
    request = urllib.request.Request(f"{sandbox.url}/sandbox/v1/{path}", data=body, method="POST")  # noqa: S310 - our own loopback URL

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE_S)  # noqa: S310 - our own loopback URL

    with refused.value:
        error = json.load(refused.value)["error"]
    assert error["code"] in {400, 413}
    assert len(error["message"]) < 1_000
