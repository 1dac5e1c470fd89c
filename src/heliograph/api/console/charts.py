"""Charts as the server draws them: numbers become rectangles here, templates write them as SVG, and each has a table beside it.

Heights and places are parts of 100 and 1,000; the browser stretches them to the room there is. No style is inline, so the policy of pages
needs no exception.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

HEIGHT: Final = 100.0
COLUMN: Final = 10.0
GAP: Final = 1.5


class Box(NamedTuple):
    """A rectangle; `kind` is its class in the style sheet."""

    kind: str
    x: float
    y: float
    width: float
    height: float


class Chart(NamedTuple):
    """Columns of stacked boxes, and the same as a table."""

    title: str
    description: str
    """What it shows, in a sentence, for those who do not see it."""
    kinds: Sequence[str]
    """In the legend's order; the first stands at the bottom."""
    boxes: Sequence[Box]
    width: float
    top: int
    """The number that the highest column stands for."""
    ticks: Sequence[str]
    """Labels below, each in as much room as the others."""
    rows: Sequence[tuple[str, Sequence[int]]]
    """Of the table: a label, and a number of each kind."""


def column_chart(
    title: str, description: str, series: Mapping[str, Sequence[int]], *, labels: Sequence[str], ticks: Sequence[str]
) -> Chart:
    """A column for each label; `series`: by kind, a number for each label."""
    rows = [(label, [numbers[place] for numbers in series.values()]) for place, label in enumerate(labels)]
    top = max((sum(numbers) for _, numbers in rows), default=0)
    boxes: list[Box] = []
    for place, (_, numbers) in enumerate(rows):
        y = HEIGHT
        for kind, number in zip(series, numbers, strict=True):
            height = HEIGHT * number / top if top else 0.0
            if number:
                y -= height
                boxes.append(Box(kind, place * COLUMN + GAP / 2, round(y, 2), COLUMN - GAP, round(height, 2)))
    return Chart(title, description, list(series), boxes, len(labels) * COLUMN, top, ticks, rows)
