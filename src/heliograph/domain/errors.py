"""The errors that this server adds to google.rpc's (`protojson/errors.py`).

A command that *failed on a phone* is a result, never one of these.
"""

from heliograph.protojson.errors import NotFound, PermissionDenied, Unavailable


class DeviceNoLongerManaged(NotFound):
    """Device is no longer being managed"""  # noqa: D415 - Google's text, without a full stop

    reason = "DEVICE_NO_LONGER_MANAGED"


class OperationNotFound(NotFound):
    """Operation not found. Choose a valid operation id"""  # noqa: D415 - Google's text, without a full stop


class EnterpriseNotAuthorized(PermissionDenied):
    """Caller is not authorized to manage enterprise."""

    reason = "ENTERPRISE_NOT_AUTHORIZED"


class Overloaded(Unavailable):
    """The server is overloaded. Nothing was done: try again."""

    reason = "OVERLOADED"


class OutcomeUnknown(Unavailable):
    """The outcome is unknown: the change was sent to storage and no answer came. Check before you try again."""

    reason = "OUTCOME_UNKNOWN"
