"""One call of the API, as faults and the request journal see it: read from the request's head, before the API has looked at it."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from heliograph.api.app import PREFIXES
from heliograph.api.calls import UNKNOWN
from heliograph.api.http.authorization import credential_of
from heliograph.api.http.query import MOST_PARAMETERS
from heliograph.api.http.request_body import BATCH_PATHS
from heliograph.api.method import Method
from heliograph.api.methods import AMAPI_METHODS
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import HeliographError
from heliograph.service.callers import name_given

SERVICE = "androidmanagement."
METHOD_IDS = tuple(method.id for method in AMAPI_METHODS)
BATCH = "batch"
_DEVICE_PARTS = 4


class ApiCall(NamedTuple):
    """What a request asks for."""

    method: str
    """AMAPI's id; `batch` of a batch as a whole, `unknown` of a path that no method has."""
    row: Method | None
    http_method: str
    path: str
    query: bytes
    resource: str
    """The name that the path holds, as in `enterprises/sandbox/devices/pixel8/operations/17`; of a list, its parent's."""
    caller: str
    """The name that the caller's token gives itself, else the query's quotaUser; empty: neither."""
    credential: bytes

    @property
    def device(self) -> DeviceName | None:
        """The device that the call is about."""
        return device_in(self.resource)

    @property
    def is_batch(self) -> bool:
        """Whether it is a batch as a whole; its parts are calls of their own."""
        return self.method == BATCH

    def is_by(self, caller: str) -> bool:
        """Whether this caller made it: by its name, or by its very token."""
        token = self.credential.decode("latin-1").partition(" ")[2].strip()
        return caller in {self.caller, token} - {""}


def read_call(scope: Mapping[str, Any]) -> ApiCall | None:
    """What the request asks of the API; None: it is not for one of its methods (a page, the discovery document)."""
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    http_method, query = str(scope["method"]), bytes(scope["query_string"])
    credential = credential_of(scope)
    method, row, resource = UNKNOWN, None, ""
    if scope["path"] in BATCH_PATHS and http_method == "POST":
        method = BATCH
    else:
        found = next(((prefix, table) for prefix, table in PREFIXES if raw_path.startswith(prefix)), None)
        if found is None:
            return None
        prefix, table = found
        below = raw_path[len(prefix) :].decode("latin-1")
        try:
            row, _ids = table.find(http_method, below)
        except HeliographError:
            row = None
        else:
            method = row.id
        resource = _resource(below)
    caller = name_given(credential) or next((value for name, value in _pairs(query) if name == "quotaUser"), "")
    return ApiCall(method, row, http_method, raw_path.decode("latin-1"), query, resource, caller, credential)


def device_in(name: str) -> DeviceName | None:
    """The device that the resource of this name is, or belongs to."""
    parts = name.split("/")
    if len(parts) < _DEVICE_PARTS or parts[0] != "enterprises" or parts[2] != "devices":
        return None
    return DeviceName(parts[1], parts[3])


def full_method_id(method: str) -> str:
    """AMAPI's id of a method that may be named without the service; empty: no such method."""
    full = method if method.startswith(SERVICE) else SERVICE + method
    return full if full in METHOD_IDS else ""


def short_method_id(method: str) -> str:
    """The id without the service: what people write."""
    return method.removeprefix(SERVICE)


def _resource(path: str) -> str:
    parts = path.split("/")
    parts[-1] = parts[-1].partition(":")[0]
    return unquote("/".join(parts[: len(parts) // 2 * 2]))


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return []
