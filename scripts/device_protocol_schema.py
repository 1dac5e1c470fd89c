"""docs/device-protocol/schema.json: a JSON Schema of all messages between phones and server, from the messages of `protocol.py`."""

import enum
import inspect
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from heliograph import protocol
from heliograph.agent.transport import KIND_OF
from heliograph.channel.messages import ACK_ID_PATTERN, HASH_PATTERN, REPORT_SEQ_MAX, TEXT_MAX_CHARS
from heliograph.commands import COMMANDS
from heliograph.domain.device import DeviceReport
from heliograph.domain.messages import Message as AmapiMessage
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protocol import Message
from heliograph.sandbox.json_schema import REF, field_texts, name_of, schemas_of
from heliograph.service.phones import INSTALLATION_ID_MAX_CHARS, SERIAL_MAX_CHARS

Schema = dict[str, Any]
DEFS: Final = "#/$defs/"
INHERITED: Final = inspect.cleandoc(AmapiMessage.__doc__ or "")
AMAPI: Final = (DeviceReport, UserFacingMessage)
"""Messages of AMAPI's, which have a JSON of their own (docs/spec/amapi.md)."""

_ACK_ID: Final[Schema] = {"pattern": f"^{ACK_ID_PATTERN}$"}
_FOR_PEOPLE: Final[Schema] = {"maxLength": TEXT_MAX_CHARS}
NARROWER: Final[Mapping[tuple[str, str], Schema]] = {
    ("Enroll", "credentialHash"): {"pattern": f"^{HASH_PATTERN}$"},
    ("Enroll", "installationId"): {"minLength": 1, "maxLength": INSTALLATION_ID_MAX_CHARS},
    ("Enroll", "serial"): {"maxLength": SERIAL_MAX_CHARS},
    ("InFlight", "ackId"): _ACK_ID,
    ("Acknowledge", "ackId"): _ACK_ID,
    ("Begin", "ackId"): _ACK_ID,
    ("Report", "ackId"): _ACK_ID,
    ("Report", "seq"): {"minimum": 1, "maximum": REPORT_SEQ_MAX},
    ("Report", "message"): _FOR_PEOPLE,
    ("Refuse", "message"): _FOR_PEOPLE,
    ("KeepAlive", "everyS"): {"minimum": 1},
}
"""What the server checks beyond the types."""

RAW: Final[Mapping[str, Schema]] = {
    "command": {"type": "object", "properties": {"type": {"type": "string", "examples": [*COMMANDS]}}, "required": ["type"]},
    "policy": {"type": "object"},
    "events": {"type": "object", "required": ["eventId", "eventTime", "eventType"]},
    "status": {"type": ["object", "null"]},
    "evidence": {},
}
"""JSON that the protocol carries and does not read: AMAPI's Command, Policy, UsageLogEvent and statuses; evidence."""

_INTEGER: Final[Schema] = {"type": "integer"}
FRAMES: Final[Mapping[str, Schema]] = {
    "Error": {
        "type": "object",
        "description": "Instead of an answer, with the status that it names: Google's form.",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": _INTEGER, "message": {"type": "string"}, "status": {"type": "string"},
                    "details": {"type": "array", "items": {"type": "object"}},
                },
                "required": ["code", "message", "status"],
            }
        },
        "required": ["error"],
    },
    "Poll": {
        "type": "object",
        "description": "The answer to `GET /device/v1/commands`; empty if the time was over.",
        "properties": {"offer": {"$ref": f"{DEFS}Offer"}, "policy": {"$ref": f"{DEFS}PhonePolicy"}, "retryAfterMs": _INTEGER},
    },
    "PhoneFrame": {
        "type": "object",
        "description": "What a phone sends over a WebSocket.",
        "properties": {"id": _INTEGER, "kind": {"enum": sorted(set(KIND_OF.values()) - {"enroll"})}, "body": {"type": "object"}},
        "required": ["kind"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}},
                "then": {"properties": {"body": {"$ref": f"{DEFS}{message.__name__}"}}},
            }
            for message, kind in KIND_OF.items()
            if kind != "enroll"
        ],
    },
    "ServerFrame": {
        "type": "object",
        "description": "What the server sends over a WebSocket: the answer to a frame, or one of the others unasked.",
        "oneOf": [
            {
                "properties": {"replyTo": _INTEGER, "status": _INTEGER, "body": {"type": "object"}},
                "required": ["replyTo", "status", "body"],
            },
            *({"properties": {name: {"$ref": f"{DEFS}{of}"}}, "required": [name]}
              for name, of in (("offer", "Offer"), ("policy", "PhonePolicy"), ("gone", "Gone"))),
            {"$ref": f"{DEFS}Error"},
        ],
    },
}  # fmt: skip
"""What carries messages, or stands in their place."""


def messages() -> dict[str, type[Message]]:
    """Every message of the protocol, by its name."""
    found = (value for value in vars(protocol).values() if isinstance(value, type) and issubclass(value, Message))
    return {message.__name__: message for message in found if message is not Message}


def schema() -> Schema:
    """The whole document: each message stands in `$defs` under its name."""
    named: dict[str, type[msgspec.Struct]] = {**messages()}
    made: dict[str, Schema] = {**FRAMES}
    while named:
        name, message = named.popitem()
        made[name], inside = _schema(message)
        named |= {inner.__name__: inner for inner in inside if inner.__name__ not in made and inner not in AMAPI}
    amapi: dict[str, Schema] = json.loads(json.dumps(schemas_of(AMAPI)).replace(REF, DEFS))
    for of_amapi in amapi.values():
        if of_amapi["description"] == INHERITED:
            del of_amapi["description"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Heliograph's device protocol, version " + ", ".join(map(str, protocol.VERSIONS)),
        "description": "Each message stands in $defs under its name. Unknown fields are ignored by both sides.",
        "$defs": {name: made[name] for name in sorted(made)} | amapi,
    }


def _schema(message: type[msgspec.Struct]) -> tuple[Schema, list[type[msgspec.Struct]]]:
    """Of one message, and the messages in it."""
    texts, properties, inside = field_texts(message), {}, list[type[msgspec.Struct]]()
    fields = msgspec.structs.fields(message)
    types_of = typing.get_type_hints(message, include_extras=True)
    for field in fields:
        of_type, inner = _of(field.type if field.type is not typing.Any else types_of[field.name], field.encode_name)
        inside += inner
        narrower = NARROWER.get((message.__name__, field.encode_name), {})
        described = {"description": texts[field.name]} if field.name in texts else {}
        properties[field.encode_name] = of_type | narrower | described
    required = [field.encode_name for field in fields if field.required]
    made: Schema = {"type": "object", "description": inspect.cleandoc(message.__doc__ or ""), "properties": properties}
    return made | ({"required": required} if required else {}), inside


def _of(annotation: Any, name: str) -> tuple[Schema, list[type[msgspec.Struct]]]:  # noqa: ANN401 - an annotation
    choices = [choice for choice in typing.get_args(annotation) if choice is not msgspec.UnsetType]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        some = [choice for choice in choices if choice is not types.NoneType]
        of_type, inside = _of(some[0], name)
        return ({"anyOf": [of_type, {"type": "null"}]} if types.NoneType in choices else of_type), inside
    if typing.get_origin(annotation) is tuple:
        of_type, inside = _of(choices[0], name)
        return {"type": "array", "items": of_type}, inside
    if annotation is msgspec.Raw:
        return dict(RAW[name]), []
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return {"enum": [member.value for member in annotation]}, []
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return {"$ref": f"{DEFS}{name_of(annotation) if annotation in AMAPI else annotation.__name__}"}, [annotation]
    return {"type": {str: "string", int: "integer", bool: "boolean"}[annotation]}, []
