"""Whose demands a virtual phone obeys when a password is reset: those of the policy that it is served, and Android's own."""

import pytest

from heliograph.agent.profiles import PROFILES
from tests.sandbox.client import Client, Json

SANDBOX = "enterprises/sandbox"
DEFAULT = f"{SANDBOX}/policies/default"
CLEAR: Json = {"type": "RESET_PASSWORD", "newPassword": ""}
SIX_DIGITS: Json = {"type": "RESET_PASSWORD", "newPassword": "246810"}
FOUR_DIGITS: Json = {"type": "RESET_PASSWORD", "newPassword": "2468"}
TOKEN_PENDING = "moto-g5-a8-fully-managed"


@pytest.fixture(autouse=True)
def _the_user_has_unlocked_once(sandbox: Client) -> None:
    """Android 8 takes a reset token only once the user has confirmed the present password."""
    sandbox.post(f"/sandbox/v1/devices/{TOKEN_PENDING}:unlock")


def outcome(operation: Json) -> str:
    """How the command ended, in a word."""
    return str(operation["metadata"].get("errorCode") or ("done" if "response" in operation else "failed"))


def applied(sandbox: Client, phone: str) -> Json:
    """The device, with the policy that its phone has applied."""
    return sandbox.get(f"/v1/{SANDBOX}/devices/{phone}")


def serve(sandbox: Client, policy: Json, *phones: str) -> None:
    """The default policy is this one, and these phones have applied it."""
    version = sandbox.patch(f"/v1/{DEFAULT}", policy)["version"]
    sandbox.until(lambda: all(applied(sandbox, phone).get("appliedPolicyVersion") == version for phone in phones) or None)


def test_with_an_empty_policy_every_phone_takes_a_pin_and_lets_it_be_cleared(sandbox: Client) -> None:
    assert {"name": DEFAULT, "version": "1"} == sandbox.get(f"/v1/{DEFAULT}")

    outcomes = {phone: (outcome(sandbox.run(phone, SIX_DIGITS)), outcome(sandbox.run(phone, CLEAR))) for phone in PROFILES}

    assert dict.fromkeys(PROFILES, ("done", "done")) == outcomes


def test_a_password_is_cleared_that_nobody_has_set_before(sandbox: Client) -> None:
    """The ones that the phones come with, as with the passcode that a user chose."""
    outcomes = {phone: outcome(sandbox.run(phone, CLEAR)) for phone in PROFILES}

    assert dict.fromkeys(PROFILES, "done") == outcomes


def test_a_demand_in_the_policy_holds_on_every_phone_until_a_patch_lifts_it(sandbox: Client) -> None:
    demands = {"passwordPolicies": [{"passwordQuality": "NUMERIC", "passwordMinimumLength": 8}]}
    serve(sandbox, demands, *PROFILES)
    demanding = {phone: (outcome(sandbox.run(phone, SIX_DIGITS)), outcome(sandbox.run(phone, CLEAR))) for phone in PROFILES}

    serve(sandbox, {}, *PROFILES)
    lifted = {phone: (outcome(sandbox.run(phone, SIX_DIGITS)), outcome(sandbox.run(phone, CLEAR))) for phone in PROFILES}

    assert dict.fromkeys(PROFILES, ("INVALID_VALUE", "INVALID_VALUE")) == demanding
    assert dict.fromkeys(PROFILES, ("done", "done")) == lifted


def test_a_demand_lifted_by_another_policy_is_lifted_too(sandbox: Client) -> None:
    phone = "galaxy-a14-a13-byod"
    serve(sandbox, {"passwordPolicies": [{"passwordQuality": "COMPLEX"}]}, phone)
    refused = outcome(sandbox.run(phone, CLEAR))
    sandbox.patch(f"/v1/{SANDBOX}/policies/lenient", {"cameraDisabled": True})

    sandbox.patch(f"/v1/{SANDBOX}/devices/{phone}?updateMask=policyName", {"policyName": "lenient"})
    sandbox.until(lambda: applied(sandbox, phone).get("appliedPolicyName", "").endswith("/lenient") or None)

    assert ("INVALID_VALUE", "done") == (refused, outcome(sandbox.run(phone, CLEAR)))


def test_android_14_asks_for_six_digits_by_itself_and_no_other_phone_does(sandbox: Client) -> None:
    outcomes = {phone: outcome(sandbox.run(phone, FOUR_DIGITS)) for phone in PROFILES}

    assert {**dict.fromkeys(PROFILES, "done"), "pixel7-a14-cope": "INVALID_VALUE"} == outcomes


@pytest.mark.parametrize(
    "scope, device, profile",
    [
        ("SCOPE_UNSPECIFIED", "INVALID_VALUE", "INVALID_VALUE"),
        ("SCOPE_DEVICE", "INVALID_VALUE", "done"),
        ("SCOPE_PROFILE", "done", "INVALID_VALUE"),
    ],
)
def test_a_demand_holds_for_what_its_scope_says(sandbox: Client, scope: str, device: str, profile: str) -> None:
    """On a phone with a work profile the admin resets the profile's password, elsewhere the device's."""
    fully_managed, with_profile = "pixel8-a15-fully-managed", "galaxy-s9-a10-cope"

    serve(sandbox, {"passwordPolicies": [{"passwordQuality": "SOMETHING", "passwordScope": scope}]}, fully_managed, with_profile)

    assert (device, profile) == (outcome(sandbox.run(fully_managed, CLEAR)), outcome(sandbox.run(with_profile, CLEAR)))


def test_a_policy_that_nobody_has_made_demands_nothing(sandbox: Client) -> None:
    phone = "pixel9-a16qpr2-cope"
    sandbox.patch(f"/v1/{SANDBOX}/devices/{phone}?updateMask=policyName", {"policyName": "not-made"})

    assert "done" == outcome(sandbox.run(phone, CLEAR))


def test_the_token_of_android_8_waits_for_the_user_whatever_the_policy_says(sandbox: Client) -> None:
    sandbox.post(f"/sandbox/v1/devices/{TOKEN_PENDING}:reset")

    refused = sandbox.run(TOKEN_PENDING, CLEAR)

    assert "UNKNOWN" == refused["metadata"]["errorCode"]
    assert "token" in refused["error"]["message"]
