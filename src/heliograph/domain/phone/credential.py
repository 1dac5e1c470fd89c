"""The credential that unlocks a virtual phone, and an admin's policy for it.

Source: AMAPI, PasswordRequirements.passwordQuality; AOSP LockPatternUtils and PasswordMetrics.
"""

import enum

import msgspec


class CredentialKind(enum.Enum):
    """How a credential is entered."""

    PIN = "PIN"
    PASSWORD = "PASSWORD"  # noqa: S105 - a kind, not a secret


class Credential(msgspec.Struct, frozen=True):
    """A credential that a virtual phone knows; neither `repr` nor a view of the phone shows the secret."""

    secret: str

    @property
    def kind(self) -> CredentialKind:
        """PIN if it has only digits."""
        return CredentialKind.PIN if is_numeric(self.secret) else CredentialKind.PASSWORD

    def matches(self, entered: str) -> bool:
        """Whether this opens the lock."""
        return self.secret == entered

    def __repr__(self) -> str:
        """Kind and length only."""
        return f"Credential({self.kind.value}, {len(self.secret)} characters)"


LONGEST = 16
LONGEST_FROM_LEVEL_34 = 64
"""16 is in the SDK of Android 11 and of older ones. AOSP has 64 by now; which release brought it is not known here, so 14 is a choice."""


def android_objection(secret: str, *, api_level: int) -> str | None:
    """Why Android itself does not accept this secret, with any policy, or None.

    Source: AOSP PasswordMetrics.validatePassword (CONTAIN_INVALID_CHARACTERS: below 32 or above 127; TOO_LONG),
    DevicePolicyManager.MAX_PASSWORD_LENGTH.
    """
    if not all(" " <= character <= "\x7f" for character in secret):
        return "Android takes no control characters in a password, and ASCII only."
    longest = LONGEST if api_level < 34 else LONGEST_FROM_LEVEL_34  # noqa: PLR2004 - the level stands in the constant's name
    return f"The password must have at most {longest} characters." if len(secret) > longest else None


def is_numeric(secret: str) -> bool:
    """Whether Android takes this secret for a PIN: ASCII digits only."""
    return secret.isascii() and secret.isdigit()
