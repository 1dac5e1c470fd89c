"""REBOOT: off for a while, then a new start."""

import pytest

from heliograph.commands import COMMANDS
from heliograph.domain.command import Circumstances, NoParams, Recovery, Wait, Waiting
from heliograph.domain.device import ManagementKind
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.virtual_device import VirtualDevice
from tests.commands.phones import NOW_US, phone_of
from tests.commands.walking import walk

REBOOT = COMMANDS["REBOOT"]


@pytest.fixture
def phone() -> VirtualDevice:
    """An unlocked phone with a PIN."""
    return phone_of(ManagementKind.FULLY_MANAGED, credential=Credential("123456"), reboot_seconds=45)


def test_a_restarted_phone_is_locked_and_has_a_new_boot_id(phone: VirtualDevice) -> None:
    walked = walk(REBOOT, phone, NoParams())

    assert walked.waits == (Wait.REBOOT,)
    assert walked.outcome == Outcome()
    assert (walked.phone.locked, walked.phone.boots) == (True, 2)
    assert walked.phone.boot_id != phone.boot_id


def test_a_reboot_takes_the_phones_own_time(phone: VirtualDevice) -> None:
    effect = REBOOT.execute(phone, NoParams(), Circumstances(now_us=NOW_US))

    assert isinstance(effect, Waiting)
    assert (effect.seconds, effect.phone) == (45, phone)


def test_a_phone_does_not_restart_during_a_call() -> None:
    calling = phone_of(ManagementKind.FULLY_MANAGED, ongoing_call=True)

    walked = walk(REBOOT, calling, NoParams())

    assert walked.outcome.error_code is ErrorCode.UNKNOWN
    assert walked.phone == calling


def test_a_reboot_holds_the_queue_five_minutes_and_is_known_by_its_boot_id() -> None:
    assert (REBOOT.holds_queue_s, REBOOT.recovery) == (300, Recovery.BOOT_ID)
