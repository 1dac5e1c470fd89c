"""Which phones support a policy setting, as AMAPI's description of the setting says: a row each.

A phone that does not support what its policy sets reports a NonComplianceDetail with MANAGEMENT_MODE or API_LEVEL, the mode judged first.

Source: disc, Policy and the messages in it: the descriptions that speak of a NonComplianceDetail.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from heliograph.domain.device import ManagementKind

_KINDS = (ManagementKind.FULLY_MANAGED, ManagementKind.COMPANY_OWNED_WORK_PROFILE, ManagementKind.PERSONALLY_OWNED_WORK_PROFILE)
ANDROID = {7: 24, 8: 26, 9: 28, 10: 29, 11: 30, 12: 31, 13: 33, 14: 34, 15: 35, 16: 36}
"""The first API level of each Android version."""
NO = None
"""Not supported with this management, whatever the version."""
ANY = 0
"""Supported by every version."""


class Support(msgspec.Struct, frozen=True, kw_only=True):
    """Where a setting works."""

    path: str
    """From the Policy, in JSON's spelling; `[]` after a list whose elements are looked at."""
    values: tuple[str, ...] = ()
    """The values for which this holds; none: any but the default."""
    android: tuple[int | None, int | None, int | None]
    """The first Android version on fully managed phones, on company-owned and on personally owned ones with a work profile."""
    mode_from: int = 99
    """The Android version from which a phone below its own first one reports MANAGEMENT_MODE instead of API_LEVEL."""

    @property
    def setting(self) -> str:
        """The top-level field of Policy."""
        return self.path.partition(".")[0].removesuffix("[]")

    def lowest_level(self, management_kind: ManagementKind) -> int | None:
        """The lowest API level; None: no level."""
        version = self.android[_KINDS.index(management_kind)]
        return ANDROID.get(version, ANY) if version is not None else None

    def reason(self, management_kind: ManagementKind, api_level: int) -> str:
        """Why such a phone does not support it; empty: it does."""
        lowest = self.lowest_level(management_kind)
        if lowest is None:
            return "MANAGEMENT_MODE"
        if api_level >= lowest:
            return ""
        return "MANAGEMENT_MODE" if api_level >= ANDROID.get(self.mode_from, 99) else "API_LEVEL"


def _all(version: int) -> tuple[int, int, int]:
    return version, version, version


def _company(version: int) -> tuple[int, int, None]:
    return version, version, NO


def _fully(version: int) -> tuple[int, None, None]:
    return version, NO, NO


_RADIO = "deviceRadioState"
_CONNECTIVITY = "deviceConnectivityManagement"
_SECURITY = "advancedSecurityOverrides"
_DISPLAY = "displaySettings"
_DEFAULT_TYPE = "defaultApplicationSettings[].defaultApplicationType"
_SECURE_WIFI = ("PERSONAL_NETWORK_SECURITY", "ENTERPRISE_NETWORK_SECURITY", "ENTERPRISE_BIT192_NETWORK_SECURITY")

SUPPORT = (
    Support(path="assistContentPolicy", values=("ASSIST_CONTENT_DISALLOWED",), android=_all(15)),
    Support(path="backupService", values=("BACKUP_SERVICE_DISABLED", "BACKUP_SERVICE_USER_CHOICE"), android=_fully(8)),
    Support(
        path="enterpriseDisplayNameVisibility", values=("ENTERPRISE_DISPLAY_NAME_VISIBLE",), android=(8, 7, 7), mode_from=7,
    ),
    Support(path="networkResetDisabled", android=_fully(ANY)),
    Support(path="printingPolicy", values=("PRINTING_DISALLOWED",), android=_all(9)),
    Support(path="wipeDataFlags[]", values=("WIPE_ESIMS",), android=_all(15)),
    Support(
        path=f"{_SECURITY}.contentProtectionPolicy", values=("CONTENT_PROTECTION_ENFORCED", "CONTENT_PROTECTION_USER_CHOICE"),
        android=_all(15),
    ),
    Support(path=f"{_SECURITY}.developerSettings", values=("DEVELOPER_SETTINGS_DISABLED",), android=_company(ANY)),
    Support(path=f"{_SECURITY}.mtePolicy", values=("MTE_ENFORCED",), android=_company(14)),
    Support(path=f"{_SECURITY}.mtePolicy", values=("MTE_DISABLED",), android=_fully(14)),
    Support(path="applications[].alwaysOnVpnLockdownExemption", android=_all(10)),
    Support(path="applications[].userControlSettings", values=("USER_CONTROL_DISALLOWED",), android=_all(11)),
    Support(path="crossProfilePolicies.exemptionsToShowWorkContactsInPersonalProfile", android=_all(14)),
    Support(
        path="crossProfilePolicies.showWorkContactsInPersonalProfile",
        values=("SHOW_WORK_CONTACTS_IN_PERSONAL_PROFILE_DISALLOWED_EXCEPT_SYSTEM",), android=_all(14),
    ),
    Support(path=_DEFAULT_TYPE, values=("DEFAULT_ASSISTANT", "DEFAULT_HOME"), android=_fully(16)),
    Support(path=_DEFAULT_TYPE, values=("DEFAULT_BROWSER", "DEFAULT_CALL_REDIRECTION", "DEFAULT_CALL_SCREENING"), android=_all(16)),
    Support(path=_DEFAULT_TYPE, values=("DEFAULT_DIALER",), android=(14, 16, 16), mode_from=14),
    Support(path=_DEFAULT_TYPE, values=("DEFAULT_SMS", "DEFAULT_WALLET"), android=_company(16)),
    Support(path=f"{_CONNECTIVITY}.bluetoothSharing", values=("BLUETOOTH_SHARING_ALLOWED",), android=(ANY, 8, 8)),
    Support(path=f"{_CONNECTIVITY}.bluetoothSharing", values=("BLUETOOTH_SHARING_DISALLOWED",), android=(8, ANY, ANY)),
    Support(path=f"{_CONNECTIVITY}.configureWifi", values=("DISALLOW_ADD_WIFI_CONFIG",), android=_company(13)),
    Support(path=f"{_CONNECTIVITY}.tetheringSettings", values=("DISALLOW_WIFI_TETHERING",), android=_company(13)),
    Support(path=f"{_CONNECTIVITY}.usbDataAccess", values=("DISALLOW_USB_DATA_TRANSFER",), android=_company(12)),
    Support(path=f"{_CONNECTIVITY}.wifiDirectSettings", values=("DISALLOW_WIFI_DIRECT",), android=_company(13)),
    Support(path=f"{_CONNECTIVITY}.wifiSsidPolicy", android=_company(13)),
    Support(path=f"{_CONNECTIVITY}.apnPolicy.apnSettings", android=(10, 13, 13), mode_from=10),
    Support(path=f"{_CONNECTIVITY}.apnPolicy.overrideApns", values=("OVERRIDE_APNS_ENABLED",), android=_fully(10)),
    Support(path=f"{_CONNECTIVITY}.privateDnsSettings.privateDnsMode", values=("PRIVATE_DNS_AUTOMATIC",), android=_company(10)),
    Support(path=f"{_CONNECTIVITY}.privateDnsSettings.privateDnsMode", values=("PRIVATE_DNS_SPECIFIED_HOST",), android=_fully(10)),
    Support(path=f"{_CONNECTIVITY}.privateDnsSettings.privateDnsHost", android=_fully(10)),
    Support(
        path=f"{_CONNECTIVITY}.preferentialNetworkServiceSettings.preferentialNetworkServiceConfigs[].nonMatchingNetworks",
        values=("NON_MATCHING_NETWORKS_DISALLOWED",), android=_all(14),
    ),
    Support(
        path=f"{_CONNECTIVITY}.wifiRoamingPolicy.wifiRoamingSettings[].wifiRoamingMode",
        values=("WIFI_ROAMING_DISABLED", "WIFI_ROAMING_AGGRESSIVE"), android=_company(15),
    ),
    Support(path=f"{_RADIO}.airplaneModeState", values=("AIRPLANE_MODE_DISABLED",), android=_all(9)),
    Support(path=f"{_RADIO}.cellularTwoGState", values=("CELLULAR_TWO_G_DISABLED",), android=_all(14)),
    Support(path=f"{_RADIO}.minimumWifiSecurityLevel", values=_SECURE_WIFI, android=_all(13)),
    Support(path=f"{_RADIO}.nfc", values=("NFC_USER_CHOICE",), android=_all(15)),
    Support(path=f"{_RADIO}.nfc", values=("NFC_DISABLED",), android=_company(15)),
    Support(path=f"{_RADIO}.ultraWidebandState", values=("ULTRA_WIDEBAND_DISABLED",), android=_all(14)),
    Support(path=f"{_RADIO}.userInitiatedAddEsimSettings", values=("USER_INITIATED_ADD_ESIM_DISALLOWED",), android=_company(15)),
    Support(path=f"{_RADIO}.wifiState", values=("WIFI_ENABLED", "WIFI_DISABLED"), android=_all(13)),
    Support(path="deviceWidePolicies.deviceRadioState.nfc", values=("NFC_USER_CHOICE",), android=_all(15)),
    Support(path="deviceWidePolicies.deviceRadioState.nfc", values=("NFC_DISABLED",), android=_company(15)),
    Support(
        path=f"{_DISPLAY}.screenBrightnessSettings.screenBrightnessMode", values=("BRIGHTNESS_AUTOMATIC", "BRIGHTNESS_FIXED"),
        android=(9, 15, NO),
    ),
    Support(path=f"{_DISPLAY}.screenTimeoutSettings.screenTimeoutMode", values=("SCREEN_TIMEOUT_ENFORCED",), android=(9, 15, NO)),
    Support(path="personalUsagePolicies.bluetoothSharing", values=("BLUETOOTH_SHARING_ALLOWED",), android=_company(ANY)),
    Support(path="personalUsagePolicies.bluetoothSharing", values=("BLUETOOTH_SHARING_DISALLOWED",), android=_company(8)),
)  # fmt: skip


def unsupported(policy: Mapping[str, Any], management_kind: ManagementKind, api_level: int) -> Iterator[dict[str, Any]]:
    """A NonComplianceDetail for each setting of the policy (AMAPI's JSON) that such a phone does not support."""
    for row in SUPPORT:
        if reason := row.reason(management_kind, api_level):
            for path, value in _set(policy, row.path.split("."), ""):
                if not row.values or value in row.values:
                    where = {"fieldPath": path} if path != row.setting else {}
                    yield {"settingName": row.setting, **where, "nonComplianceReason": reason}


def _set(value: Any, names: list[str], path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    """The values at the end of the names that the policy sets, each with its path in JavaScript's spelling."""
    if not names:
        yield path, value
        return
    name, each, _ = names[0].partition("[]")
    inner = value.get(name) if isinstance(value, dict) else None
    if inner is None:
        return
    here = f"{path}.{name}" if path else name
    if not each:
        yield from _set(inner, names[1:], here)
        return
    for index, element in enumerate(inner):
        yield from _set(element, names[1:], f"{here}[{index}]")
