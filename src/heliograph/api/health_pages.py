"""Pages beside the API's methods: health, readiness, metrics and the discovery document."""

import functools
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from heliograph.api.discovery import VERSION, discovery_document
from heliograph.api.http.address import Addresses
from heliograph.api.http.errors import Headers, UnknownPath, error_answer
from heliograph.api.http.query import parameters_of
from heliograph.api.latest_stats import LatestStats
from heliograph.api.readiness import why_not_ready, worth_a_look
from heliograph.asgi import JSON
from heliograph.service.ports import Ports

if TYPE_CHECKING:
    from heliograph.api.metrics_page import MetricsPage

METRICS_TYPE = b"text/plain; version=1.0.0; charset=utf-8"
"""Of Prometheus' text format, as prometheus_client writes it; a test compares."""
OK = 200
UNAVAILABLE = 503

Answer = tuple[int, Headers, bytes]
HealthPage = Callable[[Mapping[str, Any]], Awaitable[Answer]]


class UnknownVersion(UnknownPath):
    """The API has no such version."""

    def __init__(self, version: str) -> None:
        super().__init__(f"/$discovery/rest?version={version}")
        self.message += f" It describes version={VERSION}."


class HealthPages:
    """Pages by path. They are open to everyone: they show nothing about an enterprise."""

    def __init__(self, ports: Ports, *, lately: LatestStats, counts: Counter[tuple[str, int]], addresses: Addresses) -> None:
        self._ports = ports
        self._lately = lately
        self._counts = counts
        self._addresses = addresses
        self._pages: Mapping[str, HealthPage] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": self._metrics,
            "/$discovery/rest": self._discovery,
            "/discovery/v1/apis/androidmanagement/v1/rest": self._discovery,
        }

    @property
    def paths(self) -> Collection[str]:
        """Every page there is."""
        return self._pages.keys()

    def http_methods(self, path: str) -> Sequence[str]:
        """The HTTP methods that this path takes."""
        return ("GET", "HEAD") if path in self._pages else ()

    async def answer(self, scope: Mapping[str, Any], *, http_methods: Sequence[str]) -> Answer:
        """Status, headers and body of the page that was asked for, or of the 404 that says which methods would do.

        Raises: InvalidArgument: a query that cannot be read.
        """
        page = self._pages.get(scope["path"])
        if page is not None and scope["method"] == "GET":
            return await page(scope)
        return error_answer(UnknownPath(scope["path"], other_methods=http_methods))

    async def _health(self, _scope: Mapping[str, Any]) -> Answer:
        return OK, [JSON], b'{"status":"ok"}'

    async def _readiness(self, _scope: Mapping[str, Any]) -> Answer:
        why_not = why_not_ready(self._ports)
        shown = {"status": "not ready", "reason": " ".join(why_not)} if why_not else {"status": "ready"}
        if notes := worth_a_look(self._ports):
            shown["note"] = " ".join(notes)
        return UNAVAILABLE if why_not else OK, [JSON], msgspec.json.encode(shown)

    async def _metrics(self, _scope: Mapping[str, Any]) -> Answer:
        return OK, [(b"content-type", METRICS_TYPE)], await self._metrics_page.text()

    @functools.cached_property
    def _metrics_page(self) -> "MetricsPage":
        from heliograph.api.metrics_page import MetricsPage  # noqa: PLC0415 - fifty modules, which most servers in memory never need

        return MetricsPage(self._ports, self._lately, self._counts)

    async def _discovery(self, scope: Mapping[str, Any]) -> Answer:
        version = dict(parameters_of(scope["query_string"])).get("version") or VERSION
        if version != VERSION:
            return error_answer(UnknownVersion(version))
        # A cache in between must not give one address's document to callers of another.
        return OK, [JSON, (b"vary", b"host"), (b"cache-control", b"no-cache")], discovery_document(self._addresses.of(scope) + "/")
