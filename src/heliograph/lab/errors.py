"""What stands in the way of a phone in the lab: one sentence each, with what to do."""

from heliograph.protojson.errors import FailedPrecondition, NotFound, PermissionDenied, Unavailable


class AdbMissing(FailedPrecondition):
    """The lab needs adbutils: pip install "heliograph[lab]"."""


class NoAdbServer(Unavailable):
    """No adb server answers, and none could be started: run adb start-server, and see ANDROID_ADB_SERVER_PORT."""


class NoSuchPhone(NotFound):
    """No phone is attached: plug one in, and switch USB debugging on in its developer options."""


class PhoneUnauthorized(PermissionDenied):
    """The phone does not trust this computer: unlock it, accept its question about USB debugging, and try again."""


class PhoneOffline(Unavailable):
    """The phone does not answer adb: plug it in again, or restart it."""


class TooOld(FailedPrecondition):
    """The phone is older than Android 7, which the agent needs."""


class NotInstalled(FailedPrecondition):
    """The phone refused to install the agent."""


class AccountsPresent(FailedPrecondition):
    """Accounts are on the phone: remove all of them in its settings, or reset it and add none."""


class UsersPresent(FailedPrecondition):
    """The phone has several users or a work profile: remove them in its settings."""


class OwnedByAnother(FailedPrecondition):
    """Another app owns the phone: have its server release the phone, or reset the phone in its recovery menu."""


class NotMadeOwner(FailedPrecondition):
    """The phone did not make the agent its owner."""


class NotRemoved(FailedPrecondition):
    """The phone keeps an app that a user installed: remove it in its settings, or reset the phone."""


class NotHandedOver(FailedPrecondition):
    """The agent did not take server and token."""
