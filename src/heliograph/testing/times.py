"""Times and durations as tests write them, and as the sandbox does."""

from datetime import UTC, datetime, timedelta

Seconds = float | timedelta
"""A duration: seconds, or a timedelta."""
_PER_DAY, _PER_HOUR, _PER_MINUTE = 86_400, 3_600, 60


def duration(given: Seconds | str) -> str:
    """In proto3 JSON's form; a text is in it already."""
    if isinstance(given, str):
        return given
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def timestamp(given: datetime | str) -> str:
    """In RFC 3339's form; a datetime without a zone is UTC's."""
    if isinstance(given, str):
        return given
    zoned = given if given.tzinfo else given.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The time that the sandbox wrote, in UTC."""
    whole, _point, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole).replace(tzinfo=UTC, microsecond=int(fraction.ljust(6, "0")[:6] or 0))


def spoken(span: timedelta) -> str:
    """As people say it: `3 s`, `9 min 57 s`, `2 h`, `30 d`."""
    seconds = span.total_seconds()
    if seconds < _PER_MINUTE:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    parts = (
        (whole // _PER_DAY, "d"),
        (whole % _PER_DAY // _PER_HOUR, "h"),
        (whole % _PER_HOUR // _PER_MINUTE, "min"),
        (whole % _PER_MINUTE, "s"),
    )
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
