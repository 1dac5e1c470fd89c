"""What a recording knows of AMAPI: the schemas of the discovery document, and those of Google's errors, which it leaves out."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from heliograph.api.discovery import discovery_document
from heliograph.protojson.errors import Code
from heliograph.protojson.types import proto_name

Schema = Mapping[str, Any]

TYPE_URL: Final = "type.googleapis.com/"
WORDS: Final[Schema] = {"type": "string", "format": "words"}
"""A sentence of the server's: its known words are shown."""
_INT: Final[Schema] = {"type": "integer"}
_ANY: Final[Schema] = {"type": "object", "additionalProperties": {"type": "any"}}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_OF_ERRORS: Final[Mapping[str, Schema]] = {
    "Status": _object(code=_INT, message=WORDS, details=_list(_ANY)),
    "ErrorAnswer": _object(
        error=_object(
            code=_INT,
            message=WORDS,
            status={"type": "string", "enum": [code.name for code in Code]},
            errors=_list(_object(message=WORDS, domain=WORDS, reason=WORDS)),
            details=_list(_ANY),
        )
    ),
    "google.rpc.BadRequest": _object(fieldViolations=_list(_object(field=WORDS, description=WORDS, reason=WORDS))),
    "google.rpc.ErrorInfo": _object(reason=WORDS, domain=WORDS, metadata={"type": "object", "additionalProperties": {"type": "string"}}),
    "google.rpc.RetryInfo": _object(retryDelay={"type": "string", "format": "google-duration"}),
}
"""Source: google/rpc/error_details.proto; amapi.md §4.1, §4.3."""


@cache
def document() -> Mapping[str, Any]:
    """The discovery document, as this release serves it."""
    return dict(json.loads(discovery_document("https://androidmanagement.googleapis.com/")))


@cache
def schemas() -> Mapping[str, Schema]:
    """Every schema by its name."""
    return {**document()["schemas"], **_OF_ERRORS}


@cache
def methods() -> Mapping[str, Mapping[str, Any]]:
    """Every method's part of the discovery document, by its id."""
    found: dict[str, Mapping[str, Any]] = {}
    left = [document()]
    while left:
        resource = left.pop()
        left += resource.get("resources", {}).values()
        found |= {method["id"]: method for method in resource.get("methods", {}).values()}
    return found


@cache
def properties_of(name: str) -> Mapping[str, Schema]:
    """The schema's fields by either spelling: `wipeParams`, `wipe_params`."""
    properties = schemas()[name].get("properties", {})
    return {proto_name(field): of for field, of in properties.items()} | dict(properties)


@cache
def types() -> Mapping[str, str]:
    """The schema of each `@type` that an answer may hold."""
    amapi = {f"{TYPE_URL}google.android.devicemanagement.v1.{name}": name for name in document()["schemas"]}
    return amapi | {TYPE_URL + name: name for name in _OF_ERRORS if name.startswith("google.rpc.")}
