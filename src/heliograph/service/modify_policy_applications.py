"""An admin changes single applications of a policy."""

from typing import Any

import msgspec

from heliograph.domain.errors import InvalidArgument, NotFound, Violation, Violations
from heliograph.domain.field_mask import apply_mask, parse_field_mask
from heliograph.domain.names import PolicyName
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.policy_messages import ApplicationPolicy
from heliograph.service._policy_change import change_policy
from heliograph.service.ports import Ports


async def modify_policy_applications(ports: Ports, name: PolicyName, request: Any) -> PolicyRecord:  # noqa: ANN401 - the made message
    """The policy with each change applied in turn: to the application of that package, or as a new one at the end.

    Raises: InvalidArgument; EnterpriseNotAuthorized, NotFound.
    Source: disc, policies.modifyPolicyApplications, ApplicationPolicyChange.
    """
    changes = [(change.application, _mask(change.update_mask, index)) for index, change in enumerate(request.changes)]
    violations = Violations(
        Violation(f"changes[{index}].application.package_name", f"changes[{index}].application.package_name is required.")
        for index, (application, _) in enumerate(changes)
        if application is None or not application.package_name
    )
    if not changes:
        violations.extend([Violation("changes", "changes must have at least one entry.")])
    if violations:
        raise InvalidArgument(violations=violations)

    def change(old: PolicyRecord | None) -> msgspec.Struct:
        if old is None:
            raise NotFound
        policy: Any = old.message
        applications = {application.package_name: application for application in policy.applications}
        for wanted, mask in changes:
            known = applications.get(wanted.package_name, ApplicationPolicy(package_name=wanted.package_name))
            applications[wanted.package_name] = apply_mask(known, wanted, mask) if mask else wanted
        modified: msgspec.Struct = msgspec.structs.replace(policy, applications=tuple(applications.values()))
        return modified

    return await change_policy(ports, name, change)


def _mask(text: str, index: int) -> tuple[str, ...]:
    """Raises: InvalidArgument, at the mask's place."""
    try:
        return parse_field_mask(text, of=ApplicationPolicy)
    except InvalidArgument as error:
        violations = [Violation(f"changes[{index}].{one.field}", one.description) for one in error.violations]
        raise InvalidArgument(violations=violations) from None
