"""A new key of an enterprise whose approval rules name keys: another person approves it, though the operator makes it."""

from collections.abc import Sequence

from heliograph.domain.access import EVERY_ENTERPRISE, Caller
from heliograph.domain.approval import CREATE_KEY, Approval, ApprovalRulesRecord
from heliograph.domain.names import ApprovalRulesName, EnterpriseName
from heliograph.service.approval_gate import ApprovalRequired, Gate
from heliograph.service.ports import Decision, Facts, Ports, Rule, Sees

OPERATOR = Caller(email="operator")
"""Who asks: keys are made on the server's own machine, by those who may do anything there."""
READ_AT_ONCE = 100


async def require_key_approval(ports: Ports, enterprises: Sequence[str], params: str) -> None:
    """Every enterprise that the key reaches and that wants it has approved it; the approvals are used up together.

    They are used up before the key is stored: a crash in between costs an approval and makes no key without one.

    Raises: ApprovalRequired, ApprovalDeclined.
    """
    gates = [Gate(CREATE_KEY, name, "keys", OPERATOR, params) for name in await enterprises_with_rules(ports, enterprises)]
    for rule_of in (_look, _pass):
        for gate in gates:
            if (blocked_by := await ports.store.decide(Sees(records=gate.sees), rule_of(gate))) is not None:
                raise ApprovalRequired(blocked_by)


def _look(gate: Gate) -> Rule[Approval | None]:
    """What blocks the key; nothing is used up."""

    def rule(facts: Facts) -> Decision[Approval | None]:
        passage = gate.judge(facts)
        return Decision(passage.blocked_by, passage.writes if passage.blocked_by is not None else ())

    return rule


def _pass(gate: Gate) -> Rule[Approval | None]:
    """The same, and its approval is used up."""

    def rule(facts: Facts) -> Decision[Approval | None]:
        passage = gate.judge(facts)
        return Decision(passage.blocked_by, passage.writes)

    return rule


async def enterprises_with_rules(ports: Ports, enterprises: Sequence[str]) -> Sequence[EnterpriseName]:
    """Those among the enterprises, or among all, that have approval rules."""
    names = [EnterpriseName(enterprise) for enterprise in enterprises]
    if EVERY_ENTERPRISE in enterprises:
        names, after, more = [], "", True
        while more:
            page = await ports.store.enterprises(after=after, limit=READ_AT_ONCE)
            names += [record.name for record in page.items]
            after, more = (page.items[-1].position if page.items else ""), page.more
    found = [(name, await ports.store.record(ApprovalRulesRecord, ApprovalRulesName(name.enterprise))) for name in names]
    return [name for name, record in found if record is not None and record.rules.rules]
