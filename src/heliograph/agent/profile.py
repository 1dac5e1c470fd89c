"""Profiles of virtual phones: a model phone, and the habits of its user.

Source: android.md §6; GSMA TS.06 (IMEI), SGP.02 §2.2.2 (EID).
"""

import enum
import hashlib

import msgspec

from heliograph.domain.device import AllowPersonalUsage, ManagementKind
from heliograph.domain.phone.sm_dp import luhn_digit
from heliograph.domain.phone.virtual_device import VirtualDevice

US_PER_S = 1_000_000

IMEI_TYPE_ALLOCATION = "00440000"  # 00: test equipment, so that no real phone is named
EID_ISSUER = "89990000"  # 89: telecommunication; 99…: no country's code
EID_DIGITS = 32


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
    """A kind of phone. `model` is one such phone without a serial number."""

    name: str
    summary: str
    """What it is useful for in a test, in one sentence."""
    model: VirtualDevice
    account_identifier: str = ""
    """Who uses it, for the enrollment token's `user`; empty on dedicated devices, which have no user."""
    consent: ConsentHabit = ConsentHabit()
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

    def phone(self, serial: str = "") -> VirtualDevice:
        """A phone of this kind with this serial number; without one, the sandbox's. The same serial gives the same phone."""
        serial = serial or self.model.serial or default_serial(self.name)
        chip = self.model.euicc
        return msgspec.structs.replace(
            self.model,
            profile=self.name,
            serial=serial,
            imei=imei_of(serial) if self.model.imei else "",
            euicc=None if chip is None else msgspec.structs.replace(chip, eid=eid_of(serial)),
        )


def default_serial(name: str) -> str:
    """The serial number of a sandbox's phone of this profile."""
    return f"HG{_digits(name, 10)}"


def imei_of(serial: str) -> str:
    """15 digits with a right check digit, always the same for one serial number."""
    digits = IMEI_TYPE_ALLOCATION + _digits(f"imei {serial}", 6)
    return digits + luhn_digit(digits)


def eid_of(serial: str) -> str:
    """32 digits, the last two chosen so that the whole is 1 modulo 97, always the same for one serial number."""
    digits = EID_ISSUER + _digits(f"eid {serial}", EID_DIGITS - 2 - len(EID_ISSUER))
    return f"{digits}{98 - int(digits) * 100 % 97:02d}"


def _digits(text: str, count: int) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return f"{number % 10**count:0{count}d}"
