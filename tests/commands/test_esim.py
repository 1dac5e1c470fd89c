"""ADD_ESIM and REMOVE_ESIM on virtual phones: every status and every documented error can be reached."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.commands import add_esim, remove_esim
from heliograph.commands.add_esim import ActivationState, AddEsimParams
from heliograph.commands.remove_esim import RemoveEsimParams
from heliograph.domain.command import Circumstances, CommandType, Wait
from heliograph.domain.device import ManagementKind
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.esim_status import (
    ErrorCodeDetail,
    EsimCommandStatus,
    EsimStatus,
    EuiccError,
    EuiccOperation,
    OperationCodeDetail,
    esim_success,
    internal_error,
    smdx_error,
)
from heliograph.domain.phone.euicc import DOWNLOADS_APART_US, EsimProfile, Euicc
from heliograph.domain.phone.numbers import icc_id_of
from heliograph.domain.phone.sm_dp import CATALOGUE, Listing
from heliograph.domain.phone.virtual_device import VirtualDevice, device_facts
from heliograph.protojson.errors import Violation
from heliograph.protojson.messages import decode_message, encode_message
from tests.commands.walking import DECLINING, NOW_US, Walked, walk

CODE = "LPA:1$smdp.example.com$K2-ABC"
EID = "89049032007008882600000000000001"
PATH = "command.add_esim_params"

UNSPECIFIED = ActivationState.ACTIVATION_STATE_UNSPECIFIED
ACTIVATED, NOT_ACTIVATED = ActivationState.ACTIVATED, ActivationState.NOT_ACTIVATED
IN_PROGRESS = EsimCommandStatus(status=EsimStatus.IN_PROGRESS)
PENDING = EsimCommandStatus(status=EsimStatus.PENDING_USER_ACTION)

ways = pytest.mark.parametrize("management_kind", ManagementKind)


def phone(
    *profiles: EsimProfile, management_kind: ManagementKind = ManagementKind.FULLY_MANAGED, ports: int = 2, capacity: int = 8
) -> VirtualDevice:
    """A phone with Android 15 and an eSIM chip that holds these profiles."""
    chip = Euicc(eid=EID, ports=ports, capacity=capacity, profiles=profiles)
    return VirtualDevice(profile="test", serial="S1", api_level=35, management_kind=management_kind, euiccs=(chip,))


def profile(number: int, *, active: bool = True, managed: bool = False) -> EsimProfile:
    """A profile that is on a chip already."""
    return EsimProfile(icc_id=f"89990000000000000{number:02d}", active=active, managed=managed)


def add(on: VirtualDevice, code: str = CODE, state: ActivationState = UNSPECIFIED) -> Walked:
    """ADD_ESIM with a user who agrees to everything."""
    return walk(add_esim.COMMAND, on, AddEsimParams(activation_code=code, activation_state=state))


def remove(on: VirtualDevice, icc_id: str) -> Walked:
    """REMOVE_ESIM."""
    return walk(remove_esim.COMMAND, on, RemoveEsimParams(icc_id=icc_id))


def status_of(walked: Walked) -> EsimCommandStatus:
    """The specific status at the end."""
    assert isinstance(walked.outcome.status, EsimCommandStatus)
    assert walked.outcome.error_code is None
    return walked.outcome.status


def chip_of(on: VirtualDevice | Walked) -> Euicc:
    """The phone's chip."""
    held = on.phone if isinstance(on, Walked) else on
    assert held.euicc is not None
    return held.euicc


@pytest.mark.parametrize("management_kind", [ManagementKind.FULLY_MANAGED, ManagementKind.COMPANY_OWNED_WORK_PROFILE])
@pytest.mark.parametrize("state", ActivationState)
def test_a_company_owned_phone_adds_an_esim_without_asking_anybody(management_kind: ManagementKind, state: ActivationState) -> None:
    """It ends active unless NOT_ACTIVATED was asked for, and is named either way."""
    walked = add(phone(management_kind=management_kind), state=state)

    (added,) = chip_of(walked).profiles
    assert (Wait.DOWNLOAD,) == walked.waits
    assert (IN_PROGRESS,) == walked.progress
    assert esim_success(added.icc_id) == status_of(walked)
    assert (state is not NOT_ACTIVATED, True) == (added.active, added.managed)


@pytest.mark.parametrize("state", [UNSPECIFIED, NOT_ACTIVATED])
def test_a_personal_phone_asks_its_user_and_leaves_the_activation_to_them(state: ActivationState) -> None:
    walked = add(phone(management_kind=ManagementKind.PERSONALLY_OWNED_WORK_PROFILE), state=state)

    (added,) = chip_of(walked).profiles
    assert (Wait.DOWNLOAD, Wait.CONSENT) == walked.waits
    assert (IN_PROGRESS, PENDING) == walked.progress
    assert esim_success(added.icc_id) == status_of(walked)
    assert (False, True) == (added.active, added.managed)


def test_activated_is_rejected_for_personal_phones_when_the_command_is_issued() -> None:
    params = AddEsimParams(activation_code=CODE, activation_state=ACTIVATED)

    personal = list(add_esim.COMMAND.check_on(params, PATH, personally_owned=True))
    company = list(add_esim.COMMAND.check_on(params, PATH, personally_owned=False))

    assert [f"{PATH}.activation_state"] == [violation.field for violation in personal]
    assert [] == company


def test_activated_on_a_personal_phone_is_an_invalid_value_should_it_get_there() -> None:
    before = phone(management_kind=ManagementKind.PERSONALLY_OWNED_WORK_PROFILE)

    walked = add(before, state=ACTIVATED)

    assert ErrorCode.INVALID_VALUE is walked.outcome.error_code
    assert before == walked.phone


@ways
def test_who_declines_gets_no_esim(management_kind: ManagementKind) -> None:
    before = phone(management_kind=management_kind)
    params = AddEsimParams(activation_code="LPA:1$smdp.example.com$CONSENT")

    walked = walk(add_esim.COMMAND, before, params, answers=DECLINING)

    assert EsimCommandStatus(status=EsimStatus.ERROR_USER_DENIED) == status_of(walked)
    assert () == chip_of(walked).profiles


@ways
@pytest.mark.parametrize("code", ["LPA:1$h.example$CODE-1234", "LPA:1$h.example$$$1", "LPA:1$h.example$X$1.3.6$1"])
def test_a_confirmation_code_is_asked_for_once_and_counts_as_consent(management_kind: ManagementKind, code: str) -> None:
    walked = add(phone(management_kind=management_kind), code)

    assert (Wait.DOWNLOAD, Wait.CONFIRMATION_CODE) == walked.waits
    assert (IN_PROGRESS, PENDING) == walked.progress
    assert EsimStatus.SUCCESS is status_of(walked).status


def test_the_catalogue_makes_a_company_owned_phone_ask_too() -> None:
    assert (Wait.DOWNLOAD, Wait.CONSENT) == add(phone(), "LPA:1$smdp.example.com$CONSENT").waits


def test_no_esim_while_the_phone_is_being_set_up() -> None:
    before = msgspec.structs.replace(phone(profile(1, managed=True)), setup_in_progress=True)

    added, removed = add(before), remove(before, profile(1).icc_id)

    expected = EsimCommandStatus(status=EsimStatus.ERROR_SETUP_IN_PROGRESS)
    assert (expected, expected) == (status_of(added), status_of(removed))
    assert (before, before) == (added.phone, removed.phone)


def test_a_second_download_within_a_minute_finds_the_chip_busy() -> None:
    once = add(phone()).phone
    params = AddEsimParams(activation_code="LPA:1$smdp.example.com$SECOND")

    too_soon = walk(add_esim.COMMAND, once, params, now_us=NOW_US + DOWNLOADS_APART_US - 1)
    later = walk(add_esim.COMMAND, once, params, now_us=NOW_US + DOWNLOADS_APART_US, answers={})

    assert internal_error(EuiccOperation.EUICC_CARD, EuiccError.OPERATION_BUSY) == status_of(too_soon)
    assert once == too_soon.phone
    assert EsimStatus.SUCCESS is status_of(later).status


@pytest.mark.parametrize("state", [ACTIVATED, UNSPECIFIED])
def test_two_slots_both_active_leave_no_slot_for_a_third_active_esim(state: ActivationState) -> None:
    before = phone(profile(1), profile(2))

    walked = add(before, state=state)

    assert EsimStatus.ERROR_MULTIPLE_ACTIVE_ESIMS_NO_AVAILABLE_SLOT is status_of(walked).status
    assert before == walked.phone


def test_two_slots_both_active_take_a_third_esim_that_is_not_activated() -> None:
    walked = add(phone(profile(1), profile(2)), state=NOT_ACTIVATED)

    assert EsimStatus.SUCCESS is status_of(walked).status
    assert [True, True, False] == [held.active for held in chip_of(walked).profiles]


def test_two_slots_one_of_them_free_take_a_second_active_esim() -> None:
    walked = add(phone(profile(1), profile(2, active=False)), state=ACTIVATED)

    assert [True, False, True] == [held.active for held in chip_of(walked).profiles]


def test_a_single_slot_switches_to_the_new_esim() -> None:
    walked = add(phone(profile(1), ports=1), state=ACTIVATED)

    assert [False, True] == [held.active for held in chip_of(walked).profiles]


def test_a_slot_taken_during_the_download_is_noticed() -> None:
    taken = phone(profile(1), profile(2))

    walked = walk(add_esim.COMMAND, phone(), AddEsimParams(activation_code=CODE), meanwhile=taken)

    assert EsimStatus.ERROR_MULTIPLE_ACTIVE_ESIMS_NO_AVAILABLE_SLOT is status_of(walked).status


def test_a_full_chip_takes_no_further_profile() -> None:
    walked = add(phone(profile(1), capacity=1, ports=1))

    assert internal_error(EuiccOperation.EUICC_GSMA, EuiccError.EUICC_INSUFFICIENT_MEMORY) == status_of(walked)


def test_a_carrier_locked_phone_takes_profiles_of_its_carrier_only() -> None:
    chip = Euicc(eid=EID, carrier_lock="Example Mobile")
    locked = msgspec.structs.replace(phone(), euiccs=(chip,))

    own, other = add(locked, CODE), add(locked, "LPA:1$smdp.example.net$K2-ABC")

    assert EsimStatus.SUCCESS is status_of(own).status
    assert internal_error(EuiccOperation.DOWNLOAD, EuiccError.CARRIER_LOCKED) == status_of(other)


def test_a_code_that_was_used_is_refused_by_the_profile_server() -> None:
    once = add(phone()).phone

    again = walk(add_esim.COMMAND, once, AddEsimParams(activation_code=CODE), now_us=NOW_US + DOWNLOADS_APART_US)

    assert smdx_error("8.2.6", "3.8") == status_of(again)
    assert 1 == len(chip_of(again).profiles)


@pytest.mark.parametrize("error", EuiccError)
def test_every_documented_error_has_an_activation_code_that_brings_it(error: EuiccError) -> None:
    by_number = status_of(add(phone(), f"LPA:1$smdp.example.com$ERROR-{int(error)}"))
    by_name = status_of(add(phone(), f"LPA:1$smdp.example.com$ERROR-{error.name.replace('_', '-')}"))

    details = by_number.internal_error_details
    assert by_name == by_number
    assert details is not None
    assert (int(error), f"ERROR_{error.name}") == (int(details.error_code), details.error_code_detail.value)


@pytest.mark.parametrize("operation", EuiccOperation)
def test_every_documented_operation_has_an_activation_code_that_brings_it(operation: EuiccOperation) -> None:
    details = status_of(add(phone(), f"LPA:1$smdp.example.com$ERROR-{int(operation)}-77")).internal_error_details

    assert details is not None
    assert (int(operation), f"OPERATION_{operation.name}") == (int(details.operation_code), details.operation_code_detail.value)
    assert ErrorCodeDetail.ERROR_CODE_DETAIL_UNSPECIFIED is details.error_code_detail


def test_every_documented_detail_is_some_number() -> None:
    """The discovery document names nothing that a phone cannot say."""
    named = {f"ERROR_{error.name}" for error in EuiccError} | {f"OPERATION_{operation.name}" for operation in EuiccOperation}

    documented = {detail.value for enum in (ErrorCodeDetail, OperationCodeDetail) for detail in enum}
    assert documented - {"ERROR_CODE_DETAIL_UNSPECIFIED", "OPERATION_CODE_DETAIL_UNSPECIFIED"} == named


def test_numbers_without_a_name_go_out_as_text_and_without_details() -> None:
    encoded = encode_message(status_of(add(phone(), "LPA:1$smdp.example.com$ERROR-77-123456")))

    assert {
        "status": "INTERNAL_ERROR",
        "internalErrorDetails": {"operationCode": "77", "errorCode": "123456"},
    } == msgspec.json.decode(encoded)


def test_an_answer_of_the_profile_server_is_packed_and_has_no_error_detail() -> None:
    encoded = encode_message(status_of(add(phone(), "LPA:1$smdp.example.com$SMDX-8.11.1-5.1")))

    assert {
        "operationCode": "10",
        "errorCode": "9113681",
        "operationCodeDetail": "OPERATION_SMDX_SUBJECT_REASON_CODE",
    } == msgspec.json.decode(encoded)["internalErrorDetails"]


def test_a_packed_answer_that_equals_a_named_error_is_not_taken_for_it() -> None:
    details = internal_error(EuiccOperation.SMDX_SUBJECT_REASON_CODE, EuiccError.TIME_OUT).internal_error_details

    assert details is not None
    assert ErrorCodeDetail.ERROR_CODE_DETAIL_UNSPECIFIED is details.error_code_detail


@pytest.mark.parametrize("listing", CATALOGUE, ids=lambda listing: listing.example)
def test_every_example_of_the_catalogue_may_be_issued_and_comes_to_an_end(listing: Listing) -> None:
    params = AddEsimParams(activation_code=listing.example)

    walked = walk(add_esim.COMMAND, phone(), params)

    assert [] == list(add_esim.COMMAND.check(params, PATH))
    assert not add_esim.COMMAND.pending(status_of(walked))


def test_only_success_is_a_success_and_only_progress_is_pending() -> None:
    rows = (add_esim.COMMAND, remove_esim.COMMAND)
    statuses = [EsimCommandStatus(status=status) for status in EsimStatus]

    for row in rows:
        assert [EsimStatus.SUCCESS] == [status.status for status in statuses if row.succeeded(status)]
        assert [IN_PROGRESS, PENDING] == [status for status in statuses if row.pending(status)]


@pytest.mark.parametrize("code", ["", "K2-ABC", "LPA:1$smdp.example.com", "LPA:1$$SECRET-ID"])
def test_a_code_that_is_missing_or_malformed_is_refused_when_the_command_is_issued(code: str) -> None:
    violations = list(add_esim.COMMAND.check(AddEsimParams(activation_code=code), PATH))

    assert [f"{PATH}.activation_code"] == [violation.field for violation in violations]
    assert "SECRET" not in violations[0].description


def test_a_malformed_code_that_gets_to_the_phone_all_the_same_is_an_invalid_one() -> None:
    assert internal_error(EuiccOperation.DOWNLOAD, EuiccError.INVALID_ACTIVATION_CODE) == status_of(add(phone(), "nonsense"))


def test_no_part_of_the_code_shows_in_what_is_held_meanwhile() -> None:
    params = AddEsimParams(activation_code="LPA:1$smdp.example.com$CONSENT$1.3.6")

    effect = add_esim.COMMAND.execute(phone(), params, Circumstances(now_us=NOW_US))

    assert "CONSENT" not in repr(params)
    assert "CONSENT" not in repr(effect)


def test_after_a_crash_the_profile_on_the_chip_proves_that_it_was_added() -> None:
    params = AddEsimParams(activation_code=CODE)
    after = add(phone()).phone

    assert add_esim.COMMAND.probe(phone(), params) is None
    assert Outcome(status=esim_success(icc_id_of(CODE, EID))) == add_esim.COMMAND.probe(after, params)


def test_each_phone_gets_a_profile_of_its_own_for_the_same_code() -> None:
    assert icc_id_of(CODE, EID) != icc_id_of(CODE, "another")


@ways
def test_an_esim_that_the_enterprise_added_is_removed_and_named(management_kind: ManagementKind) -> None:
    added = add(phone(profile(1), management_kind=management_kind)).phone
    icc_id = icc_id_of(CODE, EID)

    walked = remove(added, icc_id)

    assert (IN_PROGRESS,) == walked.progress
    assert esim_success(icc_id) == status_of(walked)
    assert (profile(1),) == chip_of(walked).profiles


@pytest.mark.parametrize("icc_id", [profile(1).icc_id, profile(2).icc_id])
def test_an_esim_that_is_unknown_or_belongs_to_the_user_is_not_found(icc_id: str) -> None:
    before = phone(profile(1, managed=False))

    walked = remove(before, icc_id)

    assert EsimCommandStatus(status=EsimStatus.ERROR_ICC_ID_NOT_FOUND) == status_of(walked)
    assert before == walked.phone


def test_an_esim_that_the_user_removed_meanwhile_is_not_found() -> None:
    before = phone(profile(1, managed=True))
    params = RemoveEsimParams(icc_id=profile(1).icc_id)

    walked = walk(remove_esim.COMMAND, before, params, meanwhile=phone())

    assert EsimStatus.ERROR_ICC_ID_NOT_FOUND is status_of(walked).status


def test_an_esim_whose_own_rules_forbid_it_is_not_removed() -> None:
    code = "LPA:1$smdp.example.com$KEEP"
    before = add(phone(), code).phone

    walked = remove(before, icc_id_of(code, EID))

    assert internal_error(EuiccOperation.METADATA, EuiccError.DISALLOWED_BY_PPR) == status_of(walked)
    assert before == walked.phone


@pytest.mark.parametrize("icc_id", ["", " "])
def test_an_icc_id_must_be_given(icc_id: str) -> None:
    path = "command.remove_esim_params"

    violations = list(remove_esim.COMMAND.check(RemoveEsimParams(icc_id=icc_id), path))

    what = f'{path}.icc_id is required: the ICC ID of the eSIM profile to remove, as in "iccId": "8901234567890123456".'
    assert [Violation(f"{path}.icc_id", what)] == violations


def test_after_a_crash_a_missing_profile_proves_that_it_was_removed() -> None:
    params = RemoveEsimParams(icc_id=profile(1).icc_id)

    assert remove_esim.COMMAND.probe(phone(profile(1, managed=True)), params) is None
    assert Outcome(status=esim_success(profile(1).icc_id)) == remove_esim.COMMAND.probe(phone(), params)


@ways
@pytest.mark.parametrize("row", [add_esim.COMMAND, remove_esim.COMMAND], ids=lambda row: row.name)
def test_esim_commands_need_android_15_and_a_chip(management_kind: ManagementKind, row: CommandType) -> None:
    able = phone(management_kind=management_kind)
    too_old = msgspec.structs.replace(able, api_level=34)
    without_chip = msgspec.structs.replace(able, euiccs=())

    refusals = [row.requires.refusal(device_facts(each)) for each in (able, too_old, without_chip)]

    assert [None, ErrorCode.API_LEVEL, ErrorCode.UNSUPPORTED] == refusals


@pytest.mark.parametrize(
    "api_level,qpr,management_kind,expected",
    [
        (36, 1, ManagementKind.COMPANY_OWNED_WORK_PROFILE, None),
        (36, 2, ManagementKind.COMPANY_OWNED_WORK_PROFILE, ErrorCode.UNSUPPORTED),
        (36, 3, ManagementKind.COMPANY_OWNED_WORK_PROFILE, ErrorCode.UNSUPPORTED),
        (37, 2, ManagementKind.COMPANY_OWNED_WORK_PROFILE, None),
        (36, 2, ManagementKind.FULLY_MANAGED, None),
        (36, 2, ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, None),
    ],
)
def test_android_16_qpr2_and_3_remove_no_esim_from_a_company_owned_work_profile(
    api_level: int, qpr: int, management_kind: ManagementKind, expected: ErrorCode | None
) -> None:
    facts = device_facts(msgspec.structs.replace(phone(management_kind=management_kind), api_level=api_level, qpr=qpr))

    assert expected == remove_esim.COMMAND.requires.refusal(facts)
    assert add_esim.COMMAND.requires.refusal(facts) is None


@given(code=st.text(max_size=60) | st.from_regex(r"LPA:1\$h\.example\$[A-Z0-9.-]{0,20}(\$[0-9.]{0,5}(\$1?)?)?", fullmatch=True))
def test_whatever_the_code_the_phone_comes_to_an_end(code: str) -> None:
    """`execute` is total: also with codes that no server would have let through."""
    for management_kind in ManagementKind:
        walked = add(phone(management_kind=management_kind), code)
        assert not add_esim.COMMAND.pending(status_of(walked))


def test_the_params_are_read_as_the_wire_has_them() -> None:
    body = b'{"activationCode":"LPA:1$h.example$","activationState":"NOT_ACTIVATED"}'

    params = decode_message(AddEsimParams, body, root=PATH)

    assert AddEsimParams(activation_code="LPA:1$h.example$", activation_state=NOT_ACTIVATED) == params
