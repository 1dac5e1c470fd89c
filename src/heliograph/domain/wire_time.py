"""Durations and times: their proto3 JSON text and integers, without datetime and its limits.

Source: google.protobuf.Duration, google.protobuf.Timestamp; RFC 3339; error texts from protobuf's protostream_objectwriter.cc.
"""

import functools
import re
from datetime import date

NS_PER_S = 1_000_000_000
US_PER_S = 1_000_000
S_PER_DAY = 86_400

DURATION_MAX_S = 315_576_000_000  # google.protobuf.Duration: 10,000 years of 365.25 days

_SANE_CHARS = 18  # a longer number of seconds is past every limit; int() of a megabyte of digits is slow

_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
_FIRST_S = (1 - _EPOCH_ORDINAL) * S_PER_DAY
_END_S = (3_652_060 - _EPOCH_ORDINAL) * S_PER_DAY  # 10000-01-01T00:00:00Z
_FIRST_TEXT = "0001-01-01T00:00:00Z"
_LAST_TEXT = "9999-12-31T23:59:59.999999999Z"

_SECONDS = re.compile(r"-?[0-9]+\Z")
_FRACTION = re.compile(r"[0-9]{1,9}\Z")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))\Z"
)


class IllegalDuration(ValueError):
    """Illegal duration format; duration must end with 's'"""  # noqa: D415 - Google's text


class IllegalTimestamp(ValueError):
    """Invalid time format"""  # noqa: D415 - Google's text


def parse_duration_ns(text: str) -> int:
    """Nanoseconds in a Duration's text, as in "3.5s"; any sign, up to nine digits of fraction.

    Stricter than Python's json_format, which lets " 1s", "+1s", "5.s" and a tenth digit through.

    Raises: IllegalDuration with Google's words.
    """
    if not text.endswith("s"):
        raise IllegalDuration("Illegal duration format; duration must end with 's'")
    seconds, point, fraction = text[:-1].partition(".")
    if not _SECONDS.match(seconds):
        raise IllegalDuration("Invalid duration format, failed to parse seconds")
    if point and not _FRACTION.match(fraction):
        raise IllegalDuration("Invalid duration format, failed to parse nano seconds")
    whole = abs(int(seconds)) if len(seconds) <= _SANE_CHARS else DURATION_MAX_S + 1
    ns = whole * NS_PER_S + int(fraction.ljust(9, "0"))
    if ns > DURATION_MAX_S * NS_PER_S:
        raise IllegalDuration("Duration value exceeds limits")
    return -ns if seconds.startswith("-") else ns


def format_duration(ns: int) -> str:
    """The canonical text of a Duration: 0, 3, 6 or 9 digits of fraction, as in "600s" and "3.500s"."""
    seconds, nanos = divmod(abs(ns), NS_PER_S)
    sign = "-" if ns < 0 else ""
    if not nanos:
        return f"{sign}{seconds}s"
    if not nanos % 1_000_000:
        return f"{sign}{seconds}.{nanos // 1_000_000:03d}s"
    if not nanos % 1_000:
        return f"{sign}{seconds}.{nanos // 1_000:06d}s"
    return f"{sign}{seconds}.{nanos:09d}s"


def parse_timestamp_us(text: str) -> int:
    """Microseconds since 1970 in an RFC 3339 time with any offset; digits beyond microseconds are cut off (towards the past).

    Raises: IllegalTimestamp: not of that form, no such day, a 60th second, or outside the years 0001 to 9999.
    """
    return parse_timestamp_ns(text) // 1_000


def parse_timestamp_ns(text: str) -> int:
    """Nanoseconds since 1970, exactly; otherwise as `parse_timestamp_us`."""
    match = _TIMESTAMP.match(text)
    if match is None:
        raise IllegalTimestamp(f"Invalid time format: {text[:64]}")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    offset_s = int(offset_hours or 0) * 3_600 + int(offset_minutes or 0) * 60
    try:
        days = date(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise IllegalTimestamp(f"Invalid time format: {text}") from None
    seconds = days * S_PER_DAY + hour * 3_600 + minute * 60 + second - (-offset_s if sign == "-" else offset_s)
    if not _FIRST_S <= seconds < _END_S:
        raise IllegalTimestamp(f"Invalid time format: {text}")
    return seconds * NS_PER_S + int((fraction or "").ljust(9, "0"))


def format_timestamp(us: int) -> str:
    """The canonical text of a time given in microseconds since 1970: UTC with "Z", 0, 3 or 6 digits of fraction.

    Times past the year 9999 (an expiry 10,000 years ahead) become its last nanosecond, times before the year 1 its first second:
    a Timestamp can say no other.
    """
    seconds, micros = divmod(us, US_PER_S)
    if not _FIRST_S <= seconds < _END_S:
        return _LAST_TEXT if us > 0 else _FIRST_TEXT
    if not micros:
        return _second_text(seconds) + "Z"
    if micros % 1_000:
        return f"{_second_text(seconds)}.{micros:06d}Z"
    return f"{_second_text(seconds)}.{micros // 1_000:03d}Z"


@functools.lru_cache(maxsize=1024)
def _second_text(seconds: int) -> str:
    """Date and time to the second.  Cached, for the operations of one moment share it."""
    days, of_day = divmod(seconds, S_PER_DAY)
    minutes, second = divmod(of_day, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day_text(days)}T{hour:02d}:{minute:02d}:{second:02d}"


@functools.lru_cache(maxsize=64)
def _day_text(days: int) -> str:
    return date.fromordinal(days + _EPOCH_ORDINAL).isoformat()
