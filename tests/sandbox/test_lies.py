"""Phones of a sandbox that say that commands are done and do nothing; their own facts give them away."""

import pytest

from tests.sandbox.client import Client, Json
from tests.sandbox.making import Maker

PIXEL = "pixel8-a15-fully-managed"
COPE = "pixel7-a14-cope"
PHONE = "/sandbox/v1/devices/"


def timeline(client: Client, operation: str) -> Json:
    """The operation's, from where anyone may read it."""
    shown: Json = client.get(f"/heliograph/v1/{operation}/timeline")
    return shown


def whole(client: Client, operation: str) -> Json:
    """The operation with what the phone did."""
    found: Json = client.get(f"/sandbox/v1/operations?name={operation}")["operations"][0]
    return found


def test_a_lying_phone_is_contradicted_and_has_done_nothing(sandbox: Client) -> None:
    assert sandbox.patch(PHONE + PIXEL, {"lies": True})["lies"]

    operation = sandbox.run(PIXEL, {"type": "LOCK"})

    found = whole(sandbox, operation["name"])
    assert ("response" in operation, [], False) == (True, found["effects"], sandbox.phone(PIXEL)["locked"])
    assert "CONTRADICTED" == found["timeline"]["evidence"]["judgement"]
    assert found["timeline"]["evidence"] == timeline(sandbox, operation["name"])["evidence"]


def test_it_can_be_made_honest_again(sandbox: Client) -> None:
    sandbox.patch(PHONE + PIXEL, {"lies": True})
    assert not sandbox.patch(PHONE + PIXEL, {"lies": False})["lies"]

    operation = sandbox.run(PIXEL, {"type": "LOCK"})

    assert ("OBSERVED", True) == (timeline(sandbox, operation["name"])["evidence"]["judgement"], sandbox.phone(PIXEL)["locked"])


def test_a_fault_can_make_it_lie_at_its_time(make: Maker) -> None:
    world = make(now="2030-01-01T00:00:00Z")
    world.post("/sandbox/v1/faults", {"phone": PIXEL, "after": "60s", "patch": {"lies": True}})
    before = world.run(PIXEL, {"type": "LOCK"})

    world.post("/sandbox/v1/clock:advance", {"duration": "60s"})

    after = world.run(PIXEL, {"type": "REBOOT"})
    judgements = [timeline(world, operation["name"])["evidence"]["judgement"] for operation in (before, after)]
    assert ["OBSERVED", "CONTRADICTED"] == judgements


def test_a_snapshot_keeps_it(make: Maker) -> None:
    world = make()
    world.patch(PHONE + PIXEL, {"lies": True})

    again = make(snapshot=world.post("/sandbox/v1:export"))

    assert again.get(PHONE + PIXEL)["lies"]


@pytest.mark.parametrize("type_", ["WIPE", "RELINQUISH_OWNERSHIP"])
@pytest.mark.parametrize("lies, says", [(False, "OBSERVED"), (True, "CONTRADICTED")])
def test_what_ended_a_phone_is_judged_when_it_enrols_again(sandbox: Client, type_: str, lies: bool, says: str) -> None:  # noqa: FBT001
    sandbox.patch(PHONE + COPE, {"lies": lies})
    operation = sandbox.run(COPE, {"type": type_})
    sandbox.until(lambda: not sandbox.get(PHONE + COPE)["name"])
    assert "NOT_OBSERVED" == timeline(sandbox, operation["name"])["evidence"]["judgement"]

    sandbox.post(f"{PHONE}{COPE}:enroll")

    assert says == timeline(sandbox, operation["name"])["evidence"]["judgement"]
    assert sandbox.get(PHONE + COPE)["connected"]
