"""A device: what the server stores about it, and the few facts that decide about a command.

Source: disc, schema Device; Android Device Policy's management modes.
"""

import enum
from typing import NamedTuple

import msgspec

from heliograph.domain.messages import Message, proto
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.domain.official_messages import officially
from heliograph.domain.push_target import PushTarget
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protojson.messages import Int32, Int64, Timestamp


@proto("Device.ManagementMode")
class ManagementMode(enum.Enum):
    """Who manages the device.  Source: disc, Device.managementMode."""

    MANAGEMENT_MODE_UNSPECIFIED = "MANAGEMENT_MODE_UNSPECIFIED"
    DEVICE_OWNER = "DEVICE_OWNER"
    PROFILE_OWNER = "PROFILE_OWNER"


@proto("Device.Ownership")
class Ownership(enum.Enum):
    """Who owns the device.  Source: disc, Device.ownership."""

    OWNERSHIP_UNSPECIFIED = "OWNERSHIP_UNSPECIFIED"
    COMPANY_OWNED = "COMPANY_OWNED"
    PERSONALLY_OWNED = "PERSONALLY_OWNED"


@proto("Device.DeviceState")
class DeviceState(enum.Enum):
    """The state of a device.  Source: disc, Device.state."""

    DEVICE_STATE_UNSPECIFIED = "DEVICE_STATE_UNSPECIFIED"
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    DELETED = "DELETED"
    PROVISIONING = "PROVISIONING"
    LOST = "LOST"
    PREPARING_FOR_MIGRATION = "PREPARING_FOR_MIGRATION"
    DEACTIVATED_BY_DEVICE_FINANCE = "DEACTIVATED_BY_DEVICE_FINANCE"


class ManagementKind(enum.Enum):
    """How a device is managed: mode and ownership together, the one thing by which support differs (glossary: management kind)."""

    FULLY_MANAGED = "fully managed"
    COMPANY_OWNED_WORK_PROFILE = "company-owned with a work profile"
    PERSONALLY_OWNED_WORK_PROFILE = "personally owned with a work profile"


class DeviceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a command type may ask of a device before it is accepted there."""

    api_level: int
    management_kind: ManagementKind
    qpr: int = 0
    """Quarterly platform release within the API level; 0: the first."""
    euicc: bool = False


class EuiccChipInfo(Message):
    """Source: disc, EuiccChipInfo."""

    eid: str = ""


@officially("HardwareInfo")
class HardwareInfo(Message):
    """Source: disc, HardwareInfo (what a virtual phone can know of it)."""

    brand: str = ""
    hardware: str = ""
    device_baseband_version: str = ""
    manufacturer: str = ""
    model: str = ""
    serial_number: str = ""
    enterprise_specific_id: str = ""
    euicc_chip_info: tuple[EuiccChipInfo, ...] = ()


@officially("SoftwareInfo")
class SoftwareInfo(Message):
    """Source: disc, SoftwareInfo (what a virtual phone can know of it)."""

    android_version: str = ""
    android_build_number: str = ""
    android_build_time: Timestamp = ""
    android_device_policy_version_code: Int32 = 0
    android_device_policy_version_name: str = ""
    device_kernel_version: str = ""
    bootloader_version: str = ""
    device_build_signature: str = ""
    security_patch_level: str = ""
    primary_language_code: str = ""


class MemoryInfo(Message):
    """Source: disc, MemoryInfo; bytes."""

    total_ram: Int64 = Int64(0)
    total_internal_storage: Int64 = Int64(0)


@proto("TelephonyInfo.ActivationState")
class SimActivationState(enum.Enum):
    """Source: disc, TelephonyInfo.activationState."""

    ACTIVATION_STATE_UNSPECIFIED = "ACTIVATION_STATE_UNSPECIFIED"
    ACTIVATED = "ACTIVATED"
    NOT_ACTIVATED = "NOT_ACTIVATED"


@proto("TelephonyInfo.ConfigMode")
class ConfigMode(enum.Enum):
    """Source: disc, TelephonyInfo.configMode."""

    CONFIG_MODE_UNSPECIFIED = "CONFIG_MODE_UNSPECIFIED"
    ADMIN_CONFIGURED = "ADMIN_CONFIGURED"
    USER_CONFIGURED = "USER_CONFIGURED"


class TelephonyInfo(Message):
    """Source: disc, TelephonyInfo."""

    phone_number: str = ""
    carrier_name: str = ""
    icc_id: str = ""
    activation_state: SimActivationState = SimActivationState.ACTIVATION_STATE_UNSPECIFIED
    config_mode: ConfigMode = ConfigMode.CONFIG_MODE_UNSPECIFIED


class NetworkInfo(Message):
    """Source: disc, NetworkInfo."""

    imei: str = ""
    meid: str = ""
    wifi_mac_address: str = ""
    network_operator_name: str = ""
    telephony_infos: tuple[TelephonyInfo, ...] = ()


STATUS_DETAILS = (
    "applicationReports", "appliedPasswordPolicies", "commonCriteriaModeInfo", "defaultApplicationInfo", "deviceSettings", "displays",
    "hardwareStatusSamples", "memoryEvents", "nonComplianceDetails", "powerManagementEvents", "systemProperties",
)  # fmt: skip
"""Fields of a report that may be long, and that no command is judged by: they are stored apart from the device's record."""


@officially("Device", only=("policyCompliant", "securityPosture", *STATUS_DETAILS))
class DeviceReport(Message):
    """The part of a Device that only the phone knows; sent at enrolment and with every status report.

    Source: disc, the fields of Device that the device fills.
    """

    management_mode: ManagementMode = ManagementMode.MANAGEMENT_MODE_UNSPECIFIED
    ownership: Ownership = Ownership.OWNERSHIP_UNSPECIFIED
    api_level: Int32 = 0
    applied_state: DeviceState = DeviceState.ACTIVE
    applied_policy_name: str = ""
    applied_policy_version: Int64 = Int64(0)
    hardware_info: HardwareInfo | None = None
    software_info: SoftwareInfo | None = None
    memory_info: MemoryInfo | None = None
    network_info: NetworkInfo | None = None


class User(Message):
    """Who uses a device.  Source: disc, User."""

    account_identifier: str = ""


@officially("Device")
class Device(Message):
    """The Device message as a caller reads it.  Source: disc, Device (field order as there)."""

    name: str = ""
    user_name: str = ""
    management_mode: ManagementMode = ManagementMode.MANAGEMENT_MODE_UNSPECIFIED
    state: DeviceState = DeviceState.DEVICE_STATE_UNSPECIFIED
    applied_state: DeviceState = DeviceState.DEVICE_STATE_UNSPECIFIED
    enrollment_time: Timestamp = ""
    last_status_report_time: Timestamp = ""
    last_policy_sync_time: Timestamp = ""
    last_policy_compliance_report_time: Timestamp = ""
    policy_name: str = ""
    applied_policy_name: str = ""
    applied_policy_version: Int64 = Int64(0)
    api_level: Int32 = 0
    enrollment_token_data: str = ""
    enrollment_token_name: str = ""
    disabled_reason: UserFacingMessage | None = None
    software_info: SoftwareInfo | None = None
    hardware_info: HardwareInfo | None = None
    network_info: NetworkInfo | None = None
    memory_info: MemoryInfo | None = None
    previous_device_names: tuple[str, ...] = ()
    ownership: Ownership = Ownership.OWNERSHIP_UNSPECIFIED
    user: User | None = None


def position(created_us: int, resource_id: str) -> str:
    """A place in a list ordered by creation; compares as text just as (created_us, resource_id) does as a pair."""
    return f"{created_us:020d}/{resource_id}"


class DeviceRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):  # as Operation: thousands are remembered, without cycles
    """What the server keeps of one enrolled device.  `wanted_state` is what an admin set (ACTIVE or DISABLED)."""

    name: DeviceName
    credential_hash: bytes
    """SHA-256 of the credential that the phone made; the credential itself never reaches the server's disk."""
    installation_id: str
    enrollment_us: int
    enrollment_token_name: str
    enrollment_token_data: str = ""
    user_name: str = ""
    policy_name: str = ""
    wanted_state: DeviceState = DeviceState.ACTIVE
    disabled_reason: UserFacingMessage | None = None
    previous_device_names: tuple[str, ...] = ()
    serial: str = ""
    """The serial it enrolled with, which ties re-enrolments of one phone together; empty: it gave no serial."""
    last_status_report_us: int = 0
    last_policy_sync_us: int = 0
    last_usage_event_id: int = 0
    """Of its usage log: what has this id or a smaller one was taken; 0: nothing was."""
    public_key: str = ""
    """What secrets are sealed to so that only this phone opens them (protocol.secrets_info); empty: the vault keeps them."""
    report: DeviceReport

    @property
    def position(self) -> str:
        """The device's place in lists (oldest enrolment first)."""
        return position(self.enrollment_us, self.name.device)

    @property
    def personally_owned(self) -> bool:
        """Whether the phone belongs to its user."""
        return self.report.ownership is Ownership.PERSONALLY_OWNED

    @property
    def management_kind(self) -> ManagementKind:
        """Mode and ownership together, as its phone reported them."""
        if self.report.management_mode is ManagementMode.DEVICE_OWNER:
            return ManagementKind.FULLY_MANAGED
        return ManagementKind.PERSONALLY_OWNED_WORK_PROFILE if self.personally_owned else ManagementKind.COMPANY_OWNED_WORK_PROFILE

    @property
    def state(self) -> DeviceState:
        """The state callers see: lost mode over disabled over provisioning over active."""
        return state_of(self.report.applied_state, self.wanted_state, synced=bool(self.last_policy_sync_us))


def state_of(applied: DeviceState, wanted: DeviceState, *, synced: bool) -> DeviceState:
    """The state callers see. `synced`: whether the phone has ever got its policy."""
    if applied is DeviceState.LOST:
        return DeviceState.LOST
    if wanted is DeviceState.DISABLED:
        return DeviceState.DISABLED
    return DeviceState.ACTIVE if synced else DeviceState.PROVISIONING


class StatusName(NamedTuple):
    """A device's name as that of its status."""

    enterprise: str
    device: str


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a device reported last of STATUS_DETAILS; a device that reported nothing of them has none.

    It is read with the device by callers and never with a command.
    """

    name: StatusName
    details: DeviceReport
    """Only STATUS_DETAILS are set."""


class LastOrder(msgspec.Struct, frozen=True, rename="camel"):
    """The last order to a device: a Command (type and params, canonical JSON), given with every answer 410."""

    type: str
    command: msgspec.Raw
    operation: str = ""
    """The operation that the order came from; empty when the device was deleted without one."""


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What outlives a device resource, so that its phone still learns its last order (glossary: tombstone)."""

    name: DeviceName
    credential_hash: bytes
    last_order: LastOrder
    ack_id: str = ""
    """The ackId of the acknowledgement that ended the device; empty when it was deleted without one."""
    created_us: int
    expires_us: int
    confirmed: bool = False
    """Whether the phone said that it carried the order out."""


@proto("EnrollmentToken.AllowPersonalUsage")
class AllowPersonalUsage(enum.Enum):
    """Source: disc, EnrollmentToken.allowPersonalUsage."""

    ALLOW_PERSONAL_USAGE_UNSPECIFIED = "ALLOW_PERSONAL_USAGE_UNSPECIFIED"
    PERSONAL_USAGE_ALLOWED = "PERSONAL_USAGE_ALLOWED"
    PERSONAL_USAGE_DISALLOWED = "PERSONAL_USAGE_DISALLOWED"
    PERSONAL_USAGE_DISALLOWED_USERLESS = "PERSONAL_USAGE_DISALLOWED_USERLESS"


class EnrollmentTokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of one enrolment token: `resource` is its canonical EnrollmentToken JSON."""

    enterprise: EnterpriseName
    token_id: str
    value: str
    expires_us: int
    one_time_only: bool
    allow_personal_usage: AllowPersonalUsage
    policy_name: str
    additional_data: str
    created_us: int
    resource: bytes
    used_by: str = ""
    """Hex of the credential hash that used a one-time token; the same hash may ask again, no other."""
    device_id: str = ""
    """The id that its device gets if it is free (the sandbox's memorable ones); empty: a random one."""

    @property
    def position(self) -> str:
        """The token's place in lists (oldest first)."""
        return position(self.created_us, self.token_id)


class EnterpriseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of one enterprise: `resource` is its canonical Enterprise JSON."""

    name: EnterpriseName
    created_us: int
    resource: bytes
    push_targets: tuple[PushTarget, ...] = ()
    """Its enabled push endpoints."""

    @property
    def position(self) -> str:
        """The enterprise's place in lists (oldest first)."""
        return position(self.created_us, self.name.enterprise)
