"""A failed assertion says how near the phone came to what was expected of it."""

import pytest

from heliograph.testing import Amapi

PIXEL = "pixel8-a15-fully-managed"
ISSUE = "enterprises.devices.issueCommand"


def complaint(amapi: Amapi, phone: str, type: str, *, once: bool = False) -> str:
    """What `executed` says."""
    with pytest.raises(AssertionError) as failed:
        amapi.phones[phone].executed(type, once=once)
    return str(failed.value)


def wipe_of_an_absent_phone(amapi: Amapi, *, back_after: int) -> None:
    """It lives for ten minutes."""
    amapi.phones["pixel8"].offline()
    amapi.issue("pixel8", {"type": "WIPE", "wipeParams": {}, "duration": "600s"})
    amapi.clock.advance(back_after)


def test_a_command_that_expired_just_before_the_phone_came_back(amapi: Amapi) -> None:
    wipe_of_an_absent_phone(amapi, back_after=603)
    amapi.phones["pixel8"].online()

    said = complaint(amapi, "pixel8", "WIPE", once=True)

    assert f"{PIXEL} did not execute WIPE: a WIPE was issued but expired 3 s before the phone came back" == said


def test_a_command_that_expired_while_the_phone_is_still_away(amapi: Amapi) -> None:
    wipe_of_an_absent_phone(amapi, back_after=603)

    said = complaint(amapi, "pixel8", "WIPE")

    assert said.endswith(
        "expired at 2030-01-01T00:10:00Z; the phone has been offline since 2030-01-01T00:00:00Z, and still is"
    )  # fmt: skip


def test_a_phone_that_a_fault_took_offline_came_back_too_late(amapi: Amapi) -> None:
    amapi.faults.plan(phone=PIXEL, offline=90)
    amapi.clock.advance(1)
    amapi.issue("pixel8", {"type": "LOCK", "duration": "60s"})
    amapi.clock.advance(100)

    assert complaint(amapi, "pixel8", "LOCK").endswith("expired 29 s before the phone came back")


def test_a_command_that_still_waits(amapi: Amapi) -> None:
    wipe_of_an_absent_phone(amapi, back_after=1)

    said = complaint(amapi, "pixel8", "WIPE")

    assert "a WIPE was issued and is QUEUED. The device is not connected" in said


def test_a_command_that_was_cancelled(amapi: Amapi) -> None:
    wipe_of_an_absent_phone(amapi, back_after=5)
    (operation,) = amapi.operations()
    amapi.client.enterprises().devices().operations().cancel(name=operation.name).execute()

    said = complaint(amapi, "pixel8", "WIPE")

    assert said.endswith("a WIPE was issued but cancelled at 2030-01-01T00:00:05Z, before the phone acknowledged it")


def test_a_command_that_the_phone_refused(amapi: Amapi) -> None:
    amapi.issue("galaxy-s25", {"type": "REBOOT"})

    assert "a REBOOT was issued but ended with MANAGEMENT_MODE: " in complaint(amapi, "galaxy-s25", "REBOOT")


def test_a_command_that_the_phone_reported_and_did_not_do(amapi: Amapi) -> None:
    phone = amapi.phones["pixel8"]
    phone.behave(lies=True)
    operation = amapi.issue("pixel8", {"type": "REBOOT"}).wait()

    said = complaint(amapi, "pixel8", "REBOOT")

    assert said.endswith(
        "a REBOOT was issued and answered as done, but the phone has not done it: its own facts contradict it (bootCount 1 → 1)"
    )
    assert ("CONTRADICTED", {"before": {"bootCount": 1}, "after": {"bootCount": 1}}) == (operation.judgement, operation.evidence)
    phone.behave(lies=False)
    assert "OBSERVED" == amapi.issue("pixel8", {"type": "REBOOT"}).wait().judgement
    assert ["OBSERVED"] == [execution.judgement for execution in phone.executed("REBOOT", once=True)]


def test_a_command_that_failed_in_its_own_way(amapi: Amapi) -> None:
    amapi.issue("pixel8", {"type": "ADD_ESIM", "addEsimParams": {"activationCode": "LPA:1$smdp.invalid$ANYTHING"}}).wait()

    said = complaint(amapi, "pixel8", "ADD_ESIM")

    assert "an ADD_ESIM was issued but ended with " in said
    assert "INTERNAL_ERROR" in said


def test_a_command_that_waits_for_the_user(amapi: Amapi) -> None:
    amapi.issue("galaxy-s25", {"type": "REQUEST_DEVICE_INFO", "requestDeviceInfoParams": {"deviceInfo": "EID"}})

    said = complaint(amapi, "galaxy-s25", "REQUEST_DEVICE_INFO")

    assert said.endswith("the phone asks its user, who has not answered: approve(), decline(), or advance the clock")


def test_a_command_whose_user_did_not_answer_in_time(amapi: Amapi) -> None:
    amapi.phones["galaxy-s25"].behave(consent="IGNORE")
    amapi.issue("galaxy-s25", {"type": "REQUEST_DEVICE_INFO", "requestDeviceInfoParams": {"deviceInfo": "EID"}}).wait()

    said = complaint(amapi, "galaxy-s25", "REQUEST_DEVICE_INFO")

    assert said.endswith("was issued but expired at 2030-01-01T00:10:00Z: its phone's user did not answer in time")


def test_a_command_that_went_to_another_phone(amapi: Amapi) -> None:
    amapi.issue("zebra", "LOCK")
    amapi.issue("pixel8", "REBOOT")

    said = complaint(amapi, "pixel8", "LOCK")

    assert f"{PIXEL} did not execute LOCK: none was issued to it. Issued to it: REBOOT." in said
    assert "A LOCK was issued to zebra-tc52-a10-dedicated instead." in said


def test_a_command_that_the_api_did_not_take(amapi: Amapi) -> None:
    amapi.faults.plan(method=ISSUE, error=503, times=1)
    with pytest.raises(Exception, match="503"):
        amapi.client.enterprises().devices().issueCommand(name=amapi.phones["pixel8"].name, body={"type": "LOCK"}).execute()

    said = complaint(amapi, "pixel8", "LOCK")

    assert "a LOCK was sent, but not issued:" in said
    assert "was answered 503: The service is currently unavailable. [faults/1: answered 503, and nothing was done]" in said


def test_a_command_that_was_done_twice(amapi: Amapi) -> None:
    first, second = (amapi.issue("pixel8", "LOCK").name for _ in range(2))

    said = complaint(amapi, "pixel8", "LOCK", once=True)

    assert f"{PIXEL} was to execute LOCK once, but executed it 2 times:" in said
    assert f"for {first}" in said
    assert f"for {second}" in said
    assert "was the command issued again without its requestId?" in said


def test_a_command_that_was_not_to_be_done(amapi: Amapi) -> None:
    operation = amapi.issue("pixel8", "LOCK")

    with pytest.raises(AssertionError) as failed:
        amapi.phones["pixel8"].did_not_execute("LOCK")

    assert f"{PIXEL} was to execute LOCK not, but executed it once:" in str(failed.value)
    assert f"for {operation.name}" in str(failed.value)


def test_calls_that_were_not_sent(amapi: Amapi) -> None:
    amapi.client.enterprises().devices().list(parent=amapi.enterprise).execute()

    with pytest.raises(AssertionError) as failed:
        amapi.requests.sent("issueCommand", type="LOCK")

    assert "issueCommand of type LOCK was to be sent, but it was not sent. Sent was:\n  enterprises.devices.list -> 200" == str(
        failed.value
    )


def test_notifications_that_did_not_come(amapi: Amapi) -> None:
    amapi.issue("pixel8", "LOCK")

    with pytest.raises(AssertionError) as failed:
        amapi.notifications.published("ENROLLMENT", phone=PIXEL)

    assert "at least one ENROLLMENT was to be published about pixel8-a15-fully-managed, but there were 0. There was:\n  COMMAND" in str(
        failed.value
    )
