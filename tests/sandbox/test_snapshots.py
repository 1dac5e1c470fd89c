"""A world as one document, and the same world out of it."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.making import Maker
from tests.sandbox.test_worlds import BYOD, COPE, NOW, PIXEL, disturb, visible

MOTO = "moto-g5-a8-fully-managed"
ESIM = {"type": "ADD_ESIM", "addEsimParams": {"activationCode": "LPA:1$smdp.example.com$CONSENT", "activationState": "NOT_ACTIVATED"}}


def seen(world: Client, *urls: str) -> Json:
    """What there is to see of it; a token's QR code names the world in which it was made."""
    text = json.dumps(visible(world))
    for url in urls:
        text = text.replace(url, "BASE")
    return json.loads(text)  # type: ignore[no-any-return]


def exported(world: Client) -> Json:
    """The world's snapshot, but for what is measured by the real clock."""
    snapshot = world.post("/sandbox/v1:export")
    for request in snapshot["bench"].get("requests", ()):
        request["duration_s"] = 0.0
    return json.loads(json.dumps(snapshot).replace(world.url, "BASE"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(6))
def test_a_world_that_was_written_and_read_is_the_same_world(make: Maker, seed: int) -> None:
    world = make(seed=seed, now=NOW)
    disturb(world, seed)
    before = exported(world)

    again = make(snapshot=before)

    assert before == exported(again)
    assert seen(world, world.url) == seen(again, world.url)


def test_it_goes_on_as_the_other_does(make: Maker) -> None:
    world = make(seed=3, now=NOW)
    disturb(world, 3)
    again = make(snapshot=exported(world))

    for one in (world, again):
        one.post("/sandbox/v1/clock:advance", {"duration": "7s"})
        disturb(one, 4)

    assert seen(world, world.url) == seen(again, world.url)


def test_a_reset_makes_it_as_the_snapshot_says(make: Maker) -> None:
    world = make(seed=1, now=NOW)
    world.run(PIXEL, {"type": "LOCK"})
    before = exported(world)
    again = make(snapshot=before)
    disturb(again, 1)

    again.post("/sandbox/v1:reset")

    assert before == exported(again)


def test_a_clock_that_goes_goes_on(make: Maker) -> None:
    again = make(snapshot=make().post("/sandbox/v1:export"))

    assert not again.get("/sandbox/v1/clock")["frozen"]


def test_what_a_phone_was_in_the_middle_of_it_begins_again(make: Maker) -> None:
    world = make(now=NOW)
    world.patch(f"/sandbox/v1/devices/{BYOD}", {"consent": "IGNORE"})
    asked = world.issue(BYOD, ESIM)
    world.post("/sandbox/v1/clock:advance", {"duration": "60s"})
    restarting = world.issue(PIXEL, {"type": "REBOOT"})
    question = world.get(f"/sandbox/v1/devices/{BYOD}")["userIsAsked"]

    again = make(snapshot=world.post("/sandbox/v1:export"))
    again.post("/sandbox/v1/clock:advance", {"duration": "60s"})
    assert question == again.get(f"/sandbox/v1/devices/{BYOD}")["userIsAsked"] != []
    again.post(f"/sandbox/v1/devices/{BYOD}:approve")

    for operation in (asked, restarting):
        found = again.get(f"/v1/{operation}")
        assert found["done"]
        assert "error" not in found
    assert "SUCCESS" in json.dumps(again.get(f"/v1/{asked}"))


def test_a_secret_that_waits_for_its_phone_arrives_from_the_file(make: Maker) -> None:
    world = make(now=NOW)
    world.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    operation = world.issue(PIXEL, {"type": "RESET_PASSWORD", "newPassword": "0123456789"})
    text = json.dumps(world.post("/sandbox/v1:export"))

    again = make(snapshot=json.loads(text))
    again.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": True})

    assert "0123456789" not in text
    assert again.get(f"/v1/{operation}")["done"]
    assert again.post(f"/sandbox/v1/devices/{PIXEL}:unlock", {"password": "0123456789"})


def test_planned_faults_are_planned_still_and_a_phone_comes_back_when_it_should(make: Maker) -> None:
    world = make(now=NOW)
    world.post("/sandbox/v1/faults", {"phone": PIXEL, "offline": "600s"})
    world.post("/sandbox/v1/faults", {"phone": COPE, "after": "100s", "offline": "100s"})
    world.post("/sandbox/v1/faults", {"method": "enterprises.get", "times": 1, "error": {"code": 503}})
    world.post("/sandbox/v1/clock:advance", {"duration": "50s"})

    again = make(snapshot=world.post("/sandbox/v1:export"))
    online = []
    for _ in range(4):
        online.append([again.get(f"/sandbox/v1/devices/{phone}")["online"] for phone in (PIXEL, COPE)])
        again.post("/sandbox/v1/clock:advance", {"duration": "100s"})
    again.post("/sandbox/v1/clock:advance", {"duration": "200s"})

    assert [[False, True], [False, False], [False, True], [False, True]] == online
    assert again.get(f"/sandbox/v1/devices/{PIXEL}")["online"]
    with pytest.raises(Refused):
        again.get("/v1/enterprises/sandbox")
    assert [1, 1, 1] == [fault["met"] for fault in again.get("/sandbox/v1/faults")["faults"]]


def test_retry_tests_go_on(make: Maker) -> None:
    world = make()
    made = world.post("/retry_test", {"instructions": {"enterprises.get": ["return-503", "return-408"]}})

    again = make(snapshot=world.post("/sandbox/v1:export"))

    assert made == again.get(f"/retry_test/{made['id']}")


BREAKS: dict[str, Callable[[Json], Any]] = {
    "version": lambda wrong: wrong.update(heliographSnapshot=1),
    "schema": lambda wrong: wrong.update(schema=1),
    "no version": lambda wrong: wrong.pop("heliographSnapshot"),
    "field": lambda wrong: wrong.update(colour="red"),
    "type": lambda wrong: wrong.update(clock={"nowUs": "soon"}),
    "table": lambda wrong: wrong["tables"].update(colours=[]),
    "column": lambda wrong: wrong["tables"]["devices"][0].update(colour="red"),
    "bytes": lambda wrong: wrong["tables"]["devices"][0].update(record={"base64": "%"}),
    "record": lambda wrong: wrong["tables"]["devices"][0].update(record={"json": {}}),
    "row": lambda wrong: wrong["tables"]["devices"].append(wrong["tables"]["devices"][0]),
    "phone": lambda wrong: wrong["phones"][0].update(profile="pixel99"),
    "name": lambda wrong: wrong["phones"][0].update(name="somebody"),
    "chance": lambda wrong: wrong["chance"].update(server="AAAA"),
    "seed": lambda wrong: wrong.update(seed="x"),
    "long seed": lambda wrong: wrong.update(seed="9" * 5_000),
}


@pytest.mark.parametrize(
    "change, what",
    [
        ("version", "its version is 1, and 2 is the one that is known here"),
        ("schema", "its tables are of version 1"),
        ("no version", "missing required field `heliographSnapshot`"),
        ("field", "unknown field `colour`"),
        ("type", "$.clock.nowUs"),
        ("table", "there is no table 'colours'"),
        ("column", "devices[0] must have the columns"),
        ("bytes", "devices.record must be an object with one of"),
        ("record", "of the records in its tables, 1 cannot"),
        ("row", "devices: "),
        ("phone", "has no profile that is known here"),
        ("name", "'somebody' is not the name of a device"),
        ("chance", "a source of chance is broken"),
        ("seed", "seed is not a whole number"),
        ("long seed", "seed is not a whole number from 0 to 9223372036854775807"),
    ],
)
def test_a_broken_snapshot_is_refused_with_where_it_is_broken_and_leaves_no_world(make: Maker, change: str, what: str) -> None:
    snapshot = make().post("/sandbox/v1:export")
    before = len(make.root.get("/sandbox/v1/worlds")["worlds"])
    BREAKS[change](snapshot)

    with pytest.raises(Refused) as refused:
        make(snapshot=snapshot)

    assert what in str(refused.value)
    assert ("INVALID_ARGUMENT", "SNAPSHOT_UNREADABLE") == (refused.value.error["status"], refused.value.error["details"][0]["reason"])
    assert before == len(make.root.get("/sandbox/v1/worlds")["worlds"])


def test_what_a_snapshot_says_is_not_to_be_said_beside_it(make: Maker) -> None:
    snapshot = make().post("/sandbox/v1:export")

    with pytest.raises(Refused, match="a snapshot says this already"):
        make(snapshot=snapshot, seed=1)


def test_a_world_with_a_thousand_operations_is_written_and_read(make: Maker) -> None:
    world = make(now=NOW)
    world.patch(f"/sandbox/v1/devices/{MOTO}", {"online": False})
    for _ in range(1_000):
        world.issue(MOTO, {"type": "LOCK"})
    snapshot = world.post("/sandbox/v1:export")

    again = make(snapshot=snapshot)

    assert 1_000 == len(open_operations(snapshot)) == len(open_operations(again.post("/sandbox/v1:export")))
    again.post("/sandbox/v1/clock:advance", {"duration": "601s"})
    assert [] == open_operations(again.post("/sandbox/v1:export"))


def open_operations(snapshot: Json) -> list[Json]:
    """Rows of operations that have a deadline."""
    return [row for row in snapshot["tables"]["operations"] if row["deadline_us"]]


def test_chance_is_where_it_was(make: Maker) -> None:
    """The next enrolment token has the same value in both."""
    world = make(seed=random.randrange(2**53))
    for _ in range(3):
        world.post("/v1/enterprises/sandbox/enrollmentTokens", {})

    again = make(snapshot=world.post("/sandbox/v1:export"))

    values = [one.post("/v1/enterprises/sandbox/enrollmentTokens", {})["value"] for one in (world, again)]
    assert values[0] == values[1]
