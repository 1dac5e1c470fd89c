"""Every rule finds the history that breaks it, and no rule sees a breach where there is none."""

import inspect

import pytest

from heliograph.history.events import Shown, Verb
from heliograph.history.rules import RULES
from heliograph.history.verdict import Colour
from tests.history.cases import BAD, GOOD, MORE_BAD, MORE_GOOD, Turns
from tests.history.tale import CANCELLED, DEVICE, SUCCEEDED, TAKEN_BACK, WIPED, good_tale


def test_a_run_in_which_all_is_well_breaks_no_rule() -> None:
    assert (Colour.GREEN, ()) == (good_tale().verdict.colour, good_tale().verdict.violations)


def test_every_rule_has_a_history_that_breaks_it_and_one_that_nearly_does() -> None:
    names = {rule.__name__ for rule in RULES}

    assert (names, names) == (set(BAD), set(GOOD))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_is_one_sentence(rule: object) -> None:
    assert (inspect.getdoc(rule) or "").splitlines()[0].endswith(".")


@pytest.mark.parametrize("rule, turns", [*BAD.items(), *MORE_BAD], ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_promise_is_found_by_its_rule_and_by_no_other(rule: str, turns: Turns) -> None:
    tale = good_tale()
    for turn in turns:
        turn(tale)

    assert {rule} == tale.verdict.rules_broken(), "\n".join(map(str, tale.verdict.violations))


@pytest.mark.parametrize("name", [*GOOD, *MORE_GOOD])
def test_what_only_looks_like_a_breach_is_none(name: str) -> None:
    tale = good_tale()
    for turn in {**GOOD, **MORE_GOOD}[name]:
        turn(tale)

    assert () == tuple(map(str, tale.verdict.violations))


@pytest.mark.parametrize("lost", [SUCCEEDED, TAKEN_BACK])
def test_an_operation_that_vanishes_is_found(lost: Shown) -> None:
    tale = good_tale()
    tale.lose(lost)

    assert "what_was_accepted_is_there" in tale.verdict.rules_broken()


def test_a_wipe_that_is_done_twice_is_found() -> None:
    tale = good_tale()
    tale.act(WIPED, phone="p2", type_name="WIPE")

    assert {"nothing_ran_twice", "a_last_order_is_carried_out_once"} == tale.verdict.rules_broken()


def test_a_violation_names_what_it_is_about() -> None:
    tale = good_tale()
    tale.call(Verb.LIST, DEVICE, SUCCEEDED)

    assert [CANCELLED] == [violation.about for violation in tale.verdict.violations]
