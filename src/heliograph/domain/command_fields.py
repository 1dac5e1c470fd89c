"""A row's params as CLI options, forms and docs pages need them: names, kinds, choices, what each is for, and the command they make."""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from heliograph.domain.command import CommandType
from heliograph.protojson.schema import EnumKind, Kind, ListKind, MessageKind, Scalar, shape_of

DEFAULT_MESSAGE, LOCALIZED_MESSAGES = "defaultMessage", "localizedMessages"  # disc, UserFacingMessage
FROM_TERMINAL = "-"
"""At the command line, instead of a secret, which is asked for without echo or read from a pipe: others can see arguments."""


@dataclass(frozen=True, kw_only=True)
class CommandField:
    """One field of a row's params."""

    name: str
    """In Python and proto paths: `wipe_data_flags`."""
    json_name: str
    """On the wire: `wipeDataFlags`."""
    description: str
    choices: tuple[str, ...] = ()
    """For enums, what can be said; the unspecified member, which says nothing, left out."""
    repeated: bool = False
    message: type[msgspec.Struct] | None = None
    """For messages, their struct (UserFacingMessage); otherwise the field is a scalar or a choice."""
    scalar: Scalar | None = None
    """For scalars and lists of them, which one; None: it is a choice or a message."""
    secret: bool = False

    @property
    def flag(self) -> str:
        """Its option at the command line; of a repeated one, in the singular: it is given once for each."""
        flag = "--" + self.name.replace("_", "-")
        return flag.removesuffix("s") if self.repeated else flag

    @property
    def localized_flag(self) -> str:
        """Of a message, the option for it in another language."""
        return f"{self.flag}-in"


def command_with(row: CommandType, params: Mapping[str, Any], duration: str = "") -> dict[str, Any]:
    """The Command of this type with these params, which the server validates.

    The params object is there even if it is empty: real AMAPI refuses some types without it.
    """
    field = row.params_field
    return {"type": row.name, **({field: params} if field else params), **({"duration": duration} if duration else {})}


def command_fields(row: CommandType) -> tuple[CommandField, ...]:
    """Every field of the row's params, in the order of the reference page."""
    types = {field.name: field.type for field in msgspec.structs.fields(row.params)}
    return tuple(
        CommandField(
            name=field.name,
            json_name=field.json_name,
            description=next(_descriptions(types[field.name]), ""),
            choices=_choices(field.kind),
            repeated=isinstance(field.kind, ListKind),
            message=field.kind.cls if isinstance(field.kind, MessageKind) else None,
            scalar=_scalar(field.kind),
            secret=field.secret,
        )
        for field in shape_of(row.params).fields
    )


def _descriptions(annotation: Any) -> Iterator[str]:  # noqa: ANN401 - an annotation
    """What the annotation says of itself; an optional message says it inside the union."""
    args = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        yield from (mark.description for mark in args[1:] if isinstance(mark, msgspec.Meta) and mark.description)
    for arg in args:
        yield from _descriptions(arg)


def _scalar(kind: Kind) -> Scalar | None:
    inner = kind.item if isinstance(kind, ListKind) else kind
    return inner if isinstance(inner, Scalar) else None


def _choices(kind: Kind) -> tuple[str, ...]:
    inner = kind.item if isinstance(kind, ListKind) else kind
    return tuple(inner.by_name)[1:] if isinstance(inner, EnumKind) else ()


def option_words(row: CommandType, command: Mapping[str, Any]) -> Iterator[str]:
    """The options that say this Command's params at the command line, as words that no shell has read; a secret is asked for."""
    params = command.get(row.params_field, {}) if row.params_field else command
    for field in command_fields(row):
        value = params.get(field.json_name)
        if value is None:
            continue
        if field.message is not None:
            if DEFAULT_MESSAGE in value:
                yield from (field.flag, str(value[DEFAULT_MESSAGE]))
            for language, text in value.get(LOCALIZED_MESSAGES, {}).items():
                yield from (field.localized_flag, f"{language}={text}")
            continue
        for one in value if isinstance(value, list) else [value]:
            yield from _words(field, one)


def _words(field: CommandField, value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (field.flag,) if value else ()
    return field.flag, FROM_TERMINAL if field.secret else str(value)
