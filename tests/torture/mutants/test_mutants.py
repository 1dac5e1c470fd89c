"""A server or a phone with one promise broken is caught by that promise's rule; the same play without the mutant is green.

After a change of a rule of the checker, or of what a mutant patches, this shows whether the checker still works.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from heliograph.history.rules import RULES
from heliograph.history.verdict import Colour
from tests.torture.mutants import scenarios as play
from tests.torture.mutants.patching import applied
from tests.torture.mutants.phone_mutants import PHONE_MUTANTS
from tests.torture.mutants.scenarios import Scenario
from tests.torture.mutants.scene import scene_of
from tests.torture.mutants.server_mutants import SERVER_MUTANTS

CAUGHT: dict[str, tuple[Scenario, str]] = {
    "answers_before_commit": (play.KILLED, "what_was_accepted_is_there"),
    "acknowledges_without_looking_at_the_time": (play.TOO_LATE, "nothing_begins_after_its_time"),
    "takes_a_second_ack_id": (play.BY_TWO, "nothing_ran_twice"),
    "cancels_what_is_acknowledged": (play.CANCELLED, "what_was_granted_is_not_cancelled"),
    "lets_a_late_report_overwrite": (play.LATE_REPORT, "an_end_is_for_ever"),
    "says_gone_without_the_last_order": (play.DELETED, "a_last_order_is_carried_out_once"),
    "offers_finished_ones_after_a_restart": (play.RESTARTED, "what_has_ended_is_not_offered"),
    "issues_two_in_one_millisecond": (play.AT_ONCE, "what_was_accepted_is_there"),
    "a_failing_rule_drops_its_neighbours": (play.BESIDE_FAILURES, "what_was_accepted_is_there"),
    "a_page_token_skips_one": (play.BY_PAGES, "a_list_holds_what_was_accepted_before_it"),
    "retention_takes_open_ones": (play.WAITING, "what_was_accepted_is_there"),
    "offers_the_next_while_one_runs": (play.RUNNING, "commands_start_in_order"),
    "forgets_to_tell_of_a_cancel": (play.TAKEN_BACK, "every_end_is_told"),
    "tells_of_an_end_as_it_was_before": (play.TAKEN_BACK, "what_is_told_is_the_end"),
    "does_not_sync": (play.POWER, "what_was_accepted_is_there"),
    "executes_before_the_answer": (play.ONE_COMMAND, "a_phone_acts_after_it_was_let"),
    "journals_after_executing": (play.ONE_COMMAND, "a_phone_acts_after_its_journal_knows"),
    "executes_again_after_a_restart": (play.ONE_REBOOT, "nothing_ran_twice"),
}
"""By mutant: the play in which it must show, and the rule that must find it."""


BROKEN_WITHIN_S = 5.0
"""With a mutant some things never come to rest."""


def played(plays: Iterable[tuple[str, Scenario]]) -> list[ParameterSet]:
    """Their names; long ones are for `make torture`."""
    return [pytest.param(name, marks=[pytest.mark.torture] if scenario.long else []) for name, scenario in plays]


PLAYS = {name: scenario for name, scenario in vars(play).items() if isinstance(scenario, Scenario)}


def test_every_mutant_is_played() -> None:
    conditions = {condition for scenario in PLAYS.values() for condition in scenario.conditions}

    assert (SERVER_MUTANTS.keys() - conditions) | PHONE_MUTANTS.keys() == CAUGHT.keys()
    assert {rule for _, rule in CAUGHT.values()} <= {rule.__name__ for rule in RULES}


@pytest.mark.parametrize("mutant", played((mutant, scenario) for mutant, (scenario, _) in CAUGHT.items()))
async def test_a_mutant_is_caught_by_the_rule_that_it_breaks(mutant: str, tmp_path: Path) -> None:
    scenario, rule = CAUGHT[mutant]
    in_server = [mutant] if mutant in SERVER_MUTANTS else []
    with applied(PHONE_MUTANTS.get(mutant, list)):
        async with scene_of(tmp_path, mutants=[*scenario.conditions, *in_server], faults=scenario.faults) as scene:
            await scenario.play(scene)
            verdict = await scene.verdict(within_s=BROKEN_WITHIN_S)

    assert rule in verdict.rules_broken(), "\n".join(map(str, (*verdict.violations, *verdict.doubts, scene.server.tail())))


APART = {name: scenario for name, scenario in PLAYS.items() if scenario.conditions or scenario.long}


@pytest.mark.parametrize("name", played(APART.items()))
async def test_the_same_play_without_a_mutant_is_green(name: str, tmp_path: Path) -> None:
    await assert_green([APART[name]], tmp_path)


async def test_all_other_plays_one_after_another_without_a_mutant_are_green(tmp_path: Path) -> None:
    await assert_green([scenario for name, scenario in PLAYS.items() if name not in APART], tmp_path)


async def assert_green(plays: Sequence[Scenario], folder: Path) -> None:
    """Nothing is found in what one server did over all these plays."""
    conditions = {condition for scenario in plays for condition in scenario.conditions}
    faults = {fault for scenario in plays for fault in scenario.faults}
    async with scene_of(folder, mutants=[*conditions], faults=[*faults]) as scene:
        for scenario in plays:
            await scenario.play(scene)
        verdict = await scene.verdict()

    assert Colour.GREEN is verdict.colour, "\n".join(map(str, (*verdict.violations, *verdict.doubts, scene.server.tail())))
