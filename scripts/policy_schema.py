"""Writes src/heliograph/domain/policy_schema.json anew: the Policy message as the official discovery document has it, made compact.

Run it (`python -m scripts.policy_schema`) after an update of google-api-python-client, whose copy of the document it reads.
"""

import importlib.resources
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src" / "heliograph" / "domain" / "policy_schema.json"
ROOTS = (
    "Policy", "ListPoliciesResponse", "ModifyPolicyApplicationsRequest", "ModifyPolicyApplicationsResponse",
    "RemovePolicyApplicationsRequest", "RemovePolicyApplicationsResponse",
)  # fmt: skip
HAND_WRITTEN = frozenset({"UserFacingMessage"})
"""Messages that have a class of their own."""
FORMATS = {"int32": "int32", "int64": "int64", "google-duration": "duration", "google-fieldmask": "string", "byte": "bytes"}
PLAIN = {"boolean": "bool", "string": "string"}

Property = Mapping[str, Any]


def compact(document: Mapping[str, Any]) -> dict[str, object]:
    """The messages that the roots are made of, by name, each field by its name on the wire.

    A field is the name of a scalar or message, a list with one of them in it (a repeated field), or {"enum": […]}.
    """
    schemas = document["schemas"]
    messages: dict[str, dict[str, object]] = {}
    left = list(ROOTS)
    while left:
        name = left.pop()
        if name not in messages and name not in HAND_WRITTEN:
            properties = schemas[name]["properties"]
            messages[name] = {field: _kind(of) for field, of in properties.items()}
            left += [ref for of in properties.values() for ref in _references(of)]
    return {"revision": document["revision"], "messages": dict(sorted(messages.items()))}


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
    documents = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents"
    found = compact(json.loads((documents / "androidmanagement.v1.json").read_text(encoding="utf-8")))
    messages = found["messages"]
    lines = [f'  "{name}": {json.dumps(fields, separators=(",", ":"))}' for name, fields in messages.items()]  # type: ignore[attr-defined]
    return f'{{"revision": "{found["revision"]}", "messages": {{\n' + ",\n".join(lines) + "\n}}\n"


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
