"""Durations as people write them, 10m, and as AMAPI has them, 600s."""

import re
from typing import Final

import click

SECONDS_IN: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WRITTEN: Final = re.compile(r"(\d+(?:\.\d{1,9})?)([smhdw]?)")


class DurationType(click.ParamType[str]):
    """90s, 10m, 2h, 7d or 1w; a number alone is seconds. The value is AMAPI's text: 600s."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises: click.BadParameter: not a duration."""
        found = _WRITTEN.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is not a duration: write one such as 90s, 10m, 2h, or 7d.", param, ctx)
        number, unit = found.groups()
        if unit in {"", "s"}:
            return f"{number}s"
        return f"{float(number) * SECONDS_IN[unit]:.9f}".rstrip("0").rstrip(".") + "s"


class SecondsType(click.ParamType[float]):
    """A duration as a number of seconds."""

    name = "duration"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raises: click.BadParameter: not a duration."""
        return value if isinstance(value, float) else float(DURATION.convert(str(value), param, ctx).removesuffix("s"))


DURATION: Final = DurationType()
SECONDS: Final = SecondsType()
METAVAR: Final = "DURATION"
