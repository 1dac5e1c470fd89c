"""The EnrollmentToken message, and what a token makes of a phone that enrols with it.

Source: disc, EnrollmentToken (field order as there); android.md §5 for the QR code of this server's own agent.
"""

import enum
import json
from collections.abc import Iterator

import msgspec

from heliograph.domain.agent_app import PATH, AgentApp, gives_agents
from heliograph.domain.device import AllowPersonalUsage, DeviceReport, EnrollmentTokenRecord, ManagementMode, Ownership, User
from heliograph.domain.messages import Message, proto
from heliograph.domain.names import EnterpriseName
from heliograph.domain.web_address import read_web_address
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import Duration, Timestamp
from heliograph.protojson.times import parse_duration_ns

MISSING = "heliograph.missing"
"""In a QR code that a factory-fresh phone cannot use: what the server lacks."""
SSID_MAX_BYTES = 32
WPA_PASSWORD_CHARS = range(8, 65)  # 64: the key itself, in hex
_EXTRA = "android.app.extra.PROVISIONING_"
EXTRAS = f"{_EXTRA}ADMIN_EXTRAS_BUNDLE"
"""In a QR code: what the agent gets, this server's address and the token."""

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


def qr_code(value: str, server_url: str, agent: AgentApp | None) -> str:
    """JSON text for the QR code that sets up a factory-fresh phone with the agent.

    Without an agent, or an address from which a phone would take it, the code has the agent's extras alone, and says what is missing.

    Source: android-agent.md §5; amapi.md §7.3.
    """
    extras = {"server_url": server_url, "enrollment_token": value}
    bundle: dict[str, object] = {EXTRAS: extras}
    missing = [*_missing(server_url, agent)]
    if agent is None or missing:
        return _compact({**bundle, MISSING: " ".join(missing)})
    return _compact({
        f"{_EXTRA}DEVICE_ADMIN_COMPONENT_NAME": agent.admin_component,
        f"{_EXTRA}DEVICE_ADMIN_SIGNATURE_CHECKSUM": agent.signature_checksum,
        f"{_EXTRA}DEVICE_ADMIN_PACKAGE_DOWNLOAD_LOCATION": server_url + PATH,
        **bundle,
    })  # fmt: skip


def _missing(server_url: str, agent: AgentApp | None) -> Iterator[str]:
    """What a phone that scans the code would lack, a sentence each."""
    if agent is None:
        yield "This server has no agent to give to phones: start it with --agent-apk FILE."
    address = read_web_address(server_url)
    if address is None or not gives_agents(address):
        yield "Phones download an agent over https only: start the server with --public-url https://…"


class Wifi(msgspec.Struct, frozen=True, kw_only=True):
    """A network for phones while they are set up: open without a password, else WPA.

    Source: DevicePolicyManager.EXTRA_PROVISIONING_WIFI_SSID, …_WIFI_SECURITY_TYPE, …_WIFI_PASSWORD; IEEE 802.11 for the lengths.
    """

    ssid: str
    password: str = ""

    def __post_init__(self) -> None:
        """Raises: InvalidArgument: there is no such network."""
        if not 0 < len(self.ssid.encode()) <= SSID_MAX_BYTES:
            raise InvalidArgument(f"A Wi-Fi network's name has 1 to {SSID_MAX_BYTES} bytes; this one has {len(self.ssid.encode())}.")
        if self.password and len(self.password) not in WPA_PASSWORD_CHARS:
            raise InvalidArgument("A WPA password has 8 to 64 characters: check the file that holds it.")

    def added_to(self, code: str) -> str:
        """The QR code with the network in it."""
        wifi = {f"{_EXTRA}WIFI_SSID": self.ssid, f"{_EXTRA}WIFI_SECURITY_TYPE": "WPA" if self.password else "NONE"}
        if self.password:
            wifi[f"{_EXTRA}WIFI_PASSWORD"] = self.password
        return _compact({**json.loads(code), **wifi})


def missing_for_setup(code: str) -> str:
    """Why a factory-fresh phone cannot use the code; empty: it can, or the code is another server's."""
    return str(json.loads(code).get(MISSING, ""))


def _compact(code: dict[str, object]) -> str:
    return json.dumps(code, separators=(",", ":"), ensure_ascii=False)


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
