"""What a virtual phone finds when it looks at itself for a report, in AMAPI's JSON: the parts of Device that no command changes.

Source: disc, SoftwareInfo, DeviceSettings, Display, CommonCriteriaModeInfo, DefaultApplicationInfo and what is in them.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.virtual_device import VirtualDevice

DEVICE_POLICY_VERSION = (13_860_000, "138.60.0")
"""Of the Android Device Policy that a virtual phone passes for."""
KERNELS: Mapping[int, str] = {
    24: "3.10.73", 25: "3.18.31", 26: "3.18.71", 27: "4.4.78", 28: "4.9.112", 29: "4.9.186", 30: "4.19.113",
    31: "5.10.43", 32: "5.10.81", 33: "5.10.149", 34: "5.15.123", 35: "6.1.75", 36: "6.6.87", 37: "6.12.23",
}  # fmt: skip
PER_USER_ENCRYPTION_LEVEL = 29
"""Android 10: file-based encryption is required of new phones.  Source: AOSP, File-Based Encryption."""
DEFAULT_APPS: Mapping[str, tuple[str, frozenset[ManagementKind]]] = {
    "DEFAULT_ASSISTANT": ("com.google.android.googlequicksearchbox", frozenset({ManagementKind.FULLY_MANAGED})),
    "DEFAULT_BROWSER": ("com.android.chrome", frozenset(ManagementKind)),
    "DEFAULT_CALL_REDIRECTION": ("", frozenset(ManagementKind)),
    "DEFAULT_CALL_SCREENING": ("", frozenset(ManagementKind)),
    "DEFAULT_DIALER": ("com.google.android.dialer", frozenset(ManagementKind)),
    "DEFAULT_HOME": ("com.google.android.apps.nexuslauncher", frozenset({ManagementKind.FULLY_MANAGED})),
    "DEFAULT_SMS": ("com.google.android.apps.messaging", frozenset({ManagementKind.FULLY_MANAGED})),
    "DEFAULT_WALLET": (
        "com.google.android.apps.walletnfcrel",
        frozenset({ManagementKind.FULLY_MANAGED, ManagementKind.COMPANY_OWNED_WORK_PROFILE}),
    ),
}
"""The app of each type that a phone comes with, and who reports the type.  Source: disc, Device.defaultApplicationInfo."""
THRESHOLDS = {"battery": (45.0, 60.0), "cpu": (95.0, 125.0), "gpu": (95.0, 125.0), "skin": (42.0, 65.0)}
"""Degrees Celsius at which a part is throttled, and at which the phone shuts down."""


def software_info(phone: VirtualDevice) -> dict[str, Any]:
    """SoftwareInfo."""
    build = phone.build
    code, name = DEVICE_POLICY_VERSION
    patch = build.security_patch_level
    return {
        "androidVersion": build.android_version,
        "androidBuildNumber": build.android_build_number,
        **({"androidBuildTime": f"{patch}T00:00:00Z"} if patch else {}),
        "androidDevicePolicyVersionCode": code,
        "androidDevicePolicyVersionName": name,
        "deviceKernelVersion": KERNELS.get(phone.api_level, ""),
        "bootloaderVersion": f"{build.hardware}-1.0" if build.hardware else "",
        "deviceBuildSignature": hashlib.sha256(f"signature of {build.brand} {build.model}".encode()).hexdigest(),
        "securityPatchLevel": patch,
        "primaryLanguageCode": build.primary_language_code,
        "systemUpdateInfo": {"updateStatus": "UP_TO_DATE"},
    }


def memory_info(phone: VirtualDevice) -> dict[str, Any]:
    """MemoryInfo."""
    return {"totalRam": str(phone.build.total_ram_bytes), "totalInternalStorage": str(phone.build.total_internal_storage_bytes)}


def device_settings(phone: VirtualDevice) -> dict[str, Any]:
    """DeviceSettings: no developer options, Play Protect on, encrypted."""
    encryption = "ACTIVE_DEFAULT_KEY" if phone.credential is None else "ACTIVE"
    return {
        "isDeviceSecure": phone.credential is not None,
        "unknownSourcesEnabled": False,
        "developmentSettingsEnabled": False,
        "adbEnabled": False,
        "isEncrypted": True,
        "encryptionStatus": "ACTIVE_PER_USER" if phone.api_level >= PER_USER_ENCRYPTION_LEVEL else encryption,
        "verifyAppsEnabled": True,
    }


def displays(phone: VirtualDevice) -> list[Any]:
    """A Display: a phone has one."""
    width, height = phone.build.display_px
    return [
        {
            "name": "Built-in Screen",
            "displayId": 0,
            "refreshRate": phone.build.display_hz,
            "state": "ON" if phone.screen_on else "OFF",
            "width": width,
            "height": height,
            "density": phone.build.display_dpi,
        }
    ]


def system_properties(phone: VirtualDevice) -> dict[str, str]:
    """Some of what `getprop` shows."""
    build = phone.build
    found = {
        "ro.build.display.id": build.android_build_number,
        "ro.build.version.release": build.android_version,
        "ro.build.version.sdk": str(phone.api_level),
        "ro.build.version.security_patch": build.security_patch_level,
        "ro.hardware": build.hardware,
        "ro.product.brand": build.brand,
        "ro.product.manufacturer": build.manufacturer,
        "ro.product.model": build.model,
    }
    return {name: value for name, value in found.items() if value}


def common_criteria_mode_info(policy: Any) -> dict[str, Any]:  # noqa: ANN401 - the made message
    """CommonCriteriaModeInfo: the mode is as the policy has it."""
    overrides = policy.advanced_security_overrides
    enabled = overrides is not None and overrides.common_criteria_mode.value == "COMMON_CRITERIA_MODE_ENABLED"
    return {
        "commonCriteriaModeStatus": "COMMON_CRITERIA_MODE_ENABLED" if enabled else "COMMON_CRITERIA_MODE_DISABLED",
        "policySignatureVerificationStatus": (
            "POLICY_SIGNATURE_VERIFICATION_NOT_SUPPORTED" if enabled else "POLICY_SIGNATURE_VERIFICATION_DISABLED"
        ),
    }


def default_application_info(phone: VirtualDevice, policy: Any) -> list[Any]:  # noqa: ANN401 - the made message
    """A DefaultApplicationInfo for each type that is reported by phones managed in this way."""
    wanted = {setting.default_application_type.value: setting for setting in policy.default_application_settings}
    found = []
    for kind, (package, reporters) in DEFAULT_APPS.items():
        if phone.management_kind in reporters:
            attempts = list(_attempts(phone, wanted[kind])) if kind in wanted else []
            chosen = next((attempt["packageName"] for attempt in attempts if attempt["attemptOutcome"] == "SUCCESS"), package)
            found.append({"defaultApplicationType": kind, "packageName": chosen, "defaultApplicationSettingAttempts": attempts})
    return found


def _attempts(phone: VirtualDevice, setting: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401 - the made message
    """The first app that is installed becomes the default."""
    installed = {app.package for app in phone.apps if app.scope is phone.managed_scope}
    for application in setting.default_applications:
        is_there = application.package_name in installed
        yield {"packageName": application.package_name, "attemptOutcome": "SUCCESS" if is_there else "APP_NOT_INSTALLED"}
        if is_there:
            return
