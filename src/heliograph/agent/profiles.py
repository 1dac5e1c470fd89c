"""The virtual phones there are, by name: nine that differ in what AMAPI treats differently.

Source: android.md §6 (the table of default profiles), §0 (what each can do).
"""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from heliograph.agent.builds import (
    GALAXY_A14_A13,
    GALAXY_S9_A10,
    GALAXY_S25_A15,
    MOTO_G5_A8,
    NEXUS_5X_A7,
    PIXEL_7_A14,
    PIXEL_8_A15,
    PIXEL_9_A16,
    ZEBRA_TC52_A10,
)
from heliograph.agent.overridden_facts import Overrides, facts_of, with_overrides
from heliograph.agent.profile import MADE, Answering, ConsentHabit, OfflineWindow, Profile
from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import EsimProfile, Euicc
from heliograph.domain.phone.virtual_device import PROTECTED_PACKAGES, App, ResetToken, Scope, VirtualDevice, WorkProfile
from heliograph.protojson.errors import InvalidArgument

__all__ = [
    "PROFILES",
    "Answering",
    "ConsentHabit",
    "OfflineWindow",
    "Overrides",
    "Profile",
    "facts_of",
    "profile_named",
    "with_overrides",
]

GIB = 2**30
MIB = 2**20

SYSTEM = ("com.android.chrome", "com.android.settings", "com.google.android.apps.maps")
WORK = ("com.google.android.gm", "com.microsoft.teams", "com.slack", "com.example.fieldservice")
PERSONAL = ("com.spotify.music", "com.whatsapp", "org.thoughtcrime.securesms")


def _apps(scope: Scope, *packages: str) -> tuple[App, ...]:
    """Android's own apps and these, on one side of a phone."""
    return (
        *(App(package=package, scope=scope, system=True, protected=True, data_bytes=2 * MIB) for package in PROTECTED_PACKAGES),
        *(App(package=package, scope=scope, system=True, data_bytes=30 * MIB) for package in SYSTEM),
        *(App(package=package, scope=scope, data_bytes=12 * MIB) for package in packages),
    )


FULLY_MANAGED_APPS = _apps(Scope.DEVICE, *WORK)
TWO_SIDES = (*_apps(Scope.DEVICE, *PERSONAL), *_apps(Scope.WORK_PROFILE, *WORK))

_ALL = (
    Profile(
        name="pixel8-a15-fully-managed",
        summary="Everything a company-owned phone can do: lost mode, reboot, two active eSIMs at once.",
        account_identifier="alex",
        model=VirtualDevice(
            profile="pixel8-a15-fully-managed",
            serial="",
            imei=MADE,
            api_level=35,
            management_kind=ManagementKind.FULLY_MANAGED,
            build=PIXEL_8_A15,
            credential=Credential("493817"),
            apps=FULLY_MANAGED_APPS,
            euiccs=(Euicc(ports=2),),
            reboot_seconds=28.0,
        ),
    ),
    Profile(
        name="galaxy-a14-a13-byod",
        summary="A personal phone whose work profile has its own lock; no eSIM chip, so its EID is UNSUPPORTED.",
        account_identifier="bea",
        model=VirtualDevice(
            profile="galaxy-a14-a13-byod",
            serial="",
            imei=MADE,
            api_level=33,
            management_kind=ManagementKind.PERSONALLY_OWNED_WORK_PROFILE,
            build=GALAXY_A14_A13,
            work_profile=WorkProfile(separate_lock=True, credential=Credential("work4You")),
            credential=Credential("2468"),
            apps=TWO_SIDES,
            external_storage_bytes=9 * GIB,
            reboot_seconds=45.0,
        ),
    ),
    Profile(
        name="zebra-tc52-a10-dedicated",
        summary="A scanner without user, lock or telephony, at times offline: lost mode is API_LEVEL, LOCK only turns the screen off.",
        offline_windows=(
            OfflineWindow(period_seconds=3600, starts_seconds=1200, lasts_seconds=300),  # at the far end of the warehouse
        ),
        model=VirtualDevice(
            profile="zebra-tc52-a10-dedicated",
            serial="",
            api_level=29,
            management_kind=ManagementKind.FULLY_MANAGED,
            build=ZEBRA_TC52_A10,
            apps=_apps(Scope.DEVICE, "com.symbol.datawedge", "com.example.warehouse"),
            external_storage_bytes=3 * GIB,
            battery_percent=100,
            reboot_seconds=60.0,
        ),
    ),
    Profile(
        name="pixel7-a14-cope",
        summary="Company-owned with a work profile on Android 14: a PIN below 6 digits is INVALID_VALUE, ADD_ESIM is API_LEVEL.",
        account_identifier="chris",
        model=VirtualDevice(
            profile="pixel7-a14-cope",
            serial="",
            imei=MADE,
            api_level=34,
            management_kind=ManagementKind.COMPANY_OWNED_WORK_PROFILE,
            build=PIXEL_7_A14,
            work_profile=WorkProfile(),
            credential=Credential("159753"),
            apps=TWO_SIDES,
            euiccs=(Euicc(ports=2),),
            reboot_seconds=30.0,
        ),
    ),
    Profile(
        name="pixel9-a16qpr2-cope",
        summary="Company-owned with a work profile on Android 16 QPR2: adds eSIMs and refuses to remove them.",
        account_identifier="dana",
        model=VirtualDevice(
            profile="pixel9-a16qpr2-cope",
            serial="",
            imei=MADE,
            api_level=36,
            qpr=2,
            management_kind=ManagementKind.COMPANY_OWNED_WORK_PROFILE,
            build=PIXEL_9_A16,
            work_profile=WorkProfile(separate_lock=True, credential=Credential("work-2580")),
            credential=Credential("753159"),
            apps=TWO_SIDES,
            euiccs=(Euicc(ports=2),),
            reboot_seconds=25.0,
        ),
    ),
    Profile(
        name="galaxy-s25-a15-byod",
        summary="A personal phone with one lock for everything and its user's own eSIM: new ones need consent and are never activated.",
        account_identifier="eli",
        model=VirtualDevice(
            profile="galaxy-s25-a15-byod",
            serial="",
            imei=MADE,
            api_level=35,
            management_kind=ManagementKind.PERSONALLY_OWNED_WORK_PROFILE,
            build=GALAXY_S25_A15,
            work_profile=WorkProfile(),
            credential=Credential("864200"),
            apps=TWO_SIDES,
            euiccs=(Euicc(ports=2, profiles=(EsimProfile(active=True, carrier="Personal Mobile"),)),),
            reboot_seconds=35.0,
        ),
    ),
    Profile(
        name="galaxy-s9-a10-cope",
        summary="Company-owned with a work profile that has its own lock, on Android 10: LOCK still locks the whole device.",
        account_identifier="fay",
        model=VirtualDevice(
            profile="galaxy-s9-a10-cope",
            serial="",
            imei=MADE,
            api_level=29,
            management_kind=ManagementKind.COMPANY_OWNED_WORK_PROFILE,
            build=GALAXY_S9_A10,
            work_profile=WorkProfile(separate_lock=True, credential=Credential("work9876")),
            credential=Credential("1357"),
            apps=TWO_SIDES,
            external_storage_bytes=5 * GIB,
            reboot_seconds=40.0,
        ),
    ),
    Profile(
        name="moto-g5-a8-fully-managed",
        summary="Android 8.0: CLEAR_APP_DATA answers API_LEVEL for each app, no lost mode, the reset token waits until the user unlocks.",
        account_identifier="gil",
        model=VirtualDevice(
            profile="moto-g5-a8-fully-managed",
            serial="",
            imei=MADE,
            api_level=26,
            management_kind=ManagementKind.FULLY_MANAGED,
            build=MOTO_G5_A8,
            credential=Credential("2580"),
            reset_token=ResetToken.PENDING,
            apps=FULLY_MANAGED_APPS,
            external_storage_bytes=2 * GIB,
            reboot_seconds=55.0,
        ),
    ),
    Profile(
        name="legacy-a7-fully-managed",
        summary="Android 7.0: reboots, and resets its password in the old way, without a token.",
        account_identifier="hal",
        model=VirtualDevice(
            profile="legacy-a7-fully-managed",
            serial="",
            imei=MADE,
            meid=MADE,
            api_level=24,
            management_kind=ManagementKind.FULLY_MANAGED,
            build=NEXUS_5X_A7,
            credential=Credential("1379"),
            reset_token=ResetToken.NONE,
            apps=FULLY_MANAGED_APPS,
            reboot_seconds=60.0,
        ),
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _ALL})
"""Every profile by its name, which is also its phone's device id in a sandbox."""


def profile_named(name: str) -> Profile:
    """The profile of this name.

    Raises: InvalidArgument, with the names there are.
    """
    found = PROFILES.get(name)
    if found is not None:
        return found
    near = difflib.get_close_matches(name[:64], PROFILES, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    raise InvalidArgument(f"No such profile.{hint} The profiles are: {', '.join(PROFILES)}.")
