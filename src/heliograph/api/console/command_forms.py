"""A row's params as inputs of a form, and the Command that a filled form is: a new command type changes nothing here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from heliograph.api.console.json_text import as_typed
from heliograph.domain.command import CommandType
from heliograph.domain.command_fields import DEFAULT_MESSAGE, LOCALIZED_MESSAGES, CommandField, command_fields, command_with
from heliograph.domain.durations import written_duration
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.schema import Scalar

PREFIX: Final = "param."
"""Before the names of a row's own inputs, so that none clashes with those that every form has."""
LOCALIZED: Final = ".in"
"""After the name of a message's input: the message in other languages."""
NUMBERS: Final = frozenset({Scalar.INT32, Scalar.INT64})

Fields = Mapping[str, Sequence[str]]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input: its kind is `text`, `number`, `password`, `lines`, `choice`, `choices` or `yes`."""

    name: str
    label: str
    help: str
    kind: str
    choices: Sequence[str] = ()
    values: Sequence[str] = ()
    """What it holds: of `choices`, those that are ticked; of all others, at most one."""

    @property
    def value(self) -> str:
        return next(iter(self.values), "")


def inputs_of(row: CommandType, fields: Fields) -> Sequence[Input]:
    """The inputs of the type's form, with what was filled in."""
    return [one for field in command_fields(row) for one in _inputs_of(field, fields)]


def command_in(row: CommandType, fields: Fields) -> Json:
    """The Command that the form is, without what was left empty; the server validates it.

    Raises: InvalidArgument: a line of a message in other languages has no language.
    """
    params: Json = {}
    for field in command_fields(row):
        value = _message(field, fields) if field.message is not None else _plain(field, fields)
        if value not in ("", [], {}, None):
            params[field.json_name] = value
    return command_with(row, params, _duration(next(iter(fields.get("duration", ())), "").strip()))


def example_of(row: CommandType) -> Json:
    """A good command of the type."""
    return {"type": row.name, **row.example}


def fields_of(row: CommandType, command: Mapping[str, Any]) -> Fields:
    """The form, filled so that it is this command."""
    params = command.get(row.params_field, {}) if row.params_field else command
    found: dict[str, Sequence[str]] = {"duration": [command.get("duration", "")]}
    for field in command_fields(row):
        value, name = params.get(field.json_name), PREFIX + field.name
        if field.message is not None and value is not None:
            found[name] = [value.get(DEFAULT_MESSAGE, "")]
            found[name + LOCALIZED] = ["\r\n".join(f"{language}={text}" for language, text in value.get(LOCALIZED_MESSAGES, {}).items())]
        elif isinstance(value, list):
            found[name] = value if field.choices else ["\r\n".join(value)]
        elif value is not None:
            found[name] = [str(value)]
    return found


def _inputs_of(field: CommandField, fields: Fields) -> Iterator[Input]:
    name, label, kind = PREFIX + field.name, field.name.replace("_", " ").capitalize(), _kind(field)
    text = f"{field.description} One a line." if kind == "lines" else field.description
    yield Input(name=name, label=label, help=text, kind=kind, choices=field.choices, values=fields.get(name, ()))
    if field.message is not None:
        yield Input(
            name=name + LOCALIZED, label=f"{label} in other languages", help="One a line, as in fr=Bonjour; needs the text above too.",
            kind="lines", values=fields.get(name + LOCALIZED, ()),
        )  # fmt: skip


def _kind(field: CommandField) -> str:
    if field.choices:
        return "choices" if field.repeated else "choice"
    if field.repeated:
        return "lines"
    if field.secret:
        return "password"
    if field.scalar is Scalar.BOOL:
        return "yes"
    return "number" if field.scalar in NUMBERS else "text"


def _plain(field: CommandField, fields: Fields) -> Any:  # noqa: ANN401 - text, a number, true, or a list of them
    given = fields.get(PREFIX + field.name, ())
    kind = _kind(field)
    if kind == "choices":
        return list(given)
    if kind == "lines":
        return lines_in(given)
    value = next(iter(given), "")
    if kind == "yes":
        return True if value else None
    # What is not a number goes as it is: the server says what is wrong with it.
    return int(value) if kind == "number" and _is_number(value) else value


def _message(field: CommandField, fields: Fields) -> Json:
    """A message to the user: its text, and the text by language."""
    name = PREFIX + field.name
    message: Json = {}
    if text := next(iter(fields.get(name, ())), ""):
        message[DEFAULT_MESSAGE] = text
    localized: dict[str, str] = {}
    for line in lines_in(fields.get(name + LOCALIZED, ())):
        language, equals, text = line.partition("=")
        if not equals:
            raise InvalidArgument(f"{line[:64]!r} is not a language and a text: write one such as fr=Bonjour on each line.")
        localized[language.strip()] = text
    return {**message, LOCALIZED_MESSAGES: localized} if localized else message


def lines_in(given: Sequence[str]) -> list[str]:
    """The lines that were filled in, without white space around them and without empty ones."""
    return [line.strip() for text in given for line in as_typed(text).split("\n") if line.strip()]


def _is_number(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20  # noqa: PLR2004 - the digits of an int64


def _duration(text: str) -> str:
    """The duration as AMAPI has it; what is none goes as it is: the server says what is wrong with it."""
    return written_duration(text) or text
