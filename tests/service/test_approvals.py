"""A second person: what is held back, who may let it go, what the one who asked is answered, and how it ends without an answer."""

import dataclasses
from collections.abc import Awaitable

import msgspec
import pytest

from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.access import ANYBODY, Caller, Role, ServiceKey
from heliograph.domain.approval import (
    CHANGE_RULES,
    CREATE_KEY,
    DELETE_DEVICE,
    DELETE_ENTERPRISE,
    METHOD_LIFE_US,
    ApprovalChanged,
    ApprovalRule,
    ApprovalRules,
    ApprovalState,
    NotPending,
    OwnApproval,
    RuleKind,
    UnnamedApprover,
)
from heliograph.domain.device import Ownership
from heliograph.domain.names import ApprovalName, ApprovalRulesName, OperationName
from heliograph.domain.operation import State
from heliograph.domain.roles import RoleDefinition, RoleLine
from heliograph.protocol import Execute, ReportState
from heliograph.protojson.errors import Code, InvalidArgument, NotFound
from heliograph.protojson.messages import Duration
from heliograph.service.access_changes import AccessChanges
from heliograph.service.approval_gate import MAY_NEED_APPROVAL, ApprovalDeclined, ApprovalRequired, operation_approval
from heliograph.service.approval_links import NoSuchLink, create_approval_link, opened_link
from heliograph.service.approvals import (
    Standing,
    TooLateToCallOff,
    approve,
    call_off,
    decline,
    get_approval,
    get_approval_rules,
    list_approvals,
    set_approval_rules,
)
from heliograph.service.devices import delete_device
from heliograph.service.enterprises import delete_enterprise
from heliograph.service.issue_command import issue_command
from heliograph.service.operations import cancel_operation
from heliograph.service.ports import Put, Rule, Sees
from heliograph.service.record_rules import RecordDecision
from heliograph.service.roles import set_role
from heliograph.service.timeline import get_timeline
from tests.agent.lab import eventually
from tests.service.world import LAB, Phone, World, facts

ALICE = Caller(email="alice-laptop@x", person="alice@example.com", key_id="a1")
ALICES_OTHER_KEY = Caller(email="alice-ci@x", person="alice@example.com", key_id="a2")
BOB = Caller(email="bob@x", person="bob@example.com", key_id="b1")
CAROL = Caller(email="carol@x", person="carol@example.com", key_id="c1")
WIPE = '{"type":"WIPE"}'
WIPES = ApprovalRules(rules=(ApprovalRule(command_types=("WIPE",)),))
EVERYTHING = ApprovalRules(rules=(ApprovalRule(command_types=MAY_NEED_APPROVAL, methods=(DELETE_DEVICE, DELETE_ENTERPRISE, CREATE_KEY)),))


def rules(**fields: object) -> ApprovalRules:
    """One rule for WIPE."""
    return ApprovalRules(rules=(ApprovalRule(command_types=("WIPE",), **fields),))  # type: ignore[arg-type]


async def issue(lab: World, phone: Phone, body: str = WIPE, *, by: Caller = ALICE) -> OperationName:
    """The operation's name."""
    return (await issue_command(lab.ports, phone.name, ENVELOPE.decode(body.encode()), caller=by)).name


async def approve_it(lab: World, name: OperationName | ApprovalName, by: Caller) -> Standing:
    """What waits is approved as it is."""
    approval = operation_approval(name) if isinstance(name, OperationName) else name
    digest = (await get_approval(lab.ports, approval)).approval.digest
    return await approve(lab.ports, approval, by, digest=digest)


async def held_wipe(lab: World, wanted: ApprovalRules = WIPES) -> tuple[Phone, OperationName]:
    """A phone, and a WIPE for it that waits for approval."""
    await set_approval_rules(lab.ports, LAB, wanted, ALICE)
    phone = await lab.phone()
    return phone, await issue(lab, phone)


async def put_key(lab: World, caller: Caller, role: str = Role.ADMIN) -> None:
    """The caller's key is one of the server's."""
    key = ServiceKey(
        key_id=caller.key_id, client_email=caller.email, client_id="1", project_id="p", role=role, enterprises=(LAB.enterprise,),
        public_key="PEM", created_us=1, person=caller.person,
    )  # fmt: skip
    await lab.ports.store.decide_records((), lambda _: RecordDecision(None, (Put(key),)))


async def test_without_a_rule_nothing_waits(lab: World) -> None:
    phone = await lab.phone()

    name = await issue(lab, phone)

    assert State.QUEUED is (await lab.operation(name)).state
    assert name == await phone.hears_name()
    with pytest.raises(NotFound):
        await get_approval(lab.ports, operation_approval(name))


@pytest.mark.parametrize("type_name", COMMANDS)
async def test_only_what_may_need_approval_reads_the_rules(lab: World, type_name: str) -> None:
    """Every other command reads what it read before."""
    seen: list[Sees] = []

    class Watched:
        """The lab's store, which notes what issuing sees."""

        def __getattr__(self, name: str) -> object:
            return getattr(lab.ports.store, name)

        def decide(self, sees: Sees, rule: Rule[object]) -> Awaitable[object]:
            seen.append(sees)
            return lab.ports.store.decide(sees, rule)

    phone = await lab.phone()
    body = msgspec.json.encode({"type": type_name, **COMMANDS[type_name].example})

    await issue_command(dataclasses.replace(lab.ports, store=Watched()), phone.name, ENVELOPE.decode(body))  # type: ignore[arg-type]

    expected = (ApprovalRulesName(LAB.enterprise),) if type_name in MAY_NEED_APPROVAL else ()
    assert [expected] == [sees.records for sees in seen]


async def test_a_wipe_that_needs_approval_is_an_operation_that_its_phone_does_not_learn_of(lab: World) -> None:
    phone, name = await held_wipe(lab)
    later = await issue(lab, phone, '{"type":"LOCK"}')

    operation = await lab.operation(name)

    assert (State.AWAITING_APPROVAL, False) == (operation.state, operation.done)
    assert later == await phone.hears_name()  # and it holds up nothing else
    for guess in (phone.acknowledges(name), phone.refuses(name, "UNKNOWN"), phone.reports(name, ReportState.SUCCEEDED), phone.begins(name)):
        with pytest.raises(NotFound):
            await guess
    await phone.greets({name: "a" * 32})
    assert State.AWAITING_APPROVAL is (await lab.operation(name)).state


async def test_approved_it_runs_at_once(lab: World) -> None:
    phone, name = await held_wipe(lab)
    lab.here.rung.clear()

    standing = await approve_it(lab, name, BOB)

    assert ApprovalState.APPROVED is standing.state
    await eventually(lambda: [phone.name] == lab.here.rung)
    assert name == await phone.hears_name()
    assert isinstance(await phone.acknowledges(name), Execute)
    story = [(entry.what, entry.detail) for entry in (await lab.operation(name)).timeline]
    assert ("awaiting approval", "of 1 besides alice@example.com") in story
    assert ("approved", "by bob@example.com") in story


@pytest.mark.parametrize("by", [ALICE, ALICES_OTHER_KEY])
async def test_nobody_approves_their_own_nor_by_another_key(lab: World, by: Caller) -> None:
    _, name = await held_wipe(lab)

    for act in (approve_it(lab, name, by), decline(lab.ports, operation_approval(name), by)):
        with pytest.raises(OwnApproval):
            await act
    with pytest.raises(OwnApproval):
        await create_approval_link(lab.ports, operation_approval(name), by, server_url="https://x")


@pytest.mark.parametrize("by", [ANYBODY, Caller(email="backend@x", key_id="s1")], ids=["nobody known", "a program's key"])
async def test_who_is_no_known_person_approves_nothing(lab: World, by: Caller) -> None:
    """It might be the one who asked, by another key."""
    await put_key(lab, by)
    _, name = await held_wipe(lab)

    for act in (approve_it(lab, name, by), decline(lab.ports, operation_approval(name), by)):
        with pytest.raises(UnnamedApprover):
            await act
    assert () == (await get_approval(lab.ports, operation_approval(name))).approvers


async def test_an_approver_agrees_to_exactly_what_waits(lab: World) -> None:
    phone, name = await held_wipe(lab)
    other = (await get_approval(lab.ports, operation_approval(await issue(lab, phone)))).approval

    for digest in ("", other.digest):
        with pytest.raises(ApprovalChanged):
            await approve(lab.ports, operation_approval(name), BOB, digest=digest)

    approval = (await get_approval(lab.ports, operation_approval(name))).approval
    assert ((str(phone.name),), "{}", str(name)) == (approval.devices, approval.params, approval.target)


async def test_of_two_people_needed_each_counts_once(lab: World) -> None:
    phone, name = await held_wipe(lab, rules(approvals=2))

    await approve_it(lab, name, BOB)
    again = await approve_it(lab, name, BOB)
    assert (ApprovalState.PENDING, None) == (again.state, await phone.hears_name())
    last = await approve_it(lab, name, CAROL)

    assert (ApprovalState.APPROVED, name) == (last.state, await phone.hears_name())


async def test_declined_it_has_ended_with_an_error_that_says_so(lab: World) -> None:
    phone, name = await held_wipe(lab)

    await decline(lab.ports, operation_approval(name), BOB, reason="It is the director's phone.")

    operation = await lab.operation(name)
    assert operation.error is not None
    assert (State.FAILED, Code.PERMISSION_DENIED) == (operation.state, operation.error.code)
    assert "The command was declined by bob@example.com: It is the director's phone." == operation.error.message
    with pytest.raises(NotPending):
        await approve_it(lab, name, CAROL)
    assert await phone.hears_name() is None


async def test_it_expires_with_the_command_and_says_why(lab: World) -> None:
    _, name = await held_wipe(lab)

    lab.clock.advance(600)
    with pytest.raises(NotPending):
        await approve_it(lab, name, BOB)
    await lab.deadlines_pass()

    operation = await lab.operation(name)
    assert operation.error is not None
    assert (State.EXPIRED, "before a second person approved it") == (operation.state, operation.error.message[20:-1])
    assert ApprovalState.EXPIRED is (await get_approval(lab.ports, operation_approval(name))).state


async def test_a_cancelled_one_cannot_be_approved(lab: World) -> None:
    _, name = await held_wipe(lab)

    await cancel_operation(lab.ports, name)

    assert ApprovalState.CALLED_OFF is (await get_approval(lab.ports, operation_approval(name))).state
    with pytest.raises(NotPending):
        await approve_it(lab, name, BOB)


async def test_in_the_grace_period_it_can_be_called_off_and_is_not_offered(lab: World) -> None:
    phone, name = await held_wipe(lab, rules(grace_period=Duration("60s")))
    kept = await issue(lab, phone)
    await approve_it(lab, name, BOB)
    await approve_it(lab, kept, BOB)

    start_us = await phone.hears()
    with pytest.raises(NotFound):
        await phone.acknowledges(name)
    await call_off(lab.ports, operation_approval(name), ALICE, reason="Found it.")
    lab.clock.advance(60)

    assert lab.clock.now_us() == start_us
    assert kept == await phone.hears_name()
    ended = await lab.operation(name)
    assert ended.error is not None
    assert (State.CANCELLED, "The command was called off by alice@example.com: Found it.") == (ended.state, ended.error.message)


async def test_what_its_phone_acknowledged_cannot_be_called_off(lab: World) -> None:
    phone, name = await held_wipe(lab)
    await approve_it(lab, name, BOB)
    await phone.acknowledges(name)

    with pytest.raises(TooLateToCallOff):
        await call_off(lab.ports, operation_approval(name), ALICE)


async def test_a_rule_is_of_kinds_of_devices(lab: World) -> None:
    await set_approval_rules(lab.ports, LAB, rules(management_kinds=(RuleKind.FULLY_MANAGED,)), ALICE)
    company, personal = await lab.phone(), await lab.phone(facts(ownership=Ownership.PERSONALLY_OWNED, serial="S2"))

    states = [(await lab.operation(await issue(lab, phone))).state for phone in (company, personal)]

    assert [State.AWAITING_APPROVAL, State.QUEUED] == states


async def test_a_rule_is_of_devices_that_fit_a_filter(lab: World) -> None:
    await set_approval_rules(lab.ports, LAB, rules(devices='hardwareInfo.serialNumber="VIP*" AND apiLevel>=30'), ALICE)
    director, other = await lab.phone(facts(serial="VIP1")), await lab.phone(facts(serial="S2"))

    states = [(await lab.operation(await issue(lab, phone))).state for phone in (director, other)]

    assert [State.AWAITING_APPROVAL, State.QUEUED] == states


async def test_of_rules_that_fit_the_one_that_asks_for_most_counts(lab: World) -> None:
    both = (ApprovalRule(command_types=("WIPE",)), ApprovalRule(command_types=("WIPE",), devices="apiLevel>=30", approvals=3))
    _, name = await held_wipe(lab, ApprovalRules(rules=both))

    assert 3 == (await get_approval(lab.ports, operation_approval(name))).approval.needed


async def test_a_custom_role_may_approve_and_show_as_approver(lab: World) -> None:
    line = RoleLine(methods=("heliograph.approvals.*", "heliograph.approvals.approve"))
    wanted = RoleDefinition(name="four-eyes", allow=(line,))
    await set_role(lab.ports.store, AccessChanges(), wanted, methods=line.methods[1:], command_types=())
    await put_key(lab, BOB, "four-eyes")
    await put_key(lab, CAROL, Role.VIEWER)
    _, name = await held_wipe(lab)

    assert ("bob@example.com",) == (await get_approval(lab.ports, operation_approval(name))).approvers
    url, _ = await create_approval_link(lab.ports, operation_approval(name), BOB, server_url="")
    assert "bob@example.com" == (await opened_link(lab.ports, url.removeprefix("/approve/")))[1].actor


async def test_a_device_s_end_ends_what_waits(lab: World) -> None:
    phone, name = await held_wipe(lab)

    await delete_device(lab.ports, phone.name, caller=ALICE)

    assert State.FAILED is (await lab.operation(name)).state
    with pytest.raises(NotPending):
        await approve_it(lab, name, BOB)


async def test_a_deletion_is_refused_until_it_is_approved_and_then_made_once(lab: World) -> None:
    await set_approval_rules(lab.ports, LAB, EVERYTHING, ALICE)
    phone = await lab.phone()

    with pytest.raises(ApprovalRequired) as required:
        await delete_device(lab.ports, phone.name, caller=ALICE)
    name = ApprovalName.parse(required.value.metadata["approval"])
    with pytest.raises(ApprovalRequired) as again:
        await delete_device(lab.ports, phone.name, caller=ALICE)
    assert required.value.metadata == again.value.metadata
    await approve_it(lab, name, BOB)
    for other in (CAROL, BOB):
        with pytest.raises(ApprovalRequired):
            await delete_device(lab.ports, phone.name, caller=other)
    with pytest.raises(ApprovalRequired):
        await delete_device(lab.ports, phone.name, wipe_data_flags=["WIPE_EXTERNAL_STORAGE"], caller=ALICE)

    await delete_device(lab.ports, phone.name, caller=ALICE)

    assert await lab.ports.store.device(phone.name) is None
    assert ApprovalState.DONE is (await get_approval(lab.ports, name)).state


async def test_a_declined_deletion_is_not_asked_for_again_at_once(lab: World) -> None:
    await set_approval_rules(lab.ports, LAB, EVERYTHING, ALICE)
    phone = await lab.phone()
    with pytest.raises(ApprovalRequired) as required:
        await delete_device(lab.ports, phone.name, caller=ALICE)
    name = ApprovalName.parse(required.value.metadata["approval"])
    await decline(lab.ports, name, BOB, reason="Ask me first.")

    with pytest.raises(ApprovalDeclined, match=r"declined by bob@example\.com .*Ask me first\."):
        await delete_device(lab.ports, phone.name, caller=ALICE)
    lab.clock.advance(METHOD_LIFE_US / 1_000_000)
    with pytest.raises(ApprovalRequired):
        await delete_device(lab.ports, phone.name, caller=ALICE)

    assert ApprovalState.PENDING is (await get_approval(lab.ports, name)).state


async def test_an_enterprise_is_deleted_with_exactly_the_devices_that_were_approved(lab: World) -> None:
    await set_approval_rules(lab.ports, LAB, EVERYTHING, ALICE)
    first = await lab.phone()
    with pytest.raises(ApprovalRequired) as required:
        await delete_enterprise(lab.ports, LAB, caller=ALICE)
    name = ApprovalName.parse(required.value.metadata["approval"])
    assert (str(first.name),) == (await get_approval(lab.ports, name)).approval.devices
    await approve_it(lab, name, BOB)
    await lab.phone(facts(serial="S2"))

    with pytest.raises(ApprovalRequired) as with_another:
        await delete_enterprise(lab.ports, LAB, caller=ALICE)
    await approve_it(lab, ApprovalName.parse(with_another.value.metadata["approval"]), BOB)
    await delete_enterprise(lab.ports, LAB, caller=ALICE)

    assert await lab.ports.store.enterprise(LAB) is None


async def test_rules_cannot_be_lifted_by_one_person(lab: World) -> None:
    await set_approval_rules(lab.ports, LAB, rules(approvals=2), ALICE)

    with pytest.raises(ApprovalRequired) as required:
        await set_approval_rules(lab.ports, LAB, ApprovalRules(), ALICE)
    name = ApprovalName.parse(required.value.metadata["approval"])
    assert (CHANGE_RULES, 2) == ((approval := (await get_approval(lab.ports, name)).approval).what, approval.needed)
    for approver in (BOB, CAROL):
        await approve_it(lab, name, approver)
    with pytest.raises(ApprovalRequired):
        await set_approval_rules(lab.ports, LAB, WIPES, ALICE)
    await set_approval_rules(lab.ports, LAB, ApprovalRules(), ALICE)

    assert ApprovalRules() == await get_approval_rules(lab.ports, LAB)


@pytest.mark.parametrize(
    "wrong, where",
    [
        (ApprovalRule(), "rules[0]"),
        (ApprovalRule(command_types=("LOCK",)), "rules[0].command_types"),
        (ApprovalRule(command_types=("WIPE",), approvals=6), "rules[0].approvals"),
        (ApprovalRule(command_types=("WIPE",), approvals=-1), "rules[0].approvals"),
        (ApprovalRule(command_types=("WIPE",), grace_period=Duration("86401s")), "rules[0].grace_period"),
        (ApprovalRule(methods=("androidmanagement.enterprises.get",)), "rules[0].methods"),
        (ApprovalRule(command_types=("WIPE",), devices="colour=red"), "rules[0].devices"),
        (ApprovalRule(command_types=("WIPE",), devices="apiLevel>="), "rules[0].devices"),
    ],
)
async def test_a_rule_that_could_not_hold_is_refused(lab: World, wrong: ApprovalRule, where: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await set_approval_rules(lab.ports, LAB, ApprovalRules(rules=(wrong,)), ALICE)

    assert [where] == [violation.field for violation in refused.value.violations]


async def test_what_is_asked_and_of_whom_shows(lab: World) -> None:
    for caller in (ALICE, ALICES_OTHER_KEY, BOB):
        await put_key(lab, caller)
    await put_key(lab, CAROL, Role.VIEWER)
    _, name = await held_wipe(lab)

    standing = await get_approval(lab.ports, operation_approval(name))
    why = (await get_timeline(lab.ports, name)).why_stuck

    assert ("bob@example.com",) == standing.approvers
    assert why.startswith("It waits for the approval of 1 person besides alice@example.com: bob@example.com can give it. It expires at ")
    assert [standing] == (await list_approvals(lab.ports, LAB))[0]


async def test_if_no_one_is_left_who_may_it_says_so(lab: World) -> None:
    await put_key(lab, ALICE)
    await put_key(lab, ALICES_OTHER_KEY)
    _, name = await held_wipe(lab)

    why = (await get_timeline(lab.ports, name)).why_stuck

    assert "too few can give it: no one." in why
    assert "Make a key for another person" in why


async def test_a_link_takes_one_word_of_one_person_and_expires(lab: World) -> None:
    await put_key(lab, BOB)
    _, name = await held_wipe(lab)
    approval = operation_approval(name)
    url, _ = await create_approval_link(lab.ports, approval, BOB, server_url="https://x")
    sealed = url.removeprefix("https://x/approve/")

    standing, caller = await opened_link(lab.ports, sealed)
    assert (approval, "bob@example.com") == (standing.approval.name, caller.actor)
    await approve(lab.ports, approval, caller, digest=standing.approval.digest)

    for used in (sealed, sealed[:-1], sealed[::-1], ""):
        with pytest.raises(NoSuchLink):
            await opened_link(lab.ports, used)


@pytest.mark.parametrize("what", ["its time is over", "its key is gone", "its key may only read"])
async def test_a_link_outlives_neither_its_time_nor_its_key(lab: World, what: str) -> None:
    await put_key(lab, BOB)
    _, name = await held_wipe(lab, WIPES)
    held = operation_approval(await issue(lab, await lab.phone(facts(serial="S2")), '{"type":"WIPE","duration":"7200s"}'))
    url, expires_us = await create_approval_link(lab.ports, held, BOB, server_url="")
    sealed = url.removeprefix("/approve/")
    await opened_link(lab.ports, sealed)

    if what == "its time is over":
        lab.clock.advance((expires_us - lab.clock.now_us()) / 1_000_000)
    else:
        await put_key(lab, Caller(email="x", person="mallory@x" if "gone" in what else BOB.person, key_id=BOB.key_id), Role.VIEWER)

    with pytest.raises(NoSuchLink):
        await opened_link(lab.ports, sealed)
    assert State.AWAITING_APPROVAL is (await lab.operation(name)).state or what == "its time is over"
