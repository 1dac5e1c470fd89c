"""The request journal as an HTTP Archive, for the tools that read those.  Source: HAR 1.2 (softwareishard.com/blog/har-12-spec)."""

import http.client
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

import heliograph
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.request_journal import CUT, RequestRecord

UNKNOWN: Final = -1
"""Of sizes that were not counted."""
HTTP_VERSION: Final = "HTTP/1.1"


def har_of(records: Iterable[RequestRecord], *, base_url: str) -> dict[str, Any]:
    """The archive of these requests, oldest first; `base_url` stands before their paths. Times are the world's.

    What HAR has no field for stands in fields that begin with an underscore, as the specification asks.
    """
    creator = {"name": "Heliograph", "version": heliograph.__version__}
    return {"log": {"version": "1.2", "creator": creator, "entries": [_entry(record, base_url) for record in records]}}


def _entry(record: RequestRecord, base_url: str) -> dict[str, Any]:
    ms = round(record.duration_s * 1_000, 3)
    more = {
        "_name": record.name, "_method": record.method, "_operation": record.operation, "_fault": record.fault, "_effect": record.what,
        "_inBatch": record.in_batch,
    }  # fmt: skip
    return {
        "startedDateTime": format_timestamp(record.time_us),
        "time": ms,
        "request": _request(record, base_url),
        "response": _response(record),
        "cache": {},
        "timings": {"send": 0, "wait": ms, "receive": 0},
        **{name: value for name, value in more.items() if value},
    }


def _request(record: RequestRecord, base_url: str) -> dict[str, Any]:
    query = f"?{record.query}" if record.query else ""
    request: dict[str, Any] = {
        "method": record.http_method,
        "url": f"{base_url}{record.url}{query}",
        "httpVersion": HTTP_VERSION,
        "cookies": [],
        "headers": _pairs(record.request_headers),
        "queryString": [{"name": name, "value": value} for name, value in parse_qsl(record.query, keep_blank_values=True)],
        "headersSize": UNKNOWN,
        "bodySize": record.request_bytes,
    }
    if record.request_body is not None:
        mime = record.request_headers.get("content-type", "application/json")
        request["postData"] = {"mimeType": mime, "params": [], "text": _text(record.request_body)}
    return request


def _response(record: RequestRecord) -> dict[str, Any]:
    content: dict[str, Any] = {"size": record.response_bytes, "mimeType": record.response_headers.get("content-type", "")}
    if record.response_body is not None:
        content["text"] = _text(record.response_body)
    phrase = http.client.responses.get(record.status, "")
    return {
        "status": record.status,
        "statusText": phrase if record.status != CUT else "connection cut",
        "httpVersion": HTTP_VERSION,
        "cookies": [],
        "headers": _pairs(record.response_headers),
        "content": content,
        "redirectURL": "",
        "headersSize": UNKNOWN,
        "bodySize": record.response_bytes if record.status != CUT else UNKNOWN,
    }


def _pairs(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _text(body: Any) -> str:  # noqa: ANN401 - JSON
    return body if isinstance(body, str) else msgspec.json.encode(body).decode()
