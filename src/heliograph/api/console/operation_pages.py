"""One command on its way: how it came out, or why it waits; everything that happened, with the times between; and the way to cancel it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from heliograph.api.console.approval_pages import APPROVALS_GET
from heliograph.api.console.audit_pages import trail_url
from heliograph.api.console.guest import EXPLAIN, OPERATIONS_CANCEL, OPERATIONS_GET, TIMELINE, ConsolePage, Guest, Json, Redirect
from heliograph.api.console.links import crumbs_of
from heliograph.api.console.shown import SECOND_US, json_shown, moment, moment_of, span, us_of, with_moments
from heliograph.domain.approval import Approval
from heliograph.domain.evidence import Judgement
from heliograph.domain.longrunning import read_outcome
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import TRANSITIONS, Event, State
from heliograph.service.approval_gate import operation_approval

YOUNG_US: Final = 20 * SECOND_US
REFRESH_YOUNG_S, REFRESH_S = 2, 10
"""A phone that is there has done most commands within seconds; one that is not is waited for with patience."""
JUDGEMENTS: Final[Mapping[str, str]] = {
    Judgement.OBSERVED.value: "The phone's own facts show that the command was executed.",
    Judgement.CONTRADICTED.value: "The phone's own facts contradict its report: look at the phone.",
    Judgement.NOT_OBSERVED.value: "The phone's own facts do not show whether the command was executed.",
}


async def show_operation(guest: Guest, enterprise: str, device_id: str, operation_id: str) -> ConsolePage:
    """The operation as it is now; the page follows it."""
    ids = enterprise, device_id, operation_id
    name = DeviceName(enterprise, device_id)
    operation = await guest.ask(OPERATIONS_GET, *ids)
    outcome, done = read_outcome(operation), bool(operation.get("done"))
    timeline = await guest.ask(TIMELINE, *ids) if await guest.may(TIMELINE, *ids) else {}
    explained = await guest.ask(EXPLAIN, *ids) if await guest.may(EXPLAIN, *ids) else {}
    kind = operation["metadata"].get("type", "")
    open_to_it = Event.CANCEL in TRANSITIONS[State[timeline["state"]]] if timeline else not done
    cancels = open_to_it and await guest.may(OPERATIONS_CANCEL, *ids)
    evidence = timeline.get("evidence")
    age_us = guest.ports.clock.now_us() - us_of(operation["metadata"].get("createTime", ""))
    refresh_s = 0 if done else REFRESH_YOUNG_S if age_us < YOUNG_US else REFRESH_S
    sentences = [explained.get(part, "") for part in ("sentence", "nextEvent", "advice")]
    values = {
        "name": operation["name"], "type": kind, "outcome": outcome.outcome, "detail": with_moments(outcome.detail), "done": done,
        "sentences": [with_moments(sentence) for sentence in sentences if sentence],
        "issued": moment_of(timeline.get("createTime", "")), "expires": moment_of(timeline.get("expiresAt", "")),
        "ended": moment_of(timeline.get("endedAt", "")), "entries": list(_entries(timeline.get("entries", ()))),
        "judgement": JUDGEMENTS[evidence["judgement"]] if evidence else "", "facts": _facts(evidence) if evidence else (),
        "json": json_shown(operation), "cancel_url": f"{guest.url_of(name, 'operations', operation_id)}:cancel" if cancels else "",
        "trail_url": await trail_url(guest, enterprise, resource=operation["name"]),
        "approval_url": await _approval_url(guest, operation["name"]),
        "again_url": guest.url_of(name, "commands", kind),
        "crumbs": [*crumbs_of(guest, enterprise), (device_id, guest.url_of(name))],
    }  # fmt: skip
    return ConsolePage("console/operation.html", f"{kind} {outcome.outcome}", values, refresh_s=refresh_s, live=str(name))


async def cancel(guest: Guest, enterprise: str, device_id: str, operation_id: str) -> Redirect:
    """The command is cancelled, if no phone had acknowledged it; its page shows which."""
    await guest.ask(OPERATIONS_CANCEL, enterprise, device_id, operation_id)
    return Redirect(guest.url_of(DeviceName(enterprise, device_id), "operations", operation_id))


async def _approval_url(guest: Guest, operation: str) -> str:
    """The page of the approval that the command waits for, or waited for; empty: it needed none, or the caller may not see it."""
    name = operation_approval(OperationName.parse(operation))
    if not await guest.may(APPROVALS_GET, *name) or await guest.ports.store.record(Approval, name) is None:
        return ""
    return guest.url_of_resource(str(name))


def _entries(entries: Sequence[Json]) -> Iterator[Mapping[str, Any]]:
    """What happened, each with the time since what happened before it."""
    before_us = 0
    for entry in entries:
        at_us, until_us = us_of(entry["time"]), us_of(entry.get("until", ""))
        yield {
            "what": entry["what"], "detail": with_moments(entry.get("detail", "")), "time": moment(at_us),
            "after": span(at_us - before_us) if before_us else "",
            "count": entry.get("count", 0), "until": moment(until_us),
        }  # fmt: skip
        before_us = until_us or at_us


def _facts(evidence: Json) -> Sequence[tuple[str, str, str]]:
    """What the phone's system said before the command and after it."""
    before, after = evidence["before"], evidence["after"]
    return [(name, _fact(before, name), _fact(after, name)) for name in {**before, **after}]


def _fact(facts: Json, name: str) -> str:
    return json_shown(facts[name]) if name in facts else "not known"
