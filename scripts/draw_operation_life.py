"""Writes docs/operation-life.md: the life of an operation, drawn from its transition table.

`make docs` runs it; a test fails while the page differs from the table.
"""

from pathlib import Path

from heliograph.domain.operation import FINAL, TRANSITIONS, Event, State

PAGE = Path(__file__).parents[1] / "docs" / "operation-life.md"

INTRODUCTION = """\
# The life of an operation

<!-- Written by scripts/draw_operation_life.py from TRANSITIONS in src/heliograph/domain/operation.py: change that, then `make docs`. -->

Every command is an operation with one state. An event that a state does not list changes nothing: cancelling what was acknowledged
answers 200 and does nothing, and a report on an operation that is over is kept in its timeline as `late`, never in its result.
"""

FINALITY = """\
`{final}` are final: every operation reaches exactly one of them, once, for ever.

The **acknowledgement** is the point of no return. It is decided in one transaction against cancel and expiry, and judges the time
itself, whether or not a timer fired. The first `ackId` owns the operation and is told `execute` every time it asks; every other one
is told `drop`. WIPE and RELINQUISH_OWNERSHIP are final at the acknowledgement, for nothing later can be relied on; the tombstone
then answers for the device (see [the device protocol](device-protocol.md)).

An operation's `GET /heliograph/v1/{{operation}}/timeline` tells every change with its time, offers included, and what an open one
waits for. Offering is not a state: an offer that nobody acknowledged has changed nothing.
"""


def page() -> str:
    """The whole page."""
    final = "`, `".join(state.name for state in State if state in FINAL)
    return "\n".join((INTRODUCTION, *_diagram(), "", *_table(), "", FINALITY.format(final=final)))


def _diagram() -> list[str]:
    arrows = [f"    {state.name} --> {after.name}: {event.value}" for state, event, after in _transitions()]
    ends = [f"    {state.name} --> [*]" for state in State if state in FINAL]
    return ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(State)).name}: issue", *arrows, *ends, "```"]


def _table() -> list[str]:
    rows = [f"| {state.name} | {event.value} | {after.name} |" for state, event, after in _transitions()]
    return ["| state | event | state afterwards |", "|---|---|---|", *rows]


def _transitions() -> list[tuple[State, Event, State]]:
    return [(state, event, after) for state, events in TRANSITIONS.items() for event, after in events.items()]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE.name}")
