"""What a test does with its world: phones, clock, faults, what was sent and what came of it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.testing import Amapi, Refused, sandbox
from tests.patience import PATIENCE_S

PIXEL = "pixel8-a15-fully-managed"
EID = {"type": "REQUEST_DEVICE_INFO", "requestDeviceInfoParams": {"deviceInfo": "EID"}}
ISSUE = "enterprises.devices.issueCommand"


def test_a_phone_is_found_by_its_id_its_name_or_a_beginning_that_no_other_has(amapi: Amapi) -> None:
    found = [amapi.phones[wanted].id for wanted in (PIXEL, f"{amapi.enterprise}/devices/{PIXEL}", "pixel8")]

    assert [PIXEL] * 3 == found
    assert "pixel8" in amapi.phones
    assert 9 == len(amapi.phones) == len(list(amapi.phones))


def test_a_phone_that_is_not_there_is_answered_with_those_that_are(amapi: Amapi) -> None:
    with pytest.raises(LookupError, match=f"There is no phone 'nokia' in this world. There are: {PIXEL}, .*legacy-a7-fully-managed"):
        amapi.phones["nokia"]
    with pytest.raises(LookupError, match="'pixel' could be each of: pixel8-a15-fully-managed, pixel7-a14-cope, pixel9-a16qpr2-cope"):
        amapi.phones["pixel"]
    assert "nokia" not in amapi.phones


def test_googles_client_speaks_to_the_world_batches_included(amapi: Amapi) -> None:
    devices = amapi.client.enterprises().devices()
    answers: list[Any] = []

    batch = amapi.client.new_batch_http_request(callback=lambda _id, answer, _error: answers.append(answer))
    for phone in ("pixel8", "zebra"):
        batch.add(devices.issueCommand(name=amapi.phones[phone].name, body={"type": "LOCK"}))
    batch.execute()

    assert [operation.name for operation in amapi.operations()] == [answer["name"] for answer in answers]
    assert [True, True] == [operation.succeeded for operation in amapi.operations()]


def test_a_phone_goes_and_comes_and_its_user_answers(amapi: Amapi) -> None:
    phone = amapi.phones["galaxy-s25"]
    phone.offline()
    waits = amapi.issue(phone, EID)

    before = phone.asked
    phone.online()
    asked = phone.asked
    phone.approve()

    assert ([], [waits.name]) == (before, asked)
    assert waits.succeeded
    assert [(EID["type"], waits.name)] == [(done.type, done.operation) for done in phone.executed()]


def test_a_user_may_refuse(amapi: Amapi) -> None:
    phone = amapi.phones["galaxy-s25"]
    operation = amapi.issue(phone, EID)

    phone.decline()

    assert "USER_DECLINED" == operation.metadata["requestDeviceInfoStatus"]["status"]


def test_a_locked_phone_is_unlocked(amapi: Amapi) -> None:
    phone = amapi.phones["pixel8"]
    amapi.issue(phone, "LOCK")
    locked = phone.state["locked"]

    phone.unlock()

    assert (True, False) == (locked, phone.state["locked"])


def test_a_phone_reports_what_a_test_wants_until_it_may_report_what_it_finds(amapi: Amapi) -> None:
    phone, devices = amapi.phones["pixel8"], amapi.client.enterprises().devices()
    policy: Any = {"statusReportingSettings": {"deviceSettingsEnabled": True}}
    amapi.client.enterprises().policies().patch(name=f"{amapi.enterprise}/policies/default", body=policy).execute()
    found = devices.get(name=phone.name).execute()["deviceSettings"]

    phone.report(
        {"securityPosture": {"devicePosture": "AT_RISK"}, "deviceSettings": {"isEncrypted": False, "encryptionStatus": "INACTIVE"}}
    )
    at_risk = devices.get(name=phone.name).execute()
    phone.report({})
    at_ease = devices.get(name=phone.name).execute()

    assert ("AT_RISK", "INACTIVE") == (at_risk["securityPosture"]["devicePosture"], at_risk["deviceSettings"]["encryptionStatus"])
    assert "AT_RISK" != at_ease["securityPosture"]["devicePosture"]
    assert found == at_ease["deviceSettings"] != at_risk["deviceSettings"]


def test_a_phone_reports_no_field_of_the_servers_nor_one_that_there_is_not(amapi: Amapi) -> None:
    with pytest.raises(Refused, match="enrollmentTime is the server's to fill"):
        amapi.phones["pixel8"].report({"enrollmentTime": "2030-01-01T00:00:00Z"})
    with pytest.raises(Refused, match="batteryLevl"):
        amapi.phones["pixel8"].report({"batteryLevl": 7})


def test_a_phone_is_steered_by_whatever_the_sandbox_takes(amapi: Amapi) -> None:
    phone = amapi.phones["pixel8"]
    phone.steer({"ongoingCall": True})

    operation = amapi.issue(phone, "REBOOT").wait()

    assert "during a call" in str(operation.error)
    with pytest.raises(Refused, match="onnline"):
        phone.steer({"onnline": False})


def test_a_user_handles_esims(amapi: Amapi) -> None:
    phone = amapi.phones["pixel8"]
    icc_id = phone.add_esim(carrier="Personal Mobile")

    phone.activate_esim(icc_id)
    on = [esim["active"] for esim in phone.state["esims"]]
    phone.deactivate_esim(icc_id)
    off = [esim["active"] for esim in phone.state["esims"]]
    phone.remove_esim(icc_id)

    assert ([True], [False], []) == (on, off, phone.state["esims"])


def test_waiting_for_an_operation_takes_the_worlds_time_only(amapi: Amapi) -> None:
    began = amapi.clock.now

    operation = amapi.issue("galaxy-s25", EID)
    at_first = operation.done
    operation.wait()

    assert (False, True) == (at_first, operation.succeeded)
    assert timedelta(seconds=1) == amapi.clock.now - began


def test_who_waits_for_an_absent_phone_sees_the_command_expire(amapi: Amapi) -> None:
    amapi.phones["pixel8"].offline()

    operation = amapi.issue("pixel8", {"type": "LOCK", "duration": "600s"}).wait()

    assert ("EXPIRED", 4) == (operation.state, (operation.error or {})["code"])
    assert ["issued", "expired"] == [what for _time, what in operation.changes]


def test_the_clock_stands_until_it_is_moved(amapi: Amapi) -> None:
    assert amapi.clock.frozen
    assert datetime(2030, 1, 1, tzinfo=UTC) == amapi.clock.now
    assert datetime(2030, 1, 1, 1, tzinfo=UTC) == amapi.clock.advance(timedelta(hours=1))
    assert datetime(2031, 1, 1, tzinfo=UTC) == amapi.clock.set(datetime(2031, 1, 1, tzinfo=UTC))
    with pytest.raises(Refused, match="a clock never goes back"):
        amapi.clock.set("2030-01-01T00:00:00Z")


def test_the_next_thing_that_is_due_is_named(amapi: Amapi) -> None:
    amapi.issue("galaxy-s25", EID)

    (due,) = amapi.clock.next()

    assert ("PHONE", amapi.phones["galaxy-s25"].name) == (due.kind, due.name)


@pytest.mark.amapi(now=None)
def test_a_world_without_a_time_has_the_real_one(amapi: Amapi) -> None:
    assert not amapi.clock.frozen
    assert abs(datetime.now(UTC) - amapi.clock.now) < timedelta(hours=1)


def test_what_the_test_itself_asks_is_not_among_the_requests(amapi: Amapi) -> None:
    amapi.issue("pixel8", "LOCK").wait()
    amapi.client.enterprises().devices().get(name=amapi.phones["pixel8"].name).execute()

    (request,) = amapi.requests
    assert ("enterprises.devices.get", PIXEL, 200) == (request.method, request.phone, request.status)
    assert "GET" == request["httpMethod"]
    assert [request] == amapi.requests.sent("devices.get", phone=PIXEL, status=200, times=1)
    assert "androidmanagement.enterprises.devices.get" == amapi.requests.trace(request)[0]["what"]

    amapi.requests.clear()
    assert 0 == len(amapi.requests)


def test_the_notifications_of_a_command_are_there_without_asking_for_them(amapi: Amapi) -> None:
    operation = amapi.issue("pixel8", "LOCK")

    (notification,) = amapi.notifications.published("COMMAND", phone=PIXEL, times=1)

    assert operation.resource == notification.resource == notification["resource"]
    assert [notification] == list(amapi.notifications) == amapi.notifications.about(PIXEL)


@pytest.mark.amapi(notifications=[])
def test_an_enterprise_that_enabled_none_gets_none(amapi: Amapi) -> None:
    amapi.issue("pixel8", "LOCK")

    assert [] == list(amapi.notifications)


def test_faults_are_planned_in_few_words_and_counted(amapi: Amapi) -> None:
    fault = amapi.faults.plan(method=ISSUE, error=503, times=1)
    script = {"after": 10, "offline": timedelta(minutes=10)}
    amapi.faults.script(PIXEL, script)  # type: ignore[arg-type]

    with pytest.raises(Refused, match="unavailable"):
        amapi.issue("pixel8", "LOCK")
    amapi.clock.advance(11)

    assert [1, 1] == [each.met for each in amapi.faults]
    assert 1 == fault.met
    assert [] == amapi.faults.unmet()
    assert not amapi.phones["pixel8"].view["online"]


def test_a_fault_that_cannot_be_is_refused_with_what_there_is(amapi: Amapi) -> None:
    with pytest.raises(Refused, match="issueCommand"):
        amapi.faults.plan(method="enterprises.devices.issueComand", error=503)


@pytest.mark.amapi(
    phones=[{"profile": PIXEL, "deviceId": "mine"}],
    enterprises=["acme"],
    quota=5,
    seed=7,
    now="2040-02-03T04:05:06Z",
    behaviour="as-observed",
)
def test_a_marker_says_how_the_world_begins(amapi: Amapi) -> None:
    assert ["mine"] == list(amapi.phones)
    assert "enterprises/acme" == amapi.enterprise
    assert 5 == amapi.quota()["quota"]["requestsPerMinute"]
    assert datetime(2040, 2, 3, 4, 5, 6, tzinfo=UTC) == amapi.clock.now
    assert 7 == amapi.seed
    with pytest.raises(Refused):  # as real AMAPI was seen to do
        amapi.issue("mine", "WIPE")


def test_phones_are_added_with_the_tokens_of_the_product(amapi: Amapi) -> None:
    token = amapi.client.enterprises().enrollmentTokens().create(parent=amapi.enterprise, body={}).execute()

    phone = amapi.phones.add("pixel7-a14-cope", id="new", enrollment_token=token["value"])

    assert phone.name in {
        device["name"] for device in amapi.client.enterprises().devices().list(parent=amapi.enterprise).execute()["devices"]
    }
    assert "new" == amapi.phones["new"].id


def test_the_story_shows_what_happened_in_order(amapi: Amapi) -> None:
    amapi.phones["pixel8"].offline()
    amapi.issue("pixel8", "LOCK")
    amapi.clock.advance(5)
    amapi.phones["pixel8"].online()

    kinds = [line.split()[1] for line in amapi.story().splitlines()]

    assert ["network", "server", "network", "server", "server", "phone", "phone", "result", "result", "notification"] == kinds


def test_two_worlds_with_one_seed_are_the_same(amapi: Amapi) -> None:
    def lived() -> str:
        with sandbox(seed=11) as world:
            world.issue("pixel8", "REBOOT").wait()
            return world.story() + str(world.phones["zebra"].view)

    assert lived() == lived()


def test_a_block_without_pytest_ends_its_world_and_misses_unmet_faults(amapi: Amapi) -> None:
    with pytest.raises(AssertionError, match="Planned faults were never met:\n  faults/1 "), sandbox() as world:
        world.faults.plan(method=ISSUE, error=503)

    with sandbox() as other:
        other.faults.plan(method=ISSUE, error=503, optional=True)
    with sandbox(unmet_faults=True) as other:
        other.faults.plan(method=ISSUE, error=503)

    with pytest.raises(Refused, match="world"):
        world.clock.advance(1)


@pytest.mark.parametrize("name, prefix", [("HELIOGRAPH_URL", "http://"), ("AMAPI_EMULATOR_HOST", "")])
def test_a_sandbox_that_runs_already_is_used(name: str, prefix: str, amapi: Amapi, monkeypatch: pytest.MonkeyPatch) -> None:
    host = amapi.sandbox_url.removeprefix("http://")
    monkeypatch.setenv(name, f"{prefix}{host}")

    with sandbox() as world:
        assert amapi.sandbox_url == world.sandbox_url
        assert amapi.url != world.url


def test_a_program_without_pytest_leaves_no_process_behind() -> None:
    program = """
import heliograph.testing, json, sys
from heliograph.testing.server import OURS
with heliograph.testing.sandbox(phones=["pixel8-a15-fully-managed"]) as amapi:
    print(amapi.issue("pixel8", "LOCK").wait().state)
print(json.loads((OURS._own_folder / "sandbox.json").read_text())["pid"], "pytest" in sys.modules)
"""

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE_S)

    state, pid, has_pytest = ran.stdout.split()
    assert ("SUCCEEDED", "False") == (state, has_pytest)
    assert not process_is_there(int(pid))
    assert "" == ran.stderr


def process_is_there(pid: int) -> bool:
    """Whether it runs."""
    return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False, timeout=PATIENCE_S).returncode == 0
