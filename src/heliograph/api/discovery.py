"""The discovery document: every method of Google's, made from our own table of methods and our own messages.

A method that this server does not offer is in it too: so Google's clients have it, and show the sentence of its 501.

A client built from it sends everything here, batches included, which Google's own document does not make it do (amapi.md §8.5).

Source: developers.google.com/discovery/v1/reference/apis; disc.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from heliograph.api.method import Method
from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.schema_texts import PARAMETER_TEXTS
from heliograph.api.schemas import marked, schema_id, schemas_of, type_of
from heliograph.asgi import indented
from heliograph.domain.official_messages import MARKS
from heliograph.protojson.schema import ListKind, shape_of

VERSION = "v1"
REVISION = "20261104"
"""The revision of Google's document whose fields, types and methods are followed here (amapi.md §8.5)."""
SCOPE = "https://www.googleapis.com/auth/androidmanagement"
BATCH_PATH = "batch"
_ROOT_URL = "{root URL}"

COMMON: Mapping[str, Mapping[str, Any]] = {
    "$.xgafv": {
        "type": "string",
        "enum": ["1", "2"],
        "enumDescriptions": ["Errors also have the old form.", "Errors have the present form only."],
        "description": "1: errors also have the old form, with the list errors.",
    },
    "access_token": {"type": "string", "description": "OAuth access token, for clients that cannot send the Authorization header."},
    "alt": {
        "type": "string",
        "default": "json",
        "enum": ["json"],
        "enumDescriptions": ["JSON."],
        "description": "The format of the answer.",
    },
    "fields": {"type": "string", "description": "Fields of the answer to return, as in devices(name,state),nextPageToken."},
    "key": {"type": "string", "description": "Accepted and ignored: a token identifies its caller."},
    "oauth_token": {"type": "string", "description": "As access_token."},
    "prettyPrint": {"type": "boolean", "default": "true", "description": "Whether the answer is indented."},
    "quotaUser": {
        "type": "string",
        "description": "Accepted and ignored: quotas count by caller. At most 40 characters.",
    },
    "uploadType": {"type": "string", "description": "Accepted and ignored: there is nothing to upload."},
    "upload_protocol": {"type": "string", "description": "Accepted and ignored: there is nothing to upload."},
}
"""The parameters of every method. `callback` and the other values of alt are left out: they are refused."""


def discovery_document(root_url: str) -> bytes:
    """The document for callers who reach this server at `root_url`, which ends with a slash and has no character that JSON must escape.

    Indented, as people read it too.
    """
    return _template().replace(_ROOT_URL.encode(), root_url.encode())


@functools.cache
def _template() -> bytes:
    """The document without its address: made once, because anyone may ask for it by any number of addresses."""
    document = _head() | {
        "auth": {"oauth2": {"scopes": {SCOPE: {"description": "Manage Android devices and apps for your customers"}}}},
        "parameters": {name: {**of, "location": "query"} for name, of in COMMON.items()},
        "schemas": schemas_of(_messages(AMAPI_METHODS)),
        "resources": _resources(AMAPI_METHODS),
    }
    return indented(msgspec.json.encode(document))


def _head() -> dict[str, Any]:
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": f"androidmanagement:{VERSION}",
        "name": "androidmanagement",
        "canonicalName": "Android Management",
        "version": VERSION,
        "version_module": True,
        "revision": REVISION,
        "title": "Android Management API, as Heliograph serves it",
        "description": "Device commands of the Android Management API, served by Heliograph. What it does not offer says so.",
        "ownerDomain": "google.com",
        "ownerName": "Google",
        "documentationLink": "https://developers.google.com/android/management",
        "protocol": "rest",
        "rootUrl": _ROOT_URL,
        "mtlsRootUrl": _ROOT_URL,
        "baseUrl": _ROOT_URL,
        "basePath": "",
        "servicePath": "",
        "batchPath": BATCH_PATH,
        "fullyEncodeReservedExpansion": True,
    }


def _messages(methods: Iterable[Method]) -> list[type[msgspec.Struct]]:
    return [message for method in methods for message in (method.request, method.response) if isinstance(message, type)]


def _resources(methods: Iterable[Method]) -> dict[str, Any]:
    """Methods by resource: `androidmanagement.enterprises.devices.get` is `get` of `devices` in `enterprises`."""
    whole: dict[str, Any] = {}
    for method in methods:
        _api, *resources, name = method.id.split(".")
        at = whole
        for resource in resources:
            at = at.setdefault("resources", {}).setdefault(resource, {})
        at.setdefault("methods", {})[name] = _method(method)
    resources_of: dict[str, Any] = whole["resources"]
    return resources_of


def _method(method: Method) -> dict[str, Any]:
    in_path, template, pattern = _path(method)
    parameters: dict[str, Any] = {}
    if in_path:
        of = {"type": "string", "required": True, "location": "path", "pattern": pattern}
        parameters[in_path] = {**of, "description": f"As in {pattern[1:-1].replace('[^/]+', '…')}."}
    parameters |= _query_parameters(method.query)
    marks = MARKS.get(method.id, {})
    return {
        "id": method.id,
        "description": method.summary,
        "httpMethod": method.http,
        "path": f"{VERSION}/{template}",
        "flatPath": f"{VERSION}/{_flat(method.path)}",
        "parameterOrder": [in_path] if in_path else [],
        "parameters": {name: marked(of, marks.get(name, {})) for name, of in parameters.items()},
        **({"request": _ref(method.request)} if method.request else {}),
        "response": _ref(method.response),
        "scopes": [SCOPE],
    }


def _ref(message: type[msgspec.Struct] | str) -> dict[str, str]:
    return {"$ref": message if isinstance(message, str) else schema_id(message)}


def _path(method: Method) -> tuple[str, str, str]:
    """The parameter in the path, the path with it, and its pattern: `name`, `{+name}:cancel`, `^enterprises/[^/]+…$`."""
    if "*" not in method.path:
        return "", method.path, ""
    resource, colon, verb = method.path.partition(":")
    rest = ""
    if method.path_parameter == "parent":
        resource, _slash, collection = resource.rpartition("/")
        rest = f"/{collection}"
    pattern = f"^{resource.replace('*', '[^/]+')}$"
    return method.path_parameter, f"{{+{method.path_parameter}}}{rest}{colon}{verb}", pattern


def _flat(path: str) -> str:
    """The path with a parameter for each id: `enterprises/{enterprisesId}`."""
    parts = path.split("/")
    return "/".join(part.replace("*", f"{{{parts[at - 1]}Id}}") for at, part in enumerate(parts))


def _query_parameters(query: type[msgspec.Struct]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in shape_of(query).fields:
        repeated = isinstance(field.kind, ListKind)
        of = type_of(field.kind.item if isinstance(field.kind, ListKind) else field.kind)
        found[field.json_name] = {
            **of,
            "location": "query",
            **({"repeated": True} if repeated else {}),
            "description": PARAMETER_TEXTS.get(field.json_name, ""),
        }
    return found
