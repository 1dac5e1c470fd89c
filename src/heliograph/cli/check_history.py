"""`heliograph check-history`: check whether a recorded run kept every promise."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from heliograph.cli.command_tree import command, option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import print_error
from heliograph.cli.output import STYLES
from heliograph.cli.tables import console, table_of

if TYPE_CHECKING:
    from heliograph.history.recorded import Recorded
    from heliograph.history.verdict import Verdict, Violation

COLOURS = {"green": "bold green", "violated": "bold red", "inconclusive": "bold yellow"}
STORIES_MOST = 5
SENTENCE_MOST = 600
"""Characters of one violation: a sentence may hold two whole operations."""


@command("check-history")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A recorded history.")
@option("--most", type=click.IntRange(min=0), default=STORIES_MOST, metavar="COUNT", help="Print the story of so many violations at most.")
@option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def check_history(file: Path, *, most: int, as_json: bool) -> None:
    """Check a recorded history: was anything lost, executed twice, undone, late or out of order?

    Exit code 0: every promise was kept. 1: one was broken. 8: none was, but the run missed what it was made to test, so it proves
    nothing. 2: the file is not a recorded history. Histories are described in docs/history.md.
    """
    from heliograph.history.file import BadHistory, read_history  # noqa: PLC0415 - the other commands start without the rules
    from heliograph.history.verdict import Colour, check  # noqa: PLC0415

    try:
        recorded = read_history(file)
    except BadHistory as bad:
        print_error(f"{file}: {bad}")
        sys.exit(ExitCode.INVALID)
    verdict = check(recorded)
    (_print_json if as_json else _print_verdict)(recorded, verdict, most)
    codes = {Colour.GREEN: ExitCode.OK, Colour.VIOLATED: ExitCode.FAILED, Colour.INCONCLUSIVE: ExitCode.INCONCLUSIVE}
    sys.exit(codes[verdict.colour])


def _print_json(recorded: "Recorded", verdict: "Verdict", most: int) -> None:
    found = {
        "verdict": verdict.colour.value,
        "about": recorded.header.about,
        "events": verdict.events,
        "cut": recorded.cut,
        "operations": verdict.operations,
        "calls": {verb.value: {answer.value: count for answer, count in row.items()} for verb, row in verdict.calls.items()},
        "deeds": {deed.value: count for deed, count in verdict.deeds.items()},
        "faults": [{"what": count.what.value, "times": count.times, "inFlight": count.in_flight} for count in verdict.faults],
        "doubts": list(verdict.doubts),
        "violations": [
            {"rule": violation.rule, "about": violation.about, "sentence": violation.sentence}
            | ({"story": _story(recorded, violation)} if number < most else {})
            for number, violation in enumerate(verdict.violations)
        ],
    }
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def _print_verdict(recorded: "Recorded", verdict: "Verdict", most: int) -> None:
    out = console()
    out.print(f"{verdict.events} events. {recorded.header.about}".rstrip(), markup=False)
    outcomes = list(STYLES)
    out.print(table_of(["operations", *outcomes], [_row(name, row, outcomes) for name, row in sorted(verdict.operations.items())]))
    answers = sorted({answer.value for row in verdict.calls.values() for answer in row})
    calls = {verb.value: {answer.value: count for answer, count in row.items()} for verb, row in verdict.calls.items()}
    out.print(table_of(["calls", *answers], [_row(verb, row, answers) for verb, row in calls.items()]))
    if verdict.faults:
        faults = [[count.what.value, str(count.times), str(count.in_flight)] for count in verdict.faults]
        out.print(table_of(["faults", "times", "with something in flight"], faults))
    for number, violation in enumerate(verdict.violations[: max(most, 0)], start=1):
        out.print(Text.assemble((f"{number}. {violation.rule}: ", "bold red"), _shortened(violation.sentence)), soft_wrap=True)
        for line in _story(recorded, violation):
            out.print(Text(f"   {_shortened(line)}", style="dim"), soft_wrap=True)
    _print_rest(verdict, most)


def _print_rest(verdict: "Verdict", most: int) -> None:
    out = console()
    if len(verdict.violations) > most:
        broken: dict[str, int] = {}
        for violation in verdict.violations:
            broken[violation.rule] = broken.get(violation.rule, 0) + 1
        out.print(table_of(["rules broken", "times"], [[rule, str(times)] for rule, times in broken.items()]))
    for doubt in verdict.doubts:
        out.print(Text(doubt, style="yellow"), soft_wrap=True)
    colour = verdict.colour.value
    violations = f", {len(verdict.violations)} violations" if verdict.violations else ""
    out.print(Text.assemble("The history is ", (colour, COLOURS[colour]), violations, "."))


def _row(name: str, counts: Mapping[str, int], columns: Iterable[str]) -> list[str]:
    return [name, *(str(counts.get(column, "")) for column in columns)]


def _story(recorded: "Recorded", violation: "Violation") -> list[str]:
    from heliograph.history.story import story_of  # noqa: PLC0415 - as above

    return story_of(recorded.events, violation.about) if violation.about else []


def _shortened(text: str) -> str:
    return text if len(text) <= SENTENCE_MOST else f"{text[:SENTENCE_MOST]} …"
