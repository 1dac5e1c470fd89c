"""How long a phone takes, and that what it says on the way is seen."""

import pytest

from tests.sandbox.client import Client, Json
from tests.sandbox.making import Maker
from tests.sandbox.test_worlds import NOW, PIXEL

PHONE = f"/sandbox/v1/devices/{PIXEL}"
ESIM: Json = {"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$PLAN"}}


def status(world: Client, operation: str) -> str:
    """What the phone says of an eSIM."""
    said: str = world.get(f"/v1/{operation}")["metadata"].get("esimStatus", {}).get("status", "")
    return said


def advance(world: Client, duration: str) -> None:
    """The clock is further by this."""
    world.post("/sandbox/v1/clock:advance", {"duration": duration})


def timeline(world: Client, operation: str) -> list[str]:
    """What happened to the operation."""
    (found,) = world.get(f"/sandbox/v1/operations?name={operation}")["operations"]
    return [entry["what"] for entry in found["timeline"]["entries"]]


def test_a_download_takes_as_long_as_it_is_said_to(make: Maker) -> None:
    world = make(now=NOW, phones=[PIXEL])
    assert "60s" == world.patch(PHONE, {"downloadDuration": "60s"})["downloadDuration"]

    operation = world.issue(PIXEL, ESIM)
    said = []
    for _ in range(3):
        said.append(status(world, operation))
        advance(world, "30s")

    assert ["IN_PROGRESS", "IN_PROGRESS", "SUCCESS"] == said


def test_a_phone_is_made_with_times_of_its_own(make: Maker) -> None:
    times = {"downloadDuration": "5s", "rebootDuration": "20s"}
    world = make(now=NOW, phones=[{"profile": PIXEL, "overrides": times}])
    download, restart = world.issue(PIXEL, ESIM), world.issue(PIXEL, {"type": "REBOOT"})

    view = world.get(PHONE)
    advance(world, "4s")
    before = [world.get(f"/v1/{operation}").get("done", False) for operation in (download, restart)]
    advance(world, "40s")
    after = [world.get(f"/v1/{operation}").get("done", False) for operation in (download, restart)]

    assert times == {name: view[name] for name in times}
    assert [[False, False], [True, True]] == [before, after]


def test_a_long_time_is_written_as_a_duration(make: Maker) -> None:
    assert "12345678.9s" == make(phones=[PIXEL]).patch(PHONE, {"downloadDuration": "12345678.9s"})["downloadDuration"]


@pytest.mark.parametrize("latency", ["0.3s", "2s", "60s"])
def test_no_latency_swallows_what_is_said_on_the_way(make: Maker, latency: str) -> None:
    """The download is over before the server knows of it."""
    world = make(now=NOW, phones=[PIXEL])
    world.patch(PHONE, {"latency": latency})
    operation = world.issue(PIXEL, ESIM | {"duration": "3600s"})

    seen = [status(world, operation)]
    while seen[-1] != "SUCCESS":
        world.post("/sandbox/v1/clock:next")
        seen.append(status(world, operation))

    assert ["", "IN_PROGRESS", "SUCCESS"] == list(dict.fromkeys(seen))


@pytest.mark.parametrize("loss", ["REPORT", "REPORT_ANSWER"])
def test_progress_that_got_lost_comes_before_the_result(make: Maker, loss: str) -> None:
    world = make(phones=[PIXEL])
    world.patch(PHONE, {"dropNext": [loss]})

    operation = world.issue(PIXEL, ESIM)

    world.wait(operation)
    assert ["progress", "succeeded"] == [event for event in timeline(world, operation) if event in {"progress", "succeeded"}]


def test_a_phone_without_a_network_tells_all_of_it_afterwards(make: Maker) -> None:
    world = make(now=NOW, phones=[PIXEL])
    world.patch(PHONE, {"latency": "1s"})
    operation = world.issue(PIXEL, ESIM)
    advance(world, "1.5s")
    world.patch(PHONE, {"online": False})
    advance(world, "10s")
    offline = status(world, operation), len(world.phone(PIXEL)["esims"])

    world.patch(PHONE, {"online": True})
    advance(world, "10s")

    assert ("", 1) == offline
    assert ["progress", "succeeded"] == [event for event in timeline(world, operation) if event in {"progress", "succeeded"}]
