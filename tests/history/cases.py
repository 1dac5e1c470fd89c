"""By rule: what is added to the good tale so that this rule and no other is broken, and what comes near to it and breaks none."""

from collections.abc import Callable

import msgspec

from heliograph.domain.evidence import Judgement
from heliograph.history.events import Acted, Answer, AtRest, Fault, FaultKind, Moment, Shown, Verb
from heliograph.protojson.times import format_duration
from tests.history.tale import CANCELLED, DEVICE, GONE, LET, LOCKED, OTHER, SUCCEEDED, TAKEN_BACK, WIPED, Tale, ended, shown

Turns = list[Callable[[Tale], object]]

NEW = shown(f"{DEVICE}/operations/9", 9)
NEXT = shown(f"{DEVICE}/operations/10", 10)
BRIEF = msgspec.structs.replace(NEW, tag=30 * 10**9)
"""Lives for half a minute."""
DONE, DONE_NEXT, DONE_BRIEF = (ended(operation, "succeeded") for operation in (NEW, NEXT, BRIEF))
REFUSED = ended(NEW, "failed", detail="API_LEVEL")
SEVERAL = Shown.of({
    "name": NEW.name,
    "metadata": {
        "type": "LOCK", "duration": format_duration(NEW.tag),
        "clearAppsDataStatus": {"results": {"a": {"clearingResult": "API_LEVEL"}, "b": {"clearingResult": "SUCCESS"}}},
    },
    "done": True, "error": {"code": 9},
})  # fmt: skip
"""No phone runs it, so it failed."""
REFUSED_LATE = ended(NEW, "failed", detail="UNKNOWN")
EXPIRED, EXPIRED_BRIEF = ended(NEW, "expired"), ended(BRIEF, "expired")


def issued(*finals: Shown) -> Turns:
    """Each was issued and accepted, and the server shows it so in the end."""

    def turn(tale: Tale) -> None:
        for final in finals:
            tale.issue(final)
            tale.show(final)

    return [turn]


def ran(*operations: Shown) -> Turns:
    """Each was run, as it should be."""

    def turn(tale: Tale) -> None:
        for operation in operations:
            tale.run(operation)

    return [turn]


def acted(operation: str, phone: str, step: str, type_name: str = "LOCK") -> Acted:
    """A phone says that it began or ended this."""
    return Acted(phone=phone, incarnation=1, operation=operation, type=type_name, step=step, succeeded=True if step == "ended" else None)


def issued_during_a_list(tale: Tale) -> None:
    """A list that began before an issue and ended after it."""
    call = tale.ask(Verb.LIST, DEVICE)
    tale.issue(REFUSED)
    tale.show(REFUSED)
    tale.hear(call, SUCCEEDED, TAKEN_BACK)


BAD: dict[str, Turns] = {
    "what_was_accepted_is_there": [lambda tale: tale.issue(NEW)],
    "what_was_refused_is_not_there": [lambda tale: tale.issue(REFUSED, answer=Answer.FAIL), lambda tale: tale.show(REFUSED)],
    "every_operation_was_asked_for_once": [lambda tale: tale.show(REFUSED)],
    "a_list_holds_what_was_accepted_before_it": [lambda tale: tale.call(Verb.LIST, DEVICE, SUCCEEDED)],
    "a_list_is_in_order_without_doubles": [lambda tale: tale.call(Verb.LIST, DEVICE, TAKEN_BACK, SUCCEEDED)],
    "ids_ascend": [
        *issued(REFUSED),
        lambda tale: tale.issue(ended(shown(f"{DEVICE}/operations/8", 8), "failed")),
        lambda tale: tale.final[DEVICE].insert(2, ended(shown(f"{DEVICE}/operations/8", 8), "failed")),
    ],
    "nothing_is_accepted_for_a_device_that_is_gone": [
        lambda tale: tale.call(Verb.GET, WIPED, GONE),
        *issued(ended(shown(f"{OTHER}/operations/9", 9), "failed")),
    ],
    "every_operation_comes_to_an_end": issued(NEW),
    "an_end_is_one_end": issued(ended(NEW, "failed", response=True)),
    "an_outcome_is_what_its_end_says": [lambda tale: tale.show(msgspec.structs.replace(SUCCEEDED, detail="API_LEVEL"))],
    "an_end_is_for_ever": [lambda tale: tale.call(Verb.GET, LOCKED, SUCCEEDED), lambda tale: tale.call(Verb.GET, LOCKED, shown(LOCKED, 1))],
    "nothing_expires_early": issued(EXPIRED),
    "only_what_was_asked_to_is_cancelled": issued(ended(NEW, "cancelled")),
    "a_cancel_before_the_ack_holds": [*issued(DONE), lambda tale: tale.call(Verb.CANCEL, NEW.name), *ran(NEW)],
    "what_was_granted_is_not_cancelled": [lambda tale: tale.reach(CANCELLED, Moment.ACKING, Moment.ACKNOWLEDGED)],
    "what_has_ended_is_not_offered": [
        lambda tale: tale.reach("", Moment.CONNECTING),
        lambda tale: tale.reach(LOCKED, Moment.OFFERED),
    ],
    "nothing_ran_after_it_was_cancelled_or_expired": [*issued(EXPIRED_BRIEF), *ran(BRIEF), lambda tale: tale.wait(31)],
    "nothing_ran_twice": [lambda tale: tale.act(LOCKED)],
    "what_succeeded_was_run": issued(DONE),
    "what_facts_say_is_so": [*issued(REFUSED), lambda tale: tale.judge(NEW, Judgement.OBSERVED)],
    "what_a_phone_refused_was_not_run": [*issued(REFUSED), *ran(NEW)],
    "a_phone_runs_its_own_commands_only": ran(NEW),
    "what_ended_had_begun": [lambda tale: tale.then(acted(LOCKED, "p2", "ended"))],
    "a_phone_says_i_will_first": [
        *issued(DONE),
        lambda tale: tale.reach(NEW.name, *reversed(LET[:2]), LET[2]),
        lambda tale: tale.act(NEW.name),
    ],
    "a_phone_acts_after_it_was_let": [
        *issued(DONE),
        lambda tale: tale.reach(NEW.name, Moment.ACKING, Moment.EXECUTING),
        lambda tale: tale.act(NEW.name),
        lambda tale: tale.reach(NEW.name, Moment.ACKNOWLEDGED),
    ],
    "a_phone_acts_after_its_journal_knows": [
        *issued(DONE),
        lambda tale: tale.reach(NEW.name, Moment.ACKING, Moment.ACKNOWLEDGED),
        lambda tale: tale.act(NEW.name),
        lambda tale: tale.reach(NEW.name, Moment.EXECUTING),
    ],
    "nothing_begins_after_its_time": [*issued(DONE_BRIEF), lambda tale: tale.wait(31), *ran(BRIEF)],
    "commands_start_in_order": [*issued(DONE, DONE_NEXT), *ran(NEXT, NEW)],
    "a_last_order_is_carried_out_once": [lambda tale: tale.rest("p2", managed=True)],
    "no_phone_is_left_with_work": [lambda tale: tale.then(AtRest(phone="p1", managed=True, enrolled=True, unfinished=(LOCKED,)))],
    "the_server_ends_only_when_killed": [lambda tale: tale.then(Fault(what=FaultKind.SERVER_ENDED, target="exit status 1"))],
    "every_end_is_told": [lambda tale: tale.subscribe(), *issued(REFUSED)],
    "what_is_told_is_the_end": [lambda tale: tale.tell(SUCCEEDED), lambda tale: tale.tell(ended(SUCCEEDED, "failed"))],
}

MORE_BAD: list[tuple[str, Turns]] = [
    ("what_was_accepted_is_there", [lambda tale: tale.call(Verb.GET, LOCKED, answer=Answer.FAIL, status=404)]),
    ("every_operation_was_asked_for_once", [
        *issued(REFUSED), lambda tale: tale.show(ended(shown(f"{DEVICE}/operations/11", 9), "failed")),
    ]),
    # Whoever reads: a caller, an enterprise, who looks in the end; and an end that is none, or is of another operation.
    ("an_outcome_is_what_its_end_says", [lambda tale: tale.call(Verb.GET, LOCKED, msgspec.structs.replace(SUCCEEDED, outcome="failed"))]),
    ("an_outcome_is_what_its_end_says", [lambda tale: tale.call(Verb.GET, NEW.name, msgspec.structs.replace(NEW, outcome="cancelled"))]),
    ("an_outcome_is_what_its_end_says", [lambda tale: tale.tell(msgspec.structs.replace(SUCCEEDED, error_code=9))]),
    ("an_outcome_is_what_its_end_says", [lambda tale: tale.show(msgspec.structs.replace(GONE, end="no JSON"))]),
    ("an_outcome_is_what_its_end_says", [lambda tale: tale.show(msgspec.structs.replace(GONE, end=SUCCEEDED.end))]),
    ("an_end_is_for_ever", [lambda tale: tale.call(Verb.GET, CANCELLED, ended(TAKEN_BACK, "failed"))]),
    ("nothing_expires_early", [
        *issued(ended(NEW, "timed out")), lambda tale: tale.call(Verb.GET, NEW.name, NEW),
    ]),
    ("a_phone_runs_its_own_commands_only", [
        lambda tale: tale.then(Acted(phone="p3", incarnation=1, operation=NEW.name, type="LOCK", step="began")), *issued(DONE),
    ]),
    ("a_phone_runs_its_own_commands_only", [*issued(DONE), lambda tale: tale.run(msgspec.structs.replace(NEW, type="REBOOT"))]),
    # Begun by one phone and ended by another, ended as another type, ended before it began, or never begun.
    ("what_ended_had_begun", [
        *issued(DONE), lambda tale: tale.reach(NEW.name, *LET),
        lambda tale: tale.then(acted(NEW.name, "p1", "began"), acted(NEW.name, "p2", "ended")),
    ]),
    ("what_ended_had_begun", [
        *issued(DONE), lambda tale: tale.reach(NEW.name, *LET),
        lambda tale: tale.then(acted(NEW.name, "p1", "began"), acted(NEW.name, "p1", "ended", "WIPE")),
    ]),
    ("what_ended_had_begun", [
        *issued(DONE), lambda tale: tale.reach(NEW.name, *LET),
        lambda tale: tale.then(acted(NEW.name, "p1", "ended"), acted(NEW.name, "p1", "began")),
    ]),
    ("what_ended_had_begun", [*issued(REFUSED), lambda tale: tale.then(acted(NEW.name, "p1", "ended"))]),
    ("a_phone_says_i_will_first", [
        *issued(DONE), lambda tale: tale.reach(NEW.name, LET[0], LET[1], Moment.EXECUTED, LET[2]), lambda tale: tale.act(NEW.name),
    ]),
    ("a_phone_says_i_will_first", [
        *issued(DONE), lambda tale: tale.reach(NEW.name, *LET), lambda tale: tale.act(NEW.name),
        lambda tale: tale.reach(NEW.name, Moment.REPORTED, Moment.RESULT),
    ]),
    ("a_list_is_in_order_without_doubles", [lambda tale: tale.show(GONE), lambda tale: tale.final[DEVICE].append(TAKEN_BACK)]),
    ("what_succeeded_was_run", [*issued(DONE), lambda tale: tale.reach(NEW.name, *LET), lambda tale: tale.act(NEW.name, succeeded=False)]),
    ("nothing_begins_after_its_time", [
        *issued(DONE_BRIEF), lambda tale: tale.reach(BRIEF.name, *LET[:2]), lambda tale: tale.wait(31),
        lambda tale: tale.reach(BRIEF.name, LET[2]), lambda tale: tale.act(BRIEF.name),
    ]),
    # An earlier command that was not even acknowledged, or that is still at it, and never asked its user.
    ("commands_start_in_order", [
        *issued(ended(NEW, "cancelled"), DONE_NEXT), *ran(NEXT), lambda tale: tale.call(Verb.GET, NEW.name, NEW),
        lambda tale: tale.call(Verb.CANCEL, NEW.name),
    ]),
    ("commands_start_in_order", [
        *issued(DONE, DONE_NEXT), lambda tale: tale.reach(NEW.name, *LET), lambda tale: tale.act(NEW.name), *ran(NEXT),
        lambda tale: tale.reach(NEW.name, Moment.RESULT),
    ]),
    # An acknowledgement that was refused keeps nothing from expiring; within its time the command holds the queue all the same.
    ("commands_start_in_order", [
        *issued(EXPIRED_BRIEF, DONE_NEXT), lambda tale: tale.reach(BRIEF.name, Moment.ACKING), *ran(NEXT),
        lambda tale: tale.wait(30), lambda tale: tale.call(Verb.GET, BRIEF.name, BRIEF),
    ]),
    # One that stands does: its phone heard of it later than the next one began.
    ("commands_start_in_order", [
        *issued(ended(BRIEF, "failed"), DONE_NEXT), lambda tale: tale.reach(BRIEF.name, Moment.ACKING), lambda tale: tale.wait(31),
        *ran(NEXT), lambda tale: tale.reach(BRIEF.name, Moment.ACKNOWLEDGED),
    ]),
    ("a_last_order_is_carried_out_once", [lambda tale: tale.rest("p1", managed=False)]),
    # A question withdrawn, and the thing done all the same.
    ("nothing_ran_after_it_was_cancelled_or_expired", [
        *issued(EXPIRED_BRIEF), *ran(BRIEF), lambda tale: tale.then(acted(BRIEF.name, "p1", "withdrawn")), lambda tale: tale.wait(31),
    ]),
    ("nothing_ran_after_it_was_cancelled_or_expired", [
        *issued(EXPIRED_BRIEF), lambda tale: tale.reach(BRIEF.name, *LET), lambda tale: tale.then(acted(BRIEF.name, "p1", "began")),
        lambda tale: tale.wait(31),
    ]),
    ("what_succeeded_was_run", [*issued(DONE), *ran(NEW), lambda tale: tale.then(acted(NEW.name, "p1", "withdrawn"))]),
    ("what_facts_say_is_so", [*issued(DONE), *ran(NEW), lambda tale: tale.judge(NEW, Judgement.CONTRADICTED)]),
    ("what_is_told_is_the_end", [lambda tale: tale.tell(NEW)]),
    ("what_is_told_is_the_end", [lambda tale: tale.tell(shown(LOCKED, 1))]),
]  # fmt: skip
"""Other ways to break a rule."""

GOOD: dict[str, Turns] = {
    "what_was_accepted_is_there": [lambda tale: tale.call(Verb.GET, NEW.name, answer=Answer.FAIL, status=404), *issued(REFUSED)],
    "what_was_refused_is_not_there": [lambda tale: tale.issue(REFUSED, answer=Answer.UNKNOWN), lambda tale: tale.show(REFUSED)],
    "every_operation_was_asked_for_once": [lambda tale: tale.issue(REFUSED, answer=Answer.UNKNOWN)],
    "a_list_holds_what_was_accepted_before_it": [issued_during_a_list],
    "a_list_is_in_order_without_doubles": [lambda tale: tale.call(Verb.LIST, DEVICE, SUCCEEDED, TAKEN_BACK)],
    "ids_ascend": issued(REFUSED, ended(NEXT, "failed")),
    "nothing_is_accepted_for_a_device_that_is_gone": [
        lambda tale: tale.call(Verb.GET, WIPED, GONE),
        lambda tale: tale.issue(shown(f"{OTHER}/operations/9", 9), answer=Answer.FAIL),
    ],
    "every_operation_comes_to_an_end": issued(REFUSED),
    "an_end_is_one_end": issued(REFUSED),
    "an_outcome_is_what_its_end_says": [
        lambda tale: tale.call(Verb.GET, NEW.name, shown(NEW.name, 9, detail="IN_PROGRESS")),
        *issued(REFUSED),
    ],
    "an_end_is_for_ever": [lambda tale: tale.call(Verb.GET, LOCKED, SUCCEEDED)],
    "nothing_expires_early": [
        *issued(EXPIRED_BRIEF),
        lambda tale: tale.wait(30),
        lambda tale: tale.call(Verb.GET, BRIEF.name, EXPIRED_BRIEF),
    ],
    "only_what_was_asked_to_is_cancelled": [
        *issued(ended(NEW, "cancelled")),
        lambda tale: tale.call(Verb.CANCEL, NEW.name, answer=Answer.UNKNOWN),
    ],
    "a_cancel_before_the_ack_holds": [
        *issued(DONE),
        lambda tale: tale.reach(NEW.name, Moment.ACKING),
        lambda tale: tale.call(Verb.CANCEL, NEW.name),
        *ran(NEW),
    ],
    "what_was_granted_is_not_cancelled": [lambda tale: tale.reach(CANCELLED, Moment.ACKING, Moment.TOLD_TO_DROP)],
    "what_has_ended_is_not_offered": [lambda tale: tale.reach(LOCKED, Moment.OFFERED)],
    "nothing_ran_after_it_was_cancelled_or_expired": [
        *issued(EXPIRED_BRIEF),
        lambda tale: tale.wait(31),
        lambda tale: tale.reach(BRIEF.name, Moment.ACKING, Moment.TOLD_TO_DROP),
    ],
    "nothing_ran_twice": [*issued(DONE), *ran(NEW), lambda tale: tale.reach(NEW.name, Moment.ACKNOWLEDGED)],
    "what_succeeded_was_run": [*issued(DONE), lambda tale: tale.judge(NEW, Judgement.CONTRADICTED)],
    "what_facts_say_is_so": [*issued(DONE), *ran(NEW), lambda tale: tale.judge(NEW, Judgement.OBSERVED)],
    "what_a_phone_refused_was_not_run": [*issued(ended(NEW, "failed", detail="UNKNOWN")), *ran(NEW)],
    "a_phone_runs_its_own_commands_only": [
        lambda tale: tale.issue(DONE, answer=Answer.UNKNOWN),
        lambda tale: tale.show(DONE),
        *ran(NEW),
    ],
    "what_ended_had_begun": [
        *issued(REFUSED_LATE),
        lambda tale: tale.reach(NEW.name, *LET),
        lambda tale: tale.then(acted(NEW.name, "p1", "began")),
    ],
    "a_phone_says_i_will_first": [*issued(DONE), *ran(NEW), lambda tale: tale.reach(NEW.name, *LET[:2])],
    "a_phone_acts_after_it_was_let": [*issued(DONE), *ran(NEW)],
    "a_phone_acts_after_its_journal_knows": [*issued(DONE), *ran(NEW)],
    "nothing_begins_after_its_time": [*issued(DONE_BRIEF), lambda tale: tale.wait(20), *ran(BRIEF)],
    "commands_start_in_order": [*issued(DONE, DONE_NEXT), *ran(NEW, NEXT)],
    "a_last_order_is_carried_out_once": [
        lambda tale: tale.call(Verb.DELETE, DEVICE),
        lambda tale: tale.act("", type_name="WIPE"),
        lambda tale: tale.rest("p1", managed=False),
    ],
    "no_phone_is_left_with_work": [lambda tale: tale.rest("p1", managed=True)],
    "the_server_ends_only_when_killed": [lambda tale: tale.fault(FaultKind.SERVER_KILLED)],
    "every_end_is_told": [lambda tale: tale.subscribe(), *issued(REFUSED), lambda tale: tale.tell(REFUSED)],
    "what_is_told_is_the_end": [lambda tale: tale.tell(SUCCEEDED), lambda tale: tale.tell(SUCCEEDED)],
}

MORE_GOOD: dict[str, Turns] = {
    "a question to a user that was withdrawn when its time was over": [
        *issued(EXPIRED_BRIEF),
        lambda tale: tale.reach(BRIEF.name, *LET),
        lambda tale: tale.then(acted(BRIEF.name, "p1", "began")),
        lambda tale: tale.wait(31),
        lambda tale: tale.then(acted(BRIEF.name, "p1", "withdrawn")),
    ],
    "an expiry after a step of the clock and a restart": [
        *issued(EXPIRED),
        lambda tale: tale.fault(FaultKind.CLOCK_STEPPED, seconds=7_200),
        lambda tale: tale.fault(FaultKind.SERVER_READY),
        lambda tale: tale.call(Verb.GET, NEW.name, EXPIRED),
    ],
    "a command that begins late by a clock which was set back": [
        *issued(DONE_BRIEF),
        lambda tale: tale.fault(FaultKind.CLOCK_STEPPED, seconds=-3_600),
        lambda tale: tale.fault(FaultKind.SERVER_READY),
        lambda tale: tale.wait(31),
        *ran(BRIEF),
    ],
    "a command that may have been parked, for its phone connected often": [
        *issued(DONE, DONE_NEXT),
        *[lambda tale: tale.reach("", Moment.CONNECTING)] * 5,
        *ran(NEXT, NEW),
    ],
    "a command that waits for its user": [
        *issued(DONE, DONE_NEXT),
        lambda tale: tale.reach(NEW.name, *LET, Moment.PROGRESS),
        *ran(NEXT),
        lambda tale: tale.act(NEW.name),
        lambda tale: tale.reach(NEW.name, Moment.RESULT),
    ],
    "a command that held the queue as long as its row says": [
        *issued(DONE, DONE_NEXT),
        lambda tale: tale.reach(NEW.name, *LET),
        lambda tale: tale.act(NEW.name),
        lambda tale: tale.wait(60),
        *ran(NEXT),
        lambda tale: tale.reach(NEW.name, Moment.RESULT),
    ],
    "a later command while an earlier one may have expired": [
        *issued(EXPIRED_BRIEF, DONE_NEXT),
        lambda tale: tale.wait(30),
        *ran(NEXT),
        lambda tale: tale.call(Verb.GET, BRIEF.name, BRIEF),
    ],
    "a later command when the earlier one's time is over, whose acknowledgement a full disk refused": [
        *issued(EXPIRED_BRIEF, DONE_NEXT),
        lambda tale: tale.reach(BRIEF.name, Moment.ACKING),
        lambda tale: tale.wait(30),
        *ran(NEXT),
        lambda tale: tale.call(Verb.GET, BRIEF.name, BRIEF),
        lambda tale: tale.reach(BRIEF.name, Moment.TOLD_TO_DROP),
    ],
    "results of several apps, which the server wrote in another order": [
        *issued(msgspec.structs.replace(SEVERAL, detail="b: SUCCESS, a: API_LEVEL")),
    ],
    "an issue without an answer that left nothing": [lambda tale: tale.issue(NEW, answer=Answer.UNKNOWN)],
    "a device that may or may not have been deleted": [
        lambda tale: tale.call(Verb.DELETE, DEVICE, answer=Answer.UNKNOWN),
        lambda tale: tale.rest("p1", managed=False),
    ],
    "an end that came before the enterprise subscribed": [*issued(REFUSED), lambda tale: tale.subscribe()],
}
