"""START_LOST_MODE and STOP_LOST_MODE, and the user who finds the phone."""

import pytest

from heliograph.commands import COMMANDS
from heliograph.commands.start_lost_mode import StartLostModeParams, StartLostModeStatus
from heliograph.commands.start_lost_mode import Status as Start
from heliograph.commands.stop_lost_mode import Status as Stop
from heliograph.commands.stop_lost_mode import StopLostModeParams, StopLostModeStatus
from heliograph.domain.device import DeviceState, ManagementKind
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.reports import applied_state, view
from heliograph.domain.phone.virtual_device import VirtualDevice, WorkProfile, leave_lost_mode, rebooted
from tests.commands.phones import HOUR_US, NOW_US, message, phone_of
from tests.commands.walking import Walked, walk

START, STOP = COMMANDS["START_LOST_MODE"], COMMANDS["STOP_LOST_MODE"]
PARAMS = StartLostModeParams(lost_message=message("Please call us."), lost_email_address="it@example.com")


def start(phone: VirtualDevice, now_us: int = NOW_US) -> Walked:
    """START_LOST_MODE with a message."""
    return walk(START, phone, PARAMS, now_us=now_us)


def stop(phone: VirtualDevice) -> Walked:
    """STOP_LOST_MODE."""
    return walk(STOP, phone, StopLostModeParams())


def started(outcome: Outcome) -> Start | None:
    """What the specific status says."""
    return outcome.status.status if isinstance(outcome.status, StartLostModeStatus) else None


def test_a_lost_phone_is_locked_shows_the_message_and_reports_lost() -> None:
    after = start(phone_of(ManagementKind.FULLY_MANAGED, credential=Credential("123456"), screen_on=False))

    assert started(after.outcome) is Start.SUCCESS
    assert (after.phone.locked, after.phone.screen_on) == (True, True)
    assert applied_state(after.phone) is DeviceState.LOST
    shown = view(after.phone)["lostMode"]
    assert isinstance(shown, dict)
    assert (shown["message"], shown["emailAddress"]) == ("Please call us.", "it@example.com")


def test_lost_mode_outlasts_a_restart() -> None:
    assert rebooted(start(phone_of(ManagementKind.FULLY_MANAGED)).phone).lost_mode is not None


def test_a_lost_phone_is_lost_already_and_keeps_its_message() -> None:
    lost = start(phone_of(ManagementKind.FULLY_MANAGED)).phone

    again = walk(START, lost, StartLostModeParams(lost_message=message("Another one.")))

    assert started(again.outcome) is Start.ALREADY_IN_LOST_MODE
    assert again.outcome.status is not None
    assert START.succeeded(again.outcome.status)
    assert again.phone == lost


@pytest.mark.parametrize(
    "field, status",
    [
        ("last_admin_reset_us", Start.RESET_PASSWORD_RECENTLY),
        ("last_user_exit_lost_mode_us", Start.USER_EXIT_LOST_MODE_RECENTLY),
    ],
)
def test_lost_mode_cannot_start_within_twelve_hours_of(field: str, status: Start) -> None:
    phone = phone_of(ManagementKind.FULLY_MANAGED, **{field: NOW_US})

    for now_us, expected in ((NOW_US, status), (NOW_US + 12 * HOUR_US - 1, status), (NOW_US + 12 * HOUR_US, Start.SUCCESS)):
        outcome = start(phone, now_us).outcome
        assert started(outcome) is expected
        assert outcome.status is not None
        assert START.succeeded(outcome.status) == (expected is Start.SUCCESS)


def test_a_paused_work_profile_cannot_be_lost() -> None:
    paused = phone_of(ManagementKind.COMPANY_OWNED_WORK_PROFILE, work_profile=WorkProfile(paused=True))

    assert start(paused).outcome.error_code is ErrorCode.UNKNOWN


def test_a_user_who_leaves_lost_mode_has_it_unlocked_and_in_peace() -> None:
    lost = start(phone_of(ManagementKind.FULLY_MANAGED, credential=Credential("123456"))).phone

    found = leave_lost_mode(lost, NOW_US + HOUR_US)

    assert (found.lost_mode, found.locked, found.last_user_exit_lost_mode_us) == (None, False, NOW_US + HOUR_US)
    assert started(start(found, NOW_US + 2 * HOUR_US).outcome) is Start.USER_EXIT_LOST_MODE_RECENTLY
    assert leave_lost_mode(phone_of(ManagementKind.FULLY_MANAGED), NOW_US) == phone_of(ManagementKind.FULLY_MANAGED)


def test_a_found_phone_is_lost_no_more_but_still_locked() -> None:
    lost = start(phone_of(ManagementKind.FULLY_MANAGED, credential=Credential("123456"))).phone

    found = stop(lost)

    assert found.outcome.status == StopLostModeStatus(status=Stop.SUCCESS)
    assert (found.phone.lost_mode, found.phone.locked) == (None, True)
    assert started(start(found.phone).outcome) is Start.SUCCESS


def test_a_phone_that_is_not_lost_says_so_and_that_is_a_success() -> None:
    after = stop(phone_of(ManagementKind.FULLY_MANAGED))

    assert after.outcome.status == StopLostModeStatus(status=Stop.NOT_IN_LOST_MODE)
    assert after.outcome.status is not None
    assert STOP.succeeded(after.outcome.status)


def test_after_a_crash_the_phone_itself_shows_whether_it_was_done() -> None:
    normal = phone_of(ManagementKind.FULLY_MANAGED)
    lost = start(normal).phone

    assert START.probe(lost, PARAMS) == Outcome(status=StartLostModeStatus(status=Start.SUCCESS))
    assert START.probe(normal, PARAMS) is None
    assert STOP.probe(normal, StopLostModeParams()) == Outcome(status=StopLostModeStatus(status=Stop.SUCCESS))
    assert STOP.probe(lost, StopLostModeParams()) is None
