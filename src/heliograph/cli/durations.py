"""Durations as people write them, 10m, and as AMAPI has them, 600s."""

from typing import Final

import click

from heliograph.domain.durations import written_duration


class DurationType(click.ParamType[str]):
    """90s, 10m, 2h, 7d or 1w; a number alone is seconds. The value is AMAPI's text: 600s."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises: click.BadParameter: not a duration."""
        found = written_duration(value)
        if found is None:
            self.fail(f"{value!r} is not a duration: write one such as 90s, 10m, 2h, or 7d.", param, ctx)
        return found


class SecondsType(click.ParamType[float]):
    """A duration as a number of seconds."""

    name = "duration"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raises: click.BadParameter: not a duration."""
        return value if isinstance(value, float) else float(DURATION.convert(str(value), param, ctx).removesuffix("s"))


DURATION: Final = DurationType()
SECONDS: Final = SecondsType()
METAVAR: Final = "DURATION"
