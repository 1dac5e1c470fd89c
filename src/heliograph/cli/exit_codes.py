"""The exit codes of every command: how a script learns what happened."""

import enum
import sys
from collections.abc import Iterable, Mapping


class ExitCode(enum.IntEnum):
    """What each code means, as in `heliograph --help`."""

    OK = 0
    FAILED = 1
    INVALID = 2
    NOT_FOUND = 3
    NOT_PERMITTED = 4
    UNAVAILABLE = 5
    WAITED_TOO_LONG = 6
    NOT_EXECUTED = 7
    INCONCLUSIVE = 8


INTERRUPTED = 130
"""What a shell reports when Ctrl-C ends a program."""
CLOSED_PIPE = 141
"""What a shell reports of a program whose reader has gone, as in `heliograph devices list | head -1`: 128 and SIGPIPE."""

DEFECT = 70
"""A traceback: never a code that has a meaning.  Source: EX_SOFTWARE of BSD's sysexits.h."""
CANNOT_WRITE = 74
"""The disk that the output goes to is full.  Source: EX_IOERR of BSD's sysexits.h."""

_OF_STATUS: Mapping[str, ExitCode] = {
    "INVALID_ARGUMENT": ExitCode.INVALID,
    "FAILED_PRECONDITION": ExitCode.INVALID,
    "ALREADY_EXISTS": ExitCode.INVALID,
    "UNIMPLEMENTED": ExitCode.INVALID,
    "NOT_FOUND": ExitCode.NOT_FOUND,
    "PERMISSION_DENIED": ExitCode.NOT_PERMITTED,
    "UNAUTHENTICATED": ExitCode.NOT_PERMITTED,
}
"""By google.rpc.Code."""

OF_OUTCOME: Mapping[str, ExitCode] = {
    "succeeded": ExitCode.OK,
    "failed": ExitCode.FAILED,
    "timed out": ExitCode.FAILED,
    "cancelled": ExitCode.NOT_EXECUTED,
    "expired": ExitCode.NOT_EXECUTED,
}
"""By the word that `read_outcome` gives a final operation."""

EPILOG = (
    "Exit codes: 0 done · 1 the command failed on the device · 2 wrong usage or invalid argument · 3 not found · "
    "4 not permitted · 5 the server cannot be reached or is unavailable · 6 waited too long · 7 cancelled or expired · 8 inconclusive. "
    "Codes 1, 6 and 7 come from --wait and operations wait; 1 (a broken promise, an answer unlike AMAPI's) and 8 from "
    "check-history and conformance. 70: a defect of Heliograph · 74: the output could not be written · 130: Ctrl-C · "
    "141: nobody reads the output."
)


def exit_code_of(status: str) -> ExitCode:
    """The exit code of an error, by its google.rpc.Code. Codes not listed are errors that a caller cannot fix: UNAVAILABLE."""
    return _OF_STATUS.get(status, ExitCode.UNAVAILABLE)


def exit_unless_ok(codes: Iterable[ExitCode]) -> None:
    """Exit with the code of those that failed, if they failed alike, otherwise 1.  Raises: SystemExit."""
    failed = {code for code in codes if code is not ExitCode.OK}
    if failed:
        sys.exit(failed.pop() if len(failed) == 1 else ExitCode.FAILED)
