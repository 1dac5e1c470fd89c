"""`updateMask=*` replaces a resource whole (AIP-134), and a mask clears what the body leaves out."""

import json
from typing import Any

import pytest

from tests.api.live import Live

DISABLED = {"state": "DISABLED", "policyName": "kiosk", "disabledReason": {"defaultMessage": "Bring it back."}}


def patched(live: Live, name: str, body: object, mask: str = "") -> Any:  # noqa: ANN401 - any JSON
    """The resource afterwards."""
    answer = live.call("PATCH", f"/v1/{name}{'?updateMask=' + mask if mask else ''}", json.dumps(body))
    assert 200 == answer.status, answer.message
    return answer.json


def test_a_device_is_replaced_whole(live: Live, device: str, enterprise: str) -> None:
    before = live.call("GET", f"/v1/{device}").json
    disabled = patched(live, device, DISABLED, "*")

    after = patched(live, device, {}, "*")

    assert ("DISABLED", f"{enterprise}/policies/kiosk") == (disabled["state"], disabled["policyName"])
    assert {**before, "policyName": f"{enterprise}/policies/default"} == {**after, "state": before["state"]}
    assert "disabledReason" not in after


def test_a_device_is_sent_back_as_it_was_read(live: Live, device: str) -> None:
    """Its state may be one that only the server sets."""
    before = live.call("GET", f"/v1/{device}").json
    assert "PROVISIONING" == before["state"]

    assert [before] * 3 == [patched(live, device, before, mask) for mask in ("", "*", "state,policyName,disabledReason")]


def test_a_state_that_the_device_does_not_have_is_still_refused(live: Live, device: str) -> None:
    answers = [live.call("PATCH", f"/v1/{device}?updateMask={mask}", '{"state":"LOST"}') for mask in ("*", "state")]

    assert [400, 400] == [answer.status for answer in answers]


@pytest.mark.parametrize("body", [{}, {"policyName": ""}])
def test_clearing_the_policy_name_gives_the_default_policy(live: Live, device: str, enterprise: str, body: object) -> None:
    patched(live, device, {"policyName": "kiosk"})

    assert f"{enterprise}/policies/default" == patched(live, device, body, "policyName")["policyName"]


def test_an_enterprise_is_replaced_whole_and_keeps_what_is_not_the_callers(live: Live, enterprise: str) -> None:
    patched(live, enterprise, {"enterpriseDisplayName": "Old", "primaryColor": 7, "contactInfo": {"contactEmail": "a@example.com"}})

    assert {"name": enterprise, "enterpriseDisplayName": "New"} == patched(live, enterprise, {"enterpriseDisplayName": "New"}, "*")


def test_a_policy_is_replaced_whole(live: Live, enterprise: str) -> None:
    name = f"{enterprise}/policies/kiosk"
    patched(live, name, {"cameraDisabled": True, "applications": [{"packageName": "com.example"}]})

    assert {"name": name, "version": "2", "funDisabled": True} == patched(live, name, {"funDisabled": True}, "*")


def test_an_application_of_a_policy_is_replaced_whole(live: Live, enterprise: str) -> None:
    name = f"{enterprise}/policies/kiosk"
    patched(live, name, {"applications": [{"packageName": "com.example", "installType": "KIOSK"}]})

    change = {"application": {"packageName": "com.example", "disabled": True}, "updateMask": "*"}
    answer = live.post(f"/v1/{name}:modifyPolicyApplications", {"changes": [change]})

    assert [change["application"]] == answer.json["policy"]["applications"]


@pytest.mark.parametrize("mask", ["*,state", "state,*", "**", "disabledReason.*", "*.state"])
def test_the_star_stands_alone(live: Live, device: str, mask: str) -> None:
    answer = live.call("PATCH", f"/v1/{device}?updateMask={mask}", "{}")

    assert 400 == answer.status
    assert "Invalid field mask: " in answer.message


@pytest.mark.both_ways
def test_a_partial_list_of_operations_is_not_supported_as_googles_document_says(live: Live, device: str) -> None:
    live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"})

    asked, declined, plain = (
        live.call("GET", f"/v1/{device}/operations{query}") for query in ("?returnPartialSuccess=true", "?returnPartialSuccess=false", "")
    )

    assert (501, "UNIMPLEMENTED") == (asked.status, asked.json["error"]["status"])
    assert (200, plain.json) == (declined.status, declined.json)
    assert 1 == len(plain.json["operations"])


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/enterprises/a/devices/b:c", "/heliograph/v1/nothing", "/v1/", "/nothing/at/all"])
def test_a_path_that_leads_nowhere_is_shown_whole(live: Live, path: str) -> None:
    assert f"The requested URL {path} was not found on this server." == live.call("GET", path).message


def test_nor_is_anything_cut_off_a_path_that_takes_another_method(live: Live, device: str) -> None:
    message = live.call("PUT", f"/v1/{device}").message

    assert f"/v1/{device}" in message or "/v1" not in message
