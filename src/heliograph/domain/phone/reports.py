"""What a virtual phone reports about itself: to its server, and in the sandbox.

Source: disc, Device and the messages in it ("hardwareInfo", "networkInfo", …).
"""

from collections.abc import Iterator

import msgspec

from heliograph.domain.device import (
    ConfigMode,
    DeviceReport,
    DeviceState,
    EuiccChipInfo,
    HardwareInfo,
    ManagementKind,
    ManagementMode,
    MemoryInfo,
    NetworkInfo,
    Ownership,
    SimActivationState,
    SoftwareInfo,
    TelephonyInfo,
)
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import EsimProfile
from heliograph.domain.phone.virtual_device import LostMode, VirtualDevice
from heliograph.domain.user_facing_message import text_for
from heliograph.protojson.messages import Int64

ENTERPRISE_SPECIFIC_ID_LEVEL = 31  # disc, HardwareInfo.enterpriseSpecificId: "Android 12 and above"
EUICC_CHIP_INFO_LEVEL = 33  # disc, HardwareInfo.euiccChipInfo: company-owned "with Android 13 and above"
ESIM_STATE_LEVEL = 35
"""Disc, TelephonyInfo: devices that are not fully managed report SIMs, and any device eSIM states, only from Android 15 on."""


def device_report(phone: VirtualDevice, *, policy_name: str = "", policy_version: int = 0) -> DeviceReport:
    """The phone's part of its Device, with the policy that it applies."""
    fully_managed = phone.management_kind is ManagementKind.FULLY_MANAGED
    return DeviceReport(
        management_mode=ManagementMode.DEVICE_OWNER if fully_managed else ManagementMode.PROFILE_OWNER,
        ownership=Ownership.PERSONALLY_OWNED if _personal(phone) else Ownership.COMPANY_OWNED,
        api_level=phone.api_level,
        applied_state=_applied_state(phone),
        applied_policy_name=policy_name,
        applied_policy_version=Int64(policy_version),
        hardware_info=_hardware_info(phone),
        software_info=SoftwareInfo(
            android_version=phone.build.android_version,
            android_build_number=phone.build.android_build_number,
            security_patch_level=phone.build.security_patch_level,
            primary_language_code=phone.build.primary_language_code,
        ),
        memory_info=MemoryInfo(
            total_ram=Int64(phone.build.total_ram_bytes),
            total_internal_storage=Int64(phone.build.total_internal_storage_bytes),
        ),
        network_info=_network_info(phone),
    )


def _personal(phone: VirtualDevice) -> bool:
    return phone.management_kind is ManagementKind.PERSONALLY_OWNED_WORK_PROFILE


def _applied_state(phone: VirtualDevice) -> DeviceState:
    if phone.lost_mode is not None:
        return DeviceState.LOST
    return DeviceState.DISABLED if phone.disabled else DeviceState.ACTIVE


def _hardware_info(phone: VirtualDevice) -> HardwareInfo:
    hides_serial = _personal(phone) and phone.api_level >= ENTERPRISE_SPECIFIC_ID_LEVEL
    shows_chips = not _personal(phone) and phone.api_level >= EUICC_CHIP_INFO_LEVEL
    stand_in = phone.enterprise_specific_id if hides_serial else ""
    return HardwareInfo(
        brand=phone.build.brand,
        hardware=phone.build.hardware,
        device_baseband_version=phone.build.device_baseband_version,
        manufacturer=phone.build.manufacturer,
        model=phone.build.model,
        serial_number=stand_in or phone.serial,
        enterprise_specific_id=stand_in,
        euicc_chip_info=tuple(EuiccChipInfo(eid=chip.eid) for chip in phone.euiccs) if shows_chips else (),
    )


def _network_info(phone: VirtualDevice) -> NetworkInfo | None:
    """Without telephony, no network info; a personal phone reports neither IMEI and MEID nor the eSIMs that its user added."""
    if not phone.imei and not phone.euiccs:
        return None
    hidden = _personal(phone)
    return NetworkInfo(imei="" if hidden else phone.imei, meid="" if hidden else phone.meid, telephony_infos=tuple(_telephony_infos(phone)))


def _telephony_infos(phone: VirtualDevice) -> Iterator[TelephonyInfo]:
    tells_esim_state = phone.api_level >= ESIM_STATE_LEVEL
    if phone.management_kind is not ManagementKind.FULLY_MANAGED and not tells_esim_state:
        return
    for profile in phone.esims:
        if profile.managed or not _personal(phone):
            info = TelephonyInfo(carrier_name=profile.carrier, icc_id=profile.icc_id)
            yield _with_esim_state(info, profile) if tells_esim_state else info


def _with_esim_state(info: TelephonyInfo, profile: EsimProfile) -> TelephonyInfo:
    return msgspec.structs.replace(
        info,
        activation_state=SimActivationState.ACTIVATED if profile.active else SimActivationState.NOT_ACTIVATED,
        config_mode=ConfigMode.ADMIN_CONFIGURED if profile.managed else ConfigMode.USER_CONFIGURED,
    )


def view(phone: VirtualDevice) -> dict[str, object]:
    """The phone as someone sees it who holds it in hand, ready for JSON; credentials by kind and length only."""
    profile = phone.work_profile
    return {
        "profile": phone.profile,
        "serialNumber": phone.serial,
        "imei": phone.imei,
        "meid": phone.meid,
        "wifiMacAddress": phone.wifi_mac_address,
        "enterpriseSpecificId": phone.enterprise_specific_id,
        "eids": [chip.eid for chip in phone.euiccs],
        "apiLevel": phone.api_level,
        "managementKind": phone.management_kind.value if phone.managed else None,
        "managed": phone.managed,
        "setupInProgress": phone.setup_in_progress,
        "disabled": phone.disabled,
        "disabledReason": text_for(phone.disabled_reason, phone.build.primary_language_code),
        "screen": "on" if phone.screen_on else "off",
        "locked": phone.locked,
        "credential": _credential(phone.credential),
        "workProfile": profile
        and {
            "separateLock": profile.separate_lock,
            "paused": profile.paused,
            "locked": profile.locked,
            "credential": _credential(profile.credential),
        },
        "resetToken": phone.reset_token.value,
        "mustEnterPassword": phone.must_enter,
        "asksCredentialOnBoot": not phone.do_not_ask_on_boot,
        "lostMode": phone.lost_mode and _lost_mode(phone.lost_mode, phone.build.primary_language_code),
        "apps": [
            {"package": app.package, "scope": app.scope.value, "protected": app.protected, "dataBytes": app.data_bytes}
            for app in phone.apps
        ],
        "externalStorageBytes": phone.external_storage_bytes,
        "resetProtectionData": phone.reset_protection_data,
        "esims": _esims(phone),
        "confirmEsimRemoval": phone.confirm_esim_removal,
        "ongoingCall": phone.ongoing_call,
        "batteryPercent": phone.battery_percent,
        "boots": phone.boots,
        "factoryResets": phone.factory_resets,
        "wipeReasonShown": phone.wipe_reason_shown,
    }


def _credential(credential: Credential | None) -> dict[str, object] | None:
    return None if credential is None else {"kind": credential.kind.value, "length": len(credential.secret)}


def _lost_mode(lost: LostMode, language: str) -> dict[str, object]:
    return {
        "message": text_for(lost.message, language),
        "phoneNumber": text_for(lost.phone_number, language),
        "emailAddress": lost.email_address,
        "streetAddress": text_for(lost.street_address, language),
        "organization": text_for(lost.organization, language),
    }


def _esims(phone: VirtualDevice) -> list[dict[str, object]]:
    return [
        {"iccId": esim.icc_id, "active": esim.active, "managed": esim.managed, "carrier": esim.carrier, "eid": chip.eid}
        for chip in phone.euiccs
        for esim in chip.profiles
    ]
