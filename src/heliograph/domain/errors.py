"""One small tree of errors, a class per google.rpc code this server returns.

A class's docstring is its default message, so that a reader of the tree reads the messages.
Nothing here knows HTTP: `heliograph.api.errors` maps `code` to a status.
A command that *failed on a phone* is a result, never one of these.

Source: google.rpc.Code, AIP-193.
"""

import enum
import inspect
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec


class Code(enum.IntEnum):
    """google.rpc.Code, the part that this server uses."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


class Violation(msgspec.Struct, frozen=True):
    """One thing wrong with a request: the proto path of the field, and what to do about it.

    Source: google.rpc.BadRequest.FieldViolation.
    """

    field: str
    description: str


class HeliographError(Exception):
    """Something went wrong."""

    code: ClassVar[Code] = Code.UNKNOWN
    reason: ClassVar[str] = ""
    """ErrorInfo.reason in UPPER_SNAKE; empty: no ErrorInfo travels with the error."""

    def __init__(
        self,
        message: str = "",
        *,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """An error whose message is `message`, else the violations line by line, else the class's docstring."""
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.message = (
            message or "\n".join(violation.description for violation in self.violations) or inspect.cleandoc(type(self).__doc__ or "")
        )
        super().__init__(self.message)


class InvalidArgument(HeliographError):
    """Request contains an invalid argument."""

    code = Code.INVALID_ARGUMENT


class FailedPrecondition(HeliographError):
    """The system is not in a state required for the operation's execution."""

    code = Code.FAILED_PRECONDITION


class NotFound(HeliographError):
    """Requested entity was not found."""

    code = Code.NOT_FOUND


class DeviceNoLongerManaged(NotFound):
    """Device is no longer being managed"""  # noqa: D415 - Google's text, without a full stop

    reason = "DEVICE_NO_LONGER_MANAGED"


class OperationNotFound(NotFound):
    """Operation not found. Choose a valid operation id"""  # noqa: D415 - Google's text, without a full stop


class AlreadyExists(HeliographError):
    """The resource already exists."""

    code = Code.ALREADY_EXISTS


class Unauthenticated(HeliographError):
    """Request is missing required authentication credential."""

    code = Code.UNAUTHENTICATED
    reason = "CREDENTIALS_MISSING"


class PermissionDenied(HeliographError):
    """The caller does not have permission."""

    code = Code.PERMISSION_DENIED


class EnterpriseNotAuthorized(PermissionDenied):
    """Caller is not authorized to manage enterprise."""

    reason = "ENTERPRISE_NOT_AUTHORIZED"


class Aborted(HeliographError):
    """The operation was aborted."""

    code = Code.ABORTED


class ResourceExhausted(HeliographError):
    """A limit was reached."""

    code = Code.RESOURCE_EXHAUSTED


class Unimplemented(HeliographError):
    """Operation is not implemented, or supported, or enabled."""

    code = Code.UNIMPLEMENTED


class Unavailable(HeliographError):
    """The service is currently unavailable."""

    code = Code.UNAVAILABLE


class Overloaded(Unavailable):
    """The server is overloaded. Nothing was done: try again."""

    reason = "OVERLOADED"


class OutcomeUnknown(Unavailable):
    """The outcome is unknown: the change was sent to storage and no answer came. Look before you try again."""

    reason = "OUTCOME_UNKNOWN"
