"""Under any interleaving a right system's history is green, and whatever breaks a promise in it is found."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from heliograph.history.recorded import Recorded
from heliograph.history.rules import RULES
from heliograph.history.verdict import check
from tests.history.mutations import MORE_MUTATIONS, MUTATIONS, Mutation, mutated
from tests.history.simulation import simulated

SEEDS = st.integers(min_value=0, max_value=10**9)


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, devices=st.integers(1, 4), calls=st.integers(0, 150), kills=st.integers(0, 4))
def test_a_right_system_breaks_no_rule_under_any_interleaving(seed: int, devices: int, calls: int, kills: int) -> None:
    assert () == check(simulated(seed, devices=devices, calls=calls, kills=kills)).violations


def test_every_rule_has_a_mutation() -> None:
    assert {rule.__name__ for rule in RULES} == set(MUTATIONS)


@pytest.mark.parametrize("rule, mutation", [*MUTATIONS.items(), *MORE_MUTATIONS], ids=lambda value: value if isinstance(value, str) else "")
@settings(deadline=None, max_examples=8)
@given(seed=SEEDS)
@example(seed=617)  # with ids out of order, one of a command that is issued later
def test_what_breaks_a_promise_in_it_is_found_by_the_promises_rule(rule: str, mutation: Mutation, seed: int) -> None:
    broken = next((found for found in (mutated(history, mutation) for history in histories(seed)) if found), None)
    assume(broken is not None)
    assert broken is not None

    assert rule in check(broken).rules_broken()


def histories(seed: int) -> list[Recorded]:
    """Some worlds: not every one offers every opportunity."""
    return [simulated(f"{seed} {number}", devices=1 + number % 3, calls=60, kills=0) for number in range(4)]
