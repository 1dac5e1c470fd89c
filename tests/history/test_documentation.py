"""docs/history.md says what the code does."""

import inspect

import msgspec
import pytest

from heliograph.cli.exit_codes import ExitCode
from heliograph.history.events import Answer, AnyEvent, Deed, FaultKind, Moment, Verb
from heliograph.history.rules import RULES
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_stands_there_with_its_sentence(rule: object) -> None:
    assert f"| `{getattr(rule, '__name__', '')}` | {(inspect.getdoc(rule) or '').splitlines()[0]} |" in PAGE


@pytest.mark.parametrize("words", [Moment, FaultKind, Deed, Verb, Answer], ids=lambda words: words.__name__)
def test_every_word_of_the_file_stands_there(words: type[Moment | FaultKind | Deed | Verb | Answer]) -> None:
    assert [] == [word.value for word in words if f"`{word.value}`" not in PAGE]


def test_every_event_stands_there_with_its_fields() -> None:
    rows = {line.split("|")[1].strip(" `"): line for line in PAGE.splitlines() if line.startswith("| `")}
    missing = [
        f"{event.__struct_config__.tag}.{field.encode_name}"
        for event in AnyEvent.__args__
        for field in msgspec.structs.fields(event)
        if field.name != "at_us" and f"`{field.encode_name}`" not in rows[str(event.__struct_config__.tag)]
    ]

    assert [] == missing


def test_the_exit_code_of_what_proves_nothing_stands_there() -> None:
    assert f"| inconclusive | {ExitCode.INCONCLUSIVE.value} |" in PAGE
