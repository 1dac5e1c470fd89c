"""USAGE_LOGS: what phones log reaches an enterprise that enabled it, once, and lost phones move."""

import itertools
from typing import Any

import pytest

from heliograph.domain.usage_log import EVENT_TYPES, field_of, log_type_of
from tests.sandbox.client import Client, Json, Refused

PHONE, OTHER, PERSONAL = "pixel8-a15-fully-managed", "pixel7-a14-cope", "galaxy-a14-a13-byod"
NAME = f"enterprises/sandbox/devices/{PHONE}"
LOST = {"type": "START_LOST_MODE", "startLostModeParams": {"lostMessage": {"defaultMessage": "Please call."}}}
FOUND = {"type": "STOP_LOST_MODE", "stopLostModeParams": {}}
DEVICES = "/sandbox/v1/devices"


@pytest.fixture
def listening(sandbox: Client) -> Client:
    """The sandbox, its enterprise with usage logs enabled."""
    sandbox.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["USAGE_LOGS"]})
    return sandbox


def batches(sandbox: Client) -> list[Json]:
    """What an endpoint would have got, once everything has settled: BatchUsageLogEvents."""
    sandbox.patch(f"{DEVICES}/{PHONE}", {})
    found: list[Json] = sandbox.get("/sandbox/v1/notifications")["notifications"]
    assert {"USAGE_LOGS"} >= {one["notificationType"] for one in found}
    return [one["resource"] for one in found]


def events(sandbox: Client, device: str = "") -> list[Json]:
    """The events of all batches, or of one device's."""
    return [event for batch in batches(sandbox) if batch["device"].endswith(device) for event in batch["usageLogEvents"]]


def types(sandbox: Client, device: str = "") -> list[str]:
    return [event["eventType"] for event in events(sandbox, device)]


def advance(sandbox: Client, seconds: int) -> None:
    sandbox.post("/sandbox/v1/clock:advance", {"duration": f"{seconds}s"})


def enable_logs(sandbox: Client, *log_types: str) -> None:
    """The phone's policy has it log these."""
    sandbox.patch("/v1/enterprises/sandbox/policies/default", {"usageLog": {"enabledLogTypes": list(log_types)}})
    advance(sandbox, 1)


def test_a_lost_phone_rings_for_five_minutes_and_then_says_every_minute_where_it_is(listening: Client) -> None:
    listening.run(PHONE, LOST)
    advance(listening, 299)
    ringing = events(listening)
    advance(listening, 181)

    found = events(listening)
    assert [] == ringing
    assert ["LOST_MODE_LOCATION"] * 4 == [event["eventType"] for event in found]
    times = [event["eventTime"] for event in found]
    assert sorted(times) == times
    places = [event["lostModeLocationEvent"]["location"] for event in found]
    assert 4 == len({(place["latitude"], place["longitude"]) for place in places})
    assert all(0 < event["lostModeLocationEvent"]["batteryLevel"] <= 100 for event in found)
    device = listening.get(f"/v1/{NAME}")
    assert {(NAME, device["userName"])} == {(batch["device"], batch["user"]) for batch in batches(listening)}


def test_a_phone_that_was_found_says_no_more_where_it_is(listening: Client) -> None:
    listening.run(PHONE, LOST)
    advance(listening, 301)
    listening.run(PHONE, FOUND)
    advance(listening, 600)

    assert ["LOST_MODE_LOCATION"] == types(listening)


def test_an_enterprise_that_did_not_enable_usage_logs_gets_none_not_even_later(sandbox: Client) -> None:
    sandbox.run(PHONE, LOST)
    advance(sandbox, 400)
    sandbox.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["USAGE_LOGS"]})

    before = events(sandbox)
    advance(sandbox, 60)

    assert [] == before
    assert ["LOST_MODE_LOCATION"] == types(sandbox)


def test_what_a_phone_logs_while_it_is_offline_comes_when_it_is_back_once_each(listening: Client) -> None:
    listening.run(PHONE, LOST)
    listening.patch(f"{DEVICES}/{PHONE}", {"online": False})
    advance(listening, 480)
    before = events(listening)
    listening.patch(f"{DEVICES}/{PHONE}", {"online": True})

    found = events(listening)
    assert [] == before
    assert ["LOST_MODE_LOCATION"] * 4 == [event["eventType"] for event in found]
    ids = [int(event["eventId"]) for event in found]
    assert all(earlier < later for earlier, later in itertools.pairwise(ids))


def test_the_user_who_leaves_lost_mode_is_logged(listening: Client) -> None:
    listening.run(PHONE, LOST)
    listening.post(f"{DEVICES}/{PHONE}:leaveLostMode")

    (event,) = events(listening)
    assert {"status": "ATTEMPT_SUCCEEDED"} == event["stopLostModeUserAttemptEvent"]


def test_a_phone_that_enrols_says_that_it_is_done(listening: Client) -> None:
    listening.post(DEVICES, {"deviceId": "mine", "profile": OTHER})

    (batch,) = batches(listening)
    assert "enterprises/sandbox/devices/mine" == batch["device"]
    assert ["ENROLLMENT_COMPLETE"] == types(listening)


def test_security_logs_come_from_when_the_policy_enables_them_until_it_no_longer_does(listening: Client) -> None:
    listening.run(PHONE, {"type": "RESET_PASSWORD", "newPassword": "12345678"})
    listening.run(PHONE, {"type": "LOCK"})
    before = events(listening)
    enable_logs(listening, "SECURITY_LOGS")
    listening.run(PHONE, {"type": "LOCK"})
    listening.post(f"{DEVICES}/{PHONE}:unlock")
    enable_logs(listening)
    listening.run(PHONE, {"type": "LOCK"})

    wanted = ["LOGGING_STARTED", "REMOTE_LOCK", "KEYGUARD_DISMISS_AUTH_ATTEMPT", "KEYGUARD_DISMISSED", "LOGGING_STOPPED"]
    assert [] == before
    assert wanted == types(listening, NAME)


def test_a_restart_is_logged(listening: Client) -> None:
    enable_logs(listening, "SECURITY_LOGS")
    listening.run(PHONE, {"type": "REBOOT"})
    advance(listening, 60)

    assert ["LOGGING_STARTED", "OS_SHUTDOWN", "OS_STARTUP"] == types(listening, NAME)[:3]


def test_a_work_profile_logs_what_happens_inside_it_and_a_personal_phone_nothing(listening: Client) -> None:
    enable_logs(listening, "SECURITY_LOGS")
    for phone in (OTHER, PERSONAL):
        listening.run(phone, {"type": "LOCK"})

    cope = events(listening, OTHER)
    assert not any(batch["device"].endswith(PERSONAL) for batch in batches(listening))
    assert ["LOGGING_STARTED", "REMOTE_LOCK"] == [event["eventType"] for event in cope]
    assert 10 == cope[1]["remoteLockEvent"]["targetUserId"]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_any_event_can_be_made_to_come_if_the_policy_enables_its_log(listening: Client, event_type: str) -> None:
    if log_type := log_type_of(event_type):
        with pytest.raises(Refused) as refused:
            listening.post(f"{DEVICES}/{PHONE}:logUsage", {"eventType": event_type})
        assert log_type in refused.value.error["message"]
        enable_logs(listening, log_type)
    listening.post(f"{DEVICES}/{PHONE}:logUsage", {"eventType": event_type})

    found: Any = next(event for event in events(listening) if event["eventType"] == event_type)
    assert field_of(event_type) in found


def test_an_event_says_what_the_test_wants(listening: Client) -> None:
    said = {"hostname": "example.com", "packageName": "com.example", "ipAddresses": ["192.0.2.1"], "totalIpAddressesReturned": "1"}
    enable_logs(listening, "NETWORK_ACTIVITY_LOGS")
    listening.post(f"{DEVICES}/{PHONE}:logUsage", {"eventType": "DNS", "event": said})

    (event,) = events(listening)
    assert said == event["dnsEvent"]


@pytest.mark.parametrize("body, field", [({"eventType": "DNSS"}, "event_type"), ({"eventType": "DNS", "event": {"host": 1}}, "event")])
def test_an_event_that_cannot_be_is_refused(listening: Client, body: Json, field: str) -> None:
    with pytest.raises(Refused) as refused:
        listening.post(f"{DEVICES}/{PHONE}:logUsage", body)

    assert refused.value.error["details"][0]["fieldViolations"][0]["field"].startswith(field)
