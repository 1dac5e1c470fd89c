"""Every command type, by its row: the form that it has, the command that a filled form is, and the command line beside it."""

import hashlib
import shlex
import zlib
from typing import Any

import click
import pytest

from heliograph.api.console.command_forms import PREFIX, command_in, fields_of, inputs_of
from heliograph.cli.param_options import options_of, params_given
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType
from heliograph.domain.command_fields import command_fields, command_with, option_words
from heliograph.domain.command_support import why_not
from heliograph.domain.device import DeviceFacts, ManagementKind
from scripts.web_files import TAKEN
from tests.architecture.sources import PACKAGE
from tests.files import contents

IN_THE_WHEEL_MOST = 150 * 1_024
ROWS = pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS)
LEVELS = range(20, 40)


@ROWS
def test_a_form_filled_with_the_example_is_the_example(row: CommandType) -> None:
    example = {"type": row.name, **row.example, "duration": "600s"}

    assert example == {**command_in(row, fields_of(row, example)), "type": row.name}


@ROWS
def test_an_empty_form_is_the_type_alone(row: CommandType) -> None:
    assert command_with(row, {}) == command_in(row, {})


@ROWS
def test_each_field_of_a_row_has_an_input_that_says_what_it_is_for(row: CommandType) -> None:
    inputs = {one.name: one for one in inputs_of(row, {})}

    for field in command_fields(row):
        shown = inputs[PREFIX + field.name]
        assert shown.help
        assert field.choices == tuple(shown.choices)
        assert (shown.kind == "password") == (field.secret and not field.choices)


@ROWS
def test_the_command_line_beside_the_form_gives_the_same_params(row: CommandType) -> None:
    example = {"type": row.name, **row.example}
    options = options_of(row)
    command = click.Command("issue", params=[option.parameter() for option in options], callback=dict)

    line = shlex.join(option_words(row, example))
    values: dict[str, Any] = command.main(shlex.split(line), standalone_mode=False)

    secrets = {field.json_name for field in command_fields(row) if field.secret}
    wanted = row.example.get(row.params_field, {}) if row.params_field else row.example
    given = params_given([option for option in options if not option.field.secret], values)
    assert {name: value for name, value in wanted.items() if name not in secrets} == given


@ROWS
@pytest.mark.parametrize("kind", ManagementKind)
@pytest.mark.parametrize("euicc", [True, False])
def test_what_a_phone_would_refuse_has_a_reason_and_nothing_else_has(row: CommandType, kind: ManagementKind, *, euicc: bool) -> None:
    for level in LEVELS:
        facts = DeviceFacts(api_level=level, management_kind=kind, euicc=euicc)

        assert bool(why_not(row, facts)) == (row.requires.refusal(facts) is not None)


def test_what_others_wrote_is_as_their_packages_have_it_and_has_its_licence() -> None:
    static = PACKAGE / "api" / "web" / "static"
    files = [file for taken in TAKEN for file in taken.files]

    assert {file.name: file.sha256 for file in files} == {
        file.name: hashlib.sha256((static / file.name).read_bytes()).hexdigest() for file in files
    }
    assert all(any(file.name.endswith(".LICENSE") for file in taken.files) for taken in TAKEN)


def test_the_pages_are_a_small_part_of_the_wheel() -> None:
    files = [file for folder in ("console", "web") for file in contents(PACKAGE / "api" / folder).items()]
    sizes = {path.name: len(zlib.compress(content)) for path, content in files}  # as a wheel has them

    assert sizes["heliograph.css"]
    assert sum(sizes.values()) <= IN_THE_WHEEL_MOST, sizes
