"""How a command ended: one word for every way, and the google.rpc.Status each becomes.

Source: disc, Command.errorCode ("For reasoning about command errors, prefer fields in the following order").
"""

import enum

import msgspec

from heliograph.domain.messages import proto
from heliograph.protojson.errors import Code


@proto("Command.CommandErrorCode")
class ErrorCode(enum.Enum):
    """Why a command failed on the device.  Source: disc, Command.errorCode."""

    COMMAND_ERROR_CODE_UNSPECIFIED = "COMMAND_ERROR_CODE_UNSPECIFIED"
    UNKNOWN = "UNKNOWN"
    API_LEVEL = "API_LEVEL"
    MANAGEMENT_MODE = "MANAGEMENT_MODE"
    INVALID_VALUE = "INVALID_VALUE"
    UNSUPPORTED = "UNSUPPORTED"


class RpcStatus(msgspec.Struct, frozen=True):
    """google.rpc.Status without details, as Operation.error shows it."""

    code: int
    message: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended on the device, or how far it is: what a report says.

    `status` is the type's specific status message (a row's `status` struct); `error_code` and `status` never both stand in one
    outcome, which need not concern the reader: the documented order of reading is status, then error_code.
    """

    status: msgspec.Struct | None = None
    error_code: ErrorCode | None = None
    message: str = ""
    """For people: goes into Operation.error.message and the timeline."""


ERROR_OF: dict[ErrorCode, RpcStatus] = {
    ErrorCode.MANAGEMENT_MODE: RpcStatus(Code.FAILED_PRECONDITION, "The management mode of the device does not support the command."),
    ErrorCode.API_LEVEL: RpcStatus(Code.FAILED_PRECONDITION, "The API level of the device does not support this command."),
    ErrorCode.UNSUPPORTED: RpcStatus(Code.FAILED_PRECONDITION, "The device doesn't support the command."),
    ErrorCode.INVALID_VALUE: RpcStatus(Code.INVALID_ARGUMENT, "The command has an invalid parameter value."),
    ErrorCode.UNKNOWN: RpcStatus(Code.UNKNOWN, "An unknown error occurred."),
}
"""Operation.error by errorCode (design.md §3, table of outcomes)."""

REFUSED_BY_STATUS = RpcStatus(Code.FAILED_PRECONDITION, "The device could not execute the command: see the command's status.")
CANCELLED = RpcStatus(Code.CANCELLED, "The operation was cancelled.")
EXPIRED = RpcStatus(Code.DEADLINE_EXCEEDED, "The command expired before the device executed it.")
UNAPPROVED = RpcStatus(Code.DEADLINE_EXCEEDED, "The command expired before a second person approved it.")
DEVICE_DELETED = RpcStatus(Code.NOT_FOUND, "Device is no longer being managed")
NEVER_REPORTED = RpcStatus(Code.DEADLINE_EXCEEDED, "The device acknowledged the command but never reported its outcome.")
