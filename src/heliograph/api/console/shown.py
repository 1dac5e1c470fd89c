"""Times, management and JSON as people read them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from heliograph.domain.android_versions import ANDROID_VERSIONS
from heliograph.protojson.times import TIMESTAMP_IN_TEXT, format_timestamp, parse_timestamp_us

SECOND_US: Final = 1_000_000
UNITS: Final = (
    ("day", 86_400 * SECOND_US),
    ("hour", 3_600 * SECOND_US),
    ("minute", 60 * SECOND_US),
    ("second", SECOND_US),
    ("millisecond", SECOND_US // 1_000),
)
MANAGEMENT: Final[Mapping[tuple[str, str], str]] = {
    ("DEVICE_OWNER", "COMPANY_OWNED"): "fully managed",
    ("PROFILE_OWNER", "COMPANY_OWNED"): "work profile, company-owned",
    ("PROFILE_OWNER", "PERSONALLY_OWNED"): "work profile, personal",
}


def moment(at_us: int) -> str:
    """`2026-11-27 21:13:05`, in UTC, as every page says at its end; empty: never."""
    return format_timestamp(at_us)[:19].replace("T", " ") if at_us else ""


def moment_of(timestamp: str) -> str:
    """The same of a time as the API writes it."""
    return moment(us_of(timestamp))


def with_moments(text: str) -> str:
    """A sentence of the server's, its times as `moment` has them."""
    return TIMESTAMP_IN_TEXT.sub(lambda found: moment_of(found[0]), text)


def us_of(timestamp: str) -> int:
    """Microseconds since 1970; 0: an empty text."""
    return parse_timestamp_us(timestamp) if timestamp else 0


def span(length_us: int) -> str:
    """`3 minutes`: the largest unit alone; below a second, milliseconds."""
    name, unit_us = next((name, unit_us) for name, unit_us in UNITS if length_us >= unit_us or unit_us == UNITS[-1][1])
    number = max(length_us, 0) // unit_us
    return f"{number} {name}{'' if number == 1 else 's'}"


def ago(at_us: int, now_us: int) -> str:
    """`3 minutes ago`; empty: never."""
    if not at_us:
        return ""
    return "now" if now_us - at_us < SECOND_US else f"{span(now_us - at_us)} ago"


def json_shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    """The JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def android_of(device: Mapping[str, Any]) -> str:
    """`15 (API level 35)`: the version as the phone reports it, or else as its API level says; empty: neither is known."""
    level = device.get("apiLevel", 0)
    version = device.get("softwareInfo", {}).get("androidVersion", "") or ANDROID_VERSIONS.get(level, "")
    of_level = f"API level {level}" if level else ""
    return f"{version} ({of_level})" if version and of_level else version or of_level


def management_of(device: Mapping[str, Any]) -> str:
    """How a device that the API shows is managed, and whose it is; what the phone has not said is left out."""
    mode, ownership = device.get("managementMode", ""), device.get("ownership", "")
    return MANAGEMENT.get((mode, ownership)) or " ".join(filter(None, (mode, ownership)))
