"""The agent that phones get from this server, as far as its APK says.

Source: android-agent.md §5; DevicePolicyManager, EXTRA_PROVISIONING_DEVICE_ADMIN_…
"""

import base64

import msgspec

from heliograph.domain.web_address import WebAddress, is_loopback_name

PATH = "/agent.apk"
"""Where a server has it, below its address."""
MEDIA_TYPE = "application/vnd.android.package-archive"
DESTRUCTIVE_CALLS = (b"wipeData", b"wipeDevice", b"resetPassword", b"resetPasswordWithToken", b"setResetPasswordToken")
"""Android's methods that the safe build must not name. Source: DevicePolicyManager."""


class AgentApp(msgspec.Struct, frozen=True, kw_only=True):
    """One APK."""

    package_name: str
    version_code: int
    version_name: str
    admin_receiver: str
    """The class as the manifest writes it, as in `.AdminReceiver`."""
    signer_sha256: bytes
    """Of the signer's certificate (DER)."""
    sha256: str
    """Of the whole file, in hex."""
    safe: bool
    """Whether its code names none of DESTRUCTIVE_CALLS: it can never wipe a phone."""
    content: bytes

    @property
    def admin_component(self) -> str:
        """As `dpm` and QR codes name the receiver.  Source: ComponentName.flattenToShortString."""
        within = f"{self.package_name}."
        below = f".{self.admin_receiver.removeprefix(within)}" if self.admin_receiver.startswith(within) else self.admin_receiver
        return f"{self.package_name}/{below}"

    @property
    def signature_checksum(self) -> str:
        """URL-safe Base64 without padding.  Source: DevicePolicyManager.EXTRA_PROVISIONING_DEVICE_ADMIN_SIGNATURE_CHECKSUM."""
        return base64.urlsafe_b64encode(self.signer_sha256).rstrip(b"=").decode()


def gives_agents(address: WebAddress) -> bool:
    """Whether a factory-fresh phone can download an agent from this address: by https, and not from itself."""
    return address.scheme == "https" and not is_loopback_name(address.host)
