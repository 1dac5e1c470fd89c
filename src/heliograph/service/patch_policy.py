"""An admin makes or changes a policy."""

import msgspec

from heliograph.domain.field_mask import apply_mask
from heliograph.domain.names import PolicyName
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.policy_messages import Policy
from heliograph.service._policy_change import change_policy
from heliograph.service.ports import Ports


async def patch_policy(ports: Ports, name: PolicyName, patch: msgspec.Struct, mask: tuple[str, ...] | None) -> PolicyRecord:
    """The policy with the fields that `mask` (proto paths) names taken from `patch`; without a mask, it is what `patch` says, whole.

    One that does not exist is made.

    Raises: InvalidArgument; EnterpriseNotAuthorized.
    Source: disc, policies.patch ("Updates or creates a policy"; "If not set, all modifiable fields will be modified").
    """

    def change(old: PolicyRecord | None) -> msgspec.Struct:
        return patch if mask is None else apply_mask(old.message if old else Policy(), patch, mask)

    return await change_policy(ports, name, change)
