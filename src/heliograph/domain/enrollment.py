"""The EnrollmentToken message, and what a token makes of a phone that enrols with it.

Source: disc, EnrollmentToken (field order as there); android.md §5 for the QR code of this server's own agent.
"""

import enum
import json
from collections.abc import Iterator

from heliograph.domain.device import AllowPersonalUsage, DeviceReport, EnrollmentTokenRecord, ManagementMode, Ownership, User
from heliograph.domain.messages import Message, proto
from heliograph.domain.names import EnterpriseName
from heliograph.protojson.errors import Violation
from heliograph.protojson.messages import Duration, Timestamp
from heliograph.protojson.times import parse_duration_ns

DEFAULT_DURATION = "3600s"  # disc, EnrollmentToken.duration: "the default duration is 1 hour"
SHORTEST_NS = 60 * 1_000_000_000  # ibidem: "ranging from 1 minute"
ADDITIONAL_DATA_MAX_CHARS = 1024  # disc, EnrollmentToken.additionalData

_WITHOUT_PERSONAL_USAGE = frozenset({AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED, AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED_USERLESS})


@proto("GoogleAuthenticationOptions.AuthenticationRequirement")
class AuthenticationRequirement(enum.Enum):
    """Source: disc, GoogleAuthenticationOptions.authenticationRequirement."""

    AUTHENTICATION_REQUIREMENT_UNSPECIFIED = "AUTHENTICATION_REQUIREMENT_UNSPECIFIED"
    OPTIONAL = "OPTIONAL"
    REQUIRED = "REQUIRED"


class GoogleAuthenticationOptions(Message):
    """Stored and returned; this server does not sign users in with Google.  Source: disc, GoogleAuthenticationOptions."""

    authentication_requirement: AuthenticationRequirement = AuthenticationRequirement.AUTHENTICATION_REQUIREMENT_UNSPECIFIED
    required_account_email: str = ""


class EnrollmentToken(Message):
    """Source: disc, EnrollmentToken."""

    name: str = ""
    value: str = ""
    duration: Duration = ""
    expiration_timestamp: Timestamp = ""
    policy_name: str = ""
    additional_data: str = ""
    qr_code: str = ""
    one_time_only: bool = False
    user: User | None = None
    allow_personal_usage: AllowPersonalUsage = AllowPersonalUsage.ALLOW_PERSONAL_USAGE_UNSPECIFIED
    google_authentication_options: GoogleAuthenticationOptions | None = None


def violations(token: EnrollmentToken, *, path: str = "enrollment_token") -> Iterator[Violation]:
    """Every mistake in a token to be made, at the proto path `path`, that its shape does not show."""
    if parse_duration_ns(token.duration or DEFAULT_DURATION) < SHORTEST_NS:
        yield Violation(
            f"{path}.duration", f'{path}.duration must be at least one minute, as in "60s"; without one it is {DEFAULT_DURATION}.'
        )
    length = len(token.additional_data)
    if length > ADDITIONAL_DATA_MAX_CHARS:
        where = f"{path}.additional_data"
        yield Violation(where, f"{where} must have at most {ADDITIONAL_DATA_MAX_CHARS} characters; it has {length}.")


def qr_code(value: str, server_url: str) -> str:
    """JSON text for the QR code that enrols a phone with this server's agent."""
    extras = {"server_url": server_url, "enrollment_token": value}
    return json.dumps({"android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE": extras}, separators=(",", ":"))


def personal_usage_objection(token: EnrollmentTokenRecord, report: DeviceReport) -> str | None:
    """Why a phone that is managed in this way may not enrol with the token, or None.

    Source: disc, EnrollmentToken.allowPersonalUsage: on company-owned devices, disallowed means fully managed; on personally-owned
    ones it "will prevent the device from provisioning".
    """
    if token.allow_personal_usage not in _WITHOUT_PERSONAL_USAGE:
        return None
    if report.ownership is Ownership.PERSONALLY_OWNED:
        return "The enrollment token disallows personal usage, which cannot be disabled on a personally-owned device."
    if report.management_mode is ManagementMode.PROFILE_OWNER:
        return "The enrollment token disallows personal usage: provision the device as fully managed."
    return None


def user_name_for(enterprise: EnterpriseName, token: EnrollmentTokenRecord, credential_hash: bytes) -> str:
    """The user that a phone enrols for: one per phone, 21 digits as Google's look; no user on a dedicated device."""
    if token.allow_personal_usage is AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED_USERLESS:
        return ""
    return f"{enterprise}/users/1{int.from_bytes(credential_hash) % 10**20:020d}"
