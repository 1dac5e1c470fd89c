"""What unlocks a virtual phone, and what an admin's policy demands of it.

Source: AMAPI, PasswordRequirements.passwordQuality; AOSP LockPatternUtils and PasswordMetrics.
"""

import enum

import msgspec


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


def is_numeric(secret: str) -> bool:
    """Whether Android takes this secret for a PIN: ASCII digits only."""
    return secret.isascii() and secret.isdigit()
