"""A device's commands as bars on one time axis: how long each waited, travelled and ran."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from heliograph.api.console.charts import Box
from heliograph.api.console.shown import moment, span
from heliograph.domain.operation import Operation, TimelineEntry

AXIS: Final = 1_000.0
THIN: Final = 4.0
"""The narrowest bar that is seen."""
HIGH: Final = 10.0
WAITING, DELIVERED, EXECUTING = "waiting", "delivered", "executing"
PHASES: Final = (WAITING, DELIVERED, EXECUTING)


class Bar(NamedTuple):
    """One command."""

    operation: Operation
    boxes: Sequence[Box]
    text: str
    """The same in words."""


class Bars(NamedTuple):
    """The commands, oldest first, and the ends of the axis."""

    bars: Sequence[Bar]
    begin: str
    end: str


def bars_of(commands: Sequence[tuple[Operation, TimelineEntry | None]], *, now_us: int) -> Bars:
    """The bars of these; with each, its offers that stand only in memory."""
    begin_us = min((operation.create_ms * 1_000 for operation, _ in commands), default=now_us)
    end_us = max((operation.ended_us or now_us for operation, _ in commands), default=now_us)
    scale = AXIS / max(end_us - begin_us, 1)
    ordered = sorted(commands, key=lambda one: one[0].create_ms)
    return Bars([_bar(operation, live, begin_us, now_us, scale) for operation, live in ordered], moment(begin_us), moment(end_us))


def _bar(operation: Operation, live: TimelineEntry | None, begin_us: int, now_us: int, scale: float) -> Bar:
    issued_us, until_us = operation.create_ms * 1_000, operation.ended_us or now_us
    entries = [*operation.timeline, *([live] if live else [])]
    offered_us = min((entry.at_us for entry in entries if entry.what == "offered"), default=operation.acked_us or until_us)
    acked_us = operation.acked_us or until_us
    starts = (issued_us, min(offered_us, acked_us), acked_us, until_us)
    boxes, said = [], [f"issued {moment(issued_us)}"]
    for phase, from_us, to_us in zip(PHASES, starts, starts[1:], strict=False):
        if to_us > from_us:
            x = min((from_us - begin_us) * scale, AXIS - THIN)
            boxes.append(Box(phase, round(x, 1), 0.0, round(max((to_us - from_us) * scale, THIN), 1), HIGH))
            said.append(f"{phase} for {span(to_us - from_us)}")
    return Bar(operation, boxes, f"{operation.type} {', '.join(said)}")
