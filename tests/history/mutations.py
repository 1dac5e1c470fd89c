"""By rule: how a history in which all is well becomes one that breaks it. None: this history offers no opportunity."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import msgspec

from heliograph.domain.evidence import Judgement
from heliograph.history.events import (
    Acted,
    Answer,
    AnyEvent,
    AtRest,
    Completed,
    Fault,
    FaultKind,
    Final,
    Invoked,
    Judged,
    Moment,
    Notified,
    Reached,
    Shown,
    Verb,
)
from heliograph.history.evidence import NEVER, Call, Evidence, device_named, id_of
from heliograph.history.recorded import Recorded

Events = list[AnyEvent]
Mutation = Callable[[Evidence], Events | None]
CALL = 10**9
"""The number of a call that no history has."""


def mutated(recorded: Recorded, mutation: Mutation) -> Recorded | None:
    """The history, broken; at_us are made to ascend again where events were added."""
    events = mutation(Evidence(recorded.events))
    if events is None:
        return None
    last_us, timed = 0, []
    for event in events:
        last_us = max(last_us, event.at_us)
        timed.append(msgspec.structs.replace(event, at_us=last_us))
    return Recorded(header=recorded.header, events=timed)


def first(candidates: Iterable[Shown]) -> Shown | None:
    """The first of them."""
    return next(iter(candidates), None)


def finals(evidence: Evidence, outcome: str) -> Iterable[Shown]:
    """The operations that ended so."""
    return (operation for operation in evidence.final.values() if operation.outcome == outcome)


def shown_as(evidence: Evidence, chosen: Shown | None, **fields: object) -> Events | None:
    """The final lists show the operation with these fields."""
    if chosen is None:
        return None
    changed = msgspec.structs.replace(chosen, **fields)

    def shown(event: Final) -> Final:
        operations = tuple(changed if operation.name == chosen.name else operation for operation in event.operations)
        return msgspec.structs.replace(event, operations=operations)

    return [shown(event) if isinstance(event, Final) else event for event in evidence.history]


def without(evidence: Evidence, gone: Callable[[AnyEvent], bool], *, opportunity: object = True) -> Events | None:
    """The history without some events."""
    return [event for event in evidence.history if not gone(event)] if opportunity else None


def accused(evidence: Evidence, chosen: Shown | None) -> Events | None:
    """The phone that did it is said to have lied."""
    if chosen is None or not any(act.succeeded for act in evidence.ended.get(chosen.name, ())):
        return None
    return [*evidence.history, Judged(operation=chosen.name, judgement=Judgement.CONTRADICTED)]


def with_call(evidence: Evidence, position: int, invoked: Invoked, *shown: Shown) -> Events:
    """The history with one more call, whole, before the event at this position."""
    at_us = evidence.history[position - 1].at_us
    return [
        *evidence.history[:position],
        msgspec.structs.replace(invoked, call=CALL, at_us=at_us),
        Completed(call=CALL, answer=Answer.OK, status=200, shown=shown, at_us=at_us),
        *evidence.history[position:],
    ]


def lost(evidence: Evidence) -> Events | None:
    """An accepted operation is not there."""
    accepted = {shown.name for call in evidence.of(Verb.ISSUE, Answer.OK) for shown in call.shown}
    name = next((name for name in evidence.final if name in accepted), None)
    if name is None:
        return None
    return [
        msgspec.structs.replace(event, operations=tuple(shown for shown in event.operations if shown.name != name))
        if isinstance(event, Final)
        else event
        for event in evidence.history
    ]


def refused_and_there(evidence: Evidence) -> Events | None:
    """The caller of an operation got a refusal."""
    there = {operation.tag for operation in evidence.final.values()}
    call = next((call for call in evidence.of(Verb.ISSUE, Answer.OK) if call.invoked.tag in there), None)
    if call is None:
        return None
    return [
        msgspec.structs.replace(event, answer=Answer.FAIL, shown=()) if event is call.completed else event for event in evidence.history
    ]


def listed(evidence: Evidence, call: Call, *shown: Shown) -> Events:
    """A list showed something else."""
    return [msgspec.structs.replace(event, shown=shown) if event is call.completed else event for event in evidence.history]


def left_out(evidence: Evidence) -> Events | None:
    """A list lacks what was accepted before it."""
    accepted = {shown.name: call.ended for call in evidence.of(Verb.ISSUE, Answer.OK) for shown in call.shown}
    for call in evidence.of(Verb.LIST, Answer.OK):
        for shown in call.shown:
            if accepted.get(shown.name, NEVER) < call.began:
                return listed(evidence, call, *(other for other in call.shown if other is not shown))
    return None


def doubled(evidence: Evidence) -> Events | None:
    """A list shows something twice."""
    call = next((call for call in evidence.of(Verb.LIST, Answer.OK) if call.shown), None)
    return listed(evidence, call, *call.shown, call.shown[0]) if call else None


def cancelled_by_nobody(evidence: Evidence) -> Events | None:
    """An end that a caller must have asked for."""
    asked = {call.invoked.target for call in evidence.of(Verb.CANCEL)}
    return shown_as(evidence, first(done for done in evidence.final.values() if done.name not in asked), outcome="cancelled")


def descending(evidence: Evidence) -> Events | None:
    """Two issues, one after the other, got each other's numbers."""
    calls = [call for call in evidence.of(Verb.ISSUE, Answer.OK) if call.shown]
    for one, other in pairwise(calls):
        if one.invoked.target == other.invoked.target and one.ended < other.began:
            return swapped(evidence.history, one.shown[0].name, other.shown[0].name)
    return None


def swapped(events: Iterable[AnyEvent], one: str, other: str) -> Events:
    """Each operation is called what the other was called."""
    text = msgspec.json.encode(list(events)).decode()
    for old, new in ((f'"{one}"', '"?"'), (f'"{other}"', f'"{one}"'), ('"?"', f'"{other}"')):
        text = text.replace(old, new)
    return msgspec.json.decode(text, type=list[AnyEvent])


def accepted_after_the_end(evidence: Evidence) -> Events | None:
    """A command for a device that a caller has read to be gone."""
    gone = first(finals_of_devices(evidence))
    if gone is None:
        return None
    read = Invoked(call=0, verb=Verb.GET, target=gone.name)
    issue = Invoked(call=CALL + 1, verb=Verb.ISSUE, target=gone.device, type=gone.type, tag=7, at_us=evidence.history[-1].at_us)
    events = with_call(evidence, len(evidence.history), read, gone)
    return [*events, issue, Completed(call=CALL + 1, answer=Answer.OK, at_us=issue.at_us)]


def finals_of_devices(evidence: Evidence) -> Iterable[Shown]:
    """The operations that ended their devices."""
    return (operations[0] for operations in evidence.last_orders().values())


def read_otherwise(evidence: Evidence) -> Events | None:
    """An operation that had ended is read as open."""
    done = first(finals(evidence, "succeeded"))
    if done is None:
        return None
    position = len(evidence.history)
    once = Evidence(with_call(evidence, position, Invoked(call=0, verb=Verb.GET, target=done.name), done))
    again = Invoked(call=0, verb=Verb.GET, target=done.name)
    still = msgspec.structs.replace(done, outcome="pending", end="", response=False)
    events = with_call(once, len(once.history), again, still)
    return [
        msgspec.structs.replace(event, call=CALL + 1) if number >= position + 2 and isinstance(event, Invoked | Completed) else event
        for number, event in enumerate(events)
    ]


def cancelled_before_its_ack(evidence: Evidence) -> Events | None:
    """A caller had cancelled what succeeded, before its phone said anything."""
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        for shown in call.shown:
            acking = evidence.reached.get((Moment.ACKING, shown.name), -1)
            if call.ended < acking and evidence.final[shown.name].outcome == "succeeded":
                return with_call(evidence, acking, Invoked(call=0, verb=Verb.CANCEL, target=shown.name))
    return None


def offered_again(evidence: Evidence) -> Events | None:
    """A finished command is offered to a phone that connects again."""
    for call, shown in evidence.readings():
        phones = [phone for phone, device in evidence.device_of.items() if device == shown.device]
        if shown.done and call.ended < NEVER:
            moments = [Reached(phone=phones[0], moment=moment, operation=shown.name) for moment in (Moment.CONNECTING, Moment.OFFERED)]
            return [*evidence.history[: call.ended + 1], *moments, *evidence.history[call.ended + 1 :]]
    return None


def acted(evidence: Evidence, operation: Shown | None) -> Events | None:
    """A phone has run this too."""
    if operation is None:
        return None
    phone = next(phone for phone, device in evidence.device_of.items() if device == operation.device)
    return [*evidence.history, Acted(phone=phone, incarnation=9, operation=operation.name, type=operation.type, step="began")]


def elsewhere(evidence: Evidence) -> Events | None:
    """Another phone ran it."""
    act = next((act for acts in evidence.began.values() for act in acts if act.operation), None)
    other = next((phone for phone in evidence.device_of if act and phone != act.phone), None)
    if act is None or other is None:
        return None
    return [msgspec.structs.replace(event, phone=other) if event is act else event for event in evidence.history]


def ended_elsewhere(evidence: Evidence) -> Events | None:
    """What one phone began, another ended."""
    end = next((end for ends in evidence.ended.values() for end in ends if end.operation), None)
    other = next((phone for phone in evidence.device_of if end and phone != end.phone), None)
    if end is None or other is None:
        return None
    return [msgspec.structs.replace(event, phone=other) if event is end else event for event in evidence.history]


def moved_behind(evidence: Evidence, moment: Moment, other: Moment) -> Events | None:
    """A phone came to one moment of a command after the other."""
    both = (name for known, name in evidence.reached if known is moment and (other, name) in evidence.reached)
    name = next((name for name in both if evidence.reached[moment, name] < evidence.reached[other, name]), None)
    if name is None:
        return None
    there = evidence.reached[other, name]
    before, after = evidence.history[: there + 1], evidence.history[there + 1 :]
    moved = [event for event in before if isinstance(event, Reached) and (event.moment, event.operation) == (moment, name)]
    return [*(event for event in before if event not in moved), *moved, *after]


def unsaid(evidence: Evidence, moment: Moment) -> Events | None:
    """Phones never came to this moment."""
    return without(
        evidence,
        lambda event: isinstance(event, Reached) and event.moment in {moment, Moment.ORDERED},
        opportunity=any(evidence.history[position].operation for position in evidence.began_at.values()),  # type: ignore[union-attr]
    )


def hurried(evidence: Evidence) -> Events | None:
    """An operation that ran had had no time for it."""
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        for shown in call.shown:
            acking = evidence.reached.get((Moment.ACKING, shown.name), -1)
            if shown.name in evidence.began_at and evidence.at_us(max(acking, 0)) > evidence.at_us(call.ended) + 5_000:
                text = msgspec.json.encode(list(evidence.history)).replace(
                    f'"tag":{shown.tag}'.encode(), f'"tag":{shown.tag % 1000}'.encode()
                )
                return msgspec.json.decode(text, type=list[AnyEvent])
    return None


def overtaken(evidence: Evidence) -> Events | None:
    """Two phones' tales of two commands, one after the other, are told of each other."""
    issued = {shown.name: call for call in evidence.of(Verb.ISSUE, Answer.OK) for shown in call.shown}
    for one, other in pairwise(sorted(evidence.began_at, key=lambda name: (device_named(name), id_of(name)))):
        if not issued.keys() >= {one, other} or device_named(one) != device_named(other):
            continue
        offered, begun = evidence.reached[Moment.OFFERED, one], evidence.began_at[other]
        connections = sum(issued[one].began < position < begun for position in evidence.connecting[device_named(one)])
        calm = connections <= 1 and evidence.at_us(begun) - issued[one].invoked.at_us < 10_000_000
        hours = min(issued[name].invoked.tag for name in (one, other)) > 3_000 * 10**9
        same = issued[one].invoked.type == issued[other].invoked.type == "LOCK"
        if calm and hours and same and issued[other].ended < offered:
            phones = [event for event in evidence.history if isinstance(event, Reached | Acted)]
            replaced = dict(zip(map(id, phones), swapped(phones, one, other), strict=True))
            return [replaced.get(id(event), event) for event in evidence.history]
    return None


def rested(evidence: Evidence, **fields: object) -> Events | None:
    """A phone was found otherwise."""
    rest = next(iter(evidence.at_rest.values()))
    return [msgspec.structs.replace(event, **fields) if event is rest else event for event in evidence.history]


def turned(evidence: Evidence) -> Events:
    """A phone was found managed that is not, or the other way round."""
    rest: AtRest = next(iter(evidence.at_rest.values()))
    return rested(evidence, managed=not rest.managed) or []


def untold(evidence: Evidence) -> Events | None:
    """No notification of an end."""
    name = next(iter(evidence.told), None)
    return without(evidence, lambda event: isinstance(event, Notified) and event.shown.name == name, opportunity=name)


def told_wrong(evidence: Evidence) -> Events | None:
    """An enterprise was notified of another end."""
    told = next((event for event in evidence.history if isinstance(event, Notified)), None)
    if told is None:
        return None
    otherwise = msgspec.structs.replace(told, shown=msgspec.structs.replace(told.shown, end="otherwise"))
    return [otherwise if event is told else event for event in evidence.history]


def first_done(evidence: Evidence) -> Shown | None:
    """An operation that has ended."""
    return first(operation for operation in evidence.final.values() if operation.done)


def read_as(evidence: Evidence, **fields: object) -> Events | None:
    """A caller noted something else than the end that it was answered."""
    for call, shown in evidence.readings():
        if shown.done and call.completed:
            others = [msgspec.structs.replace(other, **fields) if other is shown else other for other in call.shown]
            return listed(evidence, call, *others)
    return None


MUTATIONS: dict[str, Mutation] = {
    "what_was_accepted_is_there": lost,
    "what_was_refused_is_not_there": refused_and_there,
    "every_operation_was_asked_for_once": lambda evidence: shown_as(evidence, first(evidence.final.values()), tag=5),
    "a_list_holds_what_was_accepted_before_it": left_out,
    "a_list_is_in_order_without_doubles": doubled,
    "ids_ascend": descending,
    "nothing_is_accepted_for_a_device_that_is_gone": accepted_after_the_end,
    "every_operation_comes_to_an_end": lambda evidence: shown_as(evidence, first(evidence.final.values()), end=""),
    "an_end_is_one_end": lambda evidence: shown_as(evidence, first(finals(evidence, "cancelled")), response=True),
    "an_outcome_is_what_its_end_says": lambda evidence: shown_as(evidence, first(finals(evidence, "succeeded")), outcome="failed"),
    "an_end_is_for_ever": read_otherwise,
    "nothing_expires_early": lambda evidence: shown_as(
        evidence, first(done for done in finals(evidence, "succeeded") if done.tag > 3_000 * 10**9), outcome="expired"
    ),
    "only_what_was_asked_to_is_cancelled": cancelled_by_nobody,
    "a_cancel_before_the_ack_holds": cancelled_before_its_ack,
    "what_was_granted_is_not_cancelled": lambda evidence: shown_as(evidence, first(finals(evidence, "succeeded")), outcome="cancelled"),
    "what_has_ended_is_not_offered": offered_again,
    "nothing_ran_after_it_was_cancelled_or_expired": lambda evidence: acted(evidence, first(finals(evidence, "cancelled"))),
    "nothing_ran_twice": lambda evidence: acted(evidence, first(finals(evidence, "succeeded"))),
    "what_succeeded_was_run": lambda evidence: without(
        evidence, lambda event: isinstance(event, Acted), opportunity=first(finals(evidence, "succeeded"))
    ),
    "what_facts_say_is_so": lambda evidence: accused(evidence, first(finals(evidence, "succeeded"))),
    "what_a_phone_refused_was_not_run": lambda evidence: acted(
        evidence, first(operation for operation in finals(evidence, "failed") if operation.detail == "API_LEVEL")
    ),
    "a_phone_runs_its_own_commands_only": elsewhere,
    "what_ended_had_begun": ended_elsewhere,
    "a_phone_says_i_will_first": lambda evidence: moved_behind(evidence, Moment.ACKING, Moment.EXECUTING),
    "a_phone_acts_after_it_was_let": lambda evidence: unsaid(evidence, Moment.ACKNOWLEDGED),
    "a_phone_acts_after_its_journal_knows": lambda evidence: unsaid(evidence, Moment.EXECUTING),
    "nothing_begins_after_its_time": hurried,
    "commands_start_in_order": overtaken,
    "a_last_order_is_carried_out_once": turned,
    "no_phone_is_left_with_work": lambda evidence: rested(evidence, unfinished=("enterprises/E/devices/D0/operations/1",)),
    "the_server_ends_only_when_killed": lambda evidence: [*evidence.history, Fault(what=FaultKind.SERVER_ENDED, target="exit status 1")],
    "every_end_is_told": untold,
    "what_is_told_is_the_end": told_wrong,
}

MORE_MUTATIONS: list[tuple[str, Mutation]] = [
    ("an_outcome_is_what_its_end_says", lambda evidence: shown_as(evidence, first_done(evidence), detail="otherwise")),
    ("an_outcome_is_what_its_end_says", lambda evidence: shown_as(evidence, first_done(evidence), error_code=99)),
    ("an_outcome_is_what_its_end_says", lambda evidence: shown_as(evidence, first_done(evidence), end="{}")),
    ("an_outcome_is_what_its_end_says", lambda evidence: shown_as(evidence, first_done(evidence), end="")),
    ("an_outcome_is_what_its_end_says", lambda evidence: read_as(evidence, outcome="pending")),
    ("an_outcome_is_what_its_end_says", lambda evidence: read_as(evidence, type="RELINQUISH_OWNERSHIP")),
    ("what_ended_had_begun", lambda evidence: without(
        evidence, lambda event: isinstance(event, Acted) and event.step == "began", opportunity=evidence.ended
    )),
    ("a_phone_says_i_will_first", lambda evidence: moved_behind(evidence, Moment.ACKING, Moment.ACKNOWLEDGED)),
    ("a_phone_says_i_will_first", lambda evidence: moved_behind(evidence, Moment.ACKING, Moment.RESULT)),
    ("a_phone_says_i_will_first", lambda evidence: moved_behind(evidence, Moment.EXECUTING, Moment.EXECUTED)),
    ("a_phone_says_i_will_first", lambda evidence: moved_behind(evidence, Moment.RESULT, Moment.REPORTED)),
    ("a_phone_acts_after_it_was_let", lambda evidence: moved_behind(evidence, Moment.ACKNOWLEDGED, Moment.EXECUTED)),
    ("a_phone_acts_after_its_journal_knows", lambda evidence: moved_behind(evidence, Moment.EXECUTING, Moment.RESULT)),
]  # fmt: skip
"""Other ways to break a promise."""
