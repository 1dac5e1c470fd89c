"""What a policy's `locationMode` makes of a virtual phone: most phones switch location on or off themselves, on some it is their user's.

Source: disc, Policy.locationMode ("On Android 11 and above, work profiles on company-owned devices cannot directly enforce …").
"""

from typing import Any

import msgspec

from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.virtual_device import VirtualDevice

_ON = frozenset({"HIGH_ACCURACY", "SENSORS_ONLY", "BATTERY_SAVING", "LOCATION_ENFORCED"})
_OFF = frozenset({"OFF", "LOCATION_DISABLED"})
_USERS_FROM_LEVEL = 30


def wanted_location(policy: Any) -> bool | None:  # noqa: ANN401 - the made message
    """Whether location shall be on; None: as the user likes."""
    mode = policy.location_mode.value
    return True if mode in _ON else False if mode in _OFF else None


def users_to_switch(phone: VirtualDevice) -> bool:
    """Whether the policy can only wait for the user."""
    return phone.management_kind is ManagementKind.COMPANY_OWNED_WORK_PROFILE and phone.api_level >= _USERS_FROM_LEVEL


def with_location(phone: VirtualDevice, policy: Any) -> VirtualDevice:  # noqa: ANN401 - the made message
    """The phone with location on or off as its policy enforces it. No policy switches that of a personal phone."""
    if policy is None or not phone.managed or phone.management_kind is ManagementKind.PERSONALLY_OWNED_WORK_PROFILE:
        return phone
    wanted = wanted_location(policy)
    if wanted is None or wanted is phone.location_on or users_to_switch(phone):
        return phone
    return msgspec.structs.replace(phone, location_on=wanted)
