"""Every phone is one of its own: no two share a number, and a phone that is set up again is the same phone."""

import asyncio

import pytest

from heliograph.agent.executor import Work
from heliograph.agent.profiles import PROFILES
from heliograph.agent.virtual_phone import VirtualExecutor
from heliograph.domain.phone.numbers import is_eid, is_imei, is_meid
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.making import Maker
from tests.sandbox.test_worlds import BYOD, NOW, PIXEL

NEXUS = "legacy-a7-fully-managed"
NUMBERS = "serialNumber", "imei", "meid", "wifiMacAddress", "enterpriseSpecificId", "eids"
ENTERPRISES = ["one", "other"]
THREE = [*PROFILES, *({"profile": profile, "deviceId": f"{profile}-{number}"} for profile in PROFILES for number in (2, 3))]
"""Three phones of every profile."""


def numbers(phone: Json) -> Json:
    """What the phone bears."""
    return {name: phone[name] for name in NUMBERS}


def phones(world: Client, *enterprises: str) -> dict[str, Json]:
    """All phones of these enterprises, by device."""
    lists = [world.get(f"/sandbox/v1/enterprises/{enterprise}/devices")["devices"] for enterprise in enterprises]
    return {found["name"]: found["phone"] for listed in lists for found in listed}


def device(world: Client, name: str) -> Json:
    """The device as the API shows it."""
    return world.get(f"/v1/{name}")


def test_no_two_phones_share_a_number(make: Maker) -> None:
    held = phones(make(enterprises=ENTERPRISES, phones=THREE), *ENTERPRISES)

    for name in NUMBERS:
        values = [str(phone[name]) for phone in held.values() if phone[name]]
        assert len(values) == len(set(values)), name
    assert 2 * 3 * len(PROFILES) == len(held)
    assert all(is_imei(phone["imei"]) for phone in held.values() if phone["imei"])
    assert {NEXUS} == {phone["profile"] for phone in held.values() if is_meid(phone["meid"])}
    assert all(is_eid(eid) for phone in held.values() for eid in phone["eids"])


def test_no_phone_names_a_living_one_as_what_it_was(make: Maker) -> None:
    world = make(enterprises=ENTERPRISES, phones=THREE)
    world.post("/sandbox/v1/enterprises/other/devices", {"deviceId": "later", "profile": PIXEL})
    value = world.post("/v1/enterprises/other/enrollmentTokens", {})["value"]
    world.post("/sandbox/v1/devices", {"profile": PIXEL, "enrollmentToken": value})

    assert not [name for name in phones(world, *ENTERPRISES) if "previousDeviceNames" in device(world, name)]


def test_worlds_of_one_seed_have_the_same_phones_to_the_byte(make: Maker) -> None:
    one, other = (make(seed=5, now=NOW) for _ in range(2))

    assert one.get("/v1/enterprises/sandbox/devices?pageSize=100") == other.get("/v1/enterprises/sandbox/devices?pageSize=100")


@pytest.mark.parametrize("command, again", [({"type": "WIPE", "wipeParams": {}}, "enroll"), (None, "reset")])
def test_a_phone_that_is_set_up_again_is_the_same_phone(make: Maker, command: Json | None, again: str) -> None:
    world = make(phones=[PIXEL])
    before = world.get(f"/sandbox/v1/devices/{PIXEL}")
    if command is not None:
        world.run(PIXEL, command)

    after = world.post(f"/sandbox/v1/devices/{PIXEL}:{again}")

    assert numbers(before["phone"]) == numbers(after["phone"])
    previous = device(world, after["name"]).get("previousDeviceNames", [])
    assert previous == ([before["name"]] if command is not None else [])


def test_a_phone_that_is_still_being_wiped_is_set_up_again_as_soon_as_it_is(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server has the command done with the acknowledgement, a moment before."""
    at_once = VirtualExecutor.carry_out

    async def a_little_later(executor: VirtualExecutor, order: Work) -> None:
        await asyncio.sleep(0.5)
        await at_once(executor, order)

    world = make(phones=[PIXEL])
    monkeypatch.setattr(VirtualExecutor, "carry_out", a_little_later)
    world.run(PIXEL, {"type": "WIPE", "wipeParams": {}})

    world.post(f"/sandbox/v1/devices/{PIXEL}:enroll")

    assert world.get(f"/sandbox/v1/devices/{PIXEL}")["connected"]


def test_two_phones_with_one_serial_number_are_one_phone_set_up_twice(make: Maker) -> None:
    world = make(phones=[PIXEL])
    first = world.get(f"/sandbox/v1/devices/{PIXEL}")
    serial = first["phone"]["serialNumber"]

    second = world.post("/sandbox/v1/devices", {"deviceId": "again", "profile": PIXEL, "overrides": {"serialNumber": serial}})

    assert numbers(first["phone"]) == numbers(second["phone"])
    assert [first["name"]] == device(world, second["name"])["previousDeviceNames"]


def test_a_personal_phone_is_another_in_each_enterprise(make: Maker) -> None:
    """Its own numbers are the same: what an enterprise sees of it is not."""
    world = make(enterprises=ENTERPRISES, phones=[{"profile": BYOD, "overrides": {"serialNumber": "MINE"}}])

    one, other = phones(world, *ENTERPRISES).values()
    seen = [device(world, name)["hardwareInfo"] for name in phones(world, *ENTERPRISES)]

    assert one["imei"] == other["imei"]
    assert one["enterpriseSpecificId"] != other["enterpriseSpecificId"]
    for phone, hardware in zip((one, other), seen, strict=True):
        assert [phone["enterpriseSpecificId"]] * 2 == [hardware["serialNumber"], hardware["enterpriseSpecificId"]]


def test_a_device_shows_the_numbers_that_its_phone_bears(make: Maker) -> None:
    world = make(phones=[])
    world.patch("/v1/enterprises/sandbox/policies/default", {"statusReportingSettings": {"networkInfoEnabled": True}})
    held = world.post("/sandbox/v1/devices", {"deviceId": "mine", "profile": NEXUS})

    shown = device(world, held["name"])

    assert held["phone"]["serialNumber"] == shown["hardwareInfo"]["serialNumber"]
    for name in ("imei", "meid", "wifiMacAddress"):
        assert held["phone"][name] == shown["networkInfo"][name]


def test_every_number_can_be_given(make: Maker) -> None:
    given = {"serialNumber": "SN-1", "imei": "490154203237518", "meid": "A00000292788E1", "enterpriseSpecificId": "B54Z-7OY3-NHH7-F"}
    world = make(phones=[])
    world.patch("/v1/enterprises/sandbox/policies/default", {"statusReportingSettings": {"networkInfoEnabled": True}})

    phone = world.post("/sandbox/v1/devices", {"deviceId": "mine", "profile": PIXEL, "overrides": given})

    assert given == {name: phone["phone"][name] for name in given}
    shown = device(world, phone["name"])
    assert "SN-1" == shown["hardwareInfo"]["serialNumber"]
    assert {"imei": given["imei"], "meid": given["meid"]} == {name: shown["networkInfo"][name] for name in ("imei", "meid")}


@pytest.mark.parametrize("wrong", [{"imei": "490154203237519"}, {"imei": "1"}, {"meid": "XYZ"}])
def test_a_number_that_cannot_be_is_refused(make: Maker, wrong: Json) -> None:
    with pytest.raises(Refused, match=f"{next(iter(wrong))} must be"):
        make(phones=[]).post("/sandbox/v1/devices", {"deviceId": "mine", "profile": PIXEL, "overrides": wrong})
