"""Profiles of virtual phones: a model phone, and the habits of its user.

Source: android.md §6.
"""

import enum

import msgspec

from heliograph.domain.device import AllowPersonalUsage, ManagementKind
from heliograph.domain.phone.euicc import Euicc
from heliograph.domain.phone.numbers import eid_of, enterprise_specific_id, imei_of, meid_of, own_icc_id, wifi_mac_address_of
from heliograph.domain.phone.virtual_device import VirtualDevice

US_PER_S = 1_000_000

MADE = "made"
"""Stands in a model for an IMEI or a MEID that each phone gets from its serial number; "" is a phone without one."""


class Answering(enum.Enum):
    """What the user does when the phone asks for consent or a confirmation code."""

    APPROVE = "APPROVE"
    DECLINE = "DECLINE"
    IGNORE = "IGNORE"


class ConsentHabit(msgspec.Struct, frozen=True, kw_only=True):
    """How the user answers, and after how long; who ignores never answers."""

    answering: Answering = Answering.APPROVE
    after_seconds: float = 1.0


class OfflineWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A time without network that comes again: `lasts_seconds` from `starts_seconds` on in every period."""

    period_seconds: int
    starts_seconds: int
    lasts_seconds: int

    def covers(self, now_us: int) -> bool:
        """Whether the phone is out of reach at this time."""
        return 0 <= (now_us // US_PER_S - self.starts_seconds) % self.period_seconds < self.lasts_seconds


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of phone. `model` is one such phone; a number that it lacks, each phone of this kind gets from its serial number."""

    name: str
    summary: str
    """What it is useful for in a test, in one sentence."""
    model: VirtualDevice
    account_identifier: str = ""
    """Who uses it, for the enrollment token's `user`; empty on dedicated devices, which have no user."""
    consent: ConsentHabit = ConsentHabit()
    reboot_seconds: float | None = None
    """How long a restart takes, whatever the runner's pace; None: as it has it."""
    download_seconds: float | None = None
    """The same of the download of an eSIM."""
    offline_windows: tuple[OfflineWindow, ...] = ()
    """When it is offline by itself. The phone's runner decides whether this applies: `fleet` does so, a sandbox need not."""

    @property
    def allow_personal_usage(self) -> AllowPersonalUsage:
        """What the enrollment token of such a phone must say."""
        if self.model.management_kind is not ManagementKind.FULLY_MANAGED:
            return AllowPersonalUsage.PERSONAL_USAGE_ALLOWED
        if not self.account_identifier:
            return AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED_USERLESS
        return AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED

    def online(self, now_us: int) -> bool:
        """Whether the phone is in reach at this time, as its offline windows have it."""
        return not any(window.covers(now_us) for window in self.offline_windows)

    def phone(self, serial: str, *, enterprise: str = "") -> VirtualDevice:
        """The phone of this kind with this serial number, unless the model has one; managed by this enterprise ("": not known yet).

        The same serial number gives the same phone: its other numbers are made from it, but for those that the model has.
        """
        model = self.model
        serial = model.serial or serial
        imei = imei_of(serial) if model.imei == MADE else model.imei
        meid = meid_of(serial) if model.meid == MADE else model.meid
        mac = model.wifi_mac_address or wifi_mac_address_of(serial)
        return msgspec.structs.replace(
            model,
            profile=self.name,
            serial=serial,
            imei=imei,
            meid=meid,
            wifi_mac_address=mac,
            enterprise_specific_id=model.enterprise_specific_id
            or enterprise_specific_id(serial=serial, imei=imei, meid=meid, mac=mac, enterprise=enterprise),
            euiccs=tuple(_chip(chip, chip.eid or eid_of(serial, number)) for number, chip in enumerate(model.euiccs)),
        )


def _chip(chip: Euicc, eid: str) -> Euicc:
    """The chip with this EID, and eSIMs that only it has."""
    esims = enumerate(chip.profiles, start=1)
    return msgspec.structs.replace(
        chip,
        eid=eid,
        profiles=tuple(msgspec.structs.replace(esim, icc_id=esim.icc_id or own_icc_id(number, eid)) for number, esim in esims),
    )
