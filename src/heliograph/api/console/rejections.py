"""What a form shows in place, because the one who filled it can correct it; any other error is a page of its own."""

from typing import Final

from heliograph.api.http.errors import http_status
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, InvalidArgument, ResourceExhausted

Rejection = InvalidArgument | FailedPrecondition | AlreadyExists | ResourceExhausted
REJECTIONS: Final = (InvalidArgument, FailedPrecondition, AlreadyExists, ResourceExhausted)


def status_of(error: Rejection) -> int:
    """The status of the page that shows it."""
    return http_status(error)
