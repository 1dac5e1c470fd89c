"""Messages made from a data file: Policy and its parts, the parts of Device that nothing here fills yet, and those of methods not offered.

`official_schema.json` is derived from the official discovery document (scripts/official_schema.py; a test compares). What the document
does not say is derived here: proto names from JSON names, an enum's type name from its field, an enum's numbers from its order.

Source: disc, Policy and Device, and the schemas that they refer to.
"""

import enum
import pkgutil
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import msgspec

from heliograph.domain.messages import Message, proto
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protojson.types import AnyObject, AnyValue, Bytes, Double, Duration, Int32, Int64, Timestamp, proto_name

M = TypeVar("M", bound=msgspec.Struct)

Kind = str | list[Any] | dict[str, list[str]]
"""A scalar's or message's name; in a list: a repeated field; `{"enum": […]}`."""

_SCALARS: Mapping[str, tuple[Any, Any]] = {
    "bool": (bool, False),
    "string": (str, ""),
    "int32": (Int32, 0),
    "int64": (Int64, Int64(0)),
    "float": (float, 0.0),
    "double": (Double, 0.0),
    "duration": (Duration, ""),
    "timestamp": (Timestamp, ""),
    "bytes": (Bytes, ""),
    "struct": (AnyObject | None, None),
    "value": (AnyValue, None),
    "map": (dict[str, str], msgspec.field(default_factory=dict)),
}


class _Schema(msgspec.Struct):
    revision: str
    messages: dict[str, dict[str, Kind]]
    """Those that are made here, whole."""
    completed: dict[str, dict[str, Kind]]
    """Those of which a class elsewhere declares some fields."""
    marks: dict[str, dict[str, dict[str, Any]]]


class _Maker:
    """Makes each message after those that it holds."""

    def __init__(self, schema: _Schema) -> None:
        self._schema = schema
        self.names = schema.messages.keys()
        self._made: dict[str, type[msgspec.Struct]] = {"UserFacingMessage": UserFacingMessage}

    def message(self, name: str) -> type[msgspec.Struct]:
        """The message's class."""
        if name not in self._made:
            self._made[name] = self._struct(name, self._schema.messages[name], Message)
        return self._made[name]

    def completed(self, cls: type[msgspec.Struct], name: str, only: Collection[str]) -> type[msgspec.Struct]:
        """The class with the message's other fields, or with these `only`."""
        declared = {field.encode_name for field in msgspec.structs.fields(cls)}
        fields = self._schema.completed[name]
        others = {field: kind for field, kind in fields.items() if field not in declared and (not only or field in only)}
        return self._struct(name, others, cls)

    def _struct(self, name: str, fields: Mapping[str, Kind], base: type[msgspec.Struct]) -> type[msgspec.Struct]:
        made = msgspec.defstruct(
            name if base is Message else base.__name__,
            [(proto_name(field), *self._field(name, field, kind)) for field, kind in fields.items()],
            bases=(base,),
            module=base.__module__ if base is not Message else __name__,
            namespace={"__doc__": base.__doc__},
            rename={proto_name(field): field for field in fields},
        )
        return proto(name)(made)

    def _field(self, message: str, name: str, kind: Kind) -> tuple[Any, Any]:
        """The annotation and the default."""
        type_name = f"{message}.{name[:1].upper()}{name[1:]}"
        if isinstance(kind, list):
            annotation, _default = self._field(message, name.removesuffix("s"), kind[0])
            return tuple[_without_none(annotation), ...], ()  # type: ignore[misc]
        if isinstance(kind, dict):
            values = _enum(type_name, kind["enum"])
            return values, next(iter(values))
        if kind in _SCALARS:
            return _SCALARS[kind]
        return self.message(kind) | None, None


def _without_none(annotation: Any) -> Any:  # noqa: ANN401 - an annotation
    return annotation.__args__[0] if type(None) in getattr(annotation, "__args__", ()) else annotation


def _enum(type_name: str, values: list[str]) -> type[enum.Enum]:
    made = enum.Enum(type_name.rpartition(".")[2], {value: value for value in values}, module=__name__)  # type: ignore[misc]
    return proto(type_name)(made)


_SCHEMA = msgspec.json.decode(pkgutil.get_data(__package__, "official_schema.json") or b"", type=_Schema)
_MAKER = _Maker(_SCHEMA)
MARKS: Mapping[str, Mapping[str, Mapping[str, Any]]] = _SCHEMA.marks
"""What the document says beside types (readOnly, deprecated, …): by message or method, then by field or parameter ("": the message)."""
MESSAGES: Mapping[str, type[msgspec.Struct]] = {name: _MAKER.message(name) for name in _MAKER.names}
"""Every message that is made here, by its name."""


def officially(name: str, *, only: Collection[str] = ()) -> Callable[[type[M]], type[M]]:
    """A decorator: the message also has the official fields of this name that the class does not declare; with `only`, these of them.

    So everything that Google's message has is known: taken in a body, in a mask, in `fields`. A field that this server fills is declared.
    """

    def complete(cls: type[M]) -> type[M]:
        return _MAKER.completed(cls, name, only)  # type: ignore[return-value]

    return complete
