"""The usage log: AMAPI's event types, and what a virtual phone puts into it."""

import itertools
import math
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.agent.profiles import PROFILES
from heliograph.domain.phone.usage_logs import (
    ALERT_US,
    KEPT,
    LOCATED_EVERY_US,
    LOGGED_EVENTS,
    event_json,
    locates_at_us,
    logged,
    remote_lock,
    reports_location_at_us,
    to_send,
    with_locations,
    with_log,
    without,
)
from heliograph.domain.phone.virtual_device import LostMode, VirtualDevice
from heliograph.domain.phone.whereabouts import location_of
from heliograph.domain.usage_log import EVENT_TYPES, field_of, log_type_of, new_since, read_batch
from tests.discovery import document

PHONE = PROFILES["pixel8-a15-fully-managed"].phone("R58M12ABCDE", enterprise="LC01")
NOW_US = 1_900_000_000_000_000
MINUTE_US = 60_000_000


def lost(since_us: int = NOW_US) -> VirtualDevice:
    return msgspec.structs.replace(PHONE, lost_mode=LostMode(since_us=since_us))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_type_has_the_field_and_the_log_type_that_its_description_names(event_type: str) -> None:
    described = document()["schemas"]["UsageLogEvent"]["properties"][field_of(event_type)]["description"]

    named = re.findall(r"Part of (\w+)", described)
    assert [log_type_of(event_type) or "AMAPI_LOGS"] == named or ("" == log_type_of(event_type) and not named)


def test_every_event_that_a_phone_logs_is_a_usage_log_event_of_amapi() -> None:
    phone = PHONE
    for number, kind in enumerate(LOGGED_EVENTS):
        phone = logged(phone, kind.type, {}, now_us=NOW_US + number)

    batch = read_batch("2030-01-01T00:00:00Z", [event_json(entry) for entry in to_send(phone)])

    assert [kind.type for kind in LOGGED_EVENTS] == [event.event_type.name for event in batch.events]


@given(now_us=st.integers(0, 2**52), serial=st.text(min_size=1, max_size=12))
def test_a_phone_walks_and_is_where_its_serial_number_and_the_time_say(now_us: int, serial: str) -> None:
    phone = msgspec.structs.replace(PHONE, serial=serial)
    here, then = location_of(phone, now_us), location_of(phone, now_us + MINUTE_US)

    north = (then.latitude - here.latitude) * 111_320
    east = (then.longitude - here.longitude) * 111_320 * math.cos(math.radians(here.latitude))
    assert here == location_of(msgspec.structs.replace(phone, battery_percent=3), now_us)
    assert 0 < math.hypot(north, east) < 1.6 * 60


@given(steps=st.lists(st.integers(1, 40 * 60), min_size=1, max_size=8))
def test_a_lost_phone_logs_every_minute_once_however_the_time_goes(steps: list[int]) -> None:
    phone, now_us, found = lost(), NOW_US, []
    for minutes in steps:
        now_us += minutes * MINUTE_US // 7
        phone = with_locations(phone, now_us=now_us)
        found += [entry.at_us for entry in phone.log]
        phone = without(phone, phone.last_log_id)

    wanted = range(NOW_US + ALERT_US, now_us + 1, LOCATED_EVERY_US)
    assert set(found) <= set(wanted)
    assert len(found) == len(set(found))
    assert len(wanted) == len(found) or len(wanted) > KEPT
    assert (wanted[-1] if wanted else NOW_US + ALERT_US - LOCATED_EVERY_US) + LOCATED_EVERY_US == locates_at_us(phone)


def test_the_longer_a_phone_is_lost_the_more_it_sends_at_a_time() -> None:
    phone, sent = lost(), []
    while (at_us := reports_location_at_us(phone)) is not None and at_us <= NOW_US + 30 * 1_440 * MINUTE_US:
        phone = without(with_locations(phone, now_us=at_us), NOW_US)
        sent.append((at_us - NOW_US) // MINUTE_US)
        phone = msgspec.structs.replace(phone, log=())

    assert [*range(5, 60)] == sent[:55]
    assert len(sent) < 600
    assert all(later - earlier <= max(1, later / 60 + 1) for earlier, later in itertools.pairwise(sent))


def test_ids_rise_whatever_the_clock_does_and_the_oldest_events_go() -> None:
    phone = PHONE
    for number in range(KEPT + 5):
        phone = logged(phone, "OS_STARTUP", {}, now_us=NOW_US - number)

    ids = [entry.id for entry in phone.log]
    assert KEPT == len(ids)
    assert sorted(set(ids)) == ids
    assert [] == [entry.id for entry in without(phone, ids[-1]).log]


@pytest.mark.parametrize("waiting", [0, 1, KEPT])
def test_a_phone_drops_what_its_policy_does_not_enable_however_much_waits_to_be_sent(waiting: int) -> None:
    phone = with_locations(lost(), now_us=NOW_US + ALERT_US + (waiting - 1) * LOCATED_EVERY_US)
    now_us = NOW_US + 2 * KEPT * LOCATED_EVERY_US
    assert waiting == len(phone.log)

    locked = with_log(phone, logged(phone, "REMOTE_LOCK", remote_lock(phone), now_us=now_us), None, now_us=now_us)
    enrolled = with_log(phone, logged(phone, "ENROLLMENT_COMPLETE", {}, now_us=now_us), None, now_us=now_us)

    assert {"LOST_MODE_LOCATION"} >= {entry.type for entry in locked.log}
    assert "ENROLLMENT_COMPLETE" == enrolled.log[-1].type


def test_events_with_an_id_that_was_seen_are_not_new() -> None:
    batch = read_batch(
        "2030-01-01T00:00:00Z", [event_json(entry) for entry in to_send(with_locations(lost(), now_us=NOW_US + 2 * ALERT_US))]
    )

    ids = [event.event_id for event in batch.events]
    assert ids[2:] == [event.event_id for event in new_since(batch, ids[1])]
    assert () == new_since(batch, ids[-1])
