"""Line charts as SVG, small and readable in light and dark: no library draws them smaller."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 44, 60, 56
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Distinct for colour-blind readers too (Okabe and Ito)."""
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.axis { stroke: #57606a; stroke-width: 1 }
.grid { stroke: #d0d7de; stroke-width: 1 }
.goal { fill: none; stroke: #57606a; stroke-width: 1.5; stroke-dasharray: 6 4 }
.ring { stroke-dasharray: none }
rect { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .axis { stroke: #8b949e } .grid { stroke: #30363d } .goal { stroke: #8b949e } rect { fill: #0d1117 }
}
"""


@dataclass(frozen=True)
class Axis:
    """One direction: its title, whether it is logarithmic, and its ticks (value, text)."""

    title: str
    ticks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where the value lies between the first tick and the last."""
        first, last = self.ticks[0][0], self.ticks[-1][0]
        if self.logarithmic:
            return (math.log(max(value, first)) - math.log(first)) / (math.log(last) - math.log(first))
        return (value - first) / (last - first)


@dataclass(frozen=True)
class Chart:
    """Lines over two axes, with goals as rings, on a dashed line."""

    title: str
    x: Axis
    y: Axis
    series: Mapping[str, Sequence[tuple[float, float]]]
    goals: Sequence[tuple[float, float]] = ()
    marks: bool = True
    """Whether each point gets a dot: for few points."""
    note: str = ""
    """What one must know to read it, below the lines."""


def svg(chart: Chart) -> str:
    """The chart as an SVG document."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}"/>',
        _text(LEFT, 24, chart.title, kind="title"),
        *_axes(chart),
    ]
    if chart.goals:
        parts += _goals(chart)
    if chart.note:
        parts.append(_text(LEFT + 10, HEIGHT - BOTTOM - 12, chart.note))
    for number, (name, points) in enumerate(chart.series.items()):
        parts += _line(chart, name, points, number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _goals(chart: Chart) -> list[str]:
    places = [(_x(chart, x), _y(chart, y)) for x, y in chart.goals]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    last_x, last_y = places[-1]
    return [
        f'<polyline class="goal" points="{path}"/>',
        *(f'<circle class="goal ring" cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in places),
        _text(last_x + 12, last_y + 4, "goals"),
    ]


def _axes(chart: Chart) -> list[str]:
    parts = []
    for value, text in chart.y.ticks:
        y = _y(chart, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 8, y + 4, text, anchor="end"))
    for value, text in chart.x.ticks:
        x = _x(chart, value)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 5}"/>')
        parts.append(_text(x, HEIGHT - BOTTOM + 20, text, anchor="middle"))
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>')
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, chart.x.title, anchor="middle"))
    parts.append(_text(LEFT - 60, TOP - 12, chart.y.title))
    return parts


def _line(chart: Chart, name: str, points: Sequence[tuple[float, float]], number: int) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    places = [(_x(chart, x), _y(chart, y)) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts = [f'<polyline fill="none" stroke="{colour}" stroke-width="2.5" stroke-linejoin="round" points="{path}"/>']
    if chart.marks:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in places]
    left = WIDTH - RIGHT - 150 * (len(chart.series) - number)
    parts.append(f'<line x1="{left}" x2="{left + 22}" y1="{TOP - 16}" y2="{TOP - 16}" stroke="{colour}" stroke-width="2.5"/>')
    parts.append(_text(left + 28, TOP - 12, name))
    return parts


def _x(chart: Chart, value: float) -> float:
    return LEFT + chart.x.share(value) * (WIDTH - LEFT - RIGHT)


def _y(chart: Chart, value: float) -> float:
    return HEIGHT - BOTTOM - chart.y.share(value) * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(text)}</text>'


def linear_ticks(most: float, form: str = "{:g}", count: int = 5) -> list[tuple[float, str]]:
    """Round ticks from 0 to at least `most`."""
    rough = max(most, 1e-9) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough)
    return [(step * number, form.format(step * number)) for number in range(math.ceil(most / step) + 1)]


def decade_ticks(least: float, most: float) -> list[tuple[float, str]]:
    """Powers of ten around these values."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return [(10.0**power, f"{10.0**power:g}") for power in range(first, max(last, first + 1) + 1)]
