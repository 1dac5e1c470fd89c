"""What a virtual phone's system says of it: the facts that evidence is made of, read from the phone's state and from nothing else.

Source: AOSP KeyguardManager, TrustManagerService.isDeviceLocked (per user: a work profile with a lock of its own has its own answer).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from heliograph.domain.evidence import Facts
from heliograph.domain.phone.numbers import android_id_of
from heliograph.domain.phone.virtual_device import VirtualDevice, lock_of


def look(phone: VirtualDevice, names: Collection[str], packages: Collection[str] = ()) -> Facts:
    """These facts of the phone, and the data of these apps if `app_data_bytes` is one of them."""
    found: dict[str, Any] = {name: LOOKS[name](phone) for name in names if name in LOOKS}
    if "app_data_bytes" in names:
        found["app_data_bytes"] = _app_data_bytes(phone, packages)
    return Facts(**found)


def _app_data_bytes(phone: VirtualDevice, packages: Collection[str]) -> dict[str, int]:
    """Of apps on the managed side."""
    mine = [app for app in phone.apps if app.scope is phone.managed_scope and app.package in packages]
    return {app.package: sum(other.data_bytes for other in mine if other.package == app.package) for app in mine}


LOOKS: Mapping[str, Callable[[VirtualDevice], object]] = {
    "boot_count": lambda phone: phone.boots,
    "device_secure": lambda phone: lock_of(phone).credential is not None,
    "device_locked": lambda phone: lock_of(phone).locked,
    "interactive": lambda phone: phone.screen_on,
    "password_changes": lambda phone: phone.password_changes,
    "lost_mode": lambda phone: phone.lost_mode is not None,
    "icc_ids": lambda phone: tuple(esim.icc_id for esim in phone.esims if esim.managed),
    "android_id": lambda phone: android_id_of(phone.serial, phone.erasures),
}
"""How each fact is found; the data of apps depend on which apps."""
