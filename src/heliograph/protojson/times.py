"""Durations and times: their proto3 JSON text and integers, without datetime and its limits.

Source: google.protobuf.Duration, google.protobuf.Timestamp; RFC 3339; error texts from protobuf's protostream_objectwriter.cc.
"""

import functools
import re
from datetime import date

NS_PER_S = 1_000_000_000
US_PER_S = 1_000_000
MS_PER_S = 1_000
S_PER_DAY = 86_400

DURATION_MAX_S = 315_576_000_000  # google.protobuf.Duration: 10,000 years of 365.25 days

_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
_FIRST_S = (1 - _EPOCH_ORDINAL) * S_PER_DAY
_END_S = (3_652_060 - _EPOCH_ORDINAL) * S_PER_DAY  # 10000-01-01T00:00:00Z
_TWO_DIGITS = tuple(f"{number:02d}" for number in range(60))
"""Looked up in half the time that formatting takes: a page of ten operations has thirty of these."""
_FIRST_TEXT = "0001-01-01T00:00:00Z"
_LAST_TEXT = "9999-12-31T23:59:59.999999999Z"

# Both patterns are exact: they let through what the parsers below read, no more and no less.
DURATION_PATTERN = (
    r"^-?(?:(?:[0-9]{1,11}|[0-2][0-9]{11}|30[0-9]{10}|31[0-4][0-9]{9}|315[0-4][0-9]{8}|3155[0-6][0-9]{7}|31557[0-5][0-9]{6})"
    r"(?:\.[0-9]{1,9})?|315576000000(?:\.0{1,9})?)s\Z"
)
TIMESTAMP_PATTERN = (
    # The years 0001 to 9999; no offset may lead out of them, so on their first and last day none that could is taken.
    r"^(?!0000)(?!0001-01-01T[^+]*\+(?!00:00))(?!9999-12-31T[^-]*-(?!00:00))"
    r"(?:[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])\Z"
)

TIMESTAMP_IN_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
"""A time in a sentence of this server's."""

_SECONDS = re.compile(r"-?[0-9]+\Z")
_SECONDS_DIGITS = 12  # no Duration has more
_PLAIN_DURATION = re.compile(r"([1-9][0-9]{0,10})s")  # as nearly everyone writes it; as many digits are in range, whichever they are
_FRACTION = re.compile(r"[0-9]{1,9}\Z")
_TIMESTAMP = re.compile(TIMESTAMP_PATTERN)


class IllegalDuration(ValueError):
    """Illegal duration format; duration must end with 's'"""  # noqa: D415 - Google's text


class IllegalTimestamp(ValueError):
    """Invalid time format"""  # noqa: D415 - Google's text


def parse_duration_ns(text: str) -> int:
    """Nanoseconds in a Duration's text, as in "3.5s"; any sign, up to nine digits of fraction.

    Stricter than Python's json_format, which lets " 1s", "+1s", "5.s" and a tenth digit through.

    Raises: IllegalDuration with Google's words.
    """
    return read_duration(text)[0]


def read_duration(text: str) -> tuple[int, str]:
    """As `parse_duration_ns`, and the same Duration's canonical text."""
    if (plain := _PLAIN_DURATION.fullmatch(text)) is not None:
        return int(plain[1]) * NS_PER_S, text
    ns = _unusual_duration_ns(text)
    return ns, format_duration(ns)


def _unusual_duration_ns(text: str) -> int:
    if not text.endswith("s"):
        raise IllegalDuration("Illegal duration format; duration must end with 's'")
    seconds, point, fraction = text[:-1].partition(".")
    if not _SECONDS.match(seconds):
        raise IllegalDuration("Invalid duration format, failed to parse seconds")
    if point and not _FRACTION.match(fraction):
        raise IllegalDuration("Invalid duration format, failed to parse nano seconds")
    whole = seconds.removeprefix("-")
    ns = int(whole[: _SECONDS_DIGITS + 1]) * NS_PER_S + int(fraction.ljust(9, "0"))
    if len(whole) > _SECONDS_DIGITS or ns > DURATION_MAX_S * NS_PER_S:
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
    if not _TIMESTAMP.match(text):
        raise IllegalTimestamp(f"Invalid time format: {text[:64]}")
    days = date(int(text[:4]), int(text[5:7]), int(text[8:10])).toordinal() - _EPOCH_ORDINAL
    seconds = days * S_PER_DAY + int(text[11:13]) * 3_600 + int(text[14:16]) * 60 + int(text[17:19])
    end = -1 if text.endswith("Z") else -6
    if end != -1:
        offset_s = int(text[-5:-3]) * 3_600 + int(text[-2:]) * 60
        seconds += offset_s if text[end] == "-" else -offset_s
    return seconds * NS_PER_S + int(text[20:end].ljust(9, "0"))


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


def format_timestamp_ms(ms: int) -> str:
    """As `format_timestamp`, of a time in milliseconds: that of every operation."""
    seconds, millis = divmod(ms, MS_PER_S)
    if millis and _FIRST_S <= seconds < _END_S:
        return f"{_second_text(seconds)}.{millis:03d}Z"
    return format_timestamp(ms * 1_000)


@functools.lru_cache(maxsize=1_024)
def _second_text(seconds: int) -> str:
    """Date and time to the second.  Cached: what is issued now is shown now, and a page of operations has few seconds."""
    days, of_day = divmod(seconds, S_PER_DAY)
    minutes, second = divmod(of_day, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day_text(days)}T{_TWO_DIGITS[hour]}:{_TWO_DIGITS[minute]}:{_TWO_DIGITS[second]}"


@functools.lru_cache(maxsize=64)
def _day_text(days: int) -> str:
    return date.fromordinal(days + _EPOCH_ORDINAL).isoformat()
