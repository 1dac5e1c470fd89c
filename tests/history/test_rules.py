"""The checker finds what it looks for: a history in which all is well, and one for every rule that breaks it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heliograph.agent.executor import Moment
from heliograph.history.events import (
    Acted,
    Answer,
    AnyEvent,
    AtRest,
    Completed,
    Enrolled,
    Fault,
    FaultKind,
    Invoked,
    Reached,
    Shown,
    Verb,
)
from heliograph.history.file import History, read_history
from heliograph.history.rules import RULES
from heliograph.history.verdict import Verdict, check

DEVICE, OTHER = "enterprises/E/devices/D1", "enterprises/E/devices/D2"
LOCKED, CANCELLED, WIPED = f"{DEVICE}/operations/1", f"{DEVICE}/operations/2", f"{OTHER}/operations/3"
SECOND_US = 1_000_000


def shown(name: str, tag: int, **fields: Any) -> Shown:  # noqa: ANN401 - the fields of Shown
    """A reading of an operation; one with an outcome is done."""
    fields = {"type": "LOCK", "end": str(fields) if fields else "", **fields}
    return Shown(name=name, tag=tag, **fields)


SUCCEEDED = shown(LOCKED, 1, outcome="succeeded", response=True)
TAKEN_BACK = shown(CANCELLED, 2, outcome="cancelled", error_code=1)
GONE = shown(WIPED, 3, outcome="succeeded", response=True, type="WIPE")


@dataclass
class Tale:
    """A history that is told event by event, a second after another, and what the server shows in the end."""

    events: list[AnyEvent]
    final: dict[str, list[Shown]]
    calls: int = 0

    def then(self, *events: AnyEvent) -> None:
        """These happened next."""
        for event in events:
            at_us = (len(self.events) + 1) * SECOND_US
            self.events.append(msgspec.structs.replace(event, at_us=at_us))

    def ask(self, verb: Verb, target: str, *, type_name: str = "", tag: int = 0) -> int:
        """A call began."""
        self.calls += 1
        self.then(Invoked(call=self.calls, verb=verb, target=target, type=type_name, tag=tag))
        return self.calls

    def hear(self, call: int, *operations: Shown, answer: Answer = Answer.OK) -> None:
        """A call was answered."""
        self.then(Completed(call=call, answer=answer, status=200, shown=operations))

    def call(self, verb: Verb, target: str, *operations: Shown, answer: Answer = Answer.OK) -> None:
        """A call that ends before anything else happens."""
        self.hear(self.ask(verb, target), *operations, answer=answer)

    def issue(self, operation: Shown, *, answer: Answer = Answer.OK, type_name: str = "") -> None:
        """An issue of this operation."""
        call = self.ask(Verb.ISSUE, operation.device, type_name=type_name or operation.type, tag=operation.tag)
        self.hear(
            call, *([shown(operation.name, operation.tag, type=operation.type, end="")] if answer is Answer.OK else []), answer=answer
        )

    def reach(self, operation: str, *moments: Moment) -> None:
        """The agent of D1's phone came so far."""
        self.then(*(Reached(phone="p1", incarnation=1, moment=moment.name, operation=operation) for moment in moments))

    def act(self, operation: str, *, phone: str = "p1", type_name: str = "LOCK", succeeded: bool = True) -> None:
        """A phone did something."""
        acted = Acted(phone=phone, incarnation=1, operation=operation, type=type_name, step="began")
        self.then(acted, msgspec.structs.replace(acted, step="ended", succeeded=succeeded))

    def show(self, operation: Shown) -> None:
        """The server shows the operation like this in the end."""
        others = [known for known in self.final.get(operation.device, []) if known.name != operation.name]
        self.final[operation.device] = [*others, operation]

    def lose(self, operation: Shown) -> None:
        """The server shows it no more."""
        self.final[operation.device].remove(operation)

    def rest(self, phone: str, *, managed: bool) -> None:
        """The phone was found so."""
        self.then(AtRest(phone=phone, managed=managed, enrolled=managed))


def good_tale() -> Tale:
    """A lock that succeeds over a kill of the server, a cancelled lock, and a phone that is wiped."""
    tale = Tale([], {})
    tale.then(Enrolled(phone="p1", device=DEVICE), Enrolled(phone="p2", device=OTHER))
    for operation in (SUCCEEDED, TAKEN_BACK, GONE):
        tale.issue(operation)
        tale.show(operation)
    tale.call(Verb.CANCEL, CANCELLED)
    tale.reach(LOCKED, Moment.ACKING)
    call = tale.ask(Verb.GET, LOCKED)
    tale.then(Fault(what=FaultKind.SERVER_KILLED))
    tale.hear(call, answer=Answer.UNKNOWN)
    tale.reach(LOCKED, Moment.ACKNOWLEDGED, Moment.EXECUTING)
    tale.act(LOCKED)
    tale.act(WIPED, phone="p2", type_name="WIPE")
    tale.call(Verb.LIST, DEVICE, SUCCEEDED, TAKEN_BACK)
    tale.rest("p1", managed=True)
    tale.rest("p2", managed=False)
    return tale


def verdict_of(tale: Tale) -> Verdict:
    """What the checker says."""
    return check(tale.events, tale.final)


NEW = f"{DEVICE}/operations/9"
REFUSED = shown(NEW, 9, outcome="failed", detail="API_LEVEL", error_code=9)
EXPIRED = shown(NEW, 3_600 * 10**9, outcome="expired", error_code=4)
TOO_LATE = shown(NEW, 9, outcome="expired", error_code=4)
BAD: dict[str, list[Callable[[Tale], object]]] = {
    "what_was_accepted_is_there": [lambda tale: tale.issue(shown(NEW, 9))],
    "what_was_refused_is_not_there": [lambda tale: tale.issue(REFUSED, answer=Answer.FAIL), lambda tale: tale.show(REFUSED)],
    "every_operation_was_asked_for_once": [lambda tale: tale.show(REFUSED)],
    "a_list_holds_what_was_accepted_before_it": [lambda tale: tale.call(Verb.LIST, DEVICE, SUCCEEDED)],
    "every_operation_comes_to_an_end": [lambda tale: tale.issue(shown(NEW, 9)), lambda tale: tale.show(shown(NEW, 9))],
    "an_end_is_one_end": [lambda tale: tale.show(msgspec.structs.replace(TAKEN_BACK, response=True))],
    "an_end_is_for_ever": [lambda tale: tale.call(Verb.GET, LOCKED, shown(LOCKED, 1))],
    "nothing_ran_after_it_was_cancelled_or_expired": [
        lambda tale: tale.issue(TOO_LATE),
        lambda tale: tale.show(TOO_LATE),
        lambda tale: tale.act(NEW),
    ],
    "nothing_ran_twice": [lambda tale: tale.act(LOCKED)],
    "what_succeeded_was_run": [
        lambda tale: tale.issue(shown(NEW, 9)),
        lambda tale: tale.show(shown(NEW, 9, outcome="succeeded", response=True)),
    ],
    "what_a_phone_refused_was_not_run": [
        lambda tale: tale.issue(REFUSED),
        lambda tale: tale.show(REFUSED),
        lambda tale: tale.act(NEW),
    ],
    "a_phone_runs_its_own_commands_only": [lambda tale: tale.act(NEW)],
    "only_what_was_asked_to_is_cancelled": [
        lambda tale: tale.issue(shown(NEW, 9)),
        lambda tale: tale.show(shown(NEW, 9, outcome="cancelled", error_code=1)),
    ],
    "a_cancel_before_the_ack_holds": [
        lambda tale: tale.issue(shown(NEW, 9)),
        lambda tale: tale.call(Verb.CANCEL, NEW),
        lambda tale: tale.reach(NEW, Moment.ACKING),
        lambda tale: tale.act(NEW),
        lambda tale: tale.show(shown(NEW, 9, outcome="succeeded", response=True)),
    ],
    "what_was_granted_is_not_cancelled": [lambda tale: tale.reach(CANCELLED, Moment.ACKNOWLEDGED)],
    "nothing_expires_early": [
        lambda tale: tale.issue(EXPIRED),
        lambda tale: tale.show(EXPIRED),
        lambda tale: tale.call(Verb.GET, NEW, EXPIRED),
    ],
    "a_last_order_is_carried_out_once": [lambda tale: tale.rest("p2", managed=True)],
    "no_phone_is_left_with_work": [lambda tale: tale.then(AtRest(phone="p1", managed=True, enrolled=True, unfinished=(LOCKED,)))],
    "nothing_is_accepted_for_a_device_that_is_gone": [
        lambda tale: tale.call(Verb.GET, WIPED, GONE),
        lambda tale: tale.issue(shown(f"{OTHER}/operations/9", 9)),
        lambda tale: tale.show(shown(f"{OTHER}/operations/9", 9, outcome="failed", error_code=5)),
    ],
    "the_server_ends_only_when_killed": [lambda tale: tale.then(Fault(what=FaultKind.SERVER_ENDED, target="exit status 1"))],
}
"""By rule: what is added to the good tale so that this rule, and no other, is broken."""


def test_a_run_in_which_all_is_well_has_no_violations() -> None:
    assert Verdict(violations=(), kills=1, kills_in_flight=1) == verdict_of(good_tale())


def test_every_rule_has_a_history_that_breaks_it() -> None:
    assert {rule.__name__ for rule in RULES} == set(BAD)


@pytest.mark.parametrize("rule", BAD)
def test_a_broken_promise_is_found_by_its_rule(rule: str) -> None:
    tale = good_tale()
    for turn in BAD[rule]:
        turn(tale)

    assert {rule} == {violation.partition(":")[0] for violation in verdict_of(tale).violations}


@pytest.mark.parametrize("lost", [SUCCEEDED, TAKEN_BACK])
def test_an_operation_that_vanishes_is_found(lost: Shown) -> None:
    tale = good_tale()
    tale.lose(lost)

    assert any(violation.startswith("what_was_accepted_is_there") for violation in verdict_of(tale).violations)


def test_an_end_that_changes_between_two_readings_is_found() -> None:
    tale = good_tale()
    tale.call(Verb.GET, CANCELLED, shown(CANCELLED, 2, outcome="expired", error_code=4))

    assert ["an_end_is_for_ever"] == [violation.partition(":")[0] for violation in verdict_of(tale).violations]


def test_a_wipe_that_is_done_twice_is_found() -> None:
    tale = good_tale()
    tale.act(WIPED, phone="p2", type_name="WIPE")

    assert {"nothing_ran_twice", "a_last_order_is_carried_out_once"} == {
        violation.partition(":")[0] for violation in verdict_of(tale).violations
    }


def test_a_phone_that_wipes_itself_unasked_is_found() -> None:
    tale = good_tale()
    tale.rest("p1", managed=False)

    assert ["a_last_order_is_carried_out_once"] == [violation.partition(":")[0] for violation in verdict_of(tale).violations]


def test_a_deleted_device_is_wiped_once_without_an_operation() -> None:
    tale = good_tale()
    tale.call(Verb.DELETE, DEVICE)
    tale.act("", type_name="WIPE")
    tale.rest("p1", managed=False)

    assert () == verdict_of(tale).violations


def test_an_issue_without_an_answer_may_be_there_or_not() -> None:
    tale = good_tale()
    for number, operation in enumerate((shown(NEW, 9), shown(f"{DEVICE}/operations/10", 10))):
        tale.issue(operation, answer=Answer.UNKNOWN)
        if number:
            tale.show(shown(operation.name, operation.tag, outcome="failed", error_code=2))

    assert () == verdict_of(tale).violations


def test_a_run_without_a_request_in_flight_at_a_kill_is_inconclusive() -> None:
    idle, unharmed = Tale([], {}), Tale([], {})
    idle.then(Fault(what=FaultKind.SERVER_KILLED))
    unharmed.call(Verb.GET, LOCKED, answer=Answer.UNKNOWN)

    assert (True, True, False) == (verdict_of(idle).inconclusive, verdict_of(unharmed).inconclusive, verdict_of(good_tale()).inconclusive)


def test_a_kept_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl", now_us=lambda: 1)
    for event in good_tale().events:
        history.record(event)
    history.close()

    assert history.events == read_history(history.path)
