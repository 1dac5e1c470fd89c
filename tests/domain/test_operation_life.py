"""The life of an operation: the table, and what each step leaves behind."""

from collections.abc import Callable

import msgspec
import pytest

from heliograph.domain import operation as life
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import FINAL, TIMELINE_MOST, TRANSITIONS, Event, Operation, State, TimelineEntry
from heliograph.domain.outcome import CANCELLED, DEVICE_DELETED, ERROR_OF, EXPIRED, NEVER_REPORTED, UNAPPROVED, ErrorCode
from tests.architecture.sources import ROOT

NOW_US = 2_000_000
FAILURE = ERROR_OF[ErrorCode.UNKNOWN]
QUEUED = Operation(
    device=DeviceName("e", "d"),
    create_ms=1_000,
    type="LOCK",
    command=b"{}",
    duration="600s",
    expires_us=601_000_000,
    deadline_us=601_000_000,
    secret=b"sealed",
    timeline=(TimelineEntry(at_us=1_000_000, what="issued"),),
)

STEPS: dict[Event, Callable[[Operation], Operation]] = {
    Event.ACKNOWLEDGE: lambda operation: life.acknowledge(operation, "a", NOW_US, result_timeout_s=60),
    Event.ACKNOWLEDGE_FINAL: lambda operation: life.acknowledge_final(operation, "a", NOW_US),
    Event.ADOPT: lambda operation: life.adopt(operation, "a", NOW_US, result_timeout_s=60),
    Event.REFUSE: lambda operation: life.finish(operation, 0, NOW_US, status=b"", error_code=ErrorCode.UNKNOWN, error=FAILURE),
    Event.IGNORE: lambda operation: life.ignored(operation, 0, NOW_US),
    Event.PROGRESS: lambda operation: life.progress(operation, 1, b'{"esimStatus":{}}', NOW_US, result_timeout_s=60),
    Event.SUCCEED: lambda operation: life.finish(operation, 1, NOW_US, status=b"", error_code=None, error=None),
    Event.FAIL: lambda operation: life.finish(operation, 1, NOW_US, status=b"", error_code=ErrorCode.UNKNOWN, error=FAILURE),
    Event.NOT_STARTED: lambda operation: life.not_started(operation, 1, NOW_US),
    Event.CANCEL: lambda operation: life.cancel(operation, NOW_US),
    Event.EXPIRE: lambda operation: life.expire(operation, NOW_US),
    Event.TIME_OUT: lambda operation: life.time_out(operation, NOW_US),
    Event.DEVICE_DELETED: lambda operation: life.device_deleted(operation, NOW_US),
    Event.APPROVE: lambda operation: life.approve(operation, NOW_US, "by bob", starts_us=0),
    Event.DECLINE: lambda operation: life.decline(operation, NOW_US, "declined by bob"),
}
ALL = [(state, event) for state in State for event in Event]


def in_state(state: State) -> Operation:
    """An operation in this state, by way of its own steps."""
    acknowledged = STEPS[Event.ACKNOWLEDGE](QUEUED)
    return {
        State.QUEUED: QUEUED,
        State.ACKNOWLEDGED: acknowledged,
        State.SUCCEEDED: STEPS[Event.SUCCEED](acknowledged),
        State.FAILED: STEPS[Event.FAIL](acknowledged),
        State.CANCELLED: STEPS[Event.CANCEL](QUEUED),
        State.EXPIRED: STEPS[Event.EXPIRE](QUEUED),
        State.AWAITING_APPROVAL: life.await_approval(QUEUED, NOW_US, "of 1"),
    }[state]


@pytest.mark.parametrize("state,event", ALL)
def test_every_event_in_every_state_does_what_the_table_says(state: State, event: Event) -> None:
    operation = in_state(state)
    expected = TRANSITIONS[state].get(event)

    if expected is None:
        assert not life.allows(operation, event)
        if event not in {Event.REFUSE, Event.FAIL} or state in FINAL:  # `finish` distinguishes these two by the state
            with pytest.raises(KeyError):
                STEPS[event](operation)
        return
    after = STEPS[event](operation)

    assert life.allows(operation, event)
    assert expected is after.state
    assert after.done == (after.deadline_us is None) == (after.ended_us is not None) == (after.secret is None)
    assert len(operation.timeline) + 1 == len(after.timeline)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_nothing_changes_a_final_state(state: State) -> None:
    assert {} == TRANSITIONS[state]


def test_cancel_is_possible_before_the_acknowledgement_only() -> None:
    assert [State.QUEUED, State.AWAITING_APPROVAL] == [state for state in State if life.allows(in_state(state), Event.CANCEL)]


def test_only_what_has_not_begun_expires_by_itself_and_only_acknowledged_commands_time_out() -> None:
    acknowledged = in_state(State.ACKNOWLEDGED)
    asking = life.progress(acknowledged, 1, b"{}", NOW_US, result_timeout_s=60, asks=True)

    assert [State.QUEUED, State.AWAITING_APPROVAL] == [state for state in State if life.may_expire(in_state(state))]
    assert [True, False] == [life.may_expire(operation) for operation in (asking, life.begin(asking, NOW_US, result_timeout_s=60))]
    assert [State.ACKNOWLEDGED] == [state for state in State if life.allows(in_state(state), Event.TIME_OUT)]


def test_what_awaits_approval_or_may_be_called_off_is_withheld_from_its_phone() -> None:
    awaiting = in_state(State.AWAITING_APPROVAL)
    in_grace = life.approve(awaiting, NOW_US, "by bob", starts_us=NOW_US + 5)

    assert life.withheld(awaiting, awaiting.expires_us)
    assert [True, False] == [life.withheld(in_grace, at_us) for at_us in (NOW_US + 4, NOW_US + 5)]
    assert [State.AWAITING_APPROVAL] == [state for state in State if life.withheld(in_state(state), NOW_US)]


def test_what_was_not_approved_says_so() -> None:
    awaiting = in_state(State.AWAITING_APPROVAL)

    expired = life.expire(awaiting, NOW_US)
    declined = life.decline(awaiting, NOW_US, "declined by bob: no")
    called_off = life.call_off(QUEUED, NOW_US, "called off by ann")

    assert UNAPPROVED == expired.error
    assert ["The command was declined by bob: no", "The command was called off by ann"] == [
        operation.error.message for operation in (declined, called_off) if operation.error is not None
    ]


def test_who_asks_its_user_has_the_time_that_the_command_was_given_until_it_begins() -> None:
    acknowledged = in_state(State.ACKNOWLEDGED)

    asking = life.progress(acknowledged, 1, b"{}", NOW_US, result_timeout_s=60, asks=True)
    heard = life.heard(asking, NOW_US + 7, result_timeout_s=60)
    begun = life.begin(heard, NOW_US + 8, result_timeout_s=60)
    asking_again = life.progress(begun, 2, b"{}", NOW_US + 9, result_timeout_s=60, asks=True)

    assert [acknowledged.expires_us] * 2 == [asking.deadline_us, heard.deadline_us]
    assert [NOW_US + 8 + 60_000_000, NOW_US + 9 + 60_000_000] == [begun.deadline_us, asking_again.deadline_us]
    assert not life.may_expire(asking_again)
    assert b"" == life.expire(asking, NOW_US).status


@pytest.mark.parametrize(
    "event,error,error_code",
    [
        (Event.CANCEL, CANCELLED, None),
        (Event.EXPIRE, EXPIRED, None),
        (Event.DEVICE_DELETED, DEVICE_DELETED, None),
        (Event.NOT_STARTED, EXPIRED, None),
        (Event.TIME_OUT, NEVER_REPORTED, ErrorCode.UNKNOWN),
    ],
)
def test_what_the_server_ends_shows_its_own_error_and_no_status(event: Event, error: object, error_code: ErrorCode | None) -> None:
    operation = QUEUED if event in {Event.CANCEL, Event.EXPIRE} else STEPS[Event.PROGRESS](in_state(State.ACKNOWLEDGED))

    ended = STEPS[event](operation)

    assert (error, error_code, b"") == (ended.error, ended.error_code, ended.status)


def test_progress_releases_the_queue_and_starts_the_result_timeout_anew() -> None:
    acknowledged = msgspec.structs.replace(in_state(State.ACKNOWLEDGED), deadline_us=1)

    after = STEPS[Event.PROGRESS](acknowledged)

    assert after.released
    assert NOW_US + 60_000_000 == after.deadline_us


def test_an_acknowledgement_repeated_keeps_the_time_of_the_first() -> None:
    again = life.acknowledge(in_state(State.ACKNOWLEDGED), "a", NOW_US + 5, result_timeout_s=60)

    assert (NOW_US, NOW_US + 5 + 60_000_000) == (again.acked_us, again.deadline_us)


def test_a_timeline_keeps_the_first_and_the_newest_entries() -> None:
    operation = QUEUED
    for at_us in range(2 * TIMELINE_MOST):
        operation = life.noted(operation, TimelineEntry(at_us=at_us, what="progress"))

    assert TIMELINE_MOST == len(operation.timeline)
    assert ("issued", 2 * TIMELINE_MOST - 1) == (operation.timeline[0].what, operation.timeline[-1].at_us)


def test_the_page_about_an_operations_life_draws_the_table_and_nothing_else() -> None:
    """`make docs` draws it."""
    page = (ROOT / "docs" / "operation-life.md").read_text(encoding="utf-8")
    drawn = {line.strip() for line in page.splitlines() if " --> " in line and "[*]" not in line}

    assert {f"{state.name} --> {after.name}: {event.value}" for state in State for event, after in TRANSITIONS[state].items()} == drawn
