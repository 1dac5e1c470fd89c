"""What the fleet page shows of its numbers: counts that lead to filters, and how commands came out, as charts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from heliograph.api.console.charts import Chart, column_chart
from heliograph.api.console.guest import Guest
from heliograph.api.console.shown import moment
from heliograph.domain.device import DeviceState
from heliograph.domain.operation import State
from heliograph.domain.outcome_hours import TOOK
from heliograph.service.fleet_summary import FleetSummary

STATES: Final = (DeviceState.ACTIVE, DeviceState.PROVISIONING, DeviceState.LOST, DeviceState.DISABLED)
OUTCOMES: Final[Mapping[str, State]] = {
    "succeeded": State.SUCCEEDED, "failed": State.FAILED, "expired": State.EXPIRED, "cancelled": State.CANCELLED,
}  # fmt: skip
CLASSES: Final = (*(f"≤ {name}" for name in TOOK[:-1]), TOOK[-1])
STALE_US: Final = 2_000_000
TICK_HOURS: Final = 6


class Counted(NamedTuple):
    """A number, and what it is of; `url`: where these are listed, or empty."""

    name: str
    number: str
    url: str = ""


def counts_of(guest: Guest, enterprise: str, summary: FleetSummary) -> Sequence[Counted]:
    """Devices in all, those in each state, and open commands."""
    here = guest.url("enterprises", enterprise)
    states = [
        Counted(state.value.capitalize(), f"{count:,}", guest.url("enterprises", enterprise, filter=f"state={state.value}"))
        for state in STATES
        if (count := summary.devices[state]) or state is DeviceState.ACTIVE
    ]
    return [Counted("Devices", f"{summary.devices.total():,}", here), *states, Counted("Open commands", f"{summary.open_commands:,}")]


def charts_of(summary: FleetSummary) -> Sequence[Chart]:
    """Outcomes by the hour, and how long the successful ones took; nothing if no command has ended."""
    totals = {name: sum(hour.outcomes[state] for hour in summary.hours) for name, state in OUTCOMES.items()}
    ended = sum(totals.values())
    if not ended:
        return ()
    labels = [moment(hour.begin_us)[11:16] for hour in summary.hours]
    said = ", ".join(f"{count:,} {name}" for name, count in totals.items() if count)
    outcomes = column_chart(
        "Outcomes in the last 24 hours", f"{ended:,} commands ended: {said}.",
        {name: [hour.outcomes[state] for hour in summary.hours] for name, state in OUTCOMES.items() if totals[name]},
        labels=labels, ticks=labels[::TICK_HOURS],
    )  # fmt: skip
    took = [sum(hour.took[place] for hour in summary.hours) for place in range(len(TOOK))]
    if not sum(took):
        return (outcomes,)
    quick = sum(took[:3])
    times = column_chart(
        "Time to done", f"{quick:,} of {sum(took):,} successful commands were done within a minute of being issued.",
        {"succeeded": took}, labels=CLASSES, ticks=CLASSES,
    )  # fmt: skip
    return outcomes, times


def as_of(summary: FleetSummary, now_us: int) -> str:
    """Of when the numbers are; empty: of now."""
    return moment(summary.at_us)[11:] if now_us - summary.at_us > STALE_US else ""


def summary_values(guest: Guest, enterprise: str, summary: FleetSummary | None) -> Mapping[str, Any]:
    """What the template shows of the numbers; None: they are being counted."""
    if summary is None:
        return {"counting": True, "counts": (), "charts": (), "as_of": ""}
    return {
        "counting": False, "counts": counts_of(guest, enterprise, summary), "charts": charts_of(summary),
        "as_of": as_of(summary, guest.ports.clock.now_us()),
    }  # fmt: skip
