"""An admin removes applications from a policy."""

from typing import Any

import msgspec

from heliograph.domain.errors import InvalidArgument, NotFound, Violation
from heliograph.domain.names import PolicyName
from heliograph.domain.policy import PolicyRecord
from heliograph.service._policy_change import change_policy
from heliograph.service.ports import Ports


async def remove_policy_applications(ports: Ports, name: PolicyName, request: Any) -> PolicyRecord:  # noqa: ANN401 - the made message
    """The policy without the applications of these packages; those that it does not have are ignored.

    Raises: InvalidArgument: no package is named; EnterpriseNotAuthorized, NotFound.
    Source: disc, policies.removePolicyApplications.
    """
    packages = frozenset(request.package_names)
    if not packages:
        raise InvalidArgument(violations=[Violation("package_names", "package_names must have at least one entry.")])

    def change(old: PolicyRecord | None) -> msgspec.Struct:
        if old is None:
            raise NotFound
        policy: Any = old.message
        kept = tuple(application for application in policy.applications if application.package_name not in packages)
        without: msgspec.Struct = msgspec.structs.replace(policy, applications=kept)
        return without

    return await change_policy(ports, name, change)
