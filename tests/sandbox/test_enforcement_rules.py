"""Phones that do not comply are blocked, then wipe themselves, by the clock of their world."""

from typing import Any

import pytest

from tests.sandbox.client import Client, Json
from tests.sandbox.google import google
from tests.sandbox.making import Maker

PIXEL, BYOD, COPE = "pixel8-a15-fully-managed", "galaxy-a14-a13-byod", "pixel7-a14-cope"
DEVICE_BLOCKED, WORK_PROFILE_BLOCKED = "BLOCK_SCOPE_DEVICE", "BLOCK_SCOPE_WORK_PROFILE"
TOO_OLD = {"minimumApiLevel": 99}


def rule(setting: str = "minimumApiLevel", *, block: int = 1, wipe: int = 3, **wiping: object) -> Json:
    """Blocked and wiped after so many days."""
    return {"settingName": setting, "blockAction": {"blockAfterDays": block}, "wipeAction": {"wipeAfterDays": wipe, **wiping}}


def apply(world: Client, phone: str, *rules: Json, **policy: Any) -> None:  # noqa: ANN401 - any policy
    """The phone applies the policy with these rules."""
    wanted = {"policyEnforcementRules": list(rules), **policy}
    version = world.patch("/v1/enterprises/sandbox/policies/default", wanted)["version"]
    device = f"/v1/enterprises/sandbox/devices/{phone}"
    assert world.until(lambda: world.get(device).get("appliedPolicyVersion") == version)


def days(world: Client, number: int) -> None:
    """So many days pass."""
    world.post("/sandbox/v1/clock:advance", {"duration": f"{number * 86_400}s"})


@pytest.mark.parametrize(
    "phone, scope, expected",
    [
        (PIXEL, WORK_PROFILE_BLOCKED, DEVICE_BLOCKED),
        (BYOD, DEVICE_BLOCKED, WORK_PROFILE_BLOCKED),
        (COPE, WORK_PROFILE_BLOCKED, WORK_PROFILE_BLOCKED),
        (COPE, DEVICE_BLOCKED, DEVICE_BLOCKED),
    ],
)
def test_a_phone_is_blocked_while_it_has_not_complied_for_so_many_days(make: Maker, phone: str, scope: str, expected: str) -> None:
    world = make(phones=[phone])
    wanted = rule()
    wanted["blockAction"]["blockScope"] = scope
    apply(world, phone, wanted, **TOO_OLD)

    blocked = [world.phone(phone)["blockedScope"]]
    days(world, 1)
    blocked.append(world.phone(phone)["blockedScope"])
    device = world.get(f"/v1/enterprises/sandbox/devices/{phone}")
    apply(world, phone, wanted)
    blocked.append(world.phone(phone)["blockedScope"])

    assert ["", expected, ""] == blocked
    assert "policyCompliant" not in device
    assert ["minimumApiLevel"] == [detail["settingName"] for detail in device["nonComplianceDetails"]]
    assert "ACTIVE" == device["appliedState"]


def test_no_days_block_at_once_and_another_setting_does_not(make: Maker) -> None:
    world = make(phones=[PIXEL])

    apply(world, PIXEL, rule("passwordPolicies", block=0), **TOO_OLD)
    other = world.phone(PIXEL)["blockedScope"]
    apply(world, PIXEL, rule(block=0), **TOO_OLD)

    assert ["", DEVICE_BLOCKED] == [other, world.phone(PIXEL)["blockedScope"]]


def test_the_days_begin_again_when_a_phone_complied_meanwhile(make: Maker) -> None:
    world = make(phones=[PIXEL])
    apply(world, PIXEL, rule("encryptionPolicy", block=2), encryptionPolicy="ENABLED_WITHOUT_PASSWORD")

    def encrypted(status: str) -> None:
        world.patch(f"/sandbox/v1/devices/{PIXEL}", {"report": {"deviceSettings": {"encryptionStatus": status}}})

    encrypted("INACTIVE")
    days(world, 1)
    encrypted("ACTIVE")
    days(world, 1)
    encrypted("INACTIVE")
    days(world, 1)
    blocked = [world.phone(PIXEL)["blockedScope"]]
    days(world, 1)

    assert ["", DEVICE_BLOCKED] == [*blocked, world.phone(PIXEL)["blockedScope"]]


@pytest.mark.parametrize("online", [True, False])
def test_a_company_phone_resets_itself_and_its_server_does_not_learn_of_it(make: Maker, *, online: bool) -> None:
    world = make(phones=[PIXEL])
    apply(world, PIXEL, rule(wipe=2, preserveFrp=True), **TOO_OLD)
    world.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": online})

    days(world, 2)

    phone = world.get(f"/sandbox/v1/devices/{PIXEL}")
    assert (1, False, True) == (phone["phone"]["factoryResets"], phone["phone"]["managed"], phone["phone"]["resetProtectionData"])
    assert not phone["connected"]
    with google(world) as amapi:
        device = amapi.enterprises().devices().get(name=f"enterprises/sandbox/devices/{PIXEL}").execute()
    assert "ACTIVE" == device["state"]


def test_a_personal_phone_deletes_its_work_profile(make: Maker) -> None:
    world = make(phones=[BYOD])
    apply(world, BYOD, rule(wipe=2), **TOO_OLD)

    days(world, 2)

    phone = world.phone(BYOD)
    assert (0, False, "") == (phone["factoryResets"], phone["managed"], phone["blockedScope"])
    assert phone["workProfile"] is None


def test_the_policys_wipe_flags_count_for_a_phone_that_wipes_itself(make: Maker) -> None:
    world = make(phones=[PIXEL])
    world.post(f"/sandbox/v1/devices/{PIXEL}:addEsim", {"carrier": "Personal Mobile"})
    apply(world, PIXEL, rule(wipe=2), wipeDataFlags=["WIPE_ESIMS"], **TOO_OLD)

    days(world, 2)

    assert ([], False) == (world.phone(PIXEL)["esims"], world.phone(PIXEL)["resetProtectionData"])


def test_a_phone_that_wiped_itself_is_set_up_again(make: Maker) -> None:
    world = make(phones=[PIXEL])
    apply(world, PIXEL, rule(wipe=2), **TOO_OLD)
    days(world, 2)
    apply_later = world.patch("/v1/enterprises/sandbox/policies/default", {})

    world.post(f"/sandbox/v1/devices/{PIXEL}:enroll")

    new = world.get(f"/sandbox/v1/devices/{PIXEL}")["name"]
    device = world.until(lambda: found if (found := world.get(f"/v1/{new}")).get("policyCompliant") else None)
    assert [f"enterprises/sandbox/devices/{PIXEL}"] == device["previousDeviceNames"]
    assert apply_later["version"] == device["appliedPolicyVersion"]


def test_a_snapshot_goes_on_counting_the_days(make: Maker) -> None:
    world = make(phones=[PIXEL])
    apply(world, PIXEL, rule(block=2, wipe=9), **TOO_OLD)
    days(world, 1)

    restored = make(snapshot=world.post("/sandbox/v1:export"))
    days(restored, 1)

    assert DEVICE_BLOCKED == restored.phone(PIXEL)["blockedScope"]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"settingName": "applications", "blockAction": {}}, "must have a block action and a wipe action"),
        (rule(block=3, wipe=3), "less than wipe_after_days"),
        (rule(block=-1), "at least 0"),
    ],
)
def test_rules_that_amapi_does_not_take_are_refused(make: Maker, wrong: Json, said: str) -> None:
    world = make(phones=[])

    with pytest.raises(Exception, match=said):
        world.patch("/v1/enterprises/sandbox/policies/default", {"policyEnforcementRules": [wrong]})
