"""The clock of a world: frozen, set, led to the next thing due; and the same calls give the same answers, to the byte."""

import json

import pytest

from heliograph.protojson.times import format_timestamp
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.making import Maker
from tests.sandbox.test_worlds import BYOD, COPE, NOW, PIXEL

ZEBRA = "zebra-tc52-a10-dedicated"
DEVICES = "/v1/enterprises/sandbox/devices"


def clock(world: Client, verb: str, **body: str) -> Json:
    """What the verb answers."""
    return world.post(f"/sandbox/v1/clock:{verb}", body)


def test_a_frozen_clock_stands_until_it_is_made_to_run(make: Maker) -> None:
    world = make()

    frozen = clock(world, "freeze")
    operation = world.get(f"/v1/{world.issue(PIXEL, {'type': 'LOCK'})}")
    stood = world.get("/sandbox/v1/clock")
    runs = clock(world, "run")

    assert frozen == stood
    assert frozen["frozen"]
    assert operation["done"]
    assert not runs["frozen"]
    world.until(lambda: world.get("/sandbox/v1/clock")["now"] > frozen["now"])


def test_next_goes_from_one_due_thing_to_the_next_and_says_what_it_was(make: Maker) -> None:
    world = make(now=NOW)
    world.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    clock(world, "set", time="2030-01-01T01:00:00Z")  # the phone has noticed by then
    operation = world.issue(PIXEL, {"type": "LOCK", "duration": "120s"})
    world.issue(BYOD, {"requestDeviceInfoParams": {"deviceInfo": "EID"}})

    first, second = clock(world, "next"), clock(world, "next")

    assert [{"kind": "PHONE", "name": f"enterprises/sandbox/devices/{BYOD}"}] == first["due"]
    assert "2030-01-01T01:00:01Z" == first["now"]
    assert [{"kind": "OPERATION_DEADLINE", "name": operation}] == second["due"]
    assert "2030-01-01T01:02:00Z" == second["now"]
    assert 4 == world.get(f"/v1/{operation}")["error"]["code"]


def test_next_stands_still_where_nothing_is_due(make: Maker) -> None:
    assert {"now": NOW, "frozen": True, "due": []} == clock(make(now=NOW), "next")


def test_set_leads_everything_to_that_time_and_never_back(make: Maker) -> None:
    world = make(now=NOW)
    world.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    operation = world.issue(PIXEL, {"type": "LOCK"})

    there = clock(world, "set", time="2030-01-01T06:00:00Z")

    assert {"now": "2030-01-01T06:00:00Z", "frozen": True} == there
    assert 4 == world.get(f"/v1/{operation}")["error"]["code"]
    with pytest.raises(Refused, match="a clock never goes back"):
        clock(world, "set", time=NOW)
    with pytest.raises(Refused, match="time is required"):
        clock(world, "set")
    assert there == world.get("/sandbox/v1/clock")


def test_deadlines_that_are_passed_in_one_go_end_each_at_its_own_time(make: Maker) -> None:
    """Of phones that are offline, and of one that waits behind a user: these it must meet one after the other."""
    world = make(now=NOW)
    world.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND"]})
    world.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    issued = [(world.issue(PIXEL, {"type": "LOCK", "duration": f"{seconds}s"}), seconds) for seconds in (300, 100, 200, 400)]
    restarted = world.issue(ZEBRA, {"type": "REBOOT"})

    clock(world, "advance", duration="3600s")

    told = world.get("/sandbox/v1/notifications")["notifications"]
    deadlines_ms = {name: int(name.rpartition("/")[2]) + seconds * 1_000 for name, seconds in issued}
    expected = [(format_timestamp(at_ms * 1_000), name) for name, at_ms in sorted(deadlines_ms.items(), key=lambda deadline: deadline[1])]
    assert expected == [(one["publishTime"], one["resource"]["name"]) for one in told if one["resource"]["name"] != restarted]
    assert "response" in world.get(f"/v1/{restarted}")


def session(world: Client) -> list[str]:
    """What a world answers to a session with everything in it, with its address replaced."""
    answers: list[Json] = []

    def ask(method: str, path: str, body: Json | None = None) -> Json:
        try:
            answer = world.ask(method, path, body)
        except Refused as refused:
            answer = refused.error
        answers.append(answer)
        return answer

    ask("PATCH", "/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND", "ENROLLMENT"]})
    for command in ({"type": "LOCK"}, {"type": "REBOOT"}, {"type": "RESET_PASSWORD", "newPassword": "493817"}):
        for phone in (PIXEL, COPE, ZEBRA):
            ask("POST", f"{DEVICES}/{phone}:issueCommand", command)
    ask("POST", "/sandbox/v1/clock:advance", {"duration": "5s"})
    ask("POST", f"{DEVICES}/{BYOD}:issueCommand", {"requestDeviceInfoParams": {"deviceInfo": "EID"}})
    ask("POST", "/sandbox/v1/clock:next")
    made = ask("POST", "/v1/enterprises?agreementAccepted=true&projectId=p", {})["name"]
    token = ask("POST", f"/v1/{made}/enrollmentTokens", {"additionalData": "x"})["value"]
    ask("POST", "/sandbox/v1/devices", {"profile": PIXEL, "enrollmentToken": token})
    ask("POST", "/sandbox/v1/devices", {"profile": PIXEL, "enrollmentToken": token})
    ask("POST", f"{DEVICES}/{PIXEL}:issueCommand", {"type": "WIPE", "wipeParams": {}})
    ask("POST", f"/sandbox/v1/devices/{PIXEL}:enroll")
    ask("POST", "/v1/signupUrls?projectId=p&callbackUrl=https%3A%2F%2Femm.example.com%2F")
    ask("PATCH", "/v1/enterprises/sandbox/policies/default", {"cameraDisabled": True})
    for path in (DEVICES, f"/v1/{made}/devices", f"{DEVICES}/{COPE}/operations", "/sandbox/v1/devices", "/sandbox/v1/notifications"):
        ask("GET", path)
    ask("GET", f"{DEVICES}?pageSize=2")
    return [json.dumps(answer, indent=1).replace(world.url, "BASE") for answer in answers]


def test_the_same_seed_time_and_calls_give_the_same_answers_to_the_byte(make: Maker) -> None:
    first, second = session(make(seed=42, now=NOW)), session(make(seed=42, now=NOW))

    for one, other in zip(first, second, strict=True):
        assert one == other


def test_a_reset_repeats_the_session_and_another_seed_gives_other_ids(make: Maker) -> None:
    world = make(seed=42, now=NOW)
    first = session(world)

    world.post("/sandbox/v1:reset")

    assert first == session(world)
    assert first != session(make(seed=43, now=NOW))


def test_a_callers_next_look_sees_what_the_last_call_caused_while_the_clock_is_frozen(make: Maker) -> None:
    world = make(now=NOW)

    for _ in range(20):
        assert world.get(f"/v1/{world.issue(PIXEL, {'type': 'LOCK'})}")["done"]
