"""Our messages as the discovery document describes them: JSON Schema of the dialect that Google's clients read.

Source: developers.google.com/discovery/v1/type-format; disc, `schemas`.
"""

import enum
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from heliograph.api.enum_texts import enum_text
from heliograph.api.schema_texts import FIELD_TEXTS, SCHEMA_TEXTS
from heliograph.domain.official_messages import MARKS
from heliograph.protojson.schema import EnumKind, Kind, ListKind, MapKind, MessageKind, Scalar, shape_of
from heliograph.protojson.types import proto_info

Schema = dict[str, Any]

SCALARS: Mapping[Scalar, Schema] = {
    Scalar.STRING: {"type": "string"},
    Scalar.BOOL: {"type": "boolean"},
    Scalar.INT32: {"type": "integer", "format": "int32"},
    Scalar.INT64: {"type": "string", "format": "int64"},
    Scalar.FLOAT: {"type": "number", "format": "float"},
    Scalar.DOUBLE: {"type": "number", "format": "double"},
    Scalar.DURATION: {"type": "string", "format": "google-duration"},
    Scalar.TIMESTAMP: {"type": "string", "format": "google-datetime"},
    Scalar.BYTES: {"type": "string", "format": "byte"},
    Scalar.VALUE: {"type": "any"},
    Scalar.STRUCT: {"type": "object", "additionalProperties": {"type": "any", "description": "Properties of the object."}},
}

_ANY_OBJECT: Schema = {"type": "object", "additionalProperties": {"type": "any", "description": "Properties of the object, and its @type."}}

RAW_SCHEMAS: Mapping[str, Schema] = {
    "Empty": {"type": "object", "properties": {}},
    "Operation": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "metadata": _ANY_OBJECT,
            "done": {"type": "boolean"},
            "error": {"$ref": "Status"},
            "response": _ANY_OBJECT,
        },
    },
    "Status": {
        "type": "object",
        "properties": {
            "code": {"type": "integer", "format": "int32"},
            "message": {"type": "string"},
            "details": {"type": "array", "items": _ANY_OBJECT},
        },
    },
    "ListOperationsResponse": {
        "type": "object",
        "properties": {
            "operations": {"type": "array", "items": {"$ref": "Operation"}},
            "nextPageToken": {"type": "string"},
            "unreachable": {"type": "array", "items": {"type": "string"}},
        },
    },
    "IssueCommandResponse": {"type": "object", "properties": {}},
}
"""Messages that hold messages of any type (google.protobuf.Any), or nothing: no struct of ours describes them."""


def schema_id(message: type[msgspec.Struct]) -> str:
    """The message's name in the document."""
    return proto_info(message).name


def schemas_of(messages: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schemas of these messages and of all inside them, by their names in alphabetical order, and the raw ones."""
    found: dict[str, Schema] = {name: _described(name, schema) for name, schema in RAW_SCHEMAS.items()}
    left = [*messages]
    while left:
        message = left.pop()
        name = schema_id(message)
        if name not in found:
            found[name] = _schema(message)
            left += _inside(message)
    return {name: {"id": name, **found[name]} for name in sorted(found)}


def type_of(kind: Kind) -> Schema:
    """The schema of a value of this kind."""
    match kind:
        case Scalar():
            return dict(SCALARS[kind])
        case EnumKind():
            return _enum(kind.cls)
        case MessageKind():
            return {"$ref": schema_id(kind.cls)}
        case ListKind():
            return {"type": "array", "items": type_of(kind.item)}
        case MapKind():
            return {"type": "object", "additionalProperties": type_of(kind.value)}


def description_of(annotation: Any) -> str:  # noqa: ANN401 - an annotation
    """What `msgspec.Meta(description=…)` says in this annotation or below it."""
    if typing.get_origin(annotation) is Annotated:
        for mark in typing.get_args(annotation)[1:]:
            if isinstance(mark, msgspec.Meta) and mark.description:
                return mark.description
    return next((text for inner in typing.get_args(annotation) if (text := description_of(inner))), "")


def _schema(message: type[msgspec.Struct]) -> Schema:
    annotations = {field.name: field.type for field in msgspec.structs.fields(message)}
    properties: dict[str, Schema] = {}
    for field in shape_of(message).fields:
        said = description_of(annotations[field.name])
        properties[field.json_name] = type_of(field.kind) | ({"description": said} if said else {})
    return _described(schema_id(message), {"type": "object", "properties": properties})


def _described(name: str, schema: Schema) -> Schema:
    """The schema with our texts about it and its fields."""
    texts, marks = FIELD_TEXTS.get(name, {}), MARKS.get(name, {})
    properties = {field: {**of, "description": texts[field]} if field in texts else of for field, of in schema["properties"].items()}
    properties = {field: marked(of, marks.get(field, {})) for field, of in properties.items()}
    return marked({"description": SCHEMA_TEXTS.get(name, ""), **schema, "properties": properties}, marks.get("", {}))


def marked(schema: Schema, marks: Mapping[str, Any]) -> Schema:
    """The schema with the marks of Google's document."""
    own = {mark: value for mark, value in marks.items() if mark != "items"}
    return {**schema, **own, **({"items": marked(schema["items"], marks["items"])} if "items" in marks else {})}


def _enum(cls: type[enum.Enum]) -> Schema:
    values = [str(member.value) for member in cls]
    return {"type": "string", "enum": values, "enumDescriptions": [enum_text(proto_info(cls).name, value) for value in values]}


def _inside(message: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    found = []
    for field in shape_of(message).fields:
        kind = field.kind
        while isinstance(kind, ListKind | MapKind):
            kind = kind.item if isinstance(kind, ListKind) else kind.value
        if isinstance(kind, MessageKind):
            found.append(kind.cls)
    return found
