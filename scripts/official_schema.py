"""Writes src/heliograph/domain/official_schema.json: messages as the official discovery document has them, made compact.

`make docs` runs it: after an update of google-api-python-client, whose copy of the document it reads, the file is another.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.discovery import document, methods_of

TARGET = Path(__file__).parents[1] / "src" / "heliograph" / "domain" / "official_schema.json"
ROOTS = (
    "Policy", "ListPoliciesResponse", "ModifyPolicyApplicationsRequest", "ModifyPolicyApplicationsResponse",
    "RemovePolicyApplicationsRequest", "RemovePolicyApplicationsResponse",
    "GenerateEnterpriseUpgradeUrlRequest", "GenerateEnterpriseUpgradeUrlResponse", "ListMigrationTokensResponse", "WebToken",
    "BatchUsageLogEvents", "EnterpriseUpgradeEvent",
)  # fmt: skip
COMPLETED = ("Application", "Device", "HardwareInfo", "SoftwareInfo")
"""Messages of which a class declares what this server fills; the table has the other fields."""
HAND_WRITTEN = frozenset({"ManagedProperty", "MemoryInfo", "NetworkInfo", "User", "UserFacingMessage", *COMPLETED})
"""Messages that have a class of their own."""
FIELD_MASK = "google-fieldmask"
"""A format that our messages read as the string that it is."""
FORMATS = {
    "int32": "int32", "int64": "int64", "float": "float", "double": "double", "google-duration": "duration", "google-datetime": "timestamp",
    FIELD_MASK: "string", "byte": "bytes",
}  # fmt: skip
PLAIN = {"boolean": "bool", "string": "string", "any": "value"}
MARKS = ("readOnly", "deprecated", "enumDeprecated")
"""What the document says of fields, parameters and messages beside their types."""

Property = Mapping[str, Any]


def compact(whole: Mapping[str, Any]) -> dict[str, object]:
    """The messages that the roots and the completed ones are made of, by name, each field by its name on the wire.

    A field is the name of a scalar or message, a list with one of them in it (a repeated field), or {"enum": […]}.
    """
    schemas = whole["schemas"]
    messages: dict[str, dict[str, object]] = {}
    completed = {name: _fields(schemas[name]) for name in COMPLETED}
    left = [*ROOTS, *(ref for name in COMPLETED for ref in _inside(schemas[name]))]
    while left:
        name = left.pop()
        if name not in messages and name not in HAND_WRITTEN:
            messages[name] = _fields(schemas[name])
            left += _inside(schemas[name])
    return {"revision": whole["revision"], "messages": dict(sorted(messages.items())), "completed": completed, "marks": _marks(whole)}


def _marks(whole: Property) -> dict[str, dict[str, dict[str, object]]]:
    """Marks by message or method, then by field or parameter; of a message itself, by ""."""
    found: dict[str, dict[str, dict[str, object]]] = {}
    for name, of in sorted(whole["schemas"].items()):
        found[name] = {field: _marked(inner) for field, inner in {"": of, **of["properties"]}.items()}
    for name, method in methods_of(whole).items():
        found[name] = {parameter: _marked(of) for parameter, of in method.get("parameters", {}).items()}
    bare = {name: {field: marks for field, marks in fields.items() if marks} for name, fields in found.items()}
    return {name: fields for name, fields in bare.items() if fields}


def _marked(of: Property) -> dict[str, object]:
    marks = {mark: of[mark] for mark in MARKS if mark in of}
    if of.get("format") == FIELD_MASK:
        marks["format"] = FIELD_MASK
    if "items" in of and (inner := _marked(of["items"])):
        marks["items"] = inner
    return marks


def _fields(schema: Property) -> dict[str, object]:
    return {field: _kind(of) for field, of in schema["properties"].items()}


def _inside(schema: Property) -> Iterator[str]:
    for of in schema["properties"].values():
        yield from _references(of)


def _kind(of: Property) -> object:
    if "$ref" in of:
        return of["$ref"]
    if of["type"] == "array":
        return [_kind(of["items"])]
    if "enum" in of:
        return {"enum": of["enum"]}
    if of["type"] == "object":
        return "struct" if of["additionalProperties"]["type"] == "any" else "map"
    return FORMATS[of["format"]] if "format" in of else PLAIN[of["type"]]


def _references(of: Property) -> Iterator[str]:
    if "$ref" in of:
        yield of["$ref"]
    elif "items" in of:
        yield from _references(of["items"])


def rendered() -> str:
    """The file's text: one message a line, so that a difference can be read."""
    found = compact(document())
    parts = ",\n".join(f'"{part}": {_lines(found[part])}' for part in ("messages", "completed", "marks"))
    return f'{{"revision": "{found["revision"]}",\n{parts}}}\n'


def _lines(messages: Any) -> str:  # noqa: ANN401 - messages by name
    return "{\n" + ",\n".join(f'  "{name}": {json.dumps(fields, separators=(",", ":"))}' for name, fields in messages.items()) + "\n}"


if __name__ == "__main__":
    if TARGET.read_text(encoding="utf-8") != rendered():
        TARGET.write_text(rendered(), encoding="utf-8")
        print(f"wrote {TARGET.name}")
