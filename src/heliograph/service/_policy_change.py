"""How every verb that changes a policy does it."""

from collections.abc import Callable

import msgspec

from heliograph.domain import policy as policies
from heliograph.domain.errors import EnterpriseNotAuthorized, InvalidArgument, Violations
from heliograph.domain.names import ID_PATTERN, PolicyName
from heliograph.domain.policy import PolicyRecord
from heliograph.service._absence import enterprise_absence
from heliograph.service._policy import policy_seen
from heliograph.service._policy_news import tell_phones
from heliograph.service._tenant_bounds import require_room_for_policy, require_size
from heliograph.service.ports import Decision, Facts, Held, Ports, PutPolicy, Sees

Change = Callable[[PolicyRecord | None], msgspec.Struct]
"""The Policy message afterwards, from the record as it is; it may run again."""


async def change_policy(ports: Ports, name: PolicyName, change: Change) -> PolicyRecord:
    """The policy is what `change` makes of it, its version one more, and its phones hear of that.

    Raises: what `change` raises; InvalidArgument: no policy can be like this; TooManyPolicies; EnterpriseNotAuthorized.
    """
    if not ID_PATTERN.fullmatch(name.policy):
        raise InvalidArgument(f"Invalid policy id {name.policy[:128]!r}: use letters, digits and ._~- only.")

    def rule(facts: Facts) -> Decision[PolicyRecord | None]:
        if facts.enterprise is None:
            return Decision(None)
        old = policy_seen(facts, name)
        wanted = change(old)
        if found := Violations(policies.violations(wanted)):
            raise InvalidArgument(violations=found)
        record = policies.changed(old, name, wanted, now_us=facts.now_us)
        require_size(len(record.resource), limits, what="policy", path="policy")
        # In the store, a resource is base64 inside its record.
        grows_by = (len(record.resource) - (len(facts.policy.resource) if facts.policy else 0)) * 4 // 3
        require_room_for_policy(holding, limits, new=facts.policy is None, grows_by=grows_by)
        return Decision(record, (PutPolicy(record),))

    limits = ports.limits
    async with ports.turns.adding(ports.store, name.parent, Held.POLICIES, most=limits.policies_most) as holding:
        changed = await ports.store.decide(Sees(enterprise=name.parent, policy=name), rule)
    if changed is None:
        raise await enterprise_absence(ports, name.parent) or EnterpriseNotAuthorized()
    await tell_phones(ports, name)
    return changed
