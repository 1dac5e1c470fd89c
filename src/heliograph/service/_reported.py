"""What a phone says about a command, checked against the command's row and turned into the operation's words (design.md §3)."""

import enum
from dataclasses import dataclass

import msgspec

from heliograph.commands import ENVELOPE
from heliograph.domain.command import CommandType
from heliograph.domain.errors import InvalidArgument
from heliograph.domain.outcome import ERROR_OF, REFUSED_BY_STATUS, ErrorCode, RpcStatus

MESSAGE_MAX_CHARS = 500
"""A phone's words for people stand in every answer about the operation: bounded."""


@dataclass(frozen=True)
class Reported:
    """The part that refusals and reports have in common."""

    status: msgspec.Raw | None
    error_code: str
    message: str


@dataclass(frozen=True)
class Failure:
    """How an operation shows a failure."""

    status: bytes
    error_code: ErrorCode | None
    error: RpcStatus


def reported_failure(row: CommandType, reported: Reported) -> Failure:
    """The failure that the phone reports; with neither status nor errorCode it is UNKNOWN.

    Raises: InvalidArgument: both, a status of success or progress, one that is not of this type, no such errorCode.
    """
    if reported.status is not None and reported.error_code:
        raise InvalidArgument("A failure has either a status or an errorCode: the status tells more.")
    if reported.status is None:
        code = _error_code(reported.error_code)
        return Failure(b"", code, _worded(ERROR_OF[code], reported.message))
    status = read_status(row, reported.status)
    if row.pending(status) or row.succeeded(status):
        raise InvalidArgument("A failure needs a status that says so; this one tells of progress or success.")
    return Failure(status_fragment(row, status), None, _worded(REFUSED_BY_STATUS, reported.message))


def reported_success(row: CommandType, reported: Reported) -> bytes:
    """The status fragment of a success, empty where the type has no status.

    Raises: InvalidArgument: an errorCode; a status missing, of progress or failure, or not of this type.
    """
    if reported.error_code:
        raise InvalidArgument("A success has no errorCode.")
    if reported.status is None and row.status is None:
        return b""
    if reported.status is None:
        raise InvalidArgument(f"A success of {row.name} needs its {row.status_field}.")
    status = read_status(row, reported.status)
    if row.pending(status) or not row.succeeded(status):
        raise InvalidArgument("A success needs a status that says so; this one tells of progress or failure.")
    return status_fragment(row, status)


def reported_progress(row: CommandType, status: msgspec.Raw) -> bytes:
    """The status fragment of a progress report.  Raises: InvalidArgument: it tells of an end, or is not of this type."""
    read = read_status(row, status)
    if not row.pending(read):
        raise InvalidArgument("Progress needs a status of progress; report an end as SUCCEEDED or FAILED.")
    return status_fragment(row, read)


def read_status(row: CommandType, raw: msgspec.Raw) -> msgspec.Struct:
    """The type's specific status.  Raises: InvalidArgument: the type has none, this is not of it, or it is left unspecified."""
    if row.status is None:
        raise InvalidArgument(f"{row.name} has no status of its own: leave it out.")
    status = ENVELOPE.status_of(row, bytes(raw))
    said = getattr(status, "status", None)
    if isinstance(said, enum.Enum) and said is next(iter(type(said))):
        raise InvalidArgument(f"{row.status_field}.status must be told; {said.value} says nothing.")
    return status


def status_fragment(row: CommandType, status: msgspec.Struct) -> bytes:
    """The status as `Operation.status` keeps it: an object with the Command's status field."""
    return b'{"%b":%b}' % ((row.status_field or "").encode(), ENVELOPE.encode_status(status))


def _error_code(text: str) -> ErrorCode:
    try:
        code = ErrorCode(text or ErrorCode.UNKNOWN)
    except ValueError:
        code = ErrorCode.COMMAND_ERROR_CODE_UNSPECIFIED
    if code not in ERROR_OF:
        names = ", ".join(sorted(known.value for known in ERROR_OF))
        raise InvalidArgument(f"errorCode {text[:64]!r} is none of {names}.")
    return code


def _worded(error: RpcStatus, message: str) -> RpcStatus:
    return RpcStatus(error.code, message[:MESSAGE_MAX_CHARS]) if message else error
