"""What one enterprise may hold: judged where it is decided, so that no tenant fills the disk that all share."""

from heliograph.domain.errors import InvalidArgument, ResourceExhausted, Violation
from heliograph.service.limits import Limits
from heliograph.service.ports import Holding


class TooManyEnrollmentTokens(ResourceExhausted):
    """The enterprise has too many enrolment tokens."""

    reason = "TOO_MANY_ENROLLMENT_TOKENS"


class TooManyPolicies(ResourceExhausted):
    """The enterprise has too many policies."""

    reason = "TOO_MANY_POLICIES"


class TooManyRequestIds(ResourceExhausted):
    """The enterprise has too many remembered request ids."""

    reason = "TOO_MANY_REQUEST_IDS"


def require_room_for_token(holding: Holding, limits: Limits) -> None:
    """Raises: TooManyEnrollmentTokens."""
    most = limits.enrollment_tokens_most
    if holding.number >= most:
        message = f"The enterprise has {most} enrollment tokens, the most that it may have. Delete some, or wait until some expire."
        raise TooManyEnrollmentTokens(message, metadata={"limit": str(most)})


def require_room_for_policy(holding: Holding, limits: Limits, *, new: bool, grows_by: int) -> None:
    """Raises: TooManyPolicies."""
    if new and holding.number >= limits.policies_most:
        message = f"The enterprise has {limits.policies_most} policies, the most that it may have. Delete some that no device has."
        raise TooManyPolicies(message, metadata={"limit": str(limits.policies_most)})
    if grows_by > 0 and holding.size + grows_by > limits.policy_bytes_most:
        message = (
            f"The policies of the enterprise would have more than {limits.policy_bytes_most} bytes, the most that they may have together. "
            "Delete some that no device has, or make them smaller."
        )
        raise TooManyPolicies(message, metadata={"limit": str(limits.policy_bytes_most)})


def require_room_for_request_id(count: int, limits: Limits) -> None:
    """Raises: TooManyRequestIds."""
    most = limits.request_ids_most
    if count >= most:
        message = f"The enterprise used {most} request ids in 24 hours, the most that are remembered. Wait, or send none."
        raise TooManyRequestIds(message, metadata={"limit": str(most)})


def require_size(size: int, limits: Limits, *, what: str, path: str) -> None:
    """Raises: InvalidArgument: the resource (or part of one) at this proto path has too many bytes."""
    most = limits.resource_bytes_most
    if size > most:
        raise InvalidArgument(violations=[Violation(path, f"The {what} is too large: {size} of {most} bytes.")])
