"""The Policy message and those around it, made from a data file: 71 messages that this server keeps, and mostly does not look into.

`policy_schema.json` is derived from the official discovery document (scripts/policy_schema.py; a test compares). What the document
does not tell is derived here: proto names from JSON names, an enum's type name from its field, an enum's numbers from its order.

Source: disc, Policy and the schemas that it refers to.
"""

import enum
import pkgutil
from collections.abc import Mapping
from typing import Any

import msgspec

from heliograph.domain.command import proto_name
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.domain.wire import Duration, Int32, Int64, Message, proto
from heliograph.domain.wire_types import AnyObject, Bytes

Kind = str | list[Any] | dict[str, list[str]]
"""A scalar's or message's name; in a list: a repeated field; `{"enum": […]}`."""

_SCALARS: Mapping[str, tuple[Any, Any]] = {
    "bool": (bool, False),
    "string": (str, ""),
    "int32": (Int32, 0),
    "int64": (Int64, Int64(0)),
    "duration": (Duration, ""),
    "bytes": (Bytes, ""),
    "struct": (AnyObject | None, None),
    "map": (dict[str, str], msgspec.field(default_factory=dict)),
}


class _Schema(msgspec.Struct):
    revision: str
    messages: dict[str, dict[str, Kind]]


class _Maker:
    """Makes each message after those that it holds."""

    def __init__(self, schema: _Schema) -> None:
        self._schema = schema
        self.names = schema.messages.keys()
        self._made: dict[str, type[msgspec.Struct]] = {"UserFacingMessage": UserFacingMessage}

    def message(self, name: str) -> type[msgspec.Struct]:
        """The message's class."""
        if name not in self._made:
            fields = self._schema.messages[name]
            made = msgspec.defstruct(
                name,
                [(proto_name(field), *self._field(name, field, kind)) for field, kind in fields.items()],
                bases=(Message,),
                module=__name__,
                rename={proto_name(field): field for field in fields},
            )
            self._made[name] = proto(name)(made)
        return self._made[name]

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


def _made() -> Mapping[str, type[msgspec.Struct]]:
    data = pkgutil.get_data(__package__, "policy_schema.json")
    maker = _Maker(msgspec.json.decode(data or b"", type=_Schema))
    return {name: maker.message(name) for name in maker.names}


MESSAGES = _made()
"""Every message by its name."""
Policy = MESSAGES["Policy"]
ApplicationPolicy = MESSAGES["ApplicationPolicy"]
ListPoliciesResponse = MESSAGES["ListPoliciesResponse"]
ModifyPolicyApplicationsRequest = MESSAGES["ModifyPolicyApplicationsRequest"]
ModifyPolicyApplicationsResponse = MESSAGES["ModifyPolicyApplicationsResponse"]
RemovePolicyApplicationsRequest = MESSAGES["RemovePolicyApplicationsRequest"]
RemovePolicyApplicationsResponse = MESSAGES["RemovePolicyApplicationsResponse"]
