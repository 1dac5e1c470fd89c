"""What the docs say of rows, phones and tables is what the code says."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from heliograph.cli.param_options import options_of, params_given
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.command import CommandType
from scripts.command_pages import example_options
from scripts.generate_docs import ROOT, pages


@pytest.fixture(scope="module")
def made() -> Mapping[Path, str]:
    """Every page as `make docs` would write it now."""
    return pages()


def test_the_generated_pages_are_current(made: Mapping[Path, str]) -> None:
    """`make docs` writes them again."""
    stale = [str(path.relative_to(ROOT)) for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]

    assert [] == stale


def test_there_is_no_page_of_a_command_that_is_gone(made: Mapping[Path, str]) -> None:
    folder = ROOT / "docs" / "commands"

    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in made if path.parent == folder)


@pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS)
def test_the_example_of_every_page_is_a_good_command(row: CommandType) -> None:
    issued = ENVELOPE.decode(json.dumps({"type": row.name, **row.example}).encode())

    assert row is issued.row


@pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS)
def test_a_shell_reads_the_command_line_of_every_page_as_its_example(row: CommandType) -> None:
    line = " ".join(example_options(row))
    words = iter(shlex.split(line))
    options = {option.flag: option for option in options_of(row)}
    values: dict[str, Any] = {}

    for flag in words:
        option = options[flag]
        value = True if option.flag_only else option.type.convert(next(words), None, None)
        values[option.name] = (*values.get(option.name, ()), value) if option.repeated else value

    # Secrets are asked for: `-` stands for them.
    params = dict(row.example.get(row.params_field, {}) if row.params_field else row.example)
    hidden = {option.field.json_name for option in options.values() if option.field.secret}
    assert {name: value for name, value in params.items() if name not in hidden} == params_given(
        [option for option in options.values() if not option.field.secret], values
    )
