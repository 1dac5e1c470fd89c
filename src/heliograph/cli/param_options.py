"""Options made from a row's params, and params made from the options given: a new command type changes nothing here."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from heliograph.cli.api_client import Json
from heliograph.cli.command_tree import Option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.domain.command import CommandType
from heliograph.domain.command_fields import DEFAULT_MESSAGE, FROM_TERMINAL, LOCALIZED_MESSAGES, CommandField, command_fields
from heliograph.protojson.schema import Scalar

PREFIX = "param_"
"""Prefix of a row's own options, so that none clashes with an option that every type has."""
OF_SCALAR: "Mapping[Scalar | None, click.ParamType[Any]]" = {
    Scalar.BOOL: click.BOOL,
    Scalar.INT32: click.INT,
    Scalar.INT64: click.INT,
    Scalar.FLOAT: click.FLOAT,
    Scalar.DOUBLE: click.FLOAT,
}
"""What an option parses itself; all other values are text for the server to parse."""


@dataclass(frozen=True, kw_only=True)
class ParamOption:
    """One option and the field of the params that it fills."""

    field: CommandField
    flag: str
    name: str
    """The parameter's name in Python."""
    help: str
    metavar: str | None
    type: "click.ParamType[Any]" = click.STRING
    flag_only: bool = False
    """It takes no value: given, it is true."""
    repeated: bool = False
    localized: bool = False

    def parameter(self) -> Option:
        """The option as click reads it."""
        return Option(
            (self.flag, self.name),
            type=self.type,
            is_flag=self.flag_only,
            default=None,
            multiple=self.repeated,
            help=self.help,
            metavar=self.metavar,
            section="Parameters",
        )


def options_of(row: CommandType) -> tuple[ParamOption, ...]:
    """Every option of the type."""
    return tuple(option for field in command_fields(row) for option in _options_of_field(field))


def params_given(options: Sequence[ParamOption], values: Mapping[str, Any]) -> Json:
    """The params as JSON, without options that were not given. The server validates the rest."""
    params: Json = {}
    for option in options:
        value = values.get(option.name)
        if value is None or value == ():
            continue
        if option.field.message is None:
            params[option.field.json_name] = _plain(option, value)
        elif option.localized:
            params.setdefault(option.field.json_name, {})[LOCALIZED_MESSAGES] = dict(_by_language(option, value))
        else:
            params.setdefault(option.field.json_name, {})[DEFAULT_MESSAGE] = value
    return params


def _options_of_field(field: CommandField) -> Iterator[ParamOption]:
    if field.message is not None:
        yield ParamOption(field=field, flag=field.flag, name=PREFIX + field.name, help=field.description, metavar="TEXT")
        yield ParamOption(
            field=field,
            flag=field.localized_flag,
            name=f"{PREFIX}{field.name}_in",
            help=f"The same in another language, as in fr=Bonjour; needs {field.flag} too.",
            metavar="LANG=TEXT",
            repeated=True,
            localized=True,
        )
        return
    read = click.Choice(field.choices, case_sensitive=False) if field.choices else OF_SCALAR.get(field.scalar, click.STRING)
    yield ParamOption(
        field=field,
        flag=field.flag,
        name=PREFIX + field.name,
        help=field.description + _hint(field),
        metavar=_metavar(field),
        type=read,
        flag_only=read is click.BOOL and not field.repeated,
        repeated=field.repeated,
    )


def _metavar(field: CommandField) -> str | None:
    """The choices if they are few, otherwise a name for one of them: the description lists them. A flag takes no value."""
    if field.scalar is Scalar.BOOL and not field.repeated:
        return None
    if field.choices and not field.repeated:
        return "|".join(field.choices)
    noun = field.name.rpartition("_")[2].upper()
    return noun.removesuffix("S") if field.repeated else noun


def _hint(field: CommandField) -> str:
    if field.secret:
        return f" Give {FROM_TERMINAL} to be prompted for it: everyone on the machine can see a command line."
    return " May be given several times." if field.repeated else ""


def _plain(option: ParamOption, value: Any) -> Any:  # noqa: ANN401 - text, a choice, or a list of them
    if isinstance(value, tuple):
        return [_plain(option, item) for item in value]
    if option.field.secret and value == FROM_TERMINAL:
        return _asked(option)
    return value


def _asked(option: ParamOption) -> str:
    if sys.stdin.isatty():
        return str(
            click.prompt(option.flag.removeprefix("--").replace("-", " ").capitalize(), hide_input=True, default="", show_default=False)
        )
    return sys.stdin.readline().rstrip("\r\n")


def _by_language(option: ParamOption, given: Sequence[str]) -> Iterator[tuple[str, str]]:
    for item in given:
        language, equals, text = item.partition("=")
        if not equals:
            raise Failure(ExitCode.INVALID, f"{option.flag} {item!r}: write a language and a text, as in fr=Bonjour.")
        yield language, text
