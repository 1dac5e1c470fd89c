"""What a virtual phone reports about itself: to its server, and in the sandbox.

Source: disc, Device and the messages in it ("hardwareInfo", "networkInfo", …).
"""

from collections.abc import Iterator

import msgspec

from heliograph.domain.device import (
    ConfigMode,
    DeviceState,
    EuiccChipInfo,
    HardwareInfo,
    ManagementKind,
    NetworkInfo,
    SimActivationState,
    TelephonyInfo,
)
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import EsimProfile
from heliograph.domain.phone.numbers import icc_id_of
from heliograph.domain.phone.virtual_device import LostMode, VirtualDevice
from heliograph.domain.user_facing_message import text_for

ENTERPRISE_SPECIFIC_ID_LEVEL = 31  # disc, HardwareInfo.enterpriseSpecificId: "Android 12 and above"
EUICC_CHIP_INFO_LEVEL = 33  # disc, HardwareInfo.euiccChipInfo: company-owned "with Android 13 and above"
ESIM_STATE_LEVEL = 35
"""Disc, TelephonyInfo: devices that are not fully managed report SIMs, and any device eSIM states, only from Android 15 on."""

CARRIER = "Sandbox Mobile"
"""Of physical SIM cards."""


def is_personal(phone: VirtualDevice) -> bool:
    """Whether it belongs to its user."""
    return phone.management_kind is ManagementKind.PERSONALLY_OWNED_WORK_PROFILE


def applied_state(phone: VirtualDevice) -> DeviceState:
    """The state that the phone is in."""
    if phone.lost_mode is not None:
        return DeviceState.LOST
    return DeviceState.DISABLED if phone.disabled else DeviceState.ACTIVE


def hardware_info(phone: VirtualDevice) -> HardwareInfo:
    """Make, model and numbers; a personal phone keeps some to itself."""
    hides_serial = is_personal(phone) and phone.api_level >= ENTERPRISE_SPECIFIC_ID_LEVEL
    shows_chips = not is_personal(phone) and phone.api_level >= EUICC_CHIP_INFO_LEVEL
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


def network_info(phone: VirtualDevice) -> NetworkInfo:
    """Addresses, operator and SIMs; a personal phone reports none of its own numbers, nor its user's eSIMs."""
    personal = is_personal(phone)
    sim = physical_sim(phone)
    return NetworkInfo(
        imei="" if personal else phone.imei,
        meid="" if personal else phone.meid,
        wifi_mac_address="" if personal else phone.wifi_mac_address,
        network_operator_name=sim.carrier_name if sim is not None else "",
        telephony_infos=tuple(_telephony_infos(phone)),
    )


def physical_sim(phone: VirtualDevice) -> TelephonyInfo | None:
    """The card in a phone with telephony, always the same for one serial number."""
    if not phone.imei:
        return None
    icc_id = icc_id_of("card", phone.serial)
    return TelephonyInfo(phone_number=f"+1202555{icc_id[-5:-1]}", carrier_name=CARRIER, icc_id=icc_id)


def _telephony_infos(phone: VirtualDevice) -> Iterator[TelephonyInfo]:
    tells_esim_state = phone.api_level >= ESIM_STATE_LEVEL
    if phone.management_kind is not ManagementKind.FULLY_MANAGED and not tells_esim_state:
        return
    sim = physical_sim(phone)
    if sim is not None and phone.management_kind is ManagementKind.FULLY_MANAGED:
        yield sim
    for profile in phone.esims:
        if profile.managed or not is_personal(phone):
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
        "blockedScope": phone.blocked_scope,
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
        "locationOn": phone.location_on,
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
