"""What consoles read of a device: asked for through the policy, judged by the phone, steered by a test."""

from typing import Any

import pytest

from heliograph.domain.phone.report_fields import REPORTED
from tests.commands.policies import SWITCHES
from tests.sandbox.client import Client, Json, Refused

PIXEL = "pixel8-a15-fully-managed"
DEVICE = f"/v1/enterprises/sandbox/devices/{PIXEL}"
STEER = f"/sandbox/v1/devices/{PIXEL}"
POLICY = "/v1/enterprises/sandbox/policies/default"
EVERYTHING = {"statusReportingSettings": dict.fromkeys(SWITCHES, True)}


def apply(sandbox: Client, policy: Json) -> Json:
    """The device once its phone applies the policy."""
    version = sandbox.patch(POLICY, policy)["version"]
    device: Json = sandbox.until(lambda: found if (found := sandbox.get(DEVICE)).get("appliedPolicyVersion") == version else None)
    return device


def test_a_device_shows_what_its_policy_asks_for_and_not_what_it_asked_for_before(sandbox: Client) -> None:
    gated = {row.name for row in REPORTED if row.switch and row.api_level <= 35}

    assert not gated & set(sandbox.get(DEVICE))
    asked = apply(sandbox, EVERYTHING)
    assert gated <= set(asked)
    listed = next(one for one in sandbox.get("/v1/enterprises/sandbox/devices?pageSize=100")["devices"] if one["name"] == asked["name"])
    assert asked == listed
    assert not gated & set(apply(sandbox, {}))


def test_a_device_complies_or_says_why_not(sandbox: Client) -> None:
    strict = apply(sandbox, {"minimumApiLevel": 36})
    lenient = apply(sandbox, {"minimumApiLevel": 35})

    assert [{"settingName": "minimumApiLevel", "nonComplianceReason": "OS_NOT_PERMITTED", "currentValue": 35}] == strict[
        "nonComplianceDetails"
    ]
    assert "policyCompliant" not in strict
    assert (True, None) == (lenient["policyCompliant"], lenient.get("nonComplianceDetails"))
    assert lenient["lastStatusReportTime"] == lenient["lastPolicyComplianceReportTime"]


def test_apps_are_installed_configured_updated_and_removed_as_the_policy_says(sandbox: Client) -> None:
    reports = {"applicationReportsEnabled": True, "applicationReportingSettings": {"includeRemovedApps": True}}
    app = {"packageName": "com.example.new", "installType": "FORCE_INSTALLED", "managedConfiguration": {"server": "a", "ports": [1, 2]}}

    def report(*applications: Json) -> Json:
        device = apply(sandbox, {"statusReportingSettings": reports, "applications": list(applications)})
        found: Json = next(one for one in device["applicationReports"] if one["packageName"] == "com.example.new")
        return found

    installed = report(app)
    updated = report({**app, "minimumVersionCode": 99_999, "managedConfiguration": {"server": "b"}})
    removed = report({"packageName": "com.example.new", "installType": "BLOCKED"})

    assert "INSTALLED" == installed["state"]
    assert [("server", "a"), ("ports", "[1, 2]")] == [(state["key"], state["data"]) for state in installed["keyedAppStates"]]
    assert (99_999, ["b"]) == (updated["versionCode"], [state["data"] for state in updated["keyedAppStates"]])
    assert ("REMOVED", ["INSTALLED", "REMOVED"]) == (removed["state"], [event["eventType"] for event in removed["events"]])
    assert "com.example.new" not in [one["package"] for one in sandbox.get(STEER)["phone"]["apps"]]


def test_a_password_expires_by_the_clock_of_its_world_until_it_is_another(sandbox: Client) -> None:
    sandbox.run("pixel8-a15-fully-managed", {"type": "RESET_PASSWORD", "newPassword": "271828"})
    strict = apply(sandbox, {"passwordPolicies": [{"passwordQuality": "NUMERIC", "passwordExpirationTimeout": "172800s"}]})

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "172800s"})
    (expired,) = sandbox.until(lambda: sandbox.get(DEVICE).get("nonComplianceDetails"))
    sandbox.run("pixel8-a15-fully-managed", {"type": "RESET_PASSWORD", "newPassword": "314159"})

    assert strict["policyCompliant"]
    assert "PASSWORD_POLICIES_PASSWORD_EXPIRED" == expired["specificNonComplianceReason"]
    assert sandbox.until(lambda: sandbox.get(DEVICE).get("policyCompliant"))


def test_a_user_switches_location_on_where_a_policy_cannot(sandbox: Client) -> None:
    device, steer = "/v1/enterprises/sandbox/devices/pixel7-a14-cope", "/sandbox/v1/devices/pixel7-a14-cope"
    sandbox.patch(steer, {"locationOn": False})
    apply(sandbox, {"locationMode": "LOCATION_ENFORCED"})

    details = sandbox.until(lambda: sandbox.get(device).get("nonComplianceDetails"))
    sandbox.patch(steer, {"locationOn": True})

    assert [{"settingName": "locationMode", "nonComplianceReason": "USER_ACTION"}] == details
    assert sandbox.until(lambda: sandbox.get(device).get("policyCompliant"))


def test_a_phone_keeps_the_apps_that_it_came_with_unless_the_policy_says_whitelist(sandbox: Client) -> None:
    asked: Json = {"statusReportingSettings": {"applicationReportsEnabled": True}}

    def apps(**policy: str) -> set[str]:
        return {report["packageName"] for report in apply(sandbox, {**asked, **policy}).get("applicationReports", [])}

    came_with = apps()
    left = apps(playStoreMode="WHITELIST")

    assert "com.slack" in came_with
    assert "com.slack" not in left


def test_an_app_that_cannot_be_installed_is_reported_until_it_can(sandbox: Client) -> None:
    sandbox.patch(STEER, {"appFailures": {"com.example.new": "INSUFFICIENT_STORAGE"}})
    device = apply(sandbox, {"applications": [{"packageName": "com.example.new", "installType": "REQUIRED_FOR_SETUP"}]})

    detail = {"settingName": "applications", "packageName": "com.example.new", "nonComplianceReason": "APP_NOT_INSTALLED"}
    assert [{**detail, "installationFailureReason": "INSUFFICIENT_STORAGE"}] == device["nonComplianceDetails"]

    sandbox.patch(STEER, {"appFailures": {}})
    assert sandbox.until(lambda: sandbox.get(DEVICE).get("policyCompliant"))


SOME: dict[str, Any] = {
    "securityPosture": {"devicePosture": "AT_RISK", "postureDetails": [{"securityRisk": "UNKNOWN_OS"}]},
    "deviceSettings": {"encryptionStatus": "INACTIVE"},
    "softwareInfo": {"systemUpdateInfo": {"updateStatus": "SECURITY_UPDATE_AVAILABLE", "updateReceivedTime": "2026-01-01T00:00:00Z"}},
    "memoryEvents": [{"eventType": "EXTERNAL_STORAGE_REMOVED", "createTime": "2026-01-01T00:00:00Z"}],
    "displays": [{"name": "Beamer", "displayId": 7}],
}


def test_a_test_has_a_phone_report_what_it_likes_until_it_ends_that(sandbox: Client) -> None:
    before = apply(sandbox, {**EVERYTHING, "encryptionPolicy": "ENABLED_WITHOUT_PASSWORD"})

    sandbox.patch(STEER, {"report": SOME})
    shown = sandbox.until(lambda: found if "nonComplianceDetails" in (found := sandbox.get(DEVICE)) else None)
    sandbox.patch(STEER, {"report": {}})
    after = sandbox.until(lambda: found if "nonComplianceDetails" not in (found := sandbox.get(DEVICE)) else None)

    assert SOME == {name: shown[name] for name in SOME}
    assert [{"settingName": "encryptionPolicy", "nonComplianceReason": "USER_ACTION"}] == shown["nonComplianceDetails"]
    assert {name: before[name] for name in SOME} == {name: after[name] for name in SOME}


def test_null_and_the_numbers_of_values_are_taken_as_in_all_json_of_protobuf(sandbox: Client) -> None:
    """A phone that could not report them would be lost to its server."""
    packages = ["com.example.numbered", "com.example.nothing"]
    sandbox.patch(STEER, {"report": {"deviceSettings": None}, "appFailures": dict(zip(packages, [3, None], strict=True))})

    applications = [{"packageName": package, "installType": "FORCE_INSTALLED"} for package in packages]
    device = apply(sandbox, {**EVERYTHING, "ensureVerifyAppsEnabled": True, "applications": applications})

    assert [
        ("applications", "NOT_FOUND"), ("applications", None), ("ensureVerifyAppsEnabled", None)
    ] == [(detail["settingName"], detail.get("installationFailureReason")) for detail in device["nonComplianceDetails"]]  # fmt: skip
    assert "deviceSettings" not in device


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"report": {"state": "ACTIVE"}}, "state is the server's to fill"),
        ({"report": {"securityPosture": {"devicePosture": "FINE"}}}, "FINE"),
        ({"report": {"device_settings": {}}}, "canonical JSON"),
        ({"appFailures": {"com.example.new": "TOO_LAZY"}}, "TOO_LAZY"),
    ],
)
def test_what_no_phone_can_report_is_refused(sandbox: Client, wrong: Json, said: str) -> None:
    with pytest.raises(Refused, match=said):
        sandbox.patch(STEER, wrong)


def test_a_wiped_phone_leaves_no_status_behind(sandbox: Client) -> None:
    apply(sandbox, EVERYTHING)

    sandbox.run(PIXEL, {"wipeParams": {}})

    left = [status["device"] for status in sandbox.post("/sandbox/v1:export")["tables"]["statuses"]]
    assert left
    assert PIXEL not in left
