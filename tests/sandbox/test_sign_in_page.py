"""A phone comes to an enterprise's sign-in page: the whole way of a program's page, with Google's own client."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.google import google

PAGE = "https://emm.example.com/sign-in?tenant=7"
PIXEL, BYOD, COPE = "pixel8-a15-fully-managed", "galaxy-a14-a13-byod", "pixel7-a14-cope"


@pytest.fixture
def page(sandbox: Client) -> Client:
    """A sandbox whose enterprise has a sign-in page."""
    sandbox.patch("/v1/enterprises/sandbox?updateMask=signinDetails", {"signinDetails": [{"signinUrl": PAGE, "tokenTag": "staff"}]})
    return sandbox


def opened(url: str) -> str:
    """The name that the page finds in the address which the phone's browser opens."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    assert ("emm.example.com", "/sign-in", ["7"]) == (parts.netloc, parts.path, query["tenant"])
    return query["provisioningInfo"][0]


def arrive(sandbox: Client, profile: str, **more: object) -> Json:
    """A phone of this profile comes to the page."""
    return sandbox.post("/sandbox/v1/provisioningInfo", {"profile": profile, **more})


def shown(sandbox: Client, name: str) -> Any:  # noqa: ANN401 - any JSON
    """What Google's client reads."""
    with google(sandbox) as amapi:
        return amapi.provisioningInfo().get(name=name).execute()


def test_a_page_learns_who_comes_makes_a_token_and_the_phone_enrols_with_it(page: Client) -> None:
    name = opened(arrive(page, PIXEL, authenticatedUserEmail="ada@example.com")["signinUrl"])

    info = shown(page, name)
    page.patch(f"/v1/{info['enterprise']}/policies/staff", {"statusReportingSettings": {"networkInfoEnabled": True}})
    token = page.post(f"/v1/{info['enterprise']}/enrollmentTokens", {"policyName": "staff", "oneTimeOnly": True})["value"]
    device = page.get(f"/v1/{page.post('/sandbox/v1/devices', {'profile': PIXEL, 'enrollmentToken': token})['name']}")

    assert {
        "name": name, "enterprise": "enterprises/sandbox", "managementMode": "DEVICE_OWNER", "ownership": "COMPANY_OWNED",
        "brand": "google", "model": "Pixel 8", "apiLevel": 35, "authenticatedUserEmail": "ada@example.com",
        "serialNumber": device["hardwareInfo"]["serialNumber"], "imei": device["networkInfo"]["imei"],
    } == info  # fmt: skip
    assert f"{info['enterprise']}/policies/staff" == device["policyName"]


def test_a_cdma_phone_says_its_meid_too(page: Client) -> None:
    numbers = {"imei": "490154203237518", "meid": "A00000292788E1"}

    info = shown(page, arrive(page, "legacy-a7-fully-managed", overrides=numbers)["name"])

    assert numbers == {name: info[name] for name in numbers}


def test_a_personal_phone_does_not_say_its_serial_number(page: Client) -> None:
    info = shown(page, arrive(page, BYOD)["name"])

    assert ("PROFILE_OWNER", "PERSONALLY_OWNED") == (info["managementMode"], info["ownership"])
    assert {"serialNumber", "imei", "meid", "authenticatedUserEmail"}.isdisjoint(info)


def test_the_sign_in_detail_says_how_a_company_phone_is_set_up(sandbox: Client) -> None:
    details = [
        {"signinUrl": "https://a.example.com", "tokenTag": "kiosks", "allowPersonalUsage": "PERSONAL_USAGE_DISALLOWED_USERLESS"},
        {"signinUrl": "https://b.example.com", "tokenTag": "staff", "defaultStatus": "SIGNIN_DETAIL_IS_DEFAULT"},
    ]
    sandbox.patch("/v1/enterprises/sandbox?updateMask=signinDetails", {"signinDetails": details})

    staff, kiosk = arrive(sandbox, COPE), arrive(sandbox, COPE, tokenTag="kiosks")

    assert ("https://b.example.com?", "https://a.example.com?") == (staff["signinUrl"][:22], kiosk["signinUrl"][:22])
    assert ["PROFILE_OWNER", "DEVICE_OWNER"] == [shown(sandbox, each["name"])["managementMode"] for each in (staff, kiosk)]


def details_after(sandbox: Client, *details: Json) -> list[Json]:
    """The sign-in details after a patch with these."""
    patched = sandbox.patch("/v1/enterprises/sandbox?updateMask=signinDetails", {"signinDetails": list(details)})
    found: list[Json] = patched.get("signinDetails", [])
    return found


def test_the_server_makes_the_token_and_the_qr_code_of_a_sign_in_detail_whatever_the_caller_says(sandbox: Client) -> None:
    (detail,) = details_after(sandbox, {"signinUrl": PAGE, "signinEnrollmentToken": "mine", "qrCode": "mine"})

    assert re.fullmatch("[A-Z]{20}", detail["signinEnrollmentToken"])
    extras = json.loads(detail["qrCode"])["android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"]
    assert {"server_url": sandbox.url, "enrollment_token": detail["signinEnrollmentToken"]} == extras


def test_a_sign_in_detail_keeps_its_token_until_it_leaves_the_list(sandbox: Client) -> None:
    staff, kiosks = {"signinUrl": PAGE, "tokenTag": "staff"}, {"signinUrl": PAGE, "tokenTag": "kiosks"}
    first, second = details_after(sandbox, staff, kiosks)
    assert first["signinEnrollmentToken"] != second["signinEnrollmentToken"]

    assert [first] == details_after(sandbox, staff)
    kept, again = details_after(sandbox, staff, kiosks)

    assert first == kept

    assert again["signinEnrollmentToken"] != second["signinEnrollmentToken"]


def test_one_of_the_sign_in_details_is_the_default(sandbox: Client) -> None:
    one, other = {"signinUrl": PAGE, "tokenTag": "1"}, {"signinUrl": PAGE, "tokenTag": "2"}
    default = {"defaultStatus": "SIGNIN_DETAIL_IS_DEFAULT"}

    chosen = details_after(sandbox, one, other)
    assert [True, False] == [default.items() <= detail.items() for detail in chosen]
    with pytest.raises(Refused, match=r"signin_details\[0\] is the default already"):
        details_after(sandbox, one | default, other | default)

    assert chosen == sandbox.get("/v1/enterprises/sandbox")["signinDetails"]


def test_a_new_sign_in_detail_that_is_sent_twice_is_stored_once_and_a_stored_one_is_refused(sandbox: Client) -> None:
    """Source: disc, SigninDetail: "it will store the first one", and "otherwise it will give a duplicate key error"."""
    detail = {"signinUrl": PAGE}
    stored = details_after(sandbox, detail, detail)

    with pytest.raises(Refused, match=r"signin_details\[1\] is stored already") as refusal:
        details_after(sandbox, detail, detail)

    assert (1, 400) == (len(stored), refusal.value.error["code"])


def test_a_code_is_valid_for_an_hour_and_only_as_it_was_made(page: Client) -> None:
    name = arrive(page, PIXEL)["name"]
    assert shown(page, name)

    with pytest.raises(Refused) as forged:
        page.get(f"/v1/{name[:-1]}x")
    page.post("/sandbox/v1/clock:advance", {"duration": "3600s"})
    with pytest.raises(Refused) as late:
        page.get(f"/v1/{name}")

    assert [404, 404] == [forged.value.error["code"], late.value.error["code"]]
    assert "older than an hour" in str(late.value)


@pytest.mark.parametrize(
    "body, said",
    [
        ({}, "profile is required. The profiles: pixel8-a15-fully-managed, "),
        ({"profile": "nokia"}, "No such profile. The profiles are: "),
        ({"profile": PIXEL, "tokenTag": "guests"}, "enterprises/sandbox has no signinDetails with the tokenTag 'guests'"),
        ({"profile": PIXEL, "enterprise": "enterprises/none"}, "There is no enterprises/none in this world."),
    ],
)
def test_a_phone_that_cannot_come_is_refused_with_what_to_do(page: Client, body: Json, said: str) -> None:
    with pytest.raises(Refused) as refusal:
        page.post("/sandbox/v1/provisioningInfo", body)

    assert said in str(refusal.value)


def test_without_a_sign_in_page_no_phone_comes(sandbox: Client) -> None:
    with pytest.raises(Refused) as refusal:
        arrive(sandbox, PIXEL)

    assert 400 == refusal.value.error["code"]
    assert "enterprises/sandbox has no signinDetails: PATCH it first" in str(refusal.value)
