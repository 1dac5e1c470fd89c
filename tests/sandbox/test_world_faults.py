"""Faults that a world begins with."""

import pytest

from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.test_worlds import PIXEL

UNAVAILABLE: Json = {"method": "enterprises.get", "times": 1, "error": {"code": 503}}


def made(root: Client, *faults: Json) -> Client:
    """A new world that begins with these faults."""
    return Client(root.post("/sandbox/v1/worlds", {"faults": faults})["url"])


def test_a_world_begins_with_the_faults_that_were_wished(sandbox_process: Client) -> None:
    world = made(sandbox_process, UNAVAILABLE, {"phone": PIXEL, "offline": "600s"})

    with pytest.raises(Refused) as refused:
        world.get("/v1/enterprises/sandbox")

    assert 503 == refused.value.error["code"]
    assert [1, 1] == [fault["met"] for fault in world.get("/sandbox/v1/faults")["faults"]]
    assert not world.get(f"/sandbox/v1/devices/{PIXEL}")["online"]


def test_after_a_reset_they_are_in_force_again(sandbox_process: Client) -> None:
    world = made(sandbox_process, UNAVAILABLE)
    with pytest.raises(Refused):
        world.get("/v1/enterprises/sandbox")

    world.post("/sandbox/v1:reset")

    with pytest.raises(Refused):
        world.get("/v1/enterprises/sandbox")


@pytest.mark.parametrize(
    "fault, what",
    [
        ({"method": "enterprises.get"}, "faults[1]."),
        ({"phone": "nobody", "crash": "EXECUTING"}, "nobody"),
        ({"phone": PIXEL, "crash": "NOWHERE"}, "faults[1].crash"),
    ],
)  # fmt: skip
def test_a_fault_that_cannot_be_planned_leaves_no_world(sandbox_process: Client, fault: Json, what: str) -> None:
    before = len(sandbox_process.get("/sandbox/v1/worlds")["worlds"])

    with pytest.raises(Refused) as refused:
        made(sandbox_process, UNAVAILABLE, fault)

    assert what in str(refused.value) + str(refused.value.error)
    assert before == len(sandbox_process.get("/sandbox/v1/worlds")["worlds"])
