"""What a form shows in place, because the one who filled it can correct it; any other error is a page of its own."""

from typing import Final

from heliograph.api.http.errors import http_status
from heliograph.protojson.errors import (
    AlreadyExists,
    FailedPrecondition,
    HeliographError,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
)

Rejection = InvalidArgument | FailedPrecondition | AlreadyExists | ResourceExhausted
REJECTIONS: Final = (InvalidArgument, FailedPrecondition, AlreadyExists, ResourceExhausted)
DESK_REJECTIONS: Final = (InvalidArgument, FailedPrecondition, PermissionDenied)
"""Of forms that change keys, roles and people: they stay filled for those who must sign in again first."""


def status_of(error: HeliographError | None) -> int:
    """The status of the page that shows it; 200 if nothing is wrong."""
    return http_status(error) if error else 200


def message_of(error: HeliographError | None) -> str:
    """What the page says of it; empty if nothing is wrong."""
    return error.message if error else ""
