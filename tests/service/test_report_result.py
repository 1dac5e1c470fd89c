"""What a phone says about a command, and what the operation makes of it."""

from typing import Any

import msgspec
import pytest

from heliograph.domain.behaviour import Behaviour
from heliograph.domain.device import Ownership
from heliograph.domain.errors import OperationNotFound
from heliograph.domain.longrunning import read_outcome, render_operation
from heliograph.domain.names import OperationName
from heliograph.domain.operation import State
from heliograph.protocol import Report, ReportState
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.limits import Limits
from heliograph.service.operations import cancel_operation
from heliograph.service.refuse_command import AlreadyAcknowledged
from heliograph.service.report_result import LATE_MOST, NotAcknowledged, OtherAckId, report_result, reporting
from tests.agent.lab import eventually
from tests.service.world import ACK_A, ACK_B, World, facts, world

LOST = '{"type":"START_LOST_MODE","startLostModeParams":{"lostEmailAddress":"a@b.example"}}'
ESIM = '{"type":"ADD_ESIM","addEsimParams":{"activationCode":"LPA:1$smdp.example$M","activationState":"ACTIVATED"}}'
EID = '{"type":"REQUEST_DEVICE_INFO","requestDeviceInfoParams":{"deviceInfo":"EID"}}'
APPS = '{"type":"CLEAR_APP_DATA","clearAppsDataParams":{"packageNames":["a.b"]}}'


async def shown(lab: World, name: OperationName) -> Any:  # noqa: ANN401 - JSON
    """The operation as callers read it."""
    return msgspec.json.decode(render_operation(await lab.operation(name)))


async def test_a_success_shows_its_specific_status_and_a_response(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, LOST)
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.SUCCEEDED, status={"status": "SUCCESS"})

    operation = await shown(lab, name)
    assert {"status": "SUCCESS"} == operation["metadata"]["startLostModeStatus"]
    assert operation["done"] is True
    assert operation["response"]["@type"].endswith(".IssueCommandResponse")


async def test_the_end_of_a_phones_last_command_rings_no_bell(lab: World) -> None:
    """Nothing is left to look for: not now, and not when an offer would have been repeated."""
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.hears()
    await phone.acknowledges(name)
    lab.here.rung.clear()

    await phone.reports(name, ReportState.SUCCEEDED)
    await phone.reports(name, ReportState.SUCCEEDED, seq=2)
    rested = set(lab.here.rested)
    await lab.issue(phone.name)

    await eventually(lambda: bool(lab.here.rung))
    assert {phone.name} == rested
    assert [phone.name] == lab.here.rung  # for what was issued; bells ring in the order of commits


@pytest.mark.parametrize("state", [ReportState.PROGRESS, ReportState.SUCCEEDED, ReportState.FAILED])
async def test_a_report_rings_for_the_command_that_may_start_now(lab: World, state: ReportState) -> None:
    phone = await lab.phone()
    first, second = await lab.issue(phone.name), await lab.issue(phone.name)
    await phone.hears()
    await phone.acknowledges(first)
    lab.here.rung.clear()

    await phone.reports(first, state)

    await eventually(lambda: [phone.name] == lab.here.rung)
    assert [] == lab.here.rested
    assert state is ReportState.PROGRESS or second == await phone.hears_name()


async def test_a_late_report_puts_no_one_to_rest_who_has_another_command(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.SUCCEEDED)
    lab.here.rested.clear()
    await lab.issue(phone.name)

    await phone.reports(name, ReportState.SUCCEEDED, seq=2)

    assert [] == lab.here.rested


async def test_a_server_goes_on_looking_if_it_has_offered_what_was_issued_meanwhile(lab: World) -> None:
    """On another server, say, whose ring came before the answer to the report."""
    phone = await lab.phone()
    first = await lab.issue(phone.name)
    await phone.hears()
    await phone.acknowledges(first)
    inquiry = reporting(lab.ports, phone.name, Report(operation=str(first), ack_id=ACK_A, seq=1, state=ReportState.SUCCEEDED))
    heard = await lab.ports.store.decide(inquiry.sees, inquiry.rule)
    second = await lab.issue(phone.name)
    assert second == await phone.hears_name()

    inquiry.conclude(heard)

    assert [] == lab.here.rested


async def test_being_in_lost_mode_already_is_a_success(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, LOST)
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.SUCCEEDED, status={"status": "ALREADY_IN_LOST_MODE"})

    assert ("succeeded", "ALREADY_IN_LOST_MODE") == msgspec.structs.astuple(read_outcome(await shown(lab, name)))


async def test_a_refusal_by_status_shows_the_status_and_error_9_without_an_error_code(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, LOST)
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.FAILED, status={"status": "RESET_PASSWORD_RECENTLY"})

    operation = await shown(lab, name)
    assert 9 == operation["error"]["code"]
    assert "errorCode" not in operation["metadata"]
    assert ("failed", "RESET_PASSWORD_RECENTLY") == msgspec.structs.astuple(read_outcome(operation))


@pytest.mark.parametrize(
    "error_code,rpc_code", [("API_LEVEL", 9), ("MANAGEMENT_MODE", 9), ("UNSUPPORTED", 9), ("INVALID_VALUE", 3), ("UNKNOWN", 2)]
)
async def test_each_error_code_has_its_rpc_code(lab: World, error_code: str, rpc_code: int) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.FAILED, error_code=error_code)

    operation = await shown(lab, name)
    assert (error_code, rpc_code) == (operation["metadata"]["errorCode"], operation["error"]["code"])
    assert "response" not in operation


async def test_a_failure_without_a_reason_is_unknown(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.FAILED)

    assert "UNKNOWN" == (await shown(lab, name))["metadata"]["errorCode"]


async def test_progress_is_shown_while_pending_and_never_on_a_final_operation(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, ESIM)
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.PROGRESS, seq=1, status={"status": "PENDING_USER_ACTION"})
    pending = await shown(lab, name)
    lab.clock.advance(31 * 86_400)
    await lab.deadlines_pass()
    given_up = await shown(lab, name)

    assert ("pending", "PENDING_USER_ACTION") == msgspec.structs.astuple(read_outcome(pending))
    assert "done" not in pending
    assert "esimStatus" not in given_up["metadata"]
    assert ("timed out", "UNKNOWN") == msgspec.structs.astuple(read_outcome(given_up))
    assert 4 == given_up["error"]["code"]


async def test_a_lower_or_equal_seq_changes_nothing(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, ESIM)
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.PROGRESS, seq=2, status={"status": "PENDING_USER_ACTION"})
    before = await lab.operation(name)

    await phone.reports(name, ReportState.PROGRESS, seq=2, status={"status": "IN_PROGRESS"})
    await phone.reports(name, ReportState.SUCCEEDED, seq=1, status={"status": "SUCCESS"})

    assert before == await lab.operation(name)


async def test_a_repeated_final_report_changes_nothing(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.SUCCEEDED)
    before = await lab.operation(name)

    await phone.reports(name, ReportState.SUCCEEDED)

    assert before == await lab.operation(name)


async def test_a_word_that_comes_late_is_kept_in_the_timeline_only(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    lab.clock.advance(86_400)
    await lab.deadlines_pass()
    before = await shown(lab, name)

    await phone.reports(name, ReportState.SUCCEEDED)
    await phone.reports(name, ReportState.SUCCEEDED)

    assert "timed out" == read_outcome(before).outcome
    assert before == await shown(lab, name)
    assert [("late", "SUCCEEDED")] == [(entry.what, entry.detail) for entry in (await lab.operation(name)).timeline[-1:]]


async def test_a_phone_that_reports_for_ever_does_not_push_the_story_out_of_the_timeline(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.SUCCEEDED)

    for seq in range(2, 3 * LATE_MOST):
        await phone.reports(name, ReportState.FAILED, seq=seq)

    whats = [entry.what for entry in (await lab.operation(name)).timeline]
    assert ["issued", "acknowledged", "succeeded", *["late"] * LATE_MOST] == whats


@pytest.mark.parametrize("body,state", [('{"type":"LOCK"}', ReportState.NOT_STARTED), ('{"type":"WIPE"}', ReportState.SUCCEEDED)])
async def test_without_an_acknowledgement_a_report_that_nothing_was_begun_is_refused(lab: World, body: str, state: ReportState) -> None:
    """So is one on a command that the acknowledgement itself ends: the phone is offered it again."""
    phone = await lab.phone()
    name = await lab.issue(phone.name, body)

    with pytest.raises(NotAcknowledged):
        await phone.reports(name, state)

    assert State.QUEUED is (await lab.operation(name)).state


async def test_a_report_on_a_cancelled_command_is_late(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await cancel_operation(lab.ports, name)

    await phone.reports(name, ReportState.SUCCEEDED)

    operation = await lab.operation(name)
    assert (State.CANCELLED, "late") == (operation.state, operation.timeline[-1].what)


async def test_only_the_ack_id_that_owns_the_command_may_report(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    with pytest.raises(OtherAckId):
        await phone.reports(name, ReportState.SUCCEEDED, ack_id=ACK_B)


async def test_a_phone_reports_on_its_own_commands_only(lab: World) -> None:
    phone, other = await lab.phone(), await lab.phone()
    name = await lab.issue(other.name)

    with pytest.raises(OperationNotFound):
        await phone.reports(name, ReportState.SUCCEEDED)


async def test_a_command_that_was_not_started_in_time_has_expired(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.NOT_STARTED)

    operation = await shown(lab, name)
    assert ("expired", 4) == (read_outcome(operation).outcome, operation["error"]["code"])


async def test_an_unanswered_user_keeps_the_operation_open_as_long_as_the_phone_speaks(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    for seq in (1, 2, 3):
        lab.clock.advance(23 * 3_600)
        await phone.reports(name, ReportState.PROGRESS, seq=seq)
    await lab.deadlines_pass()

    assert State.ACKNOWLEDGED is (await lab.operation(name)).state


@pytest.mark.parametrize(
    "body,state,status,error_code",
    [
        (LOST, ReportState.SUCCEEDED, None, ""),
        (LOST, ReportState.SUCCEEDED, {"status": "RESET_PASSWORD_RECENTLY"}, ""),
        (LOST, ReportState.SUCCEEDED, {"status": "SUCCESS"}, "UNKNOWN"),
        (LOST, ReportState.SUCCEEDED, {"status": "NO_SUCH_STATUS"}, ""),
        (LOST, ReportState.SUCCEEDED, {"unknown": 1}, ""),
        (LOST, ReportState.SUCCEEDED, {"status": "STATUS_UNSPECIFIED"}, ""),
        (LOST, ReportState.FAILED, {"status": "SUCCESS"}, ""),
        (LOST, ReportState.FAILED, {"status": "RESET_PASSWORD_RECENTLY"}, "UNKNOWN"),
        (LOST, ReportState.FAILED, None, "NO_SUCH_CODE"),
        (LOST, ReportState.FAILED, None, "COMMAND_ERROR_CODE_UNSPECIFIED"),
        (LOST, ReportState.PROGRESS, {"status": "SUCCESS"}, ""),
        (ESIM, ReportState.SUCCEEDED, {"status": "IN_PROGRESS"}, ""),
        (ESIM, ReportState.FAILED, {"status": "PENDING_USER_ACTION"}, ""),
        (APPS, ReportState.FAILED, {"results": {"a.b": {"clearingResult": "APP_NOT_FOUND"}}}, ""),
        ('{"type":"LOCK"}', ReportState.SUCCEEDED, {"status": "SUCCESS"}, ""),
    ],
)
async def test_a_report_that_contradicts_itself_or_its_type_changes_nothing(
    lab: World, body: str, state: ReportState, status: object, error_code: str
) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, body)
    await phone.acknowledges(name)
    before = await lab.operation(name)

    with pytest.raises(InvalidArgument):
        await phone.reports(name, state, status=status, error_code=error_code)

    assert before == await lab.operation(name)


async def test_apps_results_are_a_success_whatever_they_say(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, APPS)
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.SUCCEEDED, status={"results": {"a.b": {"clearingResult": "APP_NOT_FOUND"}}})

    assert ("succeeded", "a.b: APP_NOT_FOUND") == msgspec.structs.astuple(read_outcome(await shown(lab, name)))


async def test_a_phones_own_words_are_the_error_message_within_bounds(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    message = Report(operation=str(name), ack_id="a" * 32, seq=1, state=ReportState.FAILED, error_code="UNKNOWN", message="x" * 9_999)
    await report_result(lab.ports, phone.name, message)

    assert "x" * 500 == (await shown(lab, name))["error"]["message"]


async def test_a_refusal_before_the_ack_fails_with_its_error_code(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.hears()

    await phone.refuses(name, "API_LEVEL")
    await phone.refuses(name, "API_LEVEL")

    operation = await lab.operation(name)
    assert ["issued", "offered", "refused"] == [entry.what for entry in operation.timeline]
    assert "API_LEVEL" == (await shown(lab, name))["metadata"]["errorCode"]


async def test_a_refusal_may_carry_a_status(lab: World) -> None:
    phone = await lab.phone(facts(ownership=Ownership.PERSONALLY_OWNED))
    name = await lab.issue(phone.name, EID)

    await phone.refuses(name, status={"status": "UNSUPPORTED"})

    operation = await shown(lab, name)
    assert ({"status": "UNSUPPORTED"}, 9) == (operation["metadata"]["requestDeviceInfoStatus"], operation["error"]["code"])
    assert "errorCode" not in operation["metadata"]


async def test_a_refusal_says_why(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    with pytest.raises(InvalidArgument):
        await phone.refuses(name)


async def test_what_was_acknowledged_cannot_be_refused(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    with pytest.raises(AlreadyAcknowledged):
        await phone.refuses(name, "UNSUPPORTED")


async def test_a_refusal_after_the_end_of_its_time_finds_the_command_expired(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    lab.clock.advance(600)

    await phone.refuses(name, "UNSUPPORTED")

    assert State.EXPIRED is (await lab.operation(name)).state


@pytest.mark.parametrize(
    "behaviour,ownership,expected",
    [
        (Behaviour.AS_OBSERVED, Ownership.PERSONALLY_OWNED, State.SUCCEEDED),
        (Behaviour.AS_OBSERVED, Ownership.COMPANY_OWNED, State.FAILED),
        (Behaviour.DOCUMENTED, Ownership.PERSONALLY_OWNED, State.FAILED),
    ],
)
async def test_real_amapi_shows_a_refused_reboot_of_a_personal_phone_as_done(
    tmp_path_factory: pytest.TempPathFactory, behaviour: Behaviour, ownership: Ownership, expected: State
) -> None:
    async with world(tmp_path_factory.mktemp("world"), limits=Limits(behaviour=behaviour)) as lab:
        phone = await lab.phone(facts(ownership=ownership))
        name = await lab.issue(phone.name, '{"type":"REBOOT"}')

        await phone.refuses(name, "MANAGEMENT_MODE")

        assert expected is (await lab.operation(name)).state
