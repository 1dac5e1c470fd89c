"""When the sandbox has answered, what it was asked has happened: first reads, without waiting for anything."""

import re
from pathlib import Path
from typing import Any

import pytest

from heliograph.sandbox.settings import SandboxSettings
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.conftest import running

PIXEL = "pixel8-a15-fully-managed"
BYOD = "galaxy-s25-a15-byod"
MOTO = "moto-g5-a8-fully-managed"
PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"
EID = {"requestDeviceInfoParams": {"deviceInfo": "EID"}}
LOST = {"startLostModeParams": {"lostMessage": {"defaultMessage": "Call me"}}}
HALF_A_DAY = {"duration": "43200s"}


def steer(sandbox: Client, phone: str, **fields: object) -> Json:
    """The phone after the PATCH."""
    return sandbox.patch(f"/sandbox/v1/devices/{phone}", fields)


def advance(sandbox: Client, seconds: int) -> None:
    """So much later."""
    sandbox.post("/sandbox/v1/clock:advance", {"duration": f"{seconds}s"})


def first_read(sandbox: Client, operation: str) -> Json:
    """The operation as the first look shows it.  Fails: it is not done."""
    found = sandbox.get(f"/v1/{operation}")
    assert found.get("done"), found
    return found


@pytest.fixture(scope="module")
def example() -> str:
    """The test in Python that the page shows."""
    return "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))


@pytest.mark.parametrize("batch", range(8))
def test_the_example_of_the_page_does_what_the_page_says(sandbox_process: Client, example: str, batch: int) -> None:
    """Two hundred times: in batches, for a busy machine has a time limit for each test."""
    code = compile(example.replace("http://127.0.0.1:8080", sandbox_process.url), f"sandbox.md, batch {batch}", "exec")
    for _ in range(25):
        names: dict[str, Any] = {}
        exec(code, names)  # noqa: S102 - our own page

        assert 4 == first_read(sandbox_process, names["wipe"]["name"])["error"]["code"]


def test_what_expires_on_the_way_is_done_when_the_clock_has_been_advanced(sandbox: Client) -> None:
    steer(sandbox, PIXEL, online=False)
    for _ in range(40):
        operation = sandbox.issue(PIXEL, {"type": "LOCK"})

        advance(sandbox, 601)

        assert 4 == first_read(sandbox, operation)["error"]["code"]


def test_a_phone_that_comes_back_has_done_what_waited_for_it(sandbox: Client) -> None:
    for _ in range(20):
        steer(sandbox, PIXEL, online=False)
        operation = sandbox.issue(PIXEL, {"type": "LOCK"})

        view = steer(sandbox, PIXEL, online=True)

        assert view["connected"]
        assert "response" in first_read(sandbox, operation)


def test_a_phone_whose_network_goes_is_known_to_be_gone(sandbox: Client) -> None:
    for online in (False, True) * 10:
        steer(sandbox, PIXEL, online=online)
        if not online:
            operation = sandbox.issue(PIXEL, {"type": "LOCK"})
            timeline = sandbox.get(f"/heliograph/v1/{operation}/timeline")
            assert "not connected" in timeline["whyStuck"]


def test_what_a_user_was_asked_is_done_when_they_have_answered(sandbox: Client) -> None:
    steer(sandbox, BYOD, consent="IGNORE")
    for verb, status in (("approve", "SUCCEEDED"), ("decline", "USER_DECLINED")) * 5:
        operation = sandbox.issue(BYOD, EID)
        advance(sandbox, 1)

        sandbox.post(f"/sandbox/v1/devices/{BYOD}:{verb}")

        assert status == first_read(sandbox, operation)["metadata"]["requestDeviceInfoStatus"]["status"]


def test_a_user_who_changes_their_mind_answers_what_was_asked_before(sandbox: Client) -> None:
    steer(sandbox, BYOD, consent="IGNORE")
    operation = sandbox.issue(BYOD, EID)
    advance(sandbox, 1)

    steer(sandbox, BYOD, consent="APPROVE", consentDelay="0s")

    assert "SUCCEEDED" == first_read(sandbox, operation)["metadata"]["requestDeviceInfoStatus"]["status"]


def test_a_token_that_waits_for_an_unlock_is_used_when_the_phone_was_unlocked(sandbox: Client) -> None:
    operation = sandbox.issue(MOTO, {"type": "RESET_PASSWORD", "newPassword": "493817"})
    advance(sandbox, 1)

    sandbox.post(f"/sandbox/v1/devices/{MOTO}:unlock")

    assert sandbox.get(f"/v1/{operation}").get("done"), sandbox.get(f"/v1/{operation}")


def test_the_server_knows_that_lost_mode_was_left(sandbox: Client) -> None:
    sandbox.run(PIXEL, LOST)
    assert "LOST" == sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")["state"]

    sandbox.post(f"/sandbox/v1/devices/{PIXEL}:leaveLostMode")

    assert "ACTIVE" == sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")["state"]


def test_a_phone_that_was_made_reset_or_enrolled_is_connected_and_has_told_its_facts(sandbox: Client) -> None:
    made = sandbox.post("/sandbox/v1/devices", {"deviceId": "mine", "profile": PIXEL})
    reset = sandbox.post("/sandbox/v1/devices/mine:reset")
    sandbox.run("mine", {"type": "WIPE"})
    advance(sandbox, 1)
    enrolled = sandbox.post("/sandbox/v1/devices/mine:enroll")

    for view in (made, reset, enrolled):
        assert view["connected"]
    assert "lastPolicySyncTime" in sandbox.get(f"/v1/{enrolled['name']}")


def test_latency_is_by_the_clock(sandbox: Client) -> None:
    """No one waits for it in real time; the clock must be advanced over it."""
    steer(sandbox, PIXEL, latency="1000s")
    operation = sandbox.issue(PIXEL, {"type": "LOCK", "duration": "3600s"})
    steer(sandbox, PIXEL, duplicateNext=[])
    assert "done" not in sandbox.get(f"/v1/{operation}")

    advance(sandbox, 1001)
    acknowledged = sandbox.get(f"/heliograph/v1/{operation}/timeline")
    advance(sandbox, 3000)

    assert "acknowledged" in [entry["what"] for entry in acknowledged["entries"]]
    assert "response" in first_read(sandbox, operation)


def test_a_phone_without_network_is_not_enrolled_again_and_can_be_later(sandbox: Client) -> None:
    sandbox.run(PIXEL, {"type": "WIPE"})
    advance(sandbox, 1)
    steer(sandbox, PIXEL, online=False)

    with pytest.raises(Refused, match="no network"):
        sandbox.post(f"/sandbox/v1/devices/{PIXEL}:enroll")
    steer(sandbox, PIXEL, online=True)

    assert sandbox.post(f"/sandbox/v1/devices/{PIXEL}:enroll")["connected"]


def test_a_patch_with_a_fault_changes_nothing(sandbox: Client) -> None:
    before = sandbox.get(f"/sandbox/v1/devices/{BYOD}")

    with pytest.raises(Refused):
        steer(sandbox, BYOD, consent="DECLINE", online=False, latency="-1s")

    assert before == sandbox.get(f"/sandbox/v1/devices/{BYOD}")


def test_every_notification_of_what_happened_is_there(sandbox: Client) -> None:
    sandbox.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND"]})
    steer(sandbox, PIXEL, online=False)
    expired = [sandbox.issue(PIXEL, {"type": "LOCK"}) for _ in range(20)]
    advance(sandbox, 601)
    told = [notification["resource"]["name"] for notification in sandbox.get("/sandbox/v1/notifications")["notifications"]]
    waiting = sandbox.issue(PIXEL, {"type": "LOCK"})
    steer(sandbox, PIXEL, online=True)

    now_told = [notification["resource"]["name"] for notification in sandbox.get("/sandbox/v1/notifications")["notifications"]]

    assert sorted(expired) == sorted(told)
    assert waiting == now_told[-1]


def test_what_retention_ends_on_the_way_is_gone(sandbox: Client) -> None:
    steer(sandbox, PIXEL, online=False)
    ended = [sandbox.issue(PIXEL, {"type": "LOCK"}) for _ in range(150)]

    advance(sandbox, 32 * 86_400)

    for operation in (ended[0], ended[-1]):
        with pytest.raises(Refused, match="Operation not found"):
            sandbox.get(f"/v1/{operation}")


def test_a_kept_sandbox_hands_over_what_its_predecessor_could_not(tmp_path: Path) -> None:
    """A retry that was put off before the restart comes due while the clock is advanced after it."""
    settings = SandboxSettings(port=0, data_dir=tmp_path, push_endpoints=("http://127.0.0.1:9/nobody",))
    with running(settings) as client:
        client.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND"]})
        operation = client.run(PIXEL, {"type": "LOCK"})["name"]
        advance(client, 3600)

    with running(settings) as client:
        before = client.get("/sandbox/v1/notifications")["notifications"]
        advance(client, 7200)
        after = client.get("/sandbox/v1/notifications")["notifications"]

    assert [] == before
    assert [operation] == [notification["resource"]["name"] for notification in after]
