"""A phone from before Android 7: it enrols, and refuses what its system cannot do."""

import pytest

from tests.sandbox.client import Client, Json

OLD = "android-6"
APP = "com.slack"


@pytest.mark.parametrize(
    "command, error_code",
    [
        ({"type": "LOCK"}, None),
        ({"type": "RESET_PASSWORD", "newPassword": "271828"}, None),
        ({"type": "REBOOT"}, "API_LEVEL"),
        ({"startLostModeParams": {"lostEmailAddress": "it@example.com"}}, "API_LEVEL"),
        ({"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$PLAN"}}, "API_LEVEL"),
        ({"type": "WIPE", "wipeParams": {}}, None),
    ],
)
def test_a_phone_below_level_24_is_managed_as_far_as_it_goes(sandbox: Client, command: Json, error_code: str | None) -> None:
    """The levels are the reference page's, which asks for none but REBOOT's 24 here."""
    body = {"deviceId": OLD, "profile": "legacy-a7-fully-managed", "overrides": {"apiLevel": 23}}
    name = sandbox.post("/sandbox/v1/devices", body)["name"]
    device = sandbox.get(f"/v1/{name}")

    operation = sandbox.run(OLD, command)

    assert ("ACTIVE", 23) == (device["state"], device["apiLevel"])
    assert error_code == operation["metadata"].get("errorCode")
    assert (9 if error_code else None) == operation.get("error", {}).get("code")


def test_its_apps_are_not_cleared_each_for_the_same_reason(sandbox: Client) -> None:
    sandbox.post("/sandbox/v1/devices", {"deviceId": OLD, "profile": "legacy-a7-fully-managed", "overrides": {"apiLevel": 23}})

    operation = sandbox.run(OLD, {"clearAppsDataParams": {"packageNames": [APP]}})

    assert {APP: {"clearingResult": "API_LEVEL"}} == operation["metadata"]["clearAppsDataStatus"]["results"]
