"""An enterprise that was deleted is one that the caller may not manage: nothing that was in it is shown, whatever the way to it."""

import dataclasses
import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from heliograph.service.limits import Limits
from tests.api.live import Live, live_server, settings_for
from tests.postgres import Cluster

pytestmark = pytest.mark.both_ways


class Remains(NamedTuple):
    """Names of what was in a deleted enterprise."""

    live: Live
    enterprise: str
    device: str
    ended: str
    """An operation that was cancelled before the enterprise was deleted."""
    open: str
    """One that ended with its device."""
    token: str


@pytest.fixture(scope="module", params=["sqlite, keep", "sqlite, 404", "postgresql, keep"])
def remains(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, way_in: str) -> Iterator[Remains]:
    """What is left in either engine, under either rule for the operations of deleted devices."""
    engine, operations_of_deleted_devices = request.param.split(", ")
    limits = Limits(operations_of_deleted_devices=operations_of_deleted_devices)
    settings = settings_for(tmp_path_factory.mktemp(way_in), limits=limits)
    if engine == "postgresql":
        postgres: Cluster = request.getfixturevalue("postgres")
        settings = dataclasses.replace(settings, database_url=postgres.fresh_database())
    with live_server(settings) as live:
        enterprise = live.enterprise()
        device = live.device(enterprise)
        ended, left_open = (live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"}).json["name"] for _ in range(2))
        live.call("POST", f"/v1/{ended}:cancel")
        token = live.post(f"/v1/{enterprise}/enrollmentTokens", {}).json["name"]
        live.call("PATCH", f"/v1/{enterprise}/policies/strict", "{}", content_type="application/json")
        assert 200 == live.call("DELETE", f"/v1/{enterprise}").status
        yield Remains(live, enterprise, device, ended, left_open, token)


CALLS = [
    ("GET", "/v1/{ended}"),
    ("GET", "/v1/{open}"),
    ("GET", "/v1/{device}/operations"),
    ("GET", "/v1/{device}/operations?filter=done%3Dtrue"),
    ("GET", "/v1/{device}/operations?pageSize=1"),
    ("POST", "/v1/{ended}:cancel"),
    ("POST", "/v1/{open}:cancel"),
    ("GET", "/heliograph/v1/{ended}/timeline"),
    ("GET", "/v1/{device}/operations/1"),
    ("POST", "/v1/{device}:issueCommand"),
    ("GET", "/v1/{device}"),
    ("PATCH", "/v1/{device}?updateMask=policyName"),
    ("DELETE", "/v1/{device}"),
    ("GET", "/v1/{enterprise}/devices"),
    ("GET", "/v1/{enterprise}"),
    ("PATCH", "/v1/{enterprise}"),
    ("DELETE", "/v1/{enterprise}"),
    ("POST", "/v1/{enterprise}/enrollmentTokens"),
    ("GET", "/v1/{enterprise}/enrollmentTokens"),
    ("GET", "/v1/{token}"),
    ("DELETE", "/v1/{token}"),
    ("GET", "/v1/{enterprise}/policies"),
    ("GET", "/v1/{enterprise}/policies/strict"),
    ("GET", "/v1/{enterprise}/policies/default"),
    ("PATCH", "/v1/{enterprise}/policies/strict"),
    ("DELETE", "/v1/{enterprise}/policies/strict"),
]
BODIES = {"issueCommand": {"type": "LOCK"}, "policyName": {"policyName": "default"}}


def body_of(path: str) -> str:
    """What the call is sent."""
    return json.dumps(next((body for word, body in BODIES.items() if word in path), {}))


@pytest.mark.parametrize("http_method,path", CALLS)
def test_whatever_was_in_it_is_403_as_google_says_it(remains: Remains, http_method: str, path: str) -> None:
    body = None if http_method in {"GET", "DELETE"} else body_of(path)

    answer = remains.live.call(http_method, path.format(**remains._asdict()), body, content_type="application/json")

    assert (403, "PERMISSION_DENIED") == (answer.status, answer.json["error"]["status"])
    assert "Caller is not authorized to manage enterprise." == answer.message


def test_so_it_is_in_a_batch(remains: Remains) -> None:
    paths = [f"/v1/{remains.ended}", f"/v1/{remains.device}/operations", f"/v1/{remains.ended}:cancel"]
    methods = ["GET", "GET", "POST"]
    parts = [
        f"--b\r\nContent-Type: application/http\r\nContent-ID: <{number}>\r\n\r\n{method} {path} HTTP/1.1\r\n\r\n\r\n"
        for number, (method, path) in enumerate(zip(methods, paths, strict=True))
    ]

    answer = remains.live.call("POST", "/batch", "".join(parts) + "--b--", content_type="multipart/mixed; boundary=b")

    assert 3 == answer.body.count(b"HTTP/1.1 403")


def test_a_request_that_is_sent_again_shows_nothing_of_it_either(remains: Remains) -> None:
    live = remains.live
    enterprise = live.enterprise()
    device = live.device(enterprise)
    lock = json.dumps({"type": "LOCK"})
    first = live.call("POST", f"/v1/{device}:issueCommand", lock, content_type="application/json", idempotency_key="once")
    live.call("DELETE", f"/v1/{enterprise}")

    again = live.call("POST", f"/v1/{device}:issueCommand", lock, content_type="application/json", idempotency_key="once")

    assert (200, 403) == (first.status, again.status)
