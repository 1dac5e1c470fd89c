"""Google's own Python client against this server, with nothing changed but the address."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import httplib2
import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.api.live import Live
from tests.discovery import command_types

pytestmark = pytest.mark.both_ways

BODIES: dict[str, dict[str, Any]] = {
    "LOCK": {"type": "LOCK", "duration": "120s"},
    "RESET_PASSWORD": {"type": "RESET_PASSWORD", "newPassword": "correct horse", "resetPasswordFlags": ["LOCK_NOW"]},
    "REBOOT": {"type": "REBOOT"},
    "RELINQUISH_OWNERSHIP": {"type": "RELINQUISH_OWNERSHIP"},
    "CLEAR_APP_DATA": {"clearAppsDataParams": {"packageNames": ["com.example.app"]}},
    "START_LOST_MODE": {"startLostModeParams": {"lostMessage": {"defaultMessage": "Lost"}}},
    "STOP_LOST_MODE": {"stopLostModeParams": {}},
    "ADD_ESIM": {"addEsimParams": {"activationCode": "LPA:1$sm-dp.example.com$S3CRET", "activationState": "ACTIVATED"}},
    "REMOVE_ESIM": {"removeEsimParams": {"iccId": "8901234567890123456"}},
    "REQUEST_DEVICE_INFO": {"requestDeviceInfoParams": {"deviceInfo": "EID"}},
    "WIPE": {"type": "WIPE", "wipeParams": {"wipeDataFlags": ["WIPE_ESIMS"]}},
}
SECRETS = ("correct horse", "S3CRET")


@pytest.fixture
def enterprises(live: Live) -> Iterator[Any]:
    """The client's `enterprises()`; the client makes its classes at run time."""
    http = httplib2.Http(timeout=90)
    with contextlib.closing(http):
        yield build("androidmanagement", "v1", http=http, client_options={"api_endpoint": live.url}).enterprises()


def test_there_is_a_body_for_every_command_type() -> None:
    assert command_types() == set(BODIES)


@pytest.mark.parametrize("type", sorted(BODIES))
def test_a_command_is_issued_read_listed_and_cancelled(enterprises: Any, device: str, type: str) -> None:  # noqa: ANN401
    operations = enterprises.devices().operations()

    issued = enterprises.devices().issueCommand(name=device, body=BODIES[type]).execute()

    assert issued["name"].startswith(f"{device}/operations/")
    assert "type.googleapis.com/google.android.devicemanagement.v1.Command" == issued["metadata"]["@type"]
    assert (type, "done" in issued) == (issued["metadata"]["type"], False)
    assert BODIES[type].get("duration", "600s") == issued["metadata"]["duration"]
    assert issued == operations.get(name=issued["name"]).execute()
    assert {"operations": [issued]} == operations.list(name=f"{device}/operations").execute()

    assert {} == operations.cancel(name=issued["name"]).execute()

    cancelled = operations.get(name=issued["name"]).execute()
    assert (True, 1) == (cancelled["done"], cancelled["error"]["code"])
    assert issued["metadata"] == cancelled["metadata"]
    assert not [secret for secret in SECRETS if secret in str([issued, cancelled])]


def test_a_second_cancel_changes_nothing(enterprises: Any, device: str) -> None:  # noqa: ANN401
    operations = enterprises.devices().operations()
    name = enterprises.devices().issueCommand(name=device, body={"type": "LOCK"}).execute()["name"]
    operations.cancel(name=name).execute()
    cancelled = operations.get(name=name).execute()

    assert {} == operations.cancel(name=name).execute()

    assert cancelled == operations.get(name=name).execute()


def test_pages_are_walked_with_the_clients_own_helper_oldest_first(enterprises: Any, device: str) -> None:  # noqa: ANN401
    operations = enterprises.devices().operations()
    issued = [enterprises.devices().issueCommand(name=device, body={"type": "LOCK"}).execute()["name"] for _ in range(5)]

    names, pages = [], 0
    request = operations.list(name=f"{device}/operations", pageSize=2)
    while request is not None:
        page = request.execute()
        names += [operation["name"] for operation in page["operations"]]
        pages += 1
        request = operations.list_next(request, page)

    assert (issued, 3) == (names, pages)


def test_operations_are_filtered(enterprises: Any, device: str) -> None:  # noqa: ANN401
    operations = enterprises.devices().operations()
    lock = enterprises.devices().issueCommand(name=device, body={"type": "LOCK"}).execute()["name"]
    reboot = enterprises.devices().issueCommand(name=device, body={"type": "REBOOT"}).execute()["name"]
    operations.cancel(name=lock).execute()

    def found(text: str) -> list[str]:
        page = operations.list(name=f"{device}/operations", filter=text).execute()
        return [operation["name"] for operation in page.get("operations", [])]

    assert [lock] == found("done=true")
    assert [reboot] == found('metadata.type="REBOOT"')
    assert [] == found('done=true AND metadata.type="REBOOT"')


def test_an_empty_list_is_an_empty_object(enterprises: Any, device: str) -> None:  # noqa: ANN401
    assert {} == enterprises.devices().operations().list(name=f"{device}/operations").execute()


def test_a_device_is_read_listed_disabled_and_deleted(enterprises: Any, enterprise: str, device: str) -> None:  # noqa: ANN401
    devices = enterprises.devices()

    found = devices.get(name=device).execute()
    assert (device, "COMPANY_OWNED", "DEVICE_OWNER", 35) == tuple(found[k] for k in ("name", "ownership", "managementMode", "apiLevel"))
    assert {"devices": [found]} == devices.list(parent=enterprise).execute()

    reason = {"defaultMessage": "Ask the desk."}
    patch = devices.patch(name=device, updateMask="state,disabledReason", body={"state": "DISABLED", "disabledReason": reason}).execute()
    assert ("DISABLED", reason) == (patch["state"], patch["disabledReason"])
    patch = devices.patch(name=device, updateMask="policyName", body={"policyName": "strict"}).execute()
    assert (f"{enterprise}/policies/strict", "DISABLED") == (patch["policyName"], patch["state"])
    assert patch == devices.get(name=device).execute()

    request = devices.delete(name=device, wipeDataFlags=["WIPE_ESIMS", "WIPE_EXTERNAL_STORAGE"], wipeReasonMessage="You left, sorry")
    assert {} == request.execute()
    assert {} == devices.list(parent=enterprise).execute()
    for gone in (devices.get(name=device), devices.issueCommand(name=device, body={"type": "LOCK"}), devices.delete(name=device)):
        with pytest.raises(HttpError) as error:
            gone.execute()
        assert (404, "Device is no longer being managed") == (error.value.status_code, error.value.reason)


def test_an_open_operation_ends_with_its_deleted_device(enterprises: Any, device: str) -> None:  # noqa: ANN401
    name = enterprises.devices().issueCommand(name=device, body={"type": "LOCK"}).execute()["name"]
    enterprises.devices().delete(name=device).execute()

    operation = enterprises.devices().operations().get(name=name).execute()

    assert (True, 5) == (operation["done"], operation["error"]["code"])


def test_devices_are_paged_by_ten_and_coerced_to_a_hundred(live: Live, enterprises: Any, enterprise: str) -> None:  # noqa: ANN401
    enrolled = [live.device(enterprise) for _ in range(11)]
    devices = enterprises.devices()

    first = devices.list(parent=enterprise).execute()
    second = devices.list_next(devices.list(parent=enterprise), first).execute()

    assert enrolled == [device["name"] for device in first["devices"] + second["devices"]]
    assert (10, False) == (len(first["devices"]), "nextPageToken" in second)
    assert 11 == len(devices.list(parent=enterprise, pageSize=1000).execute()["devices"])


def test_an_enrolment_token_is_made_read_listed_and_deleted(enterprises: Any, enterprise: str) -> None:  # noqa: ANN401
    tokens = enterprises.enrollmentTokens()
    body = {"policyName": "kiosk", "duration": "86400s", "oneTimeOnly": True, "additionalData": '{"fleet": 1}'}

    made = tokens.create(parent=enterprise, body=body).execute()

    assert made["name"].startswith(f"{enterprise}/enrollmentTokens/")
    assert made["value"] in made["qrCode"]
    assert made["value"] == tokens.get(name=made["name"]).execute()["value"]
    assert [made["name"]] == [token["name"] for token in tokens.list(parent=enterprise).execute()["enrollmentTokens"]]
    assert {} == tokens.delete(name=made["name"]).execute()
    assert {} == tokens.list(parent=enterprise).execute()
    with pytest.raises(HttpError, match="404"):
        tokens.get(name=made["name"]).execute()


def test_an_enterprise_is_made_changed_and_deleted_with_all_it_holds(live: Live, enterprises: Any) -> None:  # noqa: ANN401
    made = enterprises.create(projectId="p", agreementAccepted=True, body={"enterpriseDisplayName": "One"}).execute()
    name = made["name"]
    topic = "projects/p/topics/t"
    assert {"name": name, "enterpriseDisplayName": "One"} == made == enterprises.get(name=name).execute()

    patch = {"pubsubTopic": topic, "enabledNotificationTypes": ["COMMAND"], "enterpriseDisplayName": "ignored"}
    changed = enterprises.patch(name=name, updateMask="pubsubTopic,enabledNotificationTypes", body=patch).execute()
    assert {**made, "pubsubTopic": topic, "enabledNotificationTypes": ["COMMAND"]} == changed
    cleared = enterprises.patch(name=name, updateMask="pubsubTopic,enabledNotificationTypes", body={}).execute()
    assert made == cleared
    assert made in enterprises.list(projectId="p", pageSize=100).execute()["enterprises"]

    device = live.device(name)
    assert {} == enterprises.delete(name=name).execute()
    for gone in (enterprises.get(name=name), enterprises.devices().get(name=device), enterprises.devices().list(parent=name)):
        with pytest.raises(HttpError) as error:
            gone.execute()
        assert (403, "Caller is not authorized to manage enterprise.") == (error.value.status_code, error.value.reason)


def test_errors_reach_the_clients_reason_and_details(enterprises: Any, device: str) -> None:  # noqa: ANN401
    with pytest.raises(HttpError) as bad:
        enterprises.devices().issueCommand(name=device, body={"type": "LOCK", "bogus": 1}).execute()
    with pytest.raises(HttpError) as missing:
        enterprises.devices().operations().get(name=f"{device}/operations/1").execute()

    assert 400 == bad.value.status_code
    assert "Invalid JSON payload received. Unknown name \"bogus\" at 'command': Cannot find field." == bad.value.reason
    details: Any = bad.value.error_details
    assert "command" == details[0]["fieldViolations"][0]["field"]
    assert (404, "Operation not found. Choose a valid operation id") == (missing.value.status_code, missing.value.reason)


def test_an_operation_that_expires_says_so(enterprises: Any, device: str) -> None:  # noqa: ANN401
    name = enterprises.devices().issueCommand(name=device, body={"type": "LOCK", "duration": "0.05s"}).execute()["name"]

    deadline = time.monotonic() + 60
    operation: dict[str, Any] = {}
    while "done" not in operation and time.monotonic() < deadline:
        operation = enterprises.devices().operations().get(name=name).execute()

    assert 4 == operation["error"]["code"]
