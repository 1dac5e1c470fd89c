"""What a message's annotations say, worked out once per class: names, kinds and oneofs, for the walk and for the checks of the fast path.

Source: protobuf.dev/programming-guides/json.
"""

import dataclasses
import enum
import functools
import operator
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec

from heliograph.protojson.types import (
    BytesText,
    DoubleNumber,
    DurationText,
    Int32,
    Int64,
    JsonStruct,
    JsonValue,
    TimestampText,
    enum_numbers,
    is_secret,
    proto_info,
)

_TYPE_URL = "type.googleapis.com/"
UNNAMED_MESSAGE, UNNAMED_ENUM = "TYPE_MESSAGE", "TYPE_ENUM"


class Scalar(enum.Enum):
    """A field of one value; the enum's value is the type that Google's errors name."""

    STRING = "TYPE_STRING"
    BOOL = "TYPE_BOOL"
    INT32 = "TYPE_INT32"
    INT64 = "TYPE_INT64"
    FLOAT = "TYPE_FLOAT"
    DOUBLE = "TYPE_DOUBLE"
    DURATION = f"{_TYPE_URL}google.protobuf.Duration"
    TIMESTAMP = f"{_TYPE_URL}google.protobuf.Timestamp"
    BYTES = "TYPE_BYTES"
    STRUCT = f"{_TYPE_URL}google.protobuf.Struct"
    VALUE = f"{_TYPE_URL}google.protobuf.Value"


@dataclasses.dataclass(frozen=True)
class EnumKind:
    """A field with members of `cls` as values."""

    cls: type[enum.Enum]
    type_name: str
    by_name: Mapping[str, enum.Enum]
    by_number: Mapping[int, enum.Enum]


@dataclasses.dataclass(frozen=True)
class MessageKind:
    """A field that is a message."""

    cls: type[msgspec.Struct]
    type_name: str


@dataclasses.dataclass(frozen=True)
class ListKind:
    """A repeated field."""

    item: "Kind"
    type_name: str


@dataclasses.dataclass(frozen=True)
class MapKind:
    """A map from text to `value`."""

    value: "Kind"
    type_name: str


Kind = Scalar | EnumKind | MessageKind | ListKind | MapKind


def type_name(kind: Kind) -> str:
    """The type in brackets in Google's `Invalid value at '…' (…)`."""
    return kind.value if isinstance(kind, Scalar) else kind.type_name


_ZEROS: Mapping[Scalar, object] = {
    Scalar.BOOL: False, Scalar.INT32: 0, Scalar.INT64: Int64(0), Scalar.FLOAT: 0.0, Scalar.DOUBLE: 0.0, Scalar.VALUE: None,
}  # fmt: skip


def zero_of(kind: Kind) -> object:
    """A value of this kind before it is set: proto3's default, an empty message.  A message with required fields has no such value."""
    if isinstance(kind, EnumKind):
        return kind.by_number[0]
    if isinstance(kind, MessageKind):
        return kind.cls()
    if isinstance(kind, ListKind):
        return ()
    return {} if isinstance(kind, MapKind) or kind is Scalar.STRUCT else _ZEROS.get(kind, "")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """One field: `name` in Python and in proto paths, `json_name` on the wire."""

    name: str
    json_name: str
    kind: Kind
    secret: bool
    required: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shape:
    """One message class: its fields by either name, and to which oneof a field belongs."""

    cls: type[msgspec.Struct]
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field]
    oneof_of: Mapping[str, str]
    habits: Mapping[str, str]


@functools.cache
def shape_of(cls: type[msgspec.Struct]) -> Shape:
    """What `cls` declares.

    Raises: TypeError when `cls` is not a message as `heliograph.protojson.messages` describes.
    """
    config = cls.__struct_config__
    if not (config.forbid_unknown_fields and config.frozen):
        raise TypeError(f"{cls.__name__} must be a Message, or a frozen struct that forbids unknown fields")
    info = proto_info(cls)
    fields = tuple(_field(cls, field) for field in msgspec.structs.fields(cls))
    oneof_of = {member: oneof for oneof, members in info.oneofs.items() for member in members}
    for field in msgspec.structs.fields(cls):
        if field.name in oneof_of and field.default is not None:
            raise TypeError(f"{cls.__name__}.{field.name} is a member of a oneof: it must be a message with default None")
    return Shape(
        cls=cls,
        fields=fields,
        by_name={field.name: field for field in fields} | {field.json_name: field for field in fields},
        oneof_of=oneof_of,
        habits=info.habits,
    )


def _field(cls: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> Field:
    where = f"{cls.__name__}.{field.name}"
    annotation, optional = _without_none(_undescribed(field.type))
    annotation = _undescribed(annotation)
    kind = _kind(annotation, where=where, entry=f"{_shown_type(cls, UNNAMED_MESSAGE)}.{_entry_name(field.encode_name)}")
    if optional and field.default is not None:
        raise TypeError(f"{where} may be None, so its default must be None")
    if kind is Scalar.INT64 and field.default is not Int64(0) and not (field.required or optional):
        raise TypeError(f"{where} is an Int64: its default must be Int64(0)")
    return Field(name=field.name, json_name=field.encode_name, kind=kind, secret=is_secret(annotation), required=field.required)


def _undescribed(annotation: Any) -> Any:  # noqa: ANN401 - an annotation
    """The annotation without `msgspec.Meta(description=…)`, which is for readers and does not affect the kind."""
    if typing.get_origin(annotation) is not Annotated:
        return annotation
    base, *marks = typing.get_args(annotation)
    kept = [mark for mark in marks if not (isinstance(mark, msgspec.Meta) and mark == msgspec.Meta(description=mark.description))]
    return Annotated[(base, *kept)] if kept else base


def _without_none(annotation: object) -> tuple[object, bool]:
    """The annotation without `| None`, and whether it had that."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation, False
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    return (members[0], True) if len(members) == 1 else (annotation, False)


def _kind(annotation: Any, *, where: str, entry: str) -> Kind:  # noqa: ANN401 - an annotation
    if annotation == Int32:
        return Scalar.INT32
    if typing.get_origin(annotation) is Annotated:
        return _annotated_kind(annotation, where=where)
    args = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple and args[1:] == (...,):
        item = _kind(args[0], where=where, entry=entry)
        return ListKind(item, type_name(item))
    if typing.get_origin(annotation) is dict and args[0] is str:
        return MapKind(_kind(args[1], where=where, entry=entry), entry)
    kind = _plain_kind(annotation)
    if kind is None:
        raise TypeError(f"{where}: {annotation} is not a field type of a message; for numbers use Int32 or Int64")
    return kind


def _plain_kind(annotation: object) -> Kind | None:
    """The kind that a class stands for by itself."""
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, enum.Enum):
        names = {str(member.value): member for member in annotation}
        return EnumKind(annotation, _shown_type(annotation, UNNAMED_ENUM), names, enum_numbers(annotation))
    if issubclass(annotation, msgspec.Struct):
        return MessageKind(annotation, _shown_type(annotation, UNNAMED_MESSAGE))
    return {str: Scalar.STRING, bool: Scalar.BOOL, float: Scalar.FLOAT, Int64: Scalar.INT64}.get(annotation)


def _shown_type(cls: type, unnamed: str) -> str:
    """What errors call the type: by its URL, or if it has no package, by protobuf's general word."""
    info = proto_info(cls)
    return _TYPE_URL + info.full_name if info.package else unnamed


_MARKED: Mapping[type, Scalar] = {
    DurationText: Scalar.DURATION,
    TimestampText: Scalar.TIMESTAMP,
    BytesText: Scalar.BYTES,
    DoubleNumber: Scalar.DOUBLE,
    JsonStruct: Scalar.STRUCT,
    JsonValue: Scalar.VALUE,
}


def _annotated_kind(annotation: Any, *, where: str) -> Kind:  # noqa: ANN401 - an annotation
    base, *marks = typing.get_args(annotation)
    for mark in marks:
        if (scalar := _MARKED.get(type(mark))) is not None:
            return scalar
    if any(isinstance(mark, msgspec.Meta) and mark != msgspec.Meta(description=mark.description) for mark in marks):
        raise TypeError(f"{where}: limits belong in the row's check, which can describe violations in words")
    return _kind(base, where=where, entry="")


def _entry_name(json_name: str) -> str:
    """The message type that protobuf makes for the entries of a map field."""
    return json_name[:1].upper() + json_name[1:] + "Entry"


def nests_freely(cls: type[msgspec.Struct]) -> bool:
    """Whether this message's own shape does not bound its depth: a Struct or a Value stands in it, or a message that can hold itself."""
    messages = {cls, *_inner_messages(cls)}
    if any(message in _inner_messages(message) for message in messages):
        return True
    return any(_innermost(field.kind) in (Scalar.STRUCT, Scalar.VALUE) for message in messages for field in shape_of(message).fields)


@functools.cache
def _inner_messages(cls: type[msgspec.Struct]) -> frozenset[type[msgspec.Struct]]:
    """Every message that can stand in one of this class, at any depth."""
    found: set[type[msgspec.Struct]] = set()
    left = [cls]
    while left:
        kinds = [_innermost(field.kind) for field in shape_of(left.pop()).fields]
        new = {kind.cls for kind in kinds if isinstance(kind, MessageKind)} - found
        found |= new
        left += new
    return frozenset(found)


def _innermost(kind: Kind) -> Kind:
    """The kind of a list's elements, or of a map's values."""
    while isinstance(kind, ListKind | MapKind):
        kind = kind.item if isinstance(kind, ListKind) else kind.value
    return kind


Check = Callable[[Any], bool]


@functools.cache
def oneof_check(cls: type[msgspec.Struct]) -> Check | None:
    """A check whether in a message of this class, or inside it, no oneof has two members set; None: the class has no oneofs."""
    shape = shape_of(cls)
    groups = [(operator.attrgetter(*members), len(members) - 1) for members in proto_info(cls).oneofs.values()]
    nested = [(operator.attrgetter(field.name), check) for field in shape.fields if (check := _nested_check(field.kind)) is not None]
    if not groups and not nested:
        return None

    def holds(message: Any) -> bool:  # noqa: ANN401 - an instance of cls
        for members, unset in groups:
            if members(message).count(None) < unset:
                return False
        for of, check in nested:
            value = of(message)
            if value is not None and not check(value):
                return False
        return True

    return holds


def _nested_check(kind: Kind) -> Check | None:
    if isinstance(kind, MessageKind):
        return _check_made_later(kind.cls)
    if isinstance(kind, ListKind | MapKind):
        check = _nested_check(kind.item if isinstance(kind, ListKind) else kind.value)
        if check is None:
            return None
        if isinstance(kind, ListKind):
            return lambda items: all(map(check, items))
        return lambda entries: all(map(check, entries.values()))
    return None


def _check_made_later(cls: type[msgspec.Struct]) -> Check | None:
    """`oneof_check` of this class, made when it is first needed: a message that can hold itself has no innermost one to begin with."""
    if not any(proto_info(message).oneofs for message in (cls, *_inner_messages(cls))):
        return None

    def holds(message: Any) -> bool:  # noqa: ANN401 - an instance of cls
        check = oneof_check(cls)
        return check is None or check(message)

    return holds
