"""A row's params as CLI options, forms and docs pages need them: names, kinds, choices and what each is for."""

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from heliograph.domain.command import CommandType
from heliograph.protojson.schema import EnumKind, Kind, ListKind, MessageKind, Scalar, shape_of


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
