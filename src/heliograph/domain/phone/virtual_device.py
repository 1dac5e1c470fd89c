"""A virtual phone as a frozen value, what happens to it, and what it reports.

The phone's runner holds the newest value; every function here returns the new phone and changes nothing.

Source: android.md §6 (AOSP DevicePolicyManager, TrustManager; AMAPI, lost mode guide).
"""

import enum
from typing import Any, NamedTuple

import msgspec

from heliograph.domain.device import DeviceFacts, ManagementKind
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import EsimProfile, Euicc
from heliograph.domain.policy import PasswordPolicy
from heliograph.domain.user_facing_message import UserFacingMessage

WHOLE_DEVICE_LOCK_LEVELS = range(26, 30)
"""Android 8, 9 and 10: LOCK on a company-owned work profile locks the whole device (issueCommand, LOCK)."""


PROTECTED_PACKAGES = (
    "android",
    "com.android.systemui",
    "com.android.vending",
    "com.google.android.apps.work.clouddpc",
    "com.google.android.gms",
    "com.google.android.gsf",
    "com.google.android.setupwizard",
)
"""On every managed phone, and never cleared: apps critical to its functioning, and the admin itself.

Source: AOSP, onApplicationUserDataCleared ("false for device admins and protected system packages").
"""


class Scope(enum.Enum):
    """A side of the phone: the user's own (all there is on a fully managed one), or the work profile."""

    DEVICE = "device"
    WORK_PROFILE = "work profile"


class ResetToken(enum.Enum):
    """The token by which an admin resets a password from API 26 on.

    Set while a credential exists it is PENDING until the user has entered that credential once; a pending one lives in memory only.
    Source: AOSP DevicePolicyManager.setResetPasswordToken.
    """

    NONE = "none"
    PENDING = "pending"
    ACTIVE = "active"


class KeyedState(msgspec.Struct, frozen=True, kw_only=True):
    """What an app says of one key of its managed configuration."""

    key: str
    data: str
    created_us: int
    updated_us: int


class PhoneEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the phone measured or went through, named as AMAPI's events are (events.py)."""

    type: str
    at_us: int
    value: float = 0.0


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the usage log that the server does not have yet (usage_logs.py)."""

    id: int
    at_us: int
    type: str
    data: dict[str, Any] = {}
    """What AMAPI's message of this type says, in its JSON."""


class PasswordClock(msgspec.Struct, frozen=True, kw_only=True):
    """How long a policy lets a password live, and from when on that counts."""

    timeout_us: int
    since_us: int

    @property
    def expires_us(self) -> int:
        """When the password has lived that long."""
        return self.since_us + self.timeout_us


class App(msgspec.Struct, frozen=True, kw_only=True):
    """One installed app. `system` apps stay through a factory reset; the data of `protected` ones cannot be cleared."""

    package: str
    scope: Scope = Scope.DEVICE
    system: bool = False
    protected: bool = False
    data_bytes: int = 0
    version_code: int = 0
    """0: the version that the phone came with."""
    installed_us: int = 0
    """When its policy installed it; 0: it came otherwise."""
    removed_us: int = 0
    """When its policy removed it; 0: it is there."""
    keyed_states: tuple[KeyedState, ...] = ()
    """What it says of its managed configuration."""


class WorkProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The work profile. With `separate_lock` it has a lock of its own, otherwise the device's lock is its lock too."""

    separate_lock: bool = False
    paused: bool = False
    """Whether the user has switched work apps off."""
    credential: Credential | None = None
    locked: bool = False


class LostMode(msgspec.Struct, frozen=True, kw_only=True):
    """What a lost phone shows, and since when (us)."""

    since_us: int
    located_us: int = 0
    """When it last logged where it is; 0: it did not yet."""
    message: UserFacingMessage | None = None
    phone_number: UserFacingMessage | None = None
    email_address: str = ""
    street_address: UserFacingMessage | None = None
    organization: UserFacingMessage | None = None


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """Make, model and system of a phone; sizes in bytes."""

    brand: str = ""
    manufacturer: str = ""
    model: str = ""
    hardware: str = ""
    device_baseband_version: str = ""
    android_version: str = ""
    android_build_number: str = ""
    security_patch_level: str = ""
    primary_language_code: str = "en-US"
    display_px: tuple[int, int] = (1080, 2400)
    """Width and height."""
    display_dpi: int = 420
    display_hz: int = 60
    total_ram_bytes: int = 4 * 2**30
    total_internal_storage_bytes: int = 64 * 2**30


class VirtualDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One phone. Times are microseconds since 1970, None: never."""

    profile: str
    """The name of the profile that it was made from."""
    serial: str
    imei: str = ""
    """Empty: no telephony."""
    meid: str = ""
    """Empty: no CDMA."""
    wifi_mac_address: str = ""
    enterprise_specific_id: str = ""
    """What a personally-owned phone reports from Android 12 on instead of its serial number."""
    build: Build = Build()
    api_level: int
    qpr: int = 0
    management_kind: ManagementKind

    managed: bool = True
    """False once wiped or relinquished: the phone obeys no server any more."""
    setup_in_progress: bool = False
    work_profile: WorkProfile | None = None
    """None on a fully managed phone, and once the profile was removed."""
    disabled: bool = False
    disabled_reason: UserFacingMessage | None = None

    credential: Credential | None = None
    """The device's; the work profile has its own in `work_profile`."""
    password_policy: PasswordPolicy = PasswordPolicy()
    """What the admin demands of the credential that it manages: the device's, or the work profile's."""
    reset_token: ResetToken = ResetToken.ACTIVE
    last_admin_reset_us: int | None = None
    password_changes: int = 0
    """How often an admin changed the password."""
    must_enter: bool = False
    """Whether no other admin may reset the password again before the user has entered it (REQUIRE_ENTRY)."""
    do_not_ask_on_boot: bool = False
    """Whether the phone starts unlocked (DO_NOT_ASK_CREDENTIALS_ON_BOOT)."""

    screen_on: bool = True
    locked: bool = False
    """Whether the device asks for its credential; only ever true if it has one."""
    lost_mode: LostMode | None = None
    last_user_exit_lost_mode_us: int | None = None

    apps: tuple[App, ...] = ()
    external_storage_bytes: int = 0
    """Bytes in use on a card or the like."""
    reset_protection_data: bool = True
    """Whether a factory-reset phone asks for the account it had before."""
    euiccs: tuple[Euicc, ...] = ()
    """Its eSIM chips, the default one first."""
    confirm_esim_removal: bool = False
    """Whether it asks its user before an admin's command removes an eSIM."""

    ongoing_call: bool = False
    location_on: bool = True
    battery_percent: int = 80
    reboot_seconds: float = 30.0
    boots: int = 1
    factory_resets: int = 0
    erasures: int = 0
    """How often everything was erased that the admin manages: the phone, or its work profile."""
    removed_apps: tuple[App, ...] = ()
    """What its policy removed, the latest last."""
    app_failures: dict[str, str] = {}
    """Packages that cannot be installed, updated or removed, and AMAPI's installationFailureReason."""
    events: tuple[PhoneEvent, ...] = ()
    """Those that its policy has it report, oldest first."""
    log: tuple[LogEntry, ...] = ()
    """What it logged and its server does not have yet, oldest first."""
    last_log_id: int = 0
    security_logging: bool = False
    """Whether its policy has it log SECURITY_LOGS."""
    password_clocks: dict[str, PasswordClock] = {}
    """By AMAPI's scope: passwords that its policy lets expire."""
    breached_since_us: dict[str, int] = {}
    """Settings with an enforcement rule that it does not comply with, and since when."""
    blocked_scope: str = ""
    """What an enforcement rule blocks, in AMAPI's words (`BLOCK_SCOPE_DEVICE`, `BLOCK_SCOPE_WORK_PROFILE`); empty: nothing."""
    reported_instead: dict[str, Any] = {}
    """Fields of Device that it reports whatever it finds, in AMAPI's JSON."""
    wipe_reason_shown: str = ""
    """The message to the user of a personal phone when the work profile was wiped."""

    @property
    def boot_id(self) -> str:
        """32 hex digits that change with every start, as /proc/sys/kernel/random/boot_id."""
        return f"{self.boots:032x}"

    @property
    def euicc(self) -> Euicc | None:
        """The default chip, which downloads go to; None: there is no chip."""
        return self.euiccs[0] if self.euiccs else None

    @property
    def esims(self) -> tuple[EsimProfile, ...]:
        """The profiles of all chips."""
        return tuple(profile for chip in self.euiccs for profile in chip.profiles)

    def chip_with(self, icc_id: str) -> Euicc | None:
        """The chip on which the profile with this ICC ID is, or None."""
        return next((chip for chip in self.euiccs if chip.find(icc_id) is not None), None)

    @property
    def managed_scope(self) -> Scope:
        """The side of the phone that the admin manages."""
        return Scope.DEVICE if self.management_kind is ManagementKind.FULLY_MANAGED else Scope.WORK_PROFILE

    @property
    def managed_credential(self) -> Credential | None:
        """The credential that an admin may reset: the work profile's own if there is a profile."""
        return self.work_profile.credential if self.work_profile else self.credential


def device_facts(phone: VirtualDevice) -> DeviceFacts:
    """By what a command is judged on this phone."""
    return DeviceFacts(api_level=phone.api_level, management_kind=phone.management_kind, qpr=phone.qpr, euicc=bool(phone.euiccs))


def with_chip(phone: VirtualDevice, changed: Euicc) -> VirtualDevice:
    """The phone whose chip with this EID is `changed` now."""
    return msgspec.structs.replace(phone, euiccs=tuple(changed if chip.eid == changed.eid else chip for chip in phone.euiccs))


class LockState(NamedTuple):
    """One of a phone's locks: what opens it, and whether it is closed."""

    credential: Credential | None
    locked: bool
    of_profile: bool = False


def lock_of(phone: VirtualDevice) -> LockState:
    """The lock that an admin's LOCK is about: the work profile's if it has its own, else the device's.

    Source: issueCommand, LOCK; AOSP DevicePolicyManagerService.lockNow.
    """
    profile = phone.work_profile
    whole_device = phone.management_kind is ManagementKind.COMPANY_OWNED_WORK_PROFILE and phone.api_level in WHOLE_DEVICE_LOCK_LEVELS
    if profile is None or not profile.separate_lock or whole_device:
        return LockState(phone.credential, phone.locked)
    return LockState(profile.credential, profile.locked, of_profile=True)


def lock(phone: VirtualDevice) -> VirtualDevice:
    """The phone locked by its admin: `lock_of` is closed.

    Without a credential nothing can be locked: the screen sleeps.
    """
    profile = phone.work_profile
    if profile is None or not lock_of(phone).of_profile:
        return msgspec.structs.replace(phone, screen_on=False, locked=phone.credential is not None)
    if profile.credential is None:
        return msgspec.structs.replace(phone, screen_on=False)
    return msgspec.structs.replace(phone, work_profile=msgspec.structs.replace(profile, locked=True))


def opens(phone: VirtualDevice, entered: str) -> bool:
    """Whether this opens a lock of the phone that can be reached: the device's, or past it the work profile's.

    Where there is nothing to enter, anything does.
    """
    profile = phone.work_profile
    of_profile = profile.credential if profile is not None else None
    within_reach = [phone.credential] if phone.locked else [phone.credential, of_profile]
    asked_for = [credential for credential in within_reach if credential is not None]
    return not asked_for or any(credential.matches(entered) for credential in asked_for)


def unlock(phone: VirtualDevice, entered: str | None) -> VirtualDevice:
    """The phone after its user woke it and entered this; None: the user knows every credential.

    A wrong credential opens nothing. The work profile's lock is behind the device's.
    """
    opened = phone.credential is None or entered is None or phone.credential.matches(entered)
    locked = phone.locked and not opened
    profile = phone.work_profile
    if profile is None or profile.credential is None:
        confirmed = opened
    else:
        confirmed = not locked and (entered is None or profile.credential.matches(entered))
        profile = msgspec.structs.replace(profile, locked=profile.locked and not confirmed)
    phone = msgspec.structs.replace(phone, screen_on=True, locked=locked, work_profile=profile)
    if not confirmed:
        return phone
    token = ResetToken.ACTIVE if phone.reset_token is ResetToken.PENDING else phone.reset_token
    return msgspec.structs.replace(phone, reset_token=token, must_enter=False)


def leave_lost_mode(phone: VirtualDevice, now_us: int) -> VirtualDevice:
    """The phone after its user said "this is my device" and entered the password; no admin can start lost mode again for 12 hours."""
    if phone.lost_mode is None:
        return phone
    return unlock(msgspec.structs.replace(phone, lost_mode=None, last_user_exit_lost_mode_us=now_us), None)


def rebooted(phone: VirtualDevice) -> VirtualDevice:
    """The phone after a restart: locked if it has a credential, calls ended, a pending reset token forgotten; lost mode stays."""
    profile = phone.work_profile
    if profile is not None:
        profile = msgspec.structs.replace(profile, locked=profile.separate_lock and profile.credential is not None)
    return msgspec.structs.replace(
        phone,
        boots=phone.boots + 1,
        screen_on=phone.lost_mode is not None,
        locked=phone.credential is not None and not phone.do_not_ask_on_boot,
        work_profile=profile,
        ongoing_call=False,
        reset_token=ResetToken.NONE if phone.reset_token is ResetToken.PENDING else phone.reset_token,
    )


def without_work_profile(phone: VirtualDevice) -> VirtualDevice:
    """The phone in its user's hands: work profile, its apps and all policies gone, the personal side as it was.

    The remaining eSIMs are the user's: no one manages them any more.
    """
    return msgspec.structs.replace(
        phone,
        managed=False,
        work_profile=None,
        apps=tuple(app for app in phone.apps if app.scope is Scope.DEVICE),
        euiccs=tuple(chip.disowned() for chip in phone.euiccs),
        disabled=False,
        disabled_reason=None,
        password_policy=PasswordPolicy(),
        reset_token=ResetToken.NONE,
        must_enter=False,
        lost_mode=None,
        erasures=phone.erasures + (phone.work_profile is not None),
        password_clocks={},
        breached_since_us={},
        blocked_scope="",
    )


def factory_reset(phone: VirtualDevice) -> VirtualDevice:
    """The phone as out of the box, started once more: only identity, eSIMs, card and reset protection are left."""
    return VirtualDevice(
        profile=phone.profile,
        serial=phone.serial,
        imei=phone.imei,
        meid=phone.meid,
        wifi_mac_address=phone.wifi_mac_address,
        enterprise_specific_id=phone.enterprise_specific_id,
        build=phone.build,
        api_level=phone.api_level,
        qpr=phone.qpr,
        management_kind=phone.management_kind,
        managed=False,
        setup_in_progress=True,
        reset_token=ResetToken.NONE,
        apps=tuple(msgspec.structs.replace(app, data_bytes=0) for app in phone.apps if app.system and app.scope is Scope.DEVICE),
        external_storage_bytes=phone.external_storage_bytes,
        reset_protection_data=phone.reset_protection_data,
        euiccs=tuple(chip.disowned() for chip in phone.euiccs),
        confirm_esim_removal=phone.confirm_esim_removal,
        battery_percent=phone.battery_percent,
        reboot_seconds=phone.reboot_seconds,
        boots=phone.boots + 1,
        factory_resets=phone.factory_resets + 1,
        erasures=phone.erasures + 1,
    )
