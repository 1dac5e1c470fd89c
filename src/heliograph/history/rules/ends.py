"""Every operation ends once, for ever, in time, and as those wanted who had a say in it."""

from bisect import bisect_right
from collections.abc import Iterator

import msgspec

from heliograph.history.events import Answer, Moment, Shown, Verb
from heliograph.history.evidence import NEVER, Evidence, device_named
from heliograph.history.rules.breach import ROUNDING_US, SLEW, Breach
from heliograph.protojson.errors import HeliographError
from heliograph.protojson.parser import MALFORMED


def every_operation_comes_to_an_end(evidence: Evidence) -> Iterator[Breach]:
    """Once everything has recovered, no operation stays open."""
    for operation in evidence.final.values():
        if not operation.done:
            yield Breach(operation.name, f"{operation.name} ({operation.type}) never ended.")


def an_end_is_one_end(evidence: Evidence) -> Iterator[Breach]:
    """Done is a response or an error, not both and not neither."""
    for operation in evidence.final.values():
        if operation.done and operation.response == bool(operation.error_code):
            which = "both" if operation.response else "neither"
            yield Breach(operation.name, f"{operation.name} is done with {which} of response and error.")


def an_outcome_is_what_its_end_says(evidence: Evidence) -> Iterator[Breach]:
    """Reads of an operation show what the server wrote, and an open one has no outcome."""
    written: dict[str, Shown] = {}
    for shown in evidence.all_shown():
        if shown.end not in written:
            written[shown.end] = _written(shown.end)
        says = written[shown.end]
        if not shown.done and (shown.outcome, shown.response, shown.error_code) != (says.outcome, says.response, says.error_code):
            yield Breach(shown.name, f"{shown.name} was read as {shown.outcome}, and has no end.")
        elif shown.done and _facts(shown) != _facts(says):
            said = f"{says.name} {says.type} {says.outcome} {says.detail}".rstrip()
            yield Breach(shown.name, f"{shown.name} was read as {shown.outcome} {shown.detail}, and its end says: {said}.")


def an_end_is_for_ever(evidence: Evidence) -> Iterator[Breach]:
    """After one read of an end, every later read shows the same end."""
    first_end: dict[str, tuple[int, str]] = {}
    readings = sorted(((call.ended, call.began, shown) for call, shown in evidence.readings()), key=lambda reading: reading[:2])
    for ended, _began, shown in readings:
        if shown.done:
            first_end.setdefault(shown.name, (ended, shown.end))
    at_last = [(NEVER, NEVER, operation) for operation in evidence.final.values()]
    for _ended, began, shown in [*readings, *at_last]:
        known_since, end = first_end.get(shown.name, (NEVER, ""))
        if shown.done and end and shown.end != end:
            yield Breach(shown.name, f"{shown.name} ended as {end} and was later read as {shown.end}.")
        elif not shown.done and began > known_since:
            yield Breach(shown.name, f"{shown.name} had ended and was later read as open.")


def nothing_expires_early(evidence: Evidence) -> Iterator[Breach]:
    """An operation lives for its whole duration; no operation times out in a run this short."""
    readings = [(call.ended, shown) for call, shown in evidence.readings()]
    readings += [(position, shown) for position, final in evidence.looks for shown in final.operations]
    for position, shown in readings:
        issue = evidence.issues.get(shown.tag)
        if shown.outcome == "timed out":
            yield Breach(shown.name, f"{shown.name} timed out within this run.")
        if shown.outcome != "expired" or issue is None:
            continue
        age_us, life_us = evidence.at_us(position) - issue.invoked.at_us, shown.tag // 1_000
        _, gained_us = evidence.clock_gain_us(issue.began, position)
        if age_us + gained_us < life_us * (1 - SLEW) - ROUNDING_US:
            yield Breach(shown.name, f"{shown.name} was expired {age_us} us after its issue, with a duration of {life_us} us.")


def only_what_was_asked_to_is_cancelled(evidence: Evidence) -> Iterator[Breach]:
    """Every CANCELLED operation has a caller who cancelled it."""
    asked = {call.invoked.target for call in evidence.of(Verb.CANCEL) if call.answer is not Answer.FAIL}
    for operation in evidence.final.values():
        if operation.outcome == "cancelled" and operation.name not in asked:
            yield Breach(operation.name, f"{operation.name} is cancelled although no one asked for it.")


def a_cancel_before_the_ack_holds(evidence: Evidence) -> Iterator[Breach]:
    """An operation cancelled before its phone first acknowledged it never runs, whatever is lost or killed afterwards."""
    for call in evidence.of(Verb.CANCEL, Answer.OK):
        name = call.invoked.target
        if evidence.reached.get((Moment.ACKING, name), NEVER) <= call.ended or device_named(name) not in evidence.agents:
            continue
        # Lost operations are for another rule.
        outcome = evidence.final[name].outcome if name in evidence.final else ""
        if evidence.began.get(name) or outcome not in {"", "cancelled", "expired", "failed"}:
            times = len(evidence.began.get(name, ()))
            yield Breach(name, f"{name} was cancelled before its phone acknowledged it, and is {outcome or 'lost'}, run {times} times.")


def what_was_granted_is_not_cancelled(evidence: Evidence) -> Iterator[Breach]:
    """After an accepted acknowledgement, an operation cannot be cancelled."""
    for operation in evidence.final.values():
        if operation.outcome == "cancelled" and (Moment.ACKNOWLEDGED, operation.name) in evidence.reached:
            yield Breach(operation.name, f"{operation.name} is cancelled although its phone's acknowledgement was accepted.")


def what_has_ended_is_not_offered(evidence: Evidence) -> Iterator[Breach]:
    """A phone is not offered an operation whose end was read before the phone connected."""
    known_since: dict[str, int] = {}
    for call, shown in evidence.readings():
        if shown.done:
            known_since[shown.name] = min(call.ended, known_since.get(shown.name, NEVER))
    for position, offer in evidence.offers:
        connecting = evidence.connecting[evidence.device_of.get(offer.phone, "")]
        latest = bisect_right(connecting, position)
        if latest and connecting[latest - 1] > known_since.get(offer.operation, NEVER):
            yield Breach(offer.operation, f"{offer.operation} had ended before {offer.phone} connected, and was offered to it.")


def _written(end: str) -> Shown:
    """The operation that the server wrote, as its reader sees it: open if nothing is written, like no other if it cannot be read."""
    if not end:
        return Shown(name="")
    try:
        return Shown.of(msgspec.json.decode(end))
    except (*MALFORMED, KeyError, TypeError, ValueError, AttributeError, HeliographError):
        return Shown(name="unreadable")


def _facts(shown: Shown) -> tuple[object, ...]:
    """All that a reader noted but the end itself; results of several apps stand in any order."""
    details = sorted(shown.detail.split(", "))
    return (shown.name, shown.type, shown.tag, shown.outcome, details, shown.response, shown.error_code)
