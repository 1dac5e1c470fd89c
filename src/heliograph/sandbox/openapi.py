"""The OpenAPI 3.1 document of the routes that steer a world, from their rows.  Source: spec.openapis.org/oas/v3.1."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import heliograph
from heliograph.protojson.messages import Message
from heliograph.sandbox.answers import Failure
from heliograph.sandbox.json_schema import Schema, reference_to, schemas_of
from heliograph.sandbox.steering_route import PATH_PARAMETERS, WRONG, SteeringRoute

OPENAPI: Final = "3.1.1"
JSON: Final = "application/json"
_IN_PATH = re.compile(r"\{([a-z]+)\}")

SUBJECTS: Mapping[str, str] = {
    "devices": "Virtual phones: see them, act as their users, make more.",
    "enterprises.devices": "The same of phones in any enterprise of the world.",
    "provisioningInfo": "Phones that come to a sign-in page.",
    "clock": "The time of the world.",
    "notifications": "What the world sent, or would have sent, to its push endpoints.",
    "pushEndpoints": "Where notifications are sent.",
    "faults": "What goes wrong, as planned.",
    "requests": "What callers sent to the API, and what became of it.",
    "operations": "Every operation, its changes, and what the phone did.",
    "quota": "How callers got on with the quota.",
    "retryTests": "Google's Retry Test API, on AMAPI's methods.",
    "profiles": "Kinds of virtual phones.",
    "world": "The world as a whole.",
    "worlds": "Whole sandboxes, each at an address of its own.",
}
"""What each part of the document is about, in the order of the page."""


def openapi_document(routes: Iterable[SteeringRoute[Any]], *, url: str) -> dict[str, Any]:
    """The document of these routes below the address `url`."""
    rows = [*routes]
    paths: dict[str, dict[str, Schema]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.http_method.lower()] = _operation(row)
    subjects = [subject for subject in SUBJECTS if any(row.subject == subject for row in rows)]
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Heliograph sandbox",
            "version": heliograph.__version__,
            "summary": "Steer a sandbox of the Android Management API: phones, clock, faults.",
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": subject, "description": SUBJECTS[subject]} for subject in subjects],
        "paths": paths,
        "components": {"schemas": schemas_of(_messages(rows))},
    }


def _messages(rows: Iterable[SteeringRoute[Any]]) -> list[type[Message]]:
    both = [message for row in rows for message in (row.answer, row.body) if message is not None]
    return [Failure, *dict.fromkeys(both)]


def _operation(row: SteeringRoute[Any]) -> Schema:
    operation: Schema = {"operationId": row.id, "summary": row.summary, "tags": [row.subject]}
    if parameters := [*_path_parameters(row), *_query_parameters(row)]:
        operation["parameters"] = parameters
    if row.has_body:
        operation["requestBody"] = _request_body(row)
    answered = {JSON: {"schema": reference_to(row.answer)}} if row.answer is not None else {"text/plain": {"schema": {"type": "string"}}}
    failures = {str(status): _failure(status) for status in sorted({WRONG, *row.errors})}
    operation["responses"] = {"200": {"description": "Done.", "content": answered}, **failures, "default": _failure(None)}
    return operation


def _path_parameters(row: SteeringRoute[Any]) -> list[Schema]:
    return [
        {
            "name": name, "in": "path", "required": True, "description": PATH_PARAMETERS[name].description,
            "schema": {"type": "string"}, "example": PATH_PARAMETERS[name].example,
        }
        for name in _IN_PATH.findall(row.path)
    ]  # fmt: skip


def _query_parameters(row: SteeringRoute[Any]) -> list[Schema]:
    return [{"name": one.name, "in": "query", "description": one.description, "schema": {"type": "string"}} for one in row.query]


def _request_body(row: SteeringRoute[Any]) -> Schema:
    if row.body is None:
        return {"required": False, "content": {JSON: {"schema": {"type": "object", "additionalProperties": False}}}}
    schema: Schema = reference_to(row.body)
    if row.required:
        schema = {"allOf": [schema, {"required": [*row.required]}]}
    return {"required": bool(row.required), "content": {JSON: {"schema": schema, "example": dict(row.example)}}}


def _failure(status: int | None) -> Schema:
    description = HTTPStatus(status).phrase if status is not None else "Any other error"
    return {"description": f"{description}.", "content": {JSON: {"schema": reference_to(Failure)}}}
