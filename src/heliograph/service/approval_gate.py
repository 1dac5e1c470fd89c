"""Where something needs a second person's approval: a part of the rule that issues the command, or makes the call.

So it is decided in the transaction of what it holds back, by the rules as they are then.
"""

from collections.abc import Sequence
from typing import NamedTuple

from heliograph.commands import COMMANDS
from heliograph.domain import approval as approving
from heliograph.domain import operation as life
from heliograph.domain.access import Caller
from heliograph.domain.approval import Approval, ApprovalRule, ApprovalRulesRecord, ApprovalState
from heliograph.domain.device import DeviceRecord
from heliograph.domain.names import ApprovalName, ApprovalRulesName, EnterpriseName, OperationName
from heliograph.domain.operation import Operation
from heliograph.protojson.errors import FailedPrecondition
from heliograph.protojson.times import format_timestamp
from heliograph.service.rules import Facts, Put

ID_DIGITS = 24
MAY_NEED_APPROVAL = tuple(row.name for row in COMMANDS.values() if row.final_at_ack)
"""Command types that a rule may name: after these there is no device any more."""


class ApprovalRequired(FailedPrecondition):
    """Another person must approve this first. Then make the same call again."""

    reason = "APPROVAL_REQUIRED"

    def __init__(self, approval: Approval) -> None:
        people = "1 other person" if approval.needed == 1 else f"{approval.needed} other people"
        text = (
            f"{people} must approve this first: {approval.name} waits until {format_timestamp(approval.deadline_us)} "
            f"(heliograph approvals show {approval.name.approval}). Then make the same call again."
        )
        super().__init__(text, metadata={"approval": str(approval.name), "digest": approval.digest})


class ApprovalDeclined(FailedPrecondition):
    """Another person declined this. It can be asked for again once the approval has expired."""

    reason = "APPROVAL_DECLINED"

    def __init__(self, approval: Approval) -> None:
        why = f": {approval.reason}" if approval.reason else "."
        text = f"This was {approving.past(approval.state)} by {approval.decided_by} ({approval.name}){why}"
        again = f" It can be asked for again from {format_timestamp(approval.deadline_us)} on."
        super().__init__(text + again, metadata={"approval": str(approval.name)})


def operation_approval(operation: OperationName) -> ApprovalName:
    """The name of the approval of a command."""
    return ApprovalName(operation.device.enterprise, approving.digest_of(str(operation), devices=())[:ID_DIGITS])


def rules_seen(type_name: str, enterprise: str) -> tuple[ApprovalRulesName, ...]:
    """The records that the rule must see: none for a command type that never needs approval."""
    return (ApprovalRulesName(enterprise),) if type_name in MAY_NEED_APPROVAL else ()


class HeldBack(NamedTuple):
    """An operation and what it waits for."""

    operation: Operation
    approval: Approval


def held_back(facts: Facts, operation: Operation, device: DeviceRecord, caller: Caller) -> HeldBack | None:
    """The operation as it waits for approval; None: it may go its way."""
    found = facts.record(ApprovalRulesRecord)
    rule = approving.rule_for(found.rules, what=operation.type, device=device) if found is not None else None
    if rule is None:
        return None
    approval = _asked(
        operation_approval(operation.name), rule, what=operation.type, target=str(operation.name), params=operation.command.decode(),
        devices=(str(device.name),), caller=caller, now_us=facts.now_us, deadline_us=operation.expires_us,
    )  # fmt: skip
    waits = f"of {approval.needed} besides {approval.asked_by}"
    return HeldBack(life.await_approval(operation, facts.now_us, waits), approval)


def _asked(  # noqa: PLR0913 - what an approval is of
    name: ApprovalName, rule: ApprovalRule, *, what: str, target: str, params: str, devices: Sequence[str], caller: Caller,
    now_us: int, deadline_us: int,
) -> Approval:  # fmt: skip
    needed = max(1, rule.approvals)
    digest = approving.digest_of(str(name), what, target, params, caller.actor, str(needed), str(now_us), devices=devices)
    return Approval(
        name=name, what=what, target=target, params=params, digest=digest,
        devices=tuple(devices[: approving.SHOWN_DEVICES_MOST]), device_count=len(devices),
        asked_by=caller.actor, asked_key=caller.key_id, needed=needed, grace_us=approving.grace_us_of(rule),
        created_us=now_us, deadline_us=deadline_us, expires_us=deadline_us + approving.KEPT_US,
    )  # fmt: skip


class Gate(NamedTuple):
    """A call that may need approval. Its approval's name follows from who calls what, on which devices, how: no other call uses it up."""

    what: str
    enterprise: EnterpriseName
    target: str
    caller: Caller
    params: str = ""
    devices: tuple[str, ...] = ()

    @property
    def approval_name(self) -> ApprovalName:
        """Where its approval is found, by the one who makes the same call again."""
        parts = (self.what, self.target, self.caller.actor, self.params)
        return ApprovalName(self.enterprise.enterprise, approving.digest_of(*parts, devices=self.devices)[:ID_DIGITS])

    @property
    def sees(self) -> tuple[ApprovalRulesName, ApprovalName]:
        """The records that the rule must see."""
        return ApprovalRulesName(self.enterprise.enterprise), self.approval_name

    def judge(self, facts: Facts, device: DeviceRecord | None = None) -> "Passage":
        """Whether the call may be made now, on this device; `facts` has the records that it `sees`.  Raises: ApprovalDeclined: lately."""
        now_us = facts.now_us
        rules, known = facts.record(ApprovalRulesRecord), facts.record(Approval)
        if rules is None or not rules.rules.rules:
            return Passage()
        if self.what == approving.CHANGE_RULES:
            rule: ApprovalRule | None = approving.strictest(rules.rules)
        else:
            rule = approving.rule_for(rules.rules, what=self.what, device=device)
        if rule is None:
            return Passage()
        if known is not None and now_us < known.deadline_us:
            state = approving.state_at(known, now_us)
            if state is ApprovalState.APPROVED and now_us >= known.decided_us + known.grace_us:
                return Passage((Put(approving.done(known, now_us)),))
            if state in {ApprovalState.PENDING, ApprovalState.APPROVED}:
                return Passage(blocked_by=known)
            if state in {ApprovalState.DECLINED, ApprovalState.CALLED_OFF}:
                raise ApprovalDeclined(known)
        asked = _asked(
            self.approval_name, rule, what=self.what, target=self.target, params=self.params, devices=self.devices, caller=self.caller,
            now_us=now_us, deadline_us=now_us + approving.METHOD_LIFE_US,
        )  # fmt: skip
        return Passage((Put(asked),), blocked_by=asked)


class Passage(NamedTuple):
    """What a gate says: the writes that go with it, and what blocks the call, if anything does."""

    writes: tuple[Put[Approval], ...] = ()
    blocked_by: Approval | None = None
