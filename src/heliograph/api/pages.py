"""What is served beside the API's methods: health, readiness, metrics and the discovery document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
from prometheus_client import CollectorRegistry

from heliograph.api.address import Addresses
from heliograph.api.discovery import VERSION, discovery_document
from heliograph.api.errors import Headers, UnknownPath, error_answer
from heliograph.api.metrics import CONTENT_TYPE, metrics_text
from heliograph.api.sending import JSON
from heliograph.service.ports import Ports

OK = 200
UNAVAILABLE = 503

Page = Callable[[Mapping[str, Any]], tuple[int, Headers, bytes]]


class UnknownVersion(UnknownPath):
    """No such version of the API."""

    def __init__(self, version: str) -> None:
        super().__init__(f"/$discovery/rest?version={version}")
        self.message += f" It describes version={VERSION}."


class Pages:
    """Pages by path. They are for anybody: nothing on them tells of an enterprise."""

    def __init__(self, ports: Ports, *, registry: CollectorRegistry, addresses: Addresses) -> None:
        self._ports = ports
        self._registry = registry
        self._addresses = addresses
        self._pages: Mapping[str, Page] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": self._metrics,
            "/$discovery/rest": self._discovery,
            "/discovery/v1/apis/androidmanagement/v1/rest": self._discovery,
        }

    def http_methods(self, path: str) -> Sequence[str]:
        """The HTTP methods that this path takes."""
        return ("GET", "HEAD") if path in self._pages else ()

    def answer(self, scope: Mapping[str, Any], *, http_methods: Sequence[str]) -> tuple[int, Headers, bytes]:
        """Status, headers and body of the page that was asked for, or of the 404 that says which methods would do."""
        page = self._pages.get(scope["path"])
        if page is not None and scope["method"] == "GET":
            return page(scope)
        return _not_found(UnknownPath(scope["path"], other_methods=http_methods))

    def _health(self, _scope: Mapping[str, Any]) -> tuple[int, Headers, bytes]:
        return OK, [JSON], b'{"status":"ok"}'

    def _readiness(self, _scope: Mapping[str, Any]) -> tuple[int, Headers, bytes]:
        why_not = self._ports.store.healthy()
        told = {"status": "ready"} if why_not is None else {"status": "not ready", "reason": why_not}
        return OK if why_not is None else UNAVAILABLE, [JSON], msgspec.json.encode(told)

    def _metrics(self, _scope: Mapping[str, Any]) -> tuple[int, Headers, bytes]:
        return OK, [(b"content-type", CONTENT_TYPE)], metrics_text(self._registry)

    def _discovery(self, scope: Mapping[str, Any]) -> tuple[int, Headers, bytes]:
        version = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=64).get("version", [VERSION])[0]
        if version != VERSION:
            return _not_found(UnknownVersion(version))
        # A cache in between must not give one address's document to callers of another.
        return OK, [JSON, (b"vary", b"host"), (b"cache-control", b"no-cache")], discovery_document(self._addresses.of(scope) + "/")


def _not_found(error: UnknownPath) -> tuple[int, Headers, bytes]:
    status, headers, body = error_answer(error)
    return status, [JSON, *headers], msgspec.json.format(body, indent=2) + b"\n"
