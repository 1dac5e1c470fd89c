"""Phones that differ from their profile in some facts, as someone who tests wants them.

The facts are given in JSON, by the names below in camelCase: `{"apiLevel": 34, "euiccPorts": 1}`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from heliograph.agent.profile import Answering, ConsentHabit, Profile
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import EsimProfile, Euicc
from heliograph.domain.phone.numbers import is_eid, is_icc_id, is_imei, is_meid
from heliograph.domain.phone.virtual_device import App, VirtualDevice, WorkProfile
from heliograph.domain.policy import PASSWORD_MIN_LENGTH
from heliograph.domain.user_facing_message import is_language_tag
from heliograph.protojson.errors import InvalidArgument, Violation, Violations
from heliograph.protojson.messages import Duration, Int32, Int64, Message, decode_message, encode_message, proto
from heliograph.protojson.times import NS_PER_S, parse_duration_ns

ANDROID_VERSIONS: Mapping[int, str] = {
    23: "6.0.1",
    24: "7.0",
    25: "7.1.1",
    26: "8.0.0",
    27: "8.1.0",
    28: "9",
    29: "10",
    30: "11",
    31: "12",
    32: "12",
    33: "13",
    34: "14",
    35: "15",
    36: "16",
    37: "17",
}
"""The API levels that a virtual phone can have, and what the system calls itself."""

QPR_MAX = 3
CHIPS_MAX = 4
PORTS_MAX = 8
CAPACITY_MAX = 64
PERCENT = 100
REBOOT_MAX_S = 3600


@proto("OwnEsim")
class OwnEsim(Message):
    """An eSIM that the phone's user added: no enterprise manages it."""

    icc_id: str = ""
    """Absent: one of its own."""
    carrier: str = ""
    active: bool = False
    chip: Int32 = 0
    """The number of the eSIM chip that it is on; 0: the default one."""


@proto("Overrides")
class Overrides(Message):
    """Facts in which a phone differs from its profile; absent ones are as in the profile."""

    serial_number: str = ""
    """IMEI, MEID, EIDs and the like follow from it: two phones with one serial number are one phone, set up twice."""
    imei: str = ""
    """Gives telephony to a phone without."""
    meid: str = ""
    enterprise_specific_id: str = ""
    brand: str = ""
    model: str = ""
    android_version: str = ""
    language: str = ""
    """BCP 47, as in "fr-CA": in which its user is shown messages."""
    api_level: Int32 | None = None
    """With it alone, the Android version follows."""
    qpr: Int32 | None = None
    setup_in_progress: bool | None = None
    ongoing_call: bool | None = None
    battery_percent: Int32 | None = None
    reboot_duration: Duration | None = None
    download_duration: Duration | None = None
    """How long ADD_ESIM stays IN_PROGRESS."""
    external_storage_bytes: Int64 | None = None
    device_password: str | None = None
    """"" is no password; the same for the work profile."""
    work_profile_password: str | None = None
    """Implies its own lock unless it is empty."""
    separate_work_lock: bool | None = None
    work_profile_paused: bool | None = None
    additional_packages: tuple[str, ...] = ()
    """Apps on the side that the admin manages."""
    euicc: bool | None = None
    """false removes the eSIM chip, true gives one to a phone without."""
    euicc_chips: Int32 | None = None
    """How many eSIM chips it has."""
    eids: tuple[str, ...] = ()
    """Of its chips, in their order."""
    esims: tuple[OwnEsim, ...] = ()
    """What its user added, in place of what the profile has."""
    confirm_esim_removal: bool | None = None
    """Whether it asks its user before REMOVE_ESIM removes one."""
    euicc_ports: Int32 | None = None
    euicc_capacity: Int32 | None = None
    carrier_lock: str | None = None
    consent: str = ""
    """APPROVE, DECLINE or IGNORE."""
    consent_delay: Duration | None = None

    def __repr__(self) -> str:
        """Which facts, not their values: a password may be among them."""
        return f"Overrides({', '.join(sorted(self.set_fields()))})"

    def set_fields(self) -> frozenset[str]:
        """The names of the facts that are set."""
        fields = msgspec.structs.fields(self)
        return frozenset(field.name for field in fields if getattr(self, field.name) != field.default)


def facts_of(overrides: Overrides | None) -> dict[str, Any]:
    """The facts as `with_overrides` takes them."""
    facts: dict[str, Any] = msgspec.json.decode(encode_message(overrides)) if overrides is not None else {}
    return facts


def with_overrides(profile: Profile, facts: Mapping[str, Any]) -> Profile:
    """The profile with these facts in place of its own; without any, the profile itself.

    Raises: InvalidArgument, with everything wrong with the facts.
    """
    if not facts:
        return profile
    overrides = decode_message(Overrides, dict(facts), root="overrides")
    violations = Violations(_violations(profile.model, overrides))
    if violations:
        raise InvalidArgument(violations=violations)
    return msgspec.structs.replace(
        profile,
        model=_overridden(profile.model, overrides),
        consent=_consent(profile.consent, overrides),
        reboot_seconds=_seconds(overrides.reboot_duration) if overrides.reboot_duration else profile.reboot_seconds,
        download_seconds=_seconds(overrides.download_duration) if overrides.download_duration else profile.download_seconds,
    )


def _violations(model: VirtualDevice, given: Overrides) -> Iterator[Violation]:
    yield from _out_of_range(given)
    yield from _not_for_this_phone(model, given)
    if given.work_profile_password and given.separate_work_lock is False:
        yield Violation("overrides.work_profile_password", "A work profile without its own lock has no password of its own.")
    for name in ("device_password", "work_profile_password"):
        if 0 < len(getattr(given, name) or "") < PASSWORD_MIN_LENGTH:
            yield Violation(
                f"overrides.{name}", f"A password has at least {PASSWORD_MIN_LENGTH} characters; an empty one means no password."
            )
    if given.language and not is_language_tag(given.language):
        yield Violation("overrides.language", 'language must be a BCP 47 language tag, as in "fr" or "en-GB".')
    for name, (is_right, form) in _NUMBERS.items():
        if (number := getattr(given, name)) and not is_right(number):
            yield Violation(f"overrides.{name}", f"{name} must be {form}.")
    for index, package in enumerate(given.additional_packages):
        if not package.strip():
            yield Violation(f"overrides.additional_packages[{index}]", "A package name must not be blank.")
    if given.consent and given.consent not in {answering.value for answering in Answering}:
        known = ", ".join(answering.value for answering in Answering)
        yield Violation("overrides.consent", f"The user's answer must be one of: {known}.")


_NUMBERS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "imei": (is_imei, '15 digits, the last a right check digit, as in "004400000000004"'),
    "meid": (is_meid, '14 hexadecimal digits in upper case, as in "A00000292788E1"'),
}
"""What a number must be like."""


def _not_for_this_phone(model: VirtualDevice, given: Overrides) -> Iterator[Violation]:
    if model.work_profile is None:
        for name in sorted(given.set_fields() & {"work_profile_password", "separate_work_lock", "work_profile_paused"}):
            yield Violation(f"overrides.{name}", f"Phones of the profile {model.profile} have no work profile.")
    yield from _not_for_its_chips(model, given)


def _not_for_its_chips(model: VirtualDevice, given: Overrides) -> Iterator[Violation]:
    chips = _chips(model, given)
    if given.euicc is not None and given.euicc_chips not in {None, len(model.euiccs) or 1 if given.euicc else 0}:
        yield Violation("overrides.euicc_chips", "euicc and euiccChips contradict each other: one of them is enough.")
    if not chips:
        for name in sorted(given.set_fields() & {"euicc_ports", "euicc_capacity", "carrier_lock", "eids", "esims"}):
            yield Violation(f"overrides.{name}", 'The phone has no eSIM chip: give it one with "euicc": true.')
        return
    if len(given.eids) > len(chips):
        yield Violation("overrides.eids", f"The phone has {len(chips)} eSIM chips: say how many with euiccChips.")
    for index, eid in enumerate(given.eids):
        if not is_eid(eid):
            yield Violation(f"overrides.eids[{index}]", "An EID has 32 digits and leaves 1 when divided by 97.")
    for index, esim in enumerate(given.esims):
        if objection := _objection(esim, given.esims[:index], chips):
            yield Violation(f"overrides.esims[{index}]", objection)


def _objection(esim: OwnEsim, before: tuple[OwnEsim, ...], chips: tuple[Euicc, ...]) -> str:
    """Why a phone with these chips, which has those before it, cannot have this eSIM; or ""."""
    if not 0 <= esim.chip < len(chips):
        return f"chip must be from 0 to {len(chips) - 1}."
    if esim.icc_id and not is_icc_id(esim.icc_id):
        return "An ICC ID has 18 to 20 digits."
    if esim.icc_id and esim.icc_id in {other.icc_id for other in before}:
        return "The phone has an eSIM with this ICC ID already."
    chip, there = chips[esim.chip], [other for other in before if other.chip == esim.chip]
    if len(there) >= chip.capacity:
        return f"The chip holds {chip.capacity} eSIMs."
    if esim.active and sum(other.active for other in there) >= chip.ports:
        return f"The chip has {chip.ports} ports: no more of its eSIMs can be active."
    return ""


def _out_of_range(given: Overrides) -> Iterator[Violation]:
    ranges = {
        "api_level": (min(ANDROID_VERSIONS), max(ANDROID_VERSIONS)),
        "qpr": (0, QPR_MAX),
        "battery_percent": (0, PERCENT),
        "external_storage_bytes": (0, 2**50),
        "euicc_chips": (0, CHIPS_MAX),
        "euicc_ports": (1, PORTS_MAX),
        "euicc_capacity": (0, CAPACITY_MAX),
    }
    for name, (least, most) in ranges.items():
        value = getattr(given, name)
        if value is not None and not least <= value <= most:
            yield Violation(f"overrides.{name}", f"{name} must be from {least} to {most}.")
    for name in ("reboot_duration", "download_duration", "consent_delay"):
        text = getattr(given, name)
        if text and not 0 <= parse_duration_ns(text) <= REBOOT_MAX_S * NS_PER_S:
            yield Violation(f"overrides.{name}", f"{name} must be from 0s to {REBOOT_MAX_S}s.")


def _overridden(model: VirtualDevice, given: Overrides) -> VirtualDevice:
    changes: dict[str, object] = {
        name: value
        for name in ("api_level", "qpr", "setup_in_progress", "ongoing_call", "battery_percent", "confirm_esim_removal")
        if (value := getattr(given, name)) is not None
    }
    if given.external_storage_bytes is not None:
        changes["external_storage_bytes"] = int(given.external_storage_bytes)
    if given.device_password is not None:
        changes["credential"] = _credential(given.device_password)
    own = {app.package for app in model.apps if app.scope is model.managed_scope}
    added = dict.fromkeys(package for package in given.additional_packages if package not in own)
    return msgspec.structs.replace(
        model,
        serial=given.serial_number or model.serial,
        imei=given.imei or model.imei,
        meid=given.meid or model.meid,
        enterprise_specific_id=given.enterprise_specific_id or model.enterprise_specific_id,
        build=msgspec.structs.replace(model.build, **_build_changes(given)),
        work_profile=_work_profile(model, given),
        apps=(*model.apps, *(App(package=package, scope=model.managed_scope) for package in added)),
        euiccs=_chips(model, given),
        **changes,
    )


def _build_changes(given: Overrides) -> dict[str, str]:
    changes = {name: value for name in ("brand", "model", "android_version") if (value := getattr(given, name))}
    if given.language:
        changes["primary_language_code"] = given.language
    if given.api_level is not None and not given.android_version:
        changes["android_version"] = ANDROID_VERSIONS[given.api_level]
    return changes


def _work_profile(model: VirtualDevice, given: Overrides) -> WorkProfile | None:
    profile = model.work_profile
    if profile is None:
        return None
    credential = profile.credential
    if given.work_profile_password is not None:
        credential = _credential(given.work_profile_password)
    separate = given.separate_work_lock
    if separate is None:
        separate = profile.separate_lock or credential is not None
    return msgspec.structs.replace(
        profile,
        separate_lock=separate,
        credential=credential if separate else None,
        paused=profile.paused if given.work_profile_paused is None else given.work_profile_paused,
    )


def _chips(model: VirtualDevice, given: Overrides) -> tuple[Euicc, ...]:
    """The phone's eSIM chips: further ones are like its first, or like any."""
    count = len(model.euiccs) if given.euicc_chips is None else given.euicc_chips
    if given.euicc is not None and given.euicc_chips is None:
        count = max(count, 1) if given.euicc else 0
    count = min(max(count, 0), CHIPS_MAX)
    like = msgspec.structs.replace(model.euicc or Euicc(), eid="", profiles=())
    chips = (*model.euiccs, *([like] * CHIPS_MAX))[:count]
    return tuple(_chip(number, chip, given) for number, chip in enumerate(chips))


def _chip(number: int, chip: Euicc, given: Overrides) -> Euicc:
    facts = {"ports": given.euicc_ports, "capacity": given.euicc_capacity, "carrier_lock": given.carrier_lock}
    changes: dict[str, object] = {name: value for name, value in facts.items() if value is not None}
    if given.eids[number:]:
        changes["eid"] = given.eids[number]
    if given.esims:
        changes["profiles"] = tuple(
            EsimProfile(icc_id=esim.icc_id, active=esim.active, carrier=esim.carrier) for esim in given.esims if esim.chip == number
        )
    return msgspec.structs.replace(chip, **changes)


def _consent(habit: ConsentHabit, given: Overrides) -> ConsentHabit:
    return ConsentHabit(
        answering=Answering(given.consent) if given.consent else habit.answering,
        after_seconds=_seconds(given.consent_delay) if given.consent_delay else habit.after_seconds,
    )


def _credential(password: str) -> Credential | None:
    return Credential(password) if password else None


def _seconds(duration: str) -> float:
    return parse_duration_ns(duration) / NS_PER_S
