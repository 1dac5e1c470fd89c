"""Policies as a caller sees them with Google's own Python client, and as virtual phones take them."""

from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.sandbox.client import Client, Json

SANDBOX = "enterprises/sandbox"
PIXEL = "pixel8-a15-fully-managed"
STRICT = f"{SANDBOX}/policies/strict"


@pytest.fixture
def policies(google: Any) -> Any:  # noqa: ANN401
    """The client's `enterprises().policies()`."""
    return google.enterprises().policies()


def applied(sandbox: Client, policy: Json, phone: str = PIXEL) -> Json | None:
    """The device once its phone has applied this policy."""
    device = sandbox.get(f"/v1/{SANDBOX}/devices/{phone}")
    wanted = (policy["name"], policy["version"])
    return device if wanted == (device.get("appliedPolicyName"), device.get("appliedPolicyVersion")) else None


def test_google_s_client_makes_reads_lists_changes_and_deletes_policies(policies: Any) -> None:  # noqa: ANN401
    made = policies.patch(name=STRICT, body={"cameraDisabled": True, "applications": [{"packageName": "a"}]}).execute()
    changed = policies.patch(name=STRICT, body={"funDisabled": True}, updateMask="funDisabled").execute()
    change = {"application": {"packageName": "b", "installType": "KIOSK"}}
    modified = policies.modifyPolicyApplications(name=STRICT, body={"changes": [change]}).execute()["policy"]
    removed = policies.removePolicyApplications(name=STRICT, body={"packageNames": ["a"]}).execute()["policy"]

    assert {"name": STRICT, "version": "1", "cameraDisabled": True, "applications": [{"packageName": "a"}]} == made
    assert {**made, "version": "2", "funDisabled": True} == changed
    assert [{"packageName": "a"}, change["application"]] == modified["applications"]
    assert {**changed, "version": "4", "applications": [change["application"]]} == removed == policies.get(name=STRICT).execute()
    listed = policies.list(parent=SANDBOX).execute()["policies"]
    assert [{"name": f"{SANDBOX}/policies/default", "version": "1"}, removed] == listed

    assert {} == policies.delete(name=STRICT).execute()
    with pytest.raises(HttpError) as gone:
        policies.get(name=STRICT).execute()
    assert 404 == gone.value.status_code


def test_a_typing_error_is_told_in_googles_words(policies: Any) -> None:  # noqa: ANN401
    with pytest.raises(HttpError) as refused:
        policies.patch(name=STRICT, body={"passwordRequirement": {}, "playStoreMode": "WHITE_LIST"}).execute()

    assert 400 == refused.value.status_code
    assert "Unknown name \"passwordRequirement\" at 'policy'" in refused.value.reason
    assert "Invalid value at 'policy.play_store_mode' (type.googleapis.com/" in refused.value.reason


def test_a_connected_phone_applies_a_policy_when_it_is_changed(sandbox: Client, policies: Any) -> None:  # noqa: ANN401
    default = f"{SANDBOX}/policies/default"
    sandbox.until(lambda: applied(sandbox, {"name": default, "version": "1"}))

    changed = policies.patch(name=default, body={"cameraDisabled": True}).execute()

    assert "2" == changed["version"]
    assert sandbox.until(lambda: applied(sandbox, changed))


def test_a_phone_that_is_given_a_policy_applies_it_once_somebody_has_made_it(sandbox: Client, policies: Any) -> None:  # noqa: ANN401
    device = sandbox.patch(f"/v1/{SANDBOX}/devices/{PIXEL}?updateMask=policyName", {"policyName": "strict"})
    assert STRICT == device["policyName"]
    sandbox.until(lambda: "appliedPolicyName" not in sandbox.get(f"/v1/{SANDBOX}/devices/{PIXEL}") or None)

    made = policies.patch(name=STRICT, body={}).execute()

    assert sandbox.until(lambda: applied(sandbox, made))


def test_a_phone_that_was_offline_applies_what_changed_meanwhile(sandbox: Client, policies: Any) -> None:  # noqa: ANN401
    default = f"{SANDBOX}/policies/default"
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    policies.patch(name=default, body={"funDisabled": True}).execute()
    changed = policies.patch(name=default, body={"smsDisabled": True}).execute()

    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": True})

    assert sandbox.until(lambda: applied(sandbox, changed))


def test_a_connected_phone_is_disabled_and_enabled_at_once(sandbox: Client) -> None:
    path = f"/v1/{SANDBOX}/devices/{PIXEL}?updateMask=state,disabledReason"

    reason = {"defaultMessage": "Rapportez-le.", "localizedMessages": {"en": "Bring it back."}}
    sandbox.patch(path, {"state": "DISABLED", "disabledReason": reason})
    disabled = sandbox.until(lambda: phone if (phone := sandbox.phone(PIXEL))["disabled"] else None)
    sandbox.patch(path, {"state": "ACTIVE"})

    assert "Bring it back." == disabled["disabledReason"]
    assert sandbox.until(lambda: not sandbox.phone(PIXEL)["disabled"] or None)


def test_the_policys_wipe_flags_take_the_esims_with_them(sandbox: Client, policies: Any) -> None:  # noqa: ANN401
    """As at a WIPE with the flag, and not without."""
    policies.patch(name=f"{SANDBOX}/policies/default", body={"wipeDataFlags": ["WIPE_ESIMS"]}).execute()
    code = {"activationCode": "LPA:1$sm-dp.example.com$GOOD", "activationState": "ACTIVATED"}
    sandbox.run(PIXEL, {"addEsimParams": code})
    before = sandbox.phone(PIXEL)["esims"]

    assert "response" in sandbox.run(PIXEL, {"wipeParams": {}})

    wiped = sandbox.until(lambda: phone if (phone := sandbox.phone(PIXEL))["factoryResets"] else None)
    assert ([], True) == (wiped["esims"], bool(before))


def test_a_phone_takes_passwords_as_its_policy_demands(sandbox: Client, policies: Any) -> None:  # noqa: ANN401
    default = f"{SANDBOX}/policies/default"
    reset = {"type": "RESET_PASSWORD", "newPassword": "123456"}

    demands = {"passwordQuality": "ALPHANUMERIC", "passwordMinimumLength": 8}
    strict = policies.patch(name=default, body={"passwordPolicies": [demands]}).execute()
    sandbox.until(lambda: applied(sandbox, strict))
    refused = sandbox.run(PIXEL, reset)
    fitting = sandbox.run(PIXEL, {**reset, "newPassword": "abcd1234"})
    lenient = policies.patch(name=default, body={}).execute()
    sandbox.until(lambda: applied(sandbox, lenient))

    assert "INVALID_VALUE" == refused["metadata"]["errorCode"]
    assert "response" in fitting
    assert "response" in sandbox.run(PIXEL, reset)
