"""What unlocks a virtual phone, and what an admin's policy demands of it.

Source: AMAPI, PasswordRequirements.passwordQuality; AOSP LockPatternUtils and PasswordMetrics.
"""

import enum

import msgspec

MIN_LENGTH = 4
"""Android's own minimum whatever the policy says.  Source: AOSP LockPatternUtils.MIN_LOCK_PASSWORD_SIZE."""


class CredentialKind(enum.Enum):
    """How a credential is entered."""

    PIN = "PIN"
    PASSWORD = "PASSWORD"  # noqa: S105 - a kind, not a secret


class Credential(msgspec.Struct, frozen=True):
    """A credential that a virtual phone knows; neither `repr` nor a view of the phone tells the secret."""

    secret: str

    @property
    def kind(self) -> CredentialKind:
        """PIN where it is digits only."""
        return CredentialKind.PIN if is_numeric(self.secret) else CredentialKind.PASSWORD

    def matches(self, entered: str) -> bool:
        """Whether this opens the lock."""
        return self.secret == entered

    def __repr__(self) -> str:
        """Kind and length only."""
        return f"Credential({self.kind.value}, {len(self.secret)} characters)"


class PasswordQuality(enum.IntEnum):
    """What a policy demands, from nothing upwards; the names are AMAPI's, the order is Android's."""

    PASSWORD_QUALITY_UNSPECIFIED = 0
    SOMETHING = 1
    NUMERIC = 2
    ALPHABETIC = 3
    ALPHANUMERIC = 4
    COMPLEX = 5


class PasswordPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The least an admin accepts as a credential."""

    quality: PasswordQuality = PasswordQuality.PASSWORD_QUALITY_UNSPECIFIED
    minimum_length: int = 0

    def objection(self, secret: str) -> str | None:
        """Why the policy (or Android itself) does not accept this secret, None where it does; "" asks to have no credential."""
        if not secret:
            return "The policy demands a credential." if self.quality or self.minimum_length else None
        least = max(MIN_LENGTH, self.minimum_length)
        if len(secret) < least:
            return f"The password must have at least {least} characters."
        return self._quality_objection(secret)

    def _quality_objection(self, secret: str) -> str | None:
        digits = any(character.isdigit() for character in secret)
        letters = any(character.isalpha() for character in secret)
        symbols = any(not character.isalnum() for character in secret)
        match self.quality:
            case PasswordQuality.ALPHABETIC if not letters:
                return "The password must contain a letter."
            case PasswordQuality.ALPHANUMERIC if not (letters and digits):
                return "The password must contain a letter and a digit."
            case PasswordQuality.COMPLEX if not (letters and digits and symbols):
                return "The password must contain a letter, a digit and a symbol."
            case _:
                return None


def is_numeric(secret: str) -> bool:
    """Whether Android takes this secret for a PIN: ASCII digits only."""
    return secret.isascii() and secret.isdigit()
