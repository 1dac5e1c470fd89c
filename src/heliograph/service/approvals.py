"""A second person's approval: given, declined, called off; and the rules that ask for it.

An approval of a command and its operation change in one transaction, and the operation's state decides which of two people was first.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import structlog

from heliograph.domain import approval as approving
from heliograph.domain import operation as life
from heliograph.domain.access import Caller, ServiceKey
from heliograph.domain.approval import Approval, ApprovalRules, ApprovalRulesRecord, ApprovalState, NotPending
from heliograph.domain.names import ApprovalName, ApprovalRulesName, EnterpriseName, OperationName
from heliograph.domain.operation import Operation, State
from heliograph.domain.outcome import DEVICE_DELETED
from heliograph.domain.people import Person
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Violations
from heliograph.protojson.messages import encode_message
from heliograph.service.access_changes import AccessChanges
from heliograph.service.approval_gate import MAY_NEED_APPROVAL, ApprovalRequired, Gate
from heliograph.service.not_found import enterprise_absence
from heliograph.service.notifications import operation_writes
from heliograph.service.offer_command import with_offers
from heliograph.service.paging import page_of
from heliograph.service.ports import Decision, Facts, Ports, Put, Sees
from heliograph.service.record_rules import RecordDecision, Records
from heliograph.service.roles import RoleBook

log = structlog.get_logger()

CALLERS_READ = 1_000
"""Keys, of which a server has no more (service_keys.KEYS_MOST), and people: whom a sentence names, not who may."""


class _Approve(NamedTuple):
    """The method as it is judged; its row is in api/own_methods.py (a test compares)."""

    id: str = "heliograph.approvals.approve"
    path: str = "enterprises/*/approvals/*:approve"
    destructive: bool = True


APPROVE = _Approve()
Vote = Callable[[Approval, int], Approval]
"""An approval after a person's word, at this time (us)."""


class ApprovalNotFound(NotFound):
    """No such approval: `heliograph approvals list` shows those of the enterprise."""


class Standing(NamedTuple):
    """An approval as it stands: its record, its state, and who may approve it."""

    approval: Approval
    state: ApprovalState
    approvers: tuple[str, ...] = ()
    starts_us: int = 0
    """Until when what is approved can be called off and does not start; 0: it can start."""


async def get_approval(ports: Ports, name: ApprovalName) -> Standing:
    """The approval as it stands.  Raises: ApprovalNotFound, EnterpriseNotAuthorized."""
    return await _standing(ports, await approval_named(ports, name))


async def approval_named(ports: Ports, name: ApprovalName) -> Approval:
    """What is stored of it.  Raises: ApprovalNotFound, EnterpriseNotAuthorized."""
    approval = await ports.store.record(Approval, name)
    if approval is None:
        raise await enterprise_absence(ports, name.parent) or ApprovalNotFound()
    return approval


async def list_approvals(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[Standing], str]:
    """A page of the enterprise's approvals, oldest first, and the next page's token (empty after the last).

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """
    found, next_page_token = await page_of(
        ports,
        f"{enterprise}/approvals",
        lambda after, limit: ports.store.records(Approval, *enterprise, after=after, limit=limit),
        page_size=page_size,
        page_token=page_token,
    )
    if not found and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    callers = await _callers(ports)
    return [await _standing(ports, approval, callers) for approval in found], next_page_token


async def _standing(ports: Ports, approval: Approval, callers: Sequence[Caller] | None = None) -> Standing:
    state = approving.state_at(approval, ports.clock.now_us())
    if not approval.of_method:
        state = _state_of_command(await ports.store.operation(OperationName.parse(approval.target)), state)
    if state is not ApprovalState.PENDING:
        starts_us = approval.decided_us + approval.grace_us
        waits = state is ApprovalState.APPROVED and approval.grace_us and ports.clock.now_us() < starts_us
        return Standing(approval, state, starts_us=starts_us if waits else 0)
    return Standing(approval, state, _approvers_of(approval, await _callers(ports) if callers is None else callers))


def _state_of_command(operation: Operation | None, state: ApprovalState) -> ApprovalState:
    """What the operation says of an approval that no one decided: it was cancelled, it expired, or its device is gone."""
    if state is not ApprovalState.PENDING or (operation is not None and operation.state is State.AWAITING_APPROVAL):
        return state
    cancelled = operation is None or operation.state is State.CANCELLED or operation.error == DEVICE_DELETED
    return ApprovalState.CALLED_OFF if cancelled else ApprovalState.EXPIRED


async def _callers(ports: Ports) -> Sequence[Caller]:
    """Everyone whom keys and records of people show; who signs in by an identity provider's group is known while they do."""
    keys = (await ports.store.records(ServiceKey, after="", limit=CALLERS_READ)).items
    people = (await ports.store.records(Person, after="", limit=CALLERS_READ)).items
    found = [key.caller for key in keys if not key.has_expired(ports.clock.now_us())]
    found += [person.rights.caller(person.name.person, session_id="") for person in people if person.rights is not None]
    return await with_roles(ports, found)


async def with_roles(ports: Ports, callers: Iterable[Caller]) -> Sequence[Caller]:
    """The callers, each with what its roles allow now."""
    book = RoleBook(ports.store, AccessChanges())  # read for this look alone: it hears of no change
    return [await book.resolved(caller) for caller in callers]


def _approvers_of(approval: Approval, callers: Iterable[Caller]) -> tuple[str, ...]:
    """Who may approve it: not the one who asked."""
    actors = {caller.person for caller in callers if caller.person and may_approve(caller, approval.name.enterprise)}
    return tuple(sorted(actors - {approval.asked_by}))


def may_approve(caller: Caller, enterprise: str) -> bool:
    """Whether the caller may approve in the enterprise at all."""
    try:
        caller.rights.admit(APPROVE, enterprise)
    except PermissionDenied:
        return False
    return True


async def approve(ports: Ports, name: ApprovalName, caller: Caller, *, digest: str) -> Standing:
    """One more person agreed to exactly this; with the last one needed it happens: the command is in its phone's queue.

    Raises: ApprovalNotFound; NotPending, OwnApproval, UnnamedApprover, ApprovalChanged.
    """
    actor = caller.person

    def vote(approval: Approval, now_us: int) -> Approval:
        return approving.approved(approval, actor=actor, key_id=caller.key_id, digest=digest, now_us=now_us)

    return await _decide(ports, name, vote, actor)


async def decline(ports: Ports, name: ApprovalName, caller: Caller, *, reason: str = "") -> Standing:
    """One person said no: the command has ended with an error that says so.

    Raises: ApprovalNotFound; NotPending, OwnApproval, UnnamedApprover, InvalidArgument.
    """
    actor = caller.person
    return await _decide(
        ports, name, lambda approval, now_us: approving.declined(approval, actor=actor, reason=reason, now_us=now_us), actor
    )


async def call_off(ports: Ports, name: ApprovalName, caller: Caller, *, reason: str = "") -> Standing:
    """It does not happen, approved or not: the command is cancelled unless its phone has acknowledged it.

    Raises: ApprovalNotFound; NotPending: too late; InvalidArgument.
    """
    actor = caller.actor
    return await _decide(
        ports, name, lambda approval, now_us: approving.called_off(approval, actor=actor, reason=reason, now_us=now_us), actor
    )


async def _decide(ports: Ports, name: ApprovalName, vote: Vote, actor: str) -> Standing:
    first = await approval_named(ports, name)
    decided = await (_decide_method(ports, name, vote) if first.of_method else _decide_command(ports, first, vote, actor))
    log.info("approval.decided", approval=str(name), what=decided.what, target=decided.target, by=actor, state=decided.state.value)
    return await _standing(ports, decided)


async def _decide_method(ports: Ports, name: ApprovalName, vote: Vote) -> Approval:
    def rule(records: Records) -> RecordDecision[Approval]:
        approval = records.one(Approval, name)
        if approval is None:
            raise ApprovalNotFound
        changed = vote(approval, records.now_us)
        return RecordDecision(changed, (Put(changed),) if changed != approval else ())

    return await ports.store.decide_records((name,), rule)


async def _decide_command(ports: Ports, first: Approval, vote: Vote, actor: str) -> Approval:
    target = OperationName.parse(first.target)

    def rule(facts: Facts) -> Decision[Approval]:
        approval, operation = facts.record(Approval), facts.operation
        if approval is None or operation is None:
            raise ApprovalNotFound
        changed = vote(approval, facts.now_us)
        if changed == approval:
            return Decision(approval)
        _require_waiting(approval, changed, operation, facts.now_us)
        after = _operation_after(changed, with_offers(ports, operation), actor, facts.now_us)
        return Decision(changed, (Put(changed), *operation_writes(ports, facts, operation, after)), ring=target.device)

    sees = Sees(device=target.device, create_ms=target.create_ms, subscription=True, records=(first.name,))
    decided = await ports.store.decide(sees, rule)
    ports.offers.noted(target.device, target.create_ms)
    return decided


class TooLateToCallOff(FailedPrecondition):
    """The command's phone has acknowledged it, or it has ended: nothing is left to call off."""

    reason = "TOO_LATE_TO_CALL_OFF"


def _require_waiting(approval: Approval, changed: Approval, operation: Operation, now_us: int) -> None:
    """The operation is the truth, whatever the approval's record says.  Raises: NotPending, TooLateToCallOff."""
    if changed.state is ApprovalState.CALLED_OFF:
        if not life.allows(operation, life.Event.CANCEL) or now_us >= operation.expires_us:
            raise TooLateToCallOff
    elif operation.state is not State.AWAITING_APPROVAL or now_us >= operation.expires_us:
        state = _state_of_command(operation, ApprovalState.PENDING)
        raise NotPending(approval, ApprovalState.EXPIRED if state is ApprovalState.PENDING else state)


def _operation_after(changed: Approval, operation: Operation, actor: str, now_us: int) -> Operation:
    """The operation, changed with its approval."""
    said = f"{approving.past(changed.state)} by {actor}" + (f": {changed.reason}" if changed.reason else "")
    match changed.state:
        case ApprovalState.APPROVED:
            starts_us = now_us + changed.grace_us if changed.grace_us else 0
            return life.approve(operation, now_us, f"by {actor}", starts_us=starts_us)
        case ApprovalState.DECLINED:
            return life.decline(operation, now_us, said)
        case ApprovalState.CALLED_OFF:
            return life.call_off(operation, now_us, said)
        case _:
            return life.agreed(operation, now_us, f"by {actor}, {len(changed.votes)} of {changed.needed}")


async def get_approval_rules(ports: Ports, enterprise: EnterpriseName) -> ApprovalRules:
    """The enterprise's rules, none by default.  Raises: EnterpriseNotAuthorized."""
    record = await ports.store.record(ApprovalRulesRecord, ApprovalRulesName(enterprise.enterprise))
    if record is None and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return record.rules if record is not None else ApprovalRules()


async def set_approval_rules(ports: Ports, enterprise: EnterpriseName, wanted: ApprovalRules, caller: Caller) -> ApprovalRules:
    """These are the enterprise's rules, for every command issued from now on; those that wait go on by the rules that they met.

    As soon as there are rules, changing them needs an approval itself.

    Raises: InvalidArgument; ApprovalRequired, ApprovalDeclined; EnterpriseNotAuthorized.
    """
    if found := Violations(approving.rules_violations(wanted, command_types=MAY_NEED_APPROVAL)):
        raise InvalidArgument(violations=found)
    if (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    rules_name = ApprovalRulesName(enterprise.enterprise)
    gate = Gate(approving.CHANGE_RULES, enterprise, str(rules_name), caller, encode_message(wanted).decode())

    def rule(facts: Facts) -> Decision[Approval | None]:
        passage = gate.judge(facts)
        if passage.blocked_by is not None:
            return Decision(passage.blocked_by, passage.writes)
        return Decision(None, (*passage.writes, Put(ApprovalRulesRecord(name=rules_name, rules=wanted))))

    if (blocked_by := await ports.store.decide(Sees(enterprise=enterprise, records=gate.sees), rule)) is not None:
        raise ApprovalRequired(blocked_by)
    return wanted
