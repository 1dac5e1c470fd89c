"""Holds answers of the routes that steer a sandbox against its OpenAPI document."""

import functools
import re
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from heliograph.sandbox.openapi import openapi_document
from heliograph.sandbox.worlds_routes import ALL_ROUTES

STEERING = re.compile(r"(?:/worlds/[0-9a-f]+)?(?P<path>/(?:sandbox/v1|retry_tests?)\b[^?]*)")
"""A path that steers the sandbox's own world, or another one."""
Json = dict[str, Any]


def require_as_documented(method: str, path: str, status: int, answer: Any) -> None:  # noqa: ANN401 - JSON
    """The answer is as the document says, with nothing more in it.  Raises: AssertionError."""
    found = STEERING.match(path)
    if found is None:
        return
    operation = operation_at(method, found["path"])
    assert operation is not None or status >= 400, f"{method} {path} is answered {status}, and the document does not have it"
    responses = operation["responses"] if operation is not None else {"default": _DEFAULT}
    gone = "WORLD_NOT_FOUND" in str(answer)  # no part of a world can say that of itself
    assert operation is None or gone or str(status) in responses, f"{method} {path} is answered {status}, and the document does not say so"
    (content,) = responses.get(str(status), responses["default"])["content"].values()
    errors = [f"{error.json_path}: {error.message}" for error in _validator(content["schema"]["$ref"]).iter_errors(answer)]
    assert not errors, f"{method} {path}: {errors}"


def operation_at(method: str, path: str) -> Json | None:
    """The operation that the document has for this request; None: none."""
    for template, operations in document()["paths"].items():
        form = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
        if re.fullmatch(re.sub(r"{[a-z]+}", "[^/:]+", form), path) and method.lower() in operations:
            operation: Json = operations[method.lower()]
            return operation
    return None


@functools.cache
def document() -> Json:
    """The whole document."""
    return openapi_document(ALL_ROUTES, url="http://sandbox.invalid")


@functools.cache
def _validator(ref: str) -> Validator:
    schemas = {name: _exact(schema) for name, schema in document()["components"]["schemas"].items()}
    return Draft202012Validator({"$ref": ref, "components": {"schemas": schemas}}, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _exact(schema: Json) -> Json:
    """Callers must bear fields that they do not know; a test wants all to be declared."""
    return {**schema, "additionalProperties": False}


_DEFAULT: Json = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}}
