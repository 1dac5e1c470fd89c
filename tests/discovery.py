"""The official schema: AMAPI's discovery document, as Google's own client carries it."""

import importlib.resources
import json
from collections.abc import Mapping
from functools import cache
from typing import Any


@cache
def document() -> dict[str, Any]:
    """The whole discovery document; callers must not change it."""
    documents = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents"
    path = documents / "androidmanagement.v1.json"
    whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return whole


def methods_of(resource: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every method of a document or resource and of the resources below it, by its id."""
    found = {method["id"]: method for method in resource.get("methods", {}).values()}
    for below in resource.get("resources", {}).values():
        found |= methods_of(below)
    return found


def schema(name: str) -> dict[str, Any]:
    """One message's schema, such as `Command`."""
    found: dict[str, Any] = document()["schemas"][name]
    return found


def command_types() -> frozenset[str]:
    """Every value of Command.type that names a command."""
    return frozenset(schema("Command")["properties"]["type"]["enum"]) - {"COMMAND_TYPE_UNSPECIFIED"}
