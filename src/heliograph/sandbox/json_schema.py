"""JSON Schema (2020-12, as OpenAPI 3.1 has it) of messages, with the texts that stand below their fields in the source."""

import ast
import enum
import functools
import inspect
import itertools
import textwrap
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from heliograph.protojson.schema import EnumKind, Field, Kind, ListKind, MapKind, MessageKind, Scalar, shape_of
from heliograph.protojson.types import proto_info

Schema = dict[str, Any]
REF = "#/components/schemas/"


class Also:
    """In an annotation: what JSON Schema says of the value beyond its kind, as in `Annotated[AnyValue, Also(type="array")]`."""

    def __init__(self, **schema: object) -> None:
        self.schema = schema


SCALARS: Mapping[Scalar, Schema] = {
    Scalar.STRING: {"type": "string"},
    Scalar.BOOL: {"type": "boolean"},
    Scalar.INT32: {"type": "integer", "format": "int32"},
    Scalar.INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"},
    Scalar.FLOAT: {"type": "number"},
    Scalar.DOUBLE: {"type": "number"},
    Scalar.DURATION: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["600s"]},
    Scalar.TIMESTAMP: {"type": "string", "format": "date-time"},
    Scalar.BYTES: {"type": "string", "format": "byte"},
    Scalar.STRUCT: {"type": "object"},
    Scalar.VALUE: {},
}


def name_of(message: type[msgspec.Struct]) -> str:
    """The message's name in the document."""
    return proto_info(message).name


def schemas_of(messages: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schemas of these messages and of all inside them, by name in alphabetical order.

    Raises: TypeError: two of them have one name.
    """
    found: dict[str, type[msgspec.Struct]] = {}
    left = [*messages]
    while left:
        message = left.pop()
        known = found.setdefault(name_of(message), message)
        if known is not message:
            raise TypeError(f"{known.__module__} and {message.__module__} both have a message {name_of(message)}: call one otherwise")
        left += [inner for field in shape_of(message).fields for inner in _inside(field.kind) if name_of(inner) not in found]
    return {name: _schema(found[name]) for name in sorted(found)}


def reference_to(message: type[msgspec.Struct]) -> Schema:
    """A reference to the message's schema."""
    return {"$ref": REF + name_of(message)}


def _schema(message: type[msgspec.Struct]) -> Schema:
    annotations = {field.name: field.type for field in msgspec.structs.fields(message)}
    texts = field_texts(message)
    properties = {
        field.json_name: _property(field, annotations[field.name]) | ({"description": texts[field.name]} if field.name in texts else {})
        for field in shape_of(message).fields
    }
    required = [field.json_name for field in shape_of(message).fields if field.required]
    schema: Schema = {"type": "object", "description": inspect.cleandoc(message.__doc__ or ""), "properties": properties}
    return schema | ({"required": required} if required else {})


def _property(field: Field, annotation: object) -> Schema:
    schema = _of_kind(field.kind) | _also(annotation)
    if field.secret:
        schema["writeOnly"] = True
    if type(None) not in typing.get_args(annotation):
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def _of_kind(kind: Kind) -> Schema:
    match kind:
        case Scalar():
            return dict(SCALARS[kind])
        case EnumKind():
            return {"type": "string", "enum": _values(kind.cls)}
        case MessageKind():
            return reference_to(kind.cls)
        case ListKind():
            return {"type": "array", "items": _of_kind(kind.item)}
        case MapKind():
            return {"type": "object", "additionalProperties": _of_kind(kind.value)}


def _values(choices: type[enum.Enum]) -> list[str]:
    """Without the proto's number 0, which stands for an absent field."""
    return [str(member.value) for member in choices if not member.name.endswith("_UNSPECIFIED")]


def _also(annotation: Any) -> Schema:  # noqa: ANN401 - an annotation
    if typing.get_origin(annotation) is Annotated:
        for mark in typing.get_args(annotation)[1:]:
            if isinstance(mark, Also):
                return dict(mark.schema)
    inner = [choice for choice in typing.get_args(annotation) if choice is not type(None)]
    return _also(inner[0]) if len(inner) == 1 else {}


def _inside(kind: Kind) -> list[type[msgspec.Struct]]:
    while isinstance(kind, ListKind | MapKind):
        kind = kind.item if isinstance(kind, ListKind) else kind.value
    return [kind.cls] if isinstance(kind, MessageKind) else []


def field_texts(cls: type[msgspec.Struct]) -> Mapping[str, str]:
    """What stands below the fields of this class and of its bases, as text."""
    return {name: text for base in reversed(cls.__mro__) if issubclass(base, msgspec.Struct) for name, text in _own_texts(base).items()}


@functools.cache
def _own_texts(cls: type) -> Mapping[str, str]:
    """Python itself forgets these texts, so they are read from the source; empty where that is not there."""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return {}
    (definition,) = ast.parse(textwrap.dedent(source)).body
    texts: dict[str, str] = {}
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for above, below in itertools.pairwise(body):
        if not (isinstance(above, ast.AnnAssign) and isinstance(above.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            texts[above.target.id] = inspect.cleandoc(below.value.value)
    return texts
