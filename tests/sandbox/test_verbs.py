"""What a test does to a phone by hand: it happens, or the answer says that nothing did."""

import pytest

from tests.sandbox.client import Client, Json, Refused

PIXEL = "pixel8-a15-fully-managed"
BYOD = "galaxy-s25-a15-byod"
COPE = "pixel7-a14-cope"
MOTO = "moto-g5-a8-fully-managed"
PHONE = "/sandbox/v1/devices/"


def refusal(client: Client, path: str, body: Json | None = None) -> Json:
    """The error of a verb that could do nothing."""
    with pytest.raises(Refused) as refused:
        client.post(PHONE + path, body)
    return refused.value.error


def asked(client: Client, phone: str) -> Json:
    """What the phone asks its user, once it does."""
    return client.until(lambda: questions[0] if (questions := client.get(PHONE + phone)["userIsAsked"]) else None)


def made(client: Client, profile: str, **overrides: object) -> str:
    """The id of a new phone."""
    body = {"deviceId": "mine", "profile": profile, "overrides": overrides}
    return str(client.post("/sandbox/v1/devices", body)["id"])


@pytest.mark.parametrize("verb", ["approve", "decline", "enterWrongCode", "leaveLostMode"])
def test_a_verb_that_finds_nothing_to_do_says_so(sandbox: Client, verb: str) -> None:
    assert "FAILED_PRECONDITION" == refusal(sandbox, f"{PIXEL}:{verb}")["status"]


def test_a_wrong_password_opens_nothing_and_says_so(sandbox: Client) -> None:
    phone = made(sandbox, PIXEL, devicePassword="271828")
    sandbox.run(phone, {"type": "LOCK"})
    before = sandbox.phone(phone)

    error = refusal(sandbox, f"{phone}:unlock", {"password": "314159"})

    assert ("FAILED_PRECONDITION", before) == (error["status"], sandbox.phone(phone))
    assert "314159" not in str(error)
    assert not sandbox.post(f"{PHONE}{phone}:unlock", {"password": "271828"})["phone"]["locked"]


def test_a_wrong_confirmation_code_ends_the_download(sandbox: Client) -> None:
    sandbox.patch(PHONE + PIXEL, {"consent": "IGNORE"})
    operation = sandbox.issue(PIXEL, {"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$CODE-4711$$1"}})
    assert "the user's confirmation code" == asked(sandbox, PIXEL)["for"]

    sandbox.post(f"{PHONE}{PIXEL}:enterWrongCode")

    details = sandbox.wait(operation)["metadata"]["esimStatus"]["internalErrorDetails"]
    assert ("ERROR_INVALID_CONFIRMATION_CODE", "10002") == (details["errorCodeDetail"], details["errorCode"])
    assert [] == sandbox.phone(PIXEL)["esims"]


def test_consent_is_no_confirmation_code(sandbox: Client) -> None:
    sandbox.patch(PHONE + BYOD, {"consent": "IGNORE"})
    sandbox.issue(BYOD, {"requestDeviceInfoParams": {"deviceInfo": "EID"}})
    asked(sandbox, BYOD)

    assert "does not ask its user for the user's confirmation code" in refusal(sandbox, f"{BYOD}:enterWrongCode")["message"]


@pytest.mark.parametrize("consent", ["APPROVE", "DECLINE", "IGNORE"])
def test_consent_is_spelled_in_one_way(sandbox: Client, consent: str) -> None:
    phone = made(sandbox, PIXEL, consent=consent)

    assert consent == sandbox.get(PHONE + phone)["consent"]
    assert consent == sandbox.patch(PHONE + PIXEL, {"consent": consent})["consent"]
    with pytest.raises(Refused, match="APPROVE, DECLINE, IGNORE"):
        sandbox.post("/sandbox/v1/devices", {"deviceId": "other", "profile": PIXEL, "overrides": {"consent": consent.lower()}})


def test_a_phone_that_its_user_restarts_starts_locked_and_does_what_came_meanwhile(sandbox: Client) -> None:
    phone = made(sandbox, PIXEL, devicePassword="271828")
    sandbox.patch(PHONE + phone, {"rebootDuration": "0.5s"})
    boots = sandbox.phone(phone)["boots"]
    assert not sandbox.phone(phone)["locked"]

    sandbox.post(f"{PHONE}{phone}:reboot")
    meanwhile = sandbox.issue(phone, {"clearAppsDataParams": {"packageNames": ["com.android.chrome"]}})

    assert "clearAppsDataStatus" in sandbox.wait(meanwhile)["metadata"]
    assert (boots + 1, True) == (sandbox.phone(phone)["boots"], sandbox.phone(phone)["locked"])


def test_a_phone_that_is_off_is_not_restarted_again(sandbox: Client) -> None:
    sandbox.patch(PHONE + PIXEL, {"rebootDuration": "3600s"})
    sandbox.post(f"{PHONE}{PIXEL}:reboot")
    sandbox.until(lambda: sandbox.get(PHONE + PIXEL)["condition"] == "off")

    assert "restarting already" in refusal(sandbox, f"{PIXEL}:reboot")["message"]


def test_a_wiped_phone_is_restarted_too(sandbox: Client) -> None:
    sandbox.run(MOTO, {"type": "WIPE"})
    sandbox.until(lambda: sandbox.phone(MOTO)["managementKind"] is None)
    boots = sandbox.phone(MOTO)["boots"]

    sandbox.post(f"{PHONE}{MOTO}:reboot")

    assert sandbox.until(lambda: sandbox.phone(MOTO)["boots"] == boots + 1)


def test_a_call_keeps_the_phone_from_restarting_until_it_ends(sandbox: Client) -> None:
    sandbox.patch(PHONE + PIXEL, {"ongoingCall": True})
    during = sandbox.run(PIXEL, {"type": "REBOOT"})
    sandbox.patch(PHONE + PIXEL, {"ongoingCall": False})

    assert "UNKNOWN" == during["metadata"]["errorCode"]
    assert "response" in sandbox.run(PIXEL, {"type": "REBOOT"})


def test_a_phone_that_is_being_set_up_takes_no_esim(sandbox: Client) -> None:
    sandbox.patch(PHONE + PIXEL, {"setupInProgress": True})

    operation = sandbox.run(PIXEL, {"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$GOOD"}})

    assert "ERROR_SETUP_IN_PROGRESS" == operation["metadata"]["esimStatus"]["status"]


def test_a_paused_work_profile_keeps_lost_mode_away(sandbox: Client) -> None:
    lost = {"startLostModeParams": {"lostEmailAddress": "it@example.com"}}

    assert sandbox.patch(PHONE + COPE, {"workProfilePaused": True})["phone"]["workProfile"]["paused"]
    assert "UNKNOWN" == sandbox.run(COPE, lost)["metadata"]["errorCode"]

    sandbox.patch(PHONE + COPE, {"workProfilePaused": False})
    assert "response" in sandbox.run(COPE, lost)


def test_a_phone_without_a_work_profile_cannot_pause_it_and_nothing_else_is_done(sandbox: Client) -> None:
    with pytest.raises(Refused, match="The phone has no work profile"):
        sandbox.patch(PHONE + PIXEL, {"workProfilePaused": True, "online": False})

    assert sandbox.get(PHONE + PIXEL)["online"]


def test_a_companys_phone_in_french_shows_french(sandbox: Client) -> None:
    phone = made(sandbox, PIXEL, language="fr-CA")
    text = {"defaultMessage": "Please call us.", "localizedMessages": {"fr": "Appelez-nous."}}

    sandbox.run(phone, {"startLostModeParams": {"lostMessage": text}})
    device = f"/v1/enterprises/sandbox/devices/{phone}"
    sandbox.patch(f"{device}?updateMask=state,disabledReason", {"state": "DISABLED", "disabledReason": text})

    shown = sandbox.until(lambda: found if (found := sandbox.phone(phone))["disabled"] else None)
    assert ("Appelez-nous.", "Appelez-nous.") == (shown["lostMode"]["message"], shown["disabledReason"])
    sandbox.patch("/v1/enterprises/sandbox/policies/default", {"statusReportingSettings": {"softwareInfoEnabled": True}})
    assert "fr-CA" == sandbox.until(lambda: sandbox.get(device).get("softwareInfo"))["primaryLanguageCode"]
