"""A policy goes."""

from heliograph.domain.errors import EnterpriseNotAuthorized, FailedPrecondition, NotFound
from heliograph.domain.names import PolicyName
from heliograph.domain.policy import DEFAULT_ID
from heliograph.service._absence import enterprise_absence
from heliograph.service.ports import Decision, DeletePolicy, Facts, Ports, Sees


class DefaultPolicyStays(FailedPrecondition):
    """The default policy cannot be deleted: it is the policy of every device that is given no other. Patch it to {} instead."""

    reason = "DEFAULT_POLICY_STAYS"


class PolicyInUse(FailedPrecondition):
    """The policy has devices. Give them another policy first."""

    reason = "POLICY_IN_USE"


async def delete_policy(ports: Ports, name: PolicyName) -> None:
    """The policy is gone.

    A device that is given it in the same moment has the name of a policy that does not exist, as it might from the beginning.

    Raises: DefaultPolicyStays, PolicyInUse; EnterpriseNotAuthorized, NotFound.
    Source: disc, policies.delete ("only permitted if no devices are currently referencing the policy").
    """
    if (error := await enterprise_absence(ports, name.parent)) is not None:
        raise error
    if name.policy == DEFAULT_ID:
        raise DefaultPolicyStays
    users = (await ports.store.devices_with_policy(name, after="", limit=1)).items
    if users:
        raise PolicyInUse(f"{name} has devices, {users[0].name} for one. Give them another policy first.")

    def rule(facts: Facts) -> Decision[bool]:
        if facts.enterprise is None:
            raise EnterpriseNotAuthorized
        return Decision(answer=facts.policy is not None, writes=(DeletePolicy(name),))

    if not await ports.store.decide(Sees(enterprise=name.parent, policy=name), rule):
        raise NotFound
