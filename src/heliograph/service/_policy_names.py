"""A policy's resource name, which callers may shorten."""

from heliograph.domain.errors import InvalidArgument, Violation
from heliograph.domain.names import ID_PATTERN, EnterpriseName


def full_policy_name(enterprise: EnterpriseName, policy: str, *, path: str) -> str:
    """The policy's resource name; a bare id is accepted, as real clients send one (amapi.md §6.13).

    Raises: InvalidArgument in Google's words (amapi.md §4.5), for the field at `path`.
    """
    prefix = f"{enterprise}/policies/"
    policy_id = policy.removeprefix(prefix)
    if not ID_PATTERN.fullmatch(policy_id):
        raise InvalidArgument(violations=[Violation(path, f"policy_name is expected to start with {prefix} and to end with a policy id.")])
    return prefix + policy_id
