"""REQUEST_DEVICE_INFO on virtual phones: every status can be reached."""

from collections.abc import Mapping

import msgspec
import pytest

from heliograph.commands.request_device_info import (
    COMMAND,
    DeviceInfo,
    Eid,
    EidInfo,
    InfoStatus,
    RequestDeviceInfoParams,
    RequestDeviceInfoStatus,
)
from heliograph.domain.command import Answer, Wait
from heliograph.domain.device import ManagementKind
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.euicc import Euicc
from heliograph.domain.phone.virtual_device import VirtualDevice, device_facts
from heliograph.protojson.messages import encode_message
from tests.commands.walking import DECLINING, walk

EID = "89049032007008882600000000000001"
PARAMS = RequestDeviceInfoParams(device_info=DeviceInfo.EID)
PENDING = RequestDeviceInfoStatus(status=InfoStatus.PENDING_USER_ACTION)


def phone(*, management_kind: ManagementKind = ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, api_level: int = 33) -> VirtualDevice:
    """A phone with an eSIM chip."""
    return VirtualDevice(profile="test", serial="S1", api_level=api_level, management_kind=management_kind, euiccs=(Euicc(eid=EID),))


def without_chip(held: VirtualDevice) -> VirtualDevice:
    """The same phone, made without a chip."""
    return msgspec.structs.replace(held, euiccs=())


def test_who_approves_discloses_the_eid() -> None:
    walked = walk(COMMAND, phone(), PARAMS)

    expected = RequestDeviceInfoStatus(status=InfoStatus.SUCCEEDED, eid_info=EidInfo(eids=(Eid(eid=EID),)))
    assert Outcome(status=expected) == walked.outcome
    assert (Wait.CONSENT,) == walked.waits
    assert (PENDING,) == walked.progress
    assert {"status": "SUCCEEDED", "eidInfo": {"eids": [{"eid": EID}]}} == msgspec.json.decode(encode_message(expected))


@pytest.mark.parametrize("answers", [DECLINING, {}], ids=["declined", "dismissed"])
def test_who_does_not_approve_discloses_nothing(answers: Mapping[Wait, Answer]) -> None:
    walked = walk(COMMAND, phone(), PARAMS, answers=answers)

    assert Outcome(status=RequestDeviceInfoStatus(status=InfoStatus.USER_DECLINED)) == walked.outcome
    assert phone() == walked.phone


def test_a_phone_without_a_chip_says_so_and_asks_nobody() -> None:
    walked = walk(COMMAND, without_chip(phone()), PARAMS)

    assert Outcome(status=RequestDeviceInfoStatus(status=InfoStatus.UNSUPPORTED)) == walked.outcome
    assert () == walked.waits


def test_a_phone_that_is_no_longer_the_same_by_the_time_of_the_answer_is_asked_in_vain() -> None:
    walked = walk(COMMAND, phone(), PARAMS, meanwhile=without_chip(phone()))

    assert Outcome(status=RequestDeviceInfoStatus(status=InfoStatus.UNSUPPORTED)) == walked.outcome


@pytest.mark.parametrize(
    "held,expected",
    [
        (phone(), None),
        (without_chip(phone()), None),
        (phone(api_level=32), ErrorCode.API_LEVEL),
        (phone(management_kind=ManagementKind.FULLY_MANAGED), ErrorCode.MANAGEMENT_MODE),
        (phone(management_kind=ManagementKind.COMPANY_OWNED_WORK_PROFILE, api_level=32), ErrorCode.MANAGEMENT_MODE),
    ],
)
def test_only_personally_owned_phones_with_android_13_are_asked(held: VirtualDevice, expected: ErrorCode | None) -> None:
    """One without a chip is: its status says UNSUPPORTED, not its errorCode."""
    assert expected == COMMAND.requires.refusal(device_facts(held))


def test_what_is_requested_must_be_said() -> None:
    path = "command.request_device_info_params"

    assert [f"{path}.device_info"] == [found.field for found in COMMAND.check(RequestDeviceInfoParams(), path)]
    assert [] == list(COMMAND.check(PARAMS, path))


def test_only_delivery_is_a_success_and_only_the_open_question_is_pending() -> None:
    statuses = [RequestDeviceInfoStatus(status=status) for status in InfoStatus]

    assert [InfoStatus.SUCCEEDED] == [status.status for status in statuses if COMMAND.succeeded(status)]
    assert [PENDING] == [status for status in statuses if COMMAND.pending(status)]
