"""One small tree of errors, a class per google.rpc code this server returns.

A class's docstring is its default message, so that a reader of the tree reads the messages.
Nothing here knows HTTP: `heliograph.api.http.errors` maps `code` to a status.

Source: google.rpc.Code, AIP-193.
"""

import enum
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


VIOLATIONS_MOST = 20
"""How many are reported; the rest are counted: a body is corrected step by step, and a refusal is never longer than its cause."""


COUNTED_MOST = 10_000
"""A caller with this many mistakes need not know the exact number; finding it could take seconds."""


class Violations:
    """What is wrong with a request, as it is found: the first VIOLATIONS_MOST are kept, the others only counted, up to COUNTED_MOST."""

    __slots__ = ("_count", "_kept")

    def __init__(self, found: Iterable[Violation] = ()) -> None:
        """With all that `found` brings."""
        self._kept: list[Violation] = []
        self._count = 0
        self.extend(found)

    def __len__(self) -> int:
        """How many there are, kept or not."""
        return self._count

    def __iter__(self) -> Iterator[Violation]:
        return iter(self._kept)

    @property
    def full(self) -> bool:
        """Whether further ones are only counted."""
        return self._count >= VIOLATIONS_MOST

    def note(self, describe: Callable[[], Violation]) -> None:
        """One more, which is described only when it is kept: finding words costs more than finding the fault.

        Raises: InvalidArgument with all there are: they are COUNTED_MOST.
        """
        if self._count < VIOLATIONS_MOST:
            self._kept.append(describe())
        self._count += 1
        if self._count >= COUNTED_MOST:
            raise InvalidArgument(violations=self)

    def extend(self, found: Iterable[Violation]) -> None:
        """These too, as far as they are counted: no more of them is asked for then."""
        for violation in found:
            if self._count < VIOLATIONS_MOST:
                self._kept.append(violation)
            self._count += 1
            if self._count >= COUNTED_MOST:
                return


class HeliographError(Exception):
    """Something went wrong."""

    code: ClassVar[Code] = Code.UNKNOWN
    reason: ClassVar[str] = ""
    """ErrorInfo.reason in UPPER_SNAKE; empty: no ErrorInfo travels with the error."""

    def __init__(
        self,
        message: str = "",
        *,
        violations: Iterable[Violation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """An error with the message `message`, else the violations line by line, else the class's docstring."""
        found = violations if isinstance(violations, Violations) else Violations(violations)
        self.violations = tuple(found)
        self.more_violations = len(found) - len(self.violations)
        """How many there are beyond those."""
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.message = message or violations_text(self.violations, more=self.more_violations) or inspect.cleandoc(type(self).__doc__ or "")
        super().__init__(self.message)


def violations_text(violations: Sequence[Violation], *, more: int) -> str:
    """A line for each, and one that says how many more there are."""
    lines = [violation.description for violation in violations]
    if more:
        lines.append(f"And {'at least ' if len(violations) + more >= COUNTED_MOST else ''}{more} more.")
    return "\n".join(lines)


class InvalidArgument(HeliographError):
    """Request contains an invalid argument."""

    code = Code.INVALID_ARGUMENT


class FailedPrecondition(HeliographError):
    """The system is not in a state required for the operation's execution."""

    code = Code.FAILED_PRECONDITION


class NotFound(HeliographError):
    """Requested entity was not found."""

    code = Code.NOT_FOUND


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
