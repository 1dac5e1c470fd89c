"""What the pages draw: boxes that say the same as the table beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.api.console.charts import COLUMN, HEIGHT, column_chart
from heliograph.api.console.command_bars import AXIS, PHASES, THIN, bars_of
from heliograph.commands import COMMANDS
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, State, TimelineEntry
from heliograph.domain.outcome_hours import HOUR_US, HOURS, EndedCount, OutcomeHour, hours_until
from tests.console.reader import Reader
from tests.sandbox.client import Client

PIXEL, COPE = "pixel8-a15-fully-managed", "pixel7-a14-cope"
FLEET = "/console/enterprises/sandbox"
PLAIN = next(row for row in COMMANDS.values() if not row.example)
START_US = 1_790_000_000_000_000
TIMES = st.integers(0, 10**12)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=30))
def test_the_boxes_of_a_column_are_as_high_as_its_numbers(numbers: list[tuple[int, int]]) -> None:
    good, bad = zip(*numbers, strict=True)
    chart = column_chart("Title", "", {"good": good, "bad": bad}, labels=[str(place) for place in range(len(numbers))], ticks=())

    assert chart.top == max(map(sum, numbers))
    for place, both in enumerate(numbers):
        boxes = [box for box in chart.boxes if place * COLUMN <= box.x < (place + 1) * COLUMN]
        assert [kind for kind, number in zip(("good", "bad"), both, strict=True) if number] == [box.kind for box in boxes]
        assert sum(box.height for box in boxes) == pytest.approx(HEIGHT * sum(both) / max(chart.top, 1), abs=0.05)
        assert all(-0.05 <= box.y <= HEIGHT for box in boxes)


@given(waits=TIMES, travels=TIMES, runs=TIMES, before=st.integers(1_000, 10**12), after=TIMES)
def test_the_bars_of_a_device_share_one_axis_and_stay_on_it(waits: int, travels: int, runs: int, before: int, after: int) -> None:
    issued_us = START_US + before - before % 1_000
    offered_us, acked_us = issued_us + waits, issued_us + waits + travels
    ended_us = acked_us + runs
    offered = TimelineEntry(at_us=offered_us, what="offered")
    one = done(issued_us // 1_000, acked_us=acked_us, ended_us=ended_us, timeline=(offered,))
    waiting = done(START_US // 1_000, state=State.QUEUED, ended_us=None)

    axis = bars_of([(one, None), (waiting, None)], now_us=ended_us + after)

    assert ["waiting"] == [box.kind for box in axis.bars[0].boxes] or not axis.bars[0].boxes
    assert [phase for phase, long in zip(PHASES, (waits, travels, runs), strict=True) if long] == [box.kind for box in axis.bars[1].boxes]
    for bar in axis.bars:
        assert all(0 <= box.x <= AXIS - THIN and box.width >= THIN and box.x + box.width <= AXIS + THIN for box in bar.boxes)


def done(create_ms: int, **fields: object) -> Operation:
    """An operation that ended."""
    whole: dict[str, object] = {"state": State.SUCCEEDED, "deadline_us": None, "expires_us": 0, **fields}
    return Operation(device=DeviceName("acme", "one"), create_ms=create_ms, type="LOCK", command=b"{}", duration="600s", **whole)  # type: ignore[arg-type]


def test_the_last_hours_are_whole_ones_and_only_what_succeeded_was_done() -> None:
    hours = hours_until(START_US)
    hour = OutcomeHour.of(hours[-1], [EndedCount(State.SUCCEEDED, 1, 3), EndedCount(State.FAILED, 1, 2), EndedCount(State.SUCCEEDED, 2, 1)])

    assert HOURS == len(hours)
    assert hours[-1] <= START_US < hours[-1] + HOUR_US
    assert all(begin_us % HOUR_US == 0 for begin_us in hours)
    assert {State.SUCCEEDED: 4, State.FAILED: 2} == hour.outcomes
    assert {1: 3, 2: 1} == hour.took


def test_the_fleet_shows_its_devices_by_state_its_open_commands_and_how_others_came_out(sandbox: Client, reader: Reader) -> None:
    sandbox.patch(f"/v1/enterprises/sandbox/devices/{COPE}?updateMask=state", {"state": "DISABLED"})
    sandbox.wait(sandbox.issue(PIXEL, {"type": PLAIN.name}))
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    sandbox.issue(PIXEL, {"type": PLAIN.name})

    page = reader.open(FLEET)
    while "being counted" in page.text:  # on a machine that has no time for it
        page = reader.open(FLEET)

    assert "Devices 9 Active 8 Disabled 1 Open commands 1" in page.text
    assert "1 commands ended: 1 succeeded." in page.text
    assert page.tags.count("svg") == page.text.count("As a table") == 2
    disabled = reader.open(page.links["1"])
    assert [COPE] == [link for link, url in disabled.links.items() if "/devices/" in url]
    assert "Open commands 1" not in disabled.text  # numbers of everything stand beside everything


def test_the_page_of_a_device_says_in_words_what_each_bar_shows(sandbox: Client, reader: Reader) -> None:
    sandbox.wait(sandbox.issue(PIXEL, {"type": PLAIN.name}))

    page = reader.open(f"{FLEET}/devices/{PIXEL}")

    (text,) = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert text.startswith(f"{PLAIN.name} issued ")
    assert "executing for" in text
