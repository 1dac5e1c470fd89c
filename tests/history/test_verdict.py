"""When a history proves something, and when it only broke nothing."""

import pytest

from heliograph.history.events import Answer, Completed, Deed, Enrolled, FaultKind, Invoked, Moment, Verb
from heliograph.history.faults import LASTING, NO_FAULTS, OF_PHONES, FaultCount
from heliograph.history.verdict import Colour, check
from tests.history.tale import DEVICE, LOCKED, SUCCEEDED, TAKEN_BACK, Tale, good_tale, shown

FAULTS = [kind for kind in FaultKind if kind not in NO_FAULTS]


def calm() -> Tale:
    """A run in which nothing went wrong."""
    tale = Tale()
    tale.then(Enrolled(phone="p1", device=DEVICE))
    tale.issue(SUCCEEDED)
    tale.show(SUCCEEDED)
    tale.run(SUCCEEDED)
    return tale


def test_a_run_that_met_what_it_was_made_for_is_green() -> None:
    verdict = check(good_tale().recorded(FaultKind.SERVER_KILLED, deeds=(Deed.CANCELLED, Deed.LISTED)))

    assert (Colour.GREEN, ()) == (verdict.colour, verdict.doubts)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_run_without_a_fault_that_it_was_made_for_is_inconclusive(kind: FaultKind) -> None:
    verdict = check(calm().recorded(kind))

    assert (Colour.INCONCLUSIVE, (f"No fault of the class {kind.value!r} occurred.",)) == (verdict.colour, verdict.doubts)


@pytest.mark.parametrize("kind", [FaultKind.SERVER_KILLED, FaultKind.DATABASE_CUT, FaultKind.POWER_CUT, FaultKind.AGENT_CRASHED])
def test_a_fault_that_meets_nothing_proves_nothing(kind: FaultKind) -> None:
    tale = calm()
    tale.fault(kind, "p1")

    assert (f"No fault of the class {kind.value!r} met anything in flight.",) == check(tale.recorded(kind)).doubts


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind not in OF_PHONES])
def test_a_fault_meets_a_request_that_is_under_way(kind: FaultKind) -> None:
    tale = calm()
    call = tale.ask(Verb.GET, LOCKED)
    tale.fault(kind)
    tale.hear(call, answer=Answer.UNKNOWN)

    assert FaultCount(what=kind, times=1, in_flight=1) == check(tale.recorded(kind)).fault(kind)


@pytest.mark.parametrize("kind", [FaultKind.AGENT_CRASHED, FaultKind.OFFLINE])
def test_a_phones_fault_meets_a_command_that_it_has_acknowledged_and_not_finished(kind: FaultKind) -> None:
    tale = calm()
    tale.fault(kind, "p1")
    tale.fault(FaultKind.ONLINE, "p1")
    tale.reach(LOCKED, Moment.ACKING, phone="p2")
    tale.reach(LOCKED, Moment.ACKING)
    tale.fault(kind, "p1")

    assert FaultCount(what=kind, times=2, in_flight=1) == check(tale.recorded(kind)).fault(kind)


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind in LASTING - OF_PHONES])
def test_a_fault_that_lasts_meets_what_begins_before_its_end(kind: FaultKind) -> None:
    tale = calm()
    tale.fault(kind, "here")
    tale.call(Verb.GET, LOCKED, SUCCEEDED)

    assert 1 == check(tale.recorded(kind)).fault(kind).in_flight


def test_a_fault_that_is_over_meets_nothing_more() -> None:
    tale = calm()
    tale.fault(FaultKind.DISK_FULL)
    tale.fault(FaultKind.DISK_FREED)
    tale.call(Verb.GET, LOCKED, SUCCEEDED)

    assert 0 == check(tale.recorded()).fault(FaultKind.DISK_FULL).in_flight


@pytest.mark.parametrize("deed", [Deed.CANCELLED, Deed.EXPIRED, Deed.REFUSED, Deed.DELETED, Deed.LISTED, Deed.NOTIFIED])
def test_a_run_without_what_it_was_made_for_is_inconclusive(deed: Deed) -> None:
    assert (f"Nothing in the history was {deed.value}.",) == check(calm().recorded(deeds=(deed,))).doubts


def test_a_run_in_which_nothing_happened_is_inconclusive() -> None:
    assert ("Nothing in the history was accepted.", "Nothing in the history was succeeded.") == Tale().verdict.doubts


def test_a_history_that_was_cut_off_is_inconclusive() -> None:
    assert Colour.INCONCLUSIVE is check(good_tale().recorded(cut=True)).colour


def test_nothing_is_lost_of_a_device_that_nobody_looked_at_but_nothing_is_proved_either() -> None:
    tale = good_tale()
    del tale.final[DEVICE]

    assert ((), (f"The operations of {DEVICE} were not read at the end.",)) == (tale.verdict.violations, tale.verdict.doubts)


def test_a_violation_counts_whatever_is_in_doubt() -> None:
    tale = good_tale()
    tale.lose(TAKEN_BACK)

    assert Colour.VIOLATED is check(tale.recorded(FaultKind.DISK_FULL)).colour


def test_what_was_seen_is_counted() -> None:
    verdict = good_tale().verdict

    assert {"LOCK": {"succeeded": 1, "cancelled": 1}, "WIPE": {"succeeded": 1}} == verdict.operations
    assert {Answer.OK: 3} == verdict.calls[Verb.ISSUE]
    assert (3, 2, 1, 0, 0, 1) == tuple(
        verdict.deeds[deed] for deed in (Deed.ACCEPTED, Deed.SUCCEEDED, Deed.CANCELLED, Deed.EXPIRED, Deed.REFUSED, Deed.LISTED)
    )


def test_a_command_that_failed_unacknowledged_counts_as_refused() -> None:
    tale = good_tale()
    refused = shown(f"{DEVICE}/operations/9", 9, outcome="failed", error_code=9)
    tale.issue(refused)
    tale.show(refused)

    assert 1 == tale.verdict.deeds[Deed.REFUSED]


@pytest.mark.parametrize(
    "odd, said",
    [
        (Invoked(call=1, verb=Verb.GET, target=LOCKED), "Two calls have the number 1."),
        (Completed(call=1, answer=Answer.OK), "An answer to call 1, which was never made or was answered already."),
        (Completed(call=99, answer=Answer.OK), "An answer to call 99, which was never made or was answered already."),
        (
            Invoked(call=99, verb=Verb.ISSUE, target=DEVICE, tag=SUCCEEDED.tag),
            f"Two issues have the tag {SUCCEEDED.tag}: calls 99 and another.",
        ),
    ],
)
def test_what_no_recorder_writes_makes_a_history_prove_nothing(odd: Invoked | Completed, said: str) -> None:
    tale = good_tale()
    tale.then(odd)

    assert (Colour.INCONCLUSIVE, (said,)) == (tale.verdict.colour, tale.verdict.doubts)
