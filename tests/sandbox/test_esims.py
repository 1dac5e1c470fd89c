"""eSIMs that a user has, adds, switches and removes by hand; chips; and removals about which a phone asks."""

import pytest

from heliograph.domain.phone.numbers import is_eid
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.making import Maker
from tests.sandbox.test_worlds import BYOD, COPE, NOW, PIXEL

COPE_15 = {"profile": COPE, "overrides": {"apiLevel": 35}}
PLAN: Json = {"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$PLAN"}}
EID: Json = {"requestDeviceInfoParams": {"deviceInfo": "EID"}}
REPORT_NETWORK: Json = {"statusReportingSettings": {"networkInfoEnabled": True}}
THEIRS = "8999101234567890122"


def world_of(make: Maker, profile: str, **overrides: object) -> Client:
    """A world with one phone, of which an admin sees the network; its clock stands."""
    world = make(now=NOW, phones=[{"profile": profile, "overrides": overrides}])
    world.patch("/v1/enterprises/sandbox/policies/default", REPORT_NETWORK)
    return world


def does(world: Client, phone: str, verb: str, body: Json | None = None) -> list[Json]:
    """The eSIMs after its user did this."""
    esims: list[Json] = world.post(f"/sandbox/v1/devices/{phone}:{verb}", body)["phone"]["esims"]
    return esims


def ended(world: Client, phone: str, command: Json) -> Json:
    """The operation, whatever its phone waits for but its user."""
    operation = world.issue(phone, command)
    world.post("/sandbox/v1/clock:advance", {"duration": "90s"})
    return world.get(f"/v1/{operation}")


def added(world: Client, phone: str, state: str = "ACTIVATION_STATE_UNSPECIFIED") -> str:
    """The ICC ID of an eSIM that an admin added."""
    params = PLAN["addEsimParams"] | {"activationState": state}
    icc_id: str = ended(world, phone, {"addEsimParams": params})["metadata"]["esimStatus"]["esimInfo"]["iccId"]
    return icc_id


def esim_status(operation: Json) -> str:
    """What the phone says of it."""
    status: str = operation["metadata"]["esimStatus"]["status"]
    return status


def removal(icc_id: str, **more: object) -> Json:
    """The command that removes it."""
    return {"removeEsimParams": {"iccId": icc_id}, **more}


def reported(world: Client, phone: str) -> dict[str, tuple[str, str]]:
    """What the API shows of its eSIMs: activation and who configured them."""
    infos = world.get(f"/v1/enterprises/sandbox/devices/{phone}")["networkInfo"].get("telephonyInfos", [])
    return {info["iccId"]: (info["activationState"], info["configMode"]) for info in infos if "configMode" in info}


def test_a_user_switches_esims_and_the_admin_sees_it(make: Maker) -> None:
    world = world_of(make, PIXEL, euiccPorts=1)
    managed = added(world, PIXEL)
    does(world, PIXEL, "addEsim", {"iccId": THEIRS, "carrier": "Personal Mobile"})
    before = reported(world, PIXEL)

    does(world, PIXEL, "activateEsim", {"iccId": THEIRS})

    assert {managed: ("ACTIVATED", "ADMIN_CONFIGURED"), THEIRS: ("NOT_ACTIVATED", "USER_CONFIGURED")} == before
    assert {managed: ("NOT_ACTIVATED", "ADMIN_CONFIGURED"), THEIRS: ("ACTIVATED", "USER_CONFIGURED")} == reported(world, PIXEL)


def test_a_personal_phones_user_switches_on_what_an_admin_added(make: Maker) -> None:
    world = world_of(make, BYOD)
    managed = added(world, BYOD, "NOT_ACTIVATED")
    assert {managed: ("NOT_ACTIVATED", "ADMIN_CONFIGURED")} == reported(world, BYOD)

    does(world, BYOD, "activateEsim", {"iccId": managed})

    assert {managed: ("ACTIVATED", "ADMIN_CONFIGURED")} == reported(world, BYOD)


def test_a_user_makes_room_for_an_active_esim(make: Maker) -> None:
    world = world_of(make, PIXEL, esims=[{"active": True}, {"active": True}])
    first = world.phone(PIXEL)["esims"][0]["iccId"]
    active = {"addEsimParams": PLAN["addEsimParams"] | {"activationState": "ACTIVATED"}}

    refused = ended(world, PIXEL, active)
    does(world, PIXEL, "deactivateEsim", {"iccId": first})
    taken = ended(world, PIXEL, active)

    assert "ERROR_MULTIPLE_ACTIVE_ESIMS_NO_AVAILABLE_SLOT" == esim_status(refused)
    assert "SUCCESS" == esim_status(taken)
    assert [False, True, True] == [esim["active"] for esim in world.phone(PIXEL)["esims"]]


def test_a_user_removes_a_managed_esim_and_the_admin_finds_it_no_more(make: Maker) -> None:
    world = world_of(make, BYOD)
    managed = added(world, BYOD)

    does(world, BYOD, "removeEsim", {"iccId": managed})

    assert {} == reported(world, BYOD)
    assert "ERROR_ICC_ID_NOT_FOUND" == esim_status(ended(world, BYOD, removal(managed)))


@pytest.mark.parametrize(
    "verb, body, message",
    [
        ("activateEsim", {"iccId": THEIRS}, "active already"),
        ("deactivateEsim", {"iccId": "8999000000000000001"}, f"There are: {THEIRS}"),
        ("removeEsim", {}, f"There are: {THEIRS}"),
        ("addEsim", {"iccId": THEIRS}, "this ICC ID already"),
        ("addEsim", {"iccId": "12"}, "18 to 20 digits"),
        ("addEsim", {"chip": 1}, "The phone has 1 eSIM chips"),
        ("addEsim", {"chip": -1}, "The phone has 1 eSIM chips"),
        ("addEsim", {"active": True}, ":deactivateEsim"),
    ],
)
def test_a_user_who_could_do_nothing_is_told(make: Maker, verb: str, body: Json, message: str) -> None:
    world = world_of(make, PIXEL, esims=[{"iccId": THEIRS, "active": True}])
    if body.get("active"):
        does(world, PIXEL, "addEsim", {"active": True})
    before = world.phone(PIXEL)

    with pytest.raises(Refused, match=message):
        does(world, PIXEL, verb, body)

    assert before == world.phone(PIXEL)


def test_a_full_chip_takes_no_more(make: Maker) -> None:
    world = world_of(make, PIXEL, euiccCapacity=1, esims=[{}])

    with pytest.raises(Refused, match="The chip is full"):
        does(world, PIXEL, "addEsim", {})


def test_a_users_own_esim_stays_theirs_on_a_company_phone(make: Maker) -> None:
    world = make(now=NOW, phones=[PIXEL, COPE_15])
    world.patch("/v1/enterprises/sandbox/policies/default", REPORT_NETWORK)
    for phone in (PIXEL, COPE):
        does(world, phone, "addEsim", {"iccId": THEIRS, "active": True})

        operation = ended(world, phone, removal(THEIRS))

        assert ("ERROR_ICC_ID_NOT_FOUND", 9) == (esim_status(operation), operation["error"]["code"])
        assert [THEIRS] == [esim["iccId"] for esim in world.phone(phone)["esims"]]
        assert "MANAGEMENT_MODE" == ended(world, phone, EID)["metadata"]["errorCode"]
        chips = world.get(f"/v1/enterprises/sandbox/devices/{phone}")["hardwareInfo"]["euiccChipInfo"]
        assert world.phone(phone)["eids"] == [chip["eid"] for chip in chips]
    assert ("ACTIVATED", "USER_CONFIGURED") == reported(world, PIXEL)[THEIRS]


def test_a_users_own_esim_goes_with_all_when_a_company_phone_is_wiped_with_its_esims(make: Maker) -> None:
    world = world_of(make, PIXEL, esims=[{"iccId": THEIRS}], euiccChips=2)
    does(world, PIXEL, "addEsim", {"chip": 1})

    ended(world, PIXEL, {"wipeParams": {"wipeDataFlags": ["WIPE_ESIMS"]}})

    assert [] == world.phone(PIXEL)["esims"]


def test_a_phone_asks_before_it_removes_an_esim(make: Maker) -> None:
    world = world_of(make, PIXEL, confirmEsimRemoval=True, consent="IGNORE")
    managed = added(world, PIXEL)

    operation = world.issue(PIXEL, removal(managed))
    waiting = world.get(f"/v1/{operation}")
    world.post(f"/sandbox/v1/devices/{PIXEL}:approve")
    world.post("/sandbox/v1/clock:advance", {"duration": "5s"})

    assert ("PENDING_USER_ACTION", False) == (esim_status(waiting), waiting.get("done", False))
    assert "SUCCESS" == esim_status(world.get(f"/v1/{operation}"))
    assert [] == world.phone(PIXEL)["esims"]


def test_a_user_denies_the_removal(make: Maker) -> None:
    world = world_of(make, PIXEL, consent="IGNORE")
    managed = added(world, PIXEL)
    assert world.patch(f"/sandbox/v1/devices/{PIXEL}", {"confirmEsimRemoval": True})["phone"]["confirmEsimRemoval"]

    operation = world.issue(PIXEL, removal(managed))
    world.post(f"/sandbox/v1/devices/{PIXEL}:decline")

    found = world.get(f"/v1/{operation}")
    assert ("ERROR_USER_DENIED", 9) == (esim_status(found), found["error"]["code"])
    assert [managed] == [esim["iccId"] for esim in world.phone(PIXEL)["esims"]]


def test_a_removal_that_nobody_answers_expires(make: Maker) -> None:
    world = world_of(make, PIXEL, confirmEsimRemoval=True, consent="IGNORE")
    managed = added(world, PIXEL)

    operation = ended(world, PIXEL, removal(managed, duration="60s"))

    assert 4 == operation["error"]["code"]
    assert [] == world.get(f"/sandbox/v1/devices/{PIXEL}")["userIsAsked"]
    assert [managed] == [esim["iccId"] for esim in world.phone(PIXEL)["esims"]]


def test_a_second_chip_has_an_eid_and_esims_of_its_own(make: Maker) -> None:
    world = world_of(make, PIXEL, euiccChips=2)
    first, second = world.phone(PIXEL)["eids"]
    managed = added(world, PIXEL)

    esims = does(world, PIXEL, "addEsim", {"chip": 1, "active": True})

    assert [(managed, first), (esims[1]["iccId"], second)] == [(esim["iccId"], esim["eid"]) for esim in esims]
    assert is_eid(second)
    device = world.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")
    assert [first, second] == [chip["eid"] for chip in device["hardwareInfo"]["euiccChipInfo"]]
    assert 2 == len(reported(world, PIXEL))


def test_a_personal_phone_discloses_the_eids_of_both_chips(make: Maker) -> None:
    world = world_of(make, BYOD, euiccChips=2)

    operation = ended(world, BYOD, EID)

    eids = operation["metadata"]["requestDeviceInfoStatus"]["eidInfo"]["eids"]
    assert world.phone(BYOD)["eids"] == [each["eid"] for each in eids]
    assert 2 == len(eids)


def test_a_phone_is_made_with_chips_and_esims_as_wanted(make: Maker) -> None:
    eids = ["89049032123451234512345678901235", "89990000775926201626574327736313"]
    esims = [{"iccId": THEIRS, "carrier": "Personal Mobile", "active": True}, {"chip": 1}]
    world = world_of(make, "galaxy-a14-a13-byod", euiccChips=2, eids=eids, esims=esims)

    phone = world.phone("galaxy-a14-a13-byod")

    assert eids == phone["eids"]
    assert [(eids[0], "Personal Mobile", True), (eids[1], "", False)] == [
        (esim["eid"], esim["carrier"], esim["active"]) for esim in phone["esims"]
    ]


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"euicc": False, "euiccChips": 1}, "contradict"),
        ({"euicc": True, "euiccChips": 0}, "contradict"),
        ({"euiccChips": 5}, "from 0 to 4"),
        ({"eids": ["1"]}, "32 digits"),
        ({"eids": ["89049032123451234512345678901235"] * 2}, "The phone has 1 eSIM chips"),
        ({"euicc": False, "esims": [{}]}, "no eSIM chip"),
        ({"esims": [{"chip": 1}]}, "chip must be from 0 to 0"),
        ({"esims": [{"iccId": "12"}]}, "18 to 20 digits"),
        ({"esims": [{"iccId": THEIRS}] * 2}, "this ICC ID already"),
        ({"esims": [{}] * 3, "euiccCapacity": 2}, "holds 2 eSIMs"),
        ({"esims": [{"active": True}] * 3}, "2 ports"),
    ],
)
def test_chips_and_esims_that_cannot_be_are_refused(make: Maker, wrong: Json, message: str) -> None:
    with pytest.raises(Refused, match=message):
        make(phones=[]).post("/sandbox/v1/devices", {"deviceId": "mine", "profile": PIXEL, "overrides": wrong})
