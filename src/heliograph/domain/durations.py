"""Durations as people write them, 10m, and as AMAPI has them, 600s."""

import re
from typing import Final

SECONDS_IN: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WRITTEN: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)([smhdw]?)", re.ASCII)


def written_duration(text: str) -> str | None:
    """AMAPI's text of 90s, 10m, 2h, 7d or 1w; a number alone is seconds. None: it is none of these."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    number, unit = found.groups()
    if unit in {"", "s"}:
        return f"{number}s"
    return f"{float(number) * SECONDS_IN[unit]:.9f}".rstrip("0").rstrip(".") + "s"
