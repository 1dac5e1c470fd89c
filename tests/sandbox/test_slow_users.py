"""A user who takes longer than the command was given: the question is withdrawn, and nothing happens any more."""

import pytest

from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.making import Maker

PIXEL = "pixel8-a15-fully-managed"
BYOD = "galaxy-s25-a15-byod"
EID: Json = {"requestDeviceInfoParams": {"deviceInfo": "EID"}, "duration": "60s"}
ESIM: Json = {"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$CONSENT"}, "duration": "60s"}


def asked(client: Client, phone: str) -> int:
    """How many questions the phone puts to its user, once it puts one."""
    return client.until(lambda: len(client.get(f"/sandbox/v1/devices/{phone}")["userIsAsked"]))


@pytest.mark.parametrize("phone, command", [(BYOD, EID), (PIXEL, ESIM)])
def test_a_question_is_withdrawn_when_the_commands_time_is_over(sandbox: Client, phone: str, command: Json) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{phone}", {"consent": "IGNORE"})
    operation = sandbox.issue(phone, command)
    assert 1 == asked(sandbox, phone)

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "61s"})

    found = sandbox.get(f"/v1/{operation}")
    assert (True, 4) == (found["done"], found["error"]["code"])
    assert not {"esimStatus", "requestDeviceInfoStatus", "errorCode"} & set(found["metadata"])
    assert sandbox.until(lambda: not sandbox.get(f"/sandbox/v1/devices/{phone}")["userIsAsked"])
    with pytest.raises(Refused, match="does not ask its user"):
        sandbox.post(f"/sandbox/v1/devices/{phone}:approve")
    assert not [esim for esim in sandbox.phone(phone)["esims"] if esim["managed"]]


def test_who_answers_in_time_is_not_too_late(sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"consent": "IGNORE"})
    operation = sandbox.issue(PIXEL, ESIM)
    asked(sandbox, PIXEL)
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "50s"})

    sandbox.post(f"/sandbox/v1/devices/{PIXEL}:approve")

    assert "SUCCESS" == sandbox.wait(operation)["metadata"]["esimStatus"]["status"]
    assert 1 == len(sandbox.phone(PIXEL)["esims"])


def test_an_answer_without_a_network_has_no_effect_when_the_time_is_over(sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"consent": "IGNORE"})
    operation = sandbox.issue(PIXEL, ESIM)
    asked(sandbox, PIXEL)
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    sandbox.post(f"/sandbox/v1/devices/{PIXEL}:approve")
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "61s"})

    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": True})

    assert 4 == sandbox.wait(operation)["error"]["code"]
    assert "response" in sandbox.run(PIXEL, {"type": "LOCK"})
    assert [] == sandbox.phone(PIXEL)["esims"]


def test_as_observed_the_answer_counts_whenever_it_comes(make: Maker) -> None:
    world = make(behaviour="as-observed", phones=[PIXEL])
    world.patch(f"/sandbox/v1/devices/{PIXEL}", {"consent": "IGNORE"})
    operation = world.issue(PIXEL, ESIM)
    asked(world, PIXEL)
    world.post("/sandbox/v1/clock:advance", {"duration": "3600s"})

    world.post(f"/sandbox/v1/devices/{PIXEL}:approve")

    assert "SUCCESS" == world.wait(operation)["metadata"]["esimStatus"]["status"]
