"""A message as the inputs of a form, and the JSON that a filled form is: a new field of a message changes nothing here."""

import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from heliograph.api.console.command_forms import NUMBERS, Fields, Input, Json, lines_in
from heliograph.api.console.json_text import NO_JSON, json_in
from heliograph.domain.durations import written_duration
from heliograph.protojson.schema import EnumKind, Field, Kind, ListKind, MapKind, MessageKind, Scalar, shape_of
from heliograph.sandbox.json_schema import Also, field_texts

HIDDEN: Final = "…"
"""Instead of a secret, in what is shown."""
PREFIX: Final = "body."
"""Before the names of a message's inputs, so that none clashes with those that every form has."""
YES, NO = "true", "false"
ARRAY: Final = "array"
"""What JSON Schema calls a value that is written as lines."""
WRITTEN: Final[Mapping[Scalar, str]] = {
    Scalar.DURATION: "As in 0.5s, 90s, 10m, 2h.",
    Scalar.TIMESTAMP: "As in 2030-01-01T06:00:00Z.",
    Scalar.STRUCT: "A JSON object.",
}
"""How values of a kind are written."""


def inputs_of(cls: type[msgspec.Struct], fields: Fields, *, only: Collection[str] = (), prefix: str = PREFIX) -> Sequence[Input]:
    """The inputs of the message's fields with what was filled in; `only`: of these fields, by their names in Python."""
    return [one for field in shape_of(cls).fields if not only or field.name in only for one in _inputs(cls, field, fields, prefix)]


def body_in(cls: type[msgspec.Struct], fields: Fields, *, only: Collection[str] = (), prefix: str = PREFIX) -> Json:
    """The message that the form is, without what was left empty; who takes it validates it.

    Raises: InvalidArgument: JSON that is not JSON.
    """
    body: Json = {}
    for field in shape_of(cls).fields:
        if not only or field.name in only:
            value = _value(field, _also(cls, field), fields, prefix)
            if value is not None:
                body[field.json_name] = value
    return body


def fields_of(body: Mapping[str, Any], *, prefix: str = PREFIX) -> Fields:
    """The form, filled so that it is this message."""
    found: dict[str, Sequence[str]] = {}
    for name, value in body.items():
        if isinstance(value, dict):
            found |= fields_of(value, prefix=f"{prefix}{name}.")
            found[prefix + name] = [msgspec.json.encode(value).decode()]
        elif isinstance(value, list):
            found[prefix + name] = ["\n".join(map(_text, value))] if not all(isinstance(one, str) for one in value) else value
        else:
            found[prefix + name] = [_text(value)]
    return found


def without_secrets(cls: type[msgspec.Struct], body: Json) -> Json:
    """The message as pages show it."""
    secret = {field.json_name for field in shape_of(cls).fields if field.secret}
    return {name: HIDDEN if name in secret else value for name, value in body.items()}


def _inputs(cls: type[msgspec.Struct], field: Field, fields: Fields, prefix: str) -> Iterator[Input]:
    name = prefix + field.json_name
    if isinstance(field.kind, MessageKind):
        yield from inputs_of(field.kind.cls, fields, prefix=f"{name}.")
        return
    kind, choices = _kind(field, _also(cls, field))
    values = fields.get(name, ())
    if kind == "lines" and len(values) > 1:
        values = ["\n".join(values)]
    yield Input(
        name=name, label=_label(field.name, prefix), help=_help(field_texts(cls).get(field.name, ""), field, kind), kind=kind,
        choices=choices, values=values,
    )  # fmt: skip


def _label(name: str, prefix: str) -> str:
    """`error code`: with the message that it is in, if there is one."""
    inside = prefix.removeprefix(PREFIX).rstrip(".").replace(".", ": ")
    return f"{inside}: {name}".replace("_", " ") if inside else name.replace("_", " ").capitalize()


def _help(text: str, field: Field, kind: str) -> str:
    """What stands below the field in its class, and how it is written."""
    written = WRITTEN.get(field.kind, "") if isinstance(field.kind, Scalar) else "One a line." if kind == "lines" else ""
    return " ".join(filter(None, (" ".join(text.replace("`", "").split()), written)))


def _kind(field: Field, also: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    """The kind of the field's input, and what can be chosen in it."""
    match field.kind:
        case EnumKind(by_name=names):
            return "choice", tuple(names)[1:]
        case ListKind(item=EnumKind(by_name=names)):
            return "choices", tuple(names)[1:]
        case Scalar.BOOL:
            return "choice", (YES, NO)
    if choices := also.get("enum", ()):
        return "choice", tuple(choices)
    if isinstance(field.kind, ListKind | MapKind) or field.kind is Scalar.STRUCT or also.get("type") == ARRAY:
        return "lines", ()
    return "number" if field.kind in NUMBERS else "text", ()


def _value(field: Field, also: Mapping[str, Any], fields: Fields, prefix: str) -> Any:  # noqa: ANN401 - JSON; None: left empty
    name = prefix + field.json_name
    given = fields.get(name, ())
    first = next(iter(given), "").strip()
    match field.kind:
        case MessageKind(cls=cls):
            return body_in(cls, fields, prefix=f"{name}.") or None
        case ListKind(item=item):
            return _list(field, item, given) or None
        case Scalar.VALUE if also.get("type") == ARRAY:
            return [_any_json(line) for line in lines_in(given)] or None
    return _scalar(field, also, first) if first else None


def _list(field: Field, item: Kind, given: Sequence[str]) -> list[Any]:
    if isinstance(item, EnumKind):
        return [one for one in given if one]
    return [json_in(line, what=field.json_name) if isinstance(item, MessageKind) else line for line in lines_in(given)]


def _scalar(field: Field, also: Mapping[str, Any], text: str) -> Any:  # noqa: ANN401 - JSON
    """The value that the text is; what is none goes as it is, and the answer says what is wrong with it."""
    match field.kind:
        case MapKind() | Scalar.STRUCT:
            return json_in(text, what=field.json_name)
        case Scalar.BOOL:
            return text == YES
        case Scalar.DURATION:
            return written_duration(text) or text
        case Scalar.INT32 | Scalar.FLOAT | Scalar.DOUBLE | Scalar.VALUE:
            return _any_json(text) if "object" not in also.get("type", ()) else json_in(text, what=field.json_name)
    return text


def _any_json(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return msgspec.json.decode(text)
    except NO_JSON:
        return text


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _also(cls: type[msgspec.Struct], field: Field) -> Mapping[str, Any]:
    """What JSON Schema says of the field beyond its kind."""
    annotation = next(one.type for one in msgspec.structs.fields(cls) if one.name == field.name)
    for part in (annotation, *typing.get_args(annotation)):
        if typing.get_origin(part) is Annotated:
            marks = [mark.schema for mark in typing.get_args(part)[1:] if isinstance(mark, Also)]
            if marks:
                return marks[0]
    return {}
