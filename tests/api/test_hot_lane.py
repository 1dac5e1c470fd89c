"""The hot lane says what the app says, byte for byte, however a request comes; and the same is known of it afterwards.

One app listens on two sockets: at one the hot lane is open, at the other it is not.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.api.app import rest_app
from heliograph.api.methods import AMAPI_METHODS
from heliograph.server import Between, assembled
from heliograph.server.store import clock_for
from heliograph.service.limits import Limits
from heliograph.settings import Admission, Settings
from tests.api.live import Live, live_server, settings_for
from tests.api.two_sockets import Both, two_sockets
from tests.hostile.requests import SHORT
from tests.sign_in.conftest import bearer_of, guarded_server

PIECES_MOST = 8
PAGE = 100
"""Operations that are there from the beginning: no page of so many of the oldest changes by another command."""


@contextlib.contextmanager
def both_ways(live: Live, device: str, **options: Any) -> Iterator[Both]:  # noqa: ANN401 - whatever rest_app takes
    """The server's API on two more sockets."""
    app = rest_app(live.ports, **options)
    assert app.lane is not None
    with two_sockets(live, app, app.lane, device) as found:
        yield found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both ways into a server that anybody may call."""
    limits = Limits(open_operations_most=1_000_000)
    with live_server(settings_for(tmp_path_factory.mktemp("data"), limits=limits)) as live:
        device = live.device(live.enterprise())
        with both_ways(live, device) as found:
            found.open = live.post(f"/v1/{device}:issueCommand", {"type": "LOCK", "duration": "9999s"}).json["name"]
            found.said(found.hot, PLAIN["issue"].rendered(found) * PAGE)
            yield found


# Requests, made of parts.

BODIES = [
    b'{"type":"LOCK"}',
    b'{"type":"LOCK","duration":"60s"}',
    b'{"type": "REBOOT", "duration": "3.5s"}',
    b'{"type":"RESET_PASSWORD","newPassword":"1234","resetPasswordFlags":["REQUIRE_ENTRY"]}',
    b'{"type":"CLEAR_APP_DATA","clearAppsDataParams":{"packageNames":["com.example.a"]}}',
    b'{"type":"STOP_LOST_MODE","stopLostModeParams":{}}',
    b'{"type":"LOCK","duration":"0s"}',
    b'{"type":"NO_SUCH"}',
    b'{"type":"LOCK"',
    b"",
    b"[]",
    b"\xff\xfe",
    b'{"type":"LOCK","type":"REBOOT"}',
    b'{"type":"LOCK","createTime":"2020-01-01T00:00:00Z"}',
    b'{"type":"LOCK","lostMode":1}',
    b'{"type":"LOCK"}' + b" " * 5_000,
    b'{"type":"LOCK"}' + b" " * 20_000,
    b'{"startLostModeParams":{"lostMessage":{"defaultMessage":"' + b"m" * 3_000 + b'"}}}',
]
PATHS = {
    "issue": "/v1/{device}:issueCommand",
    "get": "/v1/{operation}",
    "another get": "/v1/{device}/operations/1",
    "no id": "/v1/{device}/operations/x",
    "no device": "/v1/enterprises/e/devices/d:issueCommand",
    "list": "/v1/{device}/operations",
    "list of one": "/v1/{device}/operations?pageSize=1",
    "a device": "/v1/{device}?fields=name",
    "encoded": "/v1/{device}%3AissueCommand",
    "double": "/v1//{device}:issueCommand",
    "own": "/heliograph/v1/{operation}",
    "nothing": "/nothing",
    "absolute": "http://x/v1/{device}:issueCommand",
    "fragment": "/v1/{operation}#f",
}
QUERIES = ["", "alt=json", "prettyPrint=false", "prettyPrint=false&alt=json", "alt=media", "$.xgafv=1", "fields=name", "requestId=r", "x=y"]
PAGES = [
    "pageSize=1",
    "page_size=2&prettyPrint=false",
    "pageSize=3&$.xgafv=1",
    "pageSize=many",
    "pageSize=-1",
    "pageSize=100",
    "pageToken=nonsense",
    "filter=done=true&pageSize=1",
    "filter=nonsense",
    "returnPartialSuccess=true",
    "pageSize=1&fields=nextPageToken",
    "pageSize=1&fields=nothing",
    "pageSize=%ff",
    "size=1",
]
FIELDS = [
    b"Expect: 100-continue",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
    b"Connection: Upgrade\r\nUpgrade: something",
    b"Accept-Encoding: gzip",
    b"Origin: http://page.example",
    b"X-HTTP-Method-Override: GET",
    b"Idempotency-Key: k",
    b"Idempotency-Key:",
    b"Content-Type: text/plain",
    b"Authorization: Bearer x",
    b"X-Forwarded-For: 1.2.3.4",
    b"Host: y",
    b"Cookie: a=b",
]


@dataclass(frozen=True)
class Wanted:
    """A request as a test names it."""

    method: str
    path: str
    query: str = ""
    version: str = "1.1"
    fields: tuple[bytes, ...] = ()
    body: bytes | None = None
    chunk: int = 0
    """Bytes a chunk; 0: with a length."""

    def rendered(self, both: Both) -> bytes:
        """Its bytes."""
        path = PATHS[self.path].format(device=both.device, operation=both.open)
        target = path + ("&" if "?" in path else "?") + self.query if self.query else path
        head = [f"{self.method} {target} HTTP/{self.version}".encode(), b"Host: x", *self.fields]
        if self.body is None:
            return b"\r\n".join([*head, b"", b""])
        if not self.chunk:
            return b"\r\n".join([*head, b"Content-Length: %d" % len(self.body), b"", self.body])
        pieces = [self.body[at : at + self.chunk] for at in range(0, len(self.body), self.chunk)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return b"\r\n".join([*head, b"Transfer-Encoding: chunked", b"", chunks]) + b"0\r\n\r\n"


HOT = st.one_of(
    st.builds(Wanted, st.just("POST"), st.just("issue"), body=st.sampled_from(BODIES), query=st.sampled_from(QUERIES[:4])),
    st.builds(Wanted, st.just("GET"), st.just("get"), query=st.sampled_from(QUERIES[:4])),
    st.builds(Wanted, st.just("GET"), st.just("list"), query=st.sampled_from(PAGES), fields=st.sampled_from([(), (FIELDS[5],)])),
)
ANY = st.builds(
    Wanted,
    st.sampled_from(["POST", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"]),
    st.sampled_from(sorted(PATHS.keys() - {"list"})),  # all of which another issueCommand changes
    st.sampled_from(QUERIES),
    st.sampled_from(["1.1", "1.1", "1.1", "1.0"]),
    st.lists(st.sampled_from(FIELDS), max_size=3, unique=True).map(tuple),
    st.none() | st.sampled_from(BODIES),
    st.sampled_from([0, 0, 1, 7, 4_000]),
)
GARBAGE = st.sampled_from([b"\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0"])


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    st.lists(HOT | ANY, min_size=1, max_size=4),
    st.lists(st.integers(0, 100_000), max_size=PIECES_MOST),
    st.none() | GARBAGE,
)
def test_both_ways_answer_the_same_bytes(both: Both, wanted: list[Wanted], cuts: list[int], garbage: bytes | None) -> None:
    data = b"".join(request.rendered(both) for request in wanted) + (garbage or b"")
    if b"h2c" in data:  # whether such an offer is passed over depends on how it comes (http_protocol.py), on either way
        cuts = []

    assert both.compare(data, cuts).startswith(b"HTTP/1.1 ")


PLAIN = {
    "issue": Wanted("POST", "issue", body=BODIES[1]),
    "get": Wanted("GET", "get"),
    "list": Wanted("GET", "list of one"),
    "a refusal": Wanted("POST", "issue", body=BODIES[7]),
}


@pytest.mark.parametrize("wanted", PLAIN.values(), ids=PLAIN)
def test_a_request_cut_at_any_byte_is_answered_the_same(both: Both, wanted: Wanted) -> None:
    data = wanted.rendered(both)
    whole = both.compare(data)

    for cut in range(1, len(data), 3):
        assert whole == both.said(both.hot, data, [cut])


@pytest.mark.parametrize("wanted", PLAIN.values(), ids=PLAIN)
def test_a_client_that_has_said_all_gets_no_other_answer(both: Both, wanted: Wanted) -> None:
    data = wanted.rendered(both)
    whole = both.compare(data)

    # uvicorn closes such a connection: the answer may come before that, or not.
    assert whole.startswith(both.said(both.hot, data, half=True))
    assert whole.startswith(both.said(both.app, data, half=True))


@pytest.mark.parametrize("method", [method for method in AMAPI_METHODS if method.at_once is not None], ids=lambda method: method.id)
def test_the_lane_takes_what_is_hot(both: Both, method: Any) -> None:  # noqa: ANN401 - a row
    before = both.taking.count
    wanted = PLAIN[method.id.rpartition(".")[2].removesuffix("Command")]

    assert both.compare(wanted.rendered(both)).startswith(b"HTTP/1.1 200 ")
    assert before + 1 == both.taking.count


@pytest.mark.parametrize("size", [1, 5, 60])
@pytest.mark.parametrize("fields", [(), (b"Accept-Encoding: gzip",), (b"Accept-Encoding: gzip;q=0",)], ids=["", "gzip", "no gzip"])
def test_pages_of_any_length_are_written_at_once(both: Both, size: int, fields: tuple[bytes, ...]) -> None:
    before = both.taking.count

    assert both.compare(Wanted("GET", "list", f"pageSize={size}", fields=fields).rendered(both)).startswith(b"HTTP/1.1 200 ")
    assert before + 1 == both.taking.count


@pytest.mark.parametrize("name", SHORT)
def test_a_hostile_request_is_answered_the_same(both: Both, name: str) -> None:
    before = both.taking.count

    said = both.compare(Wanted("POST", "issue", body=SHORT[name].body).rendered(both))

    assert said.startswith(b"HTTP/1.1 400 ")
    assert before + 1 == both.taking.count


NOT_TAKEN = {
    "an unusual method": Wanted("HEAD", "get"),
    "another method": Wanted("GET", "a device"),
    "fields": Wanted("GET", "get", "fields=name"),
    "a query that cannot be": Wanted("GET", "get", "alt=media"),
    "a page": Wanted("GET", "get", fields=(b"Origin: http://page.example",)),
    "a word wanted first": Wanted("POST", "issue", fields=(b"Expect: 100-continue",), body=b'{"type":"LOCK"}'),
    "a long body": Wanted("POST", "issue", body=b'{"type":"LOCK"}' + b" " * 20_000),
    "an unknown path": Wanted("POST", "double", body=b"{}"),
}


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_what_is_not_hot_goes_to_the_app(both: Both, name: str) -> None:
    before = both.taking.count

    both.compare(NOT_TAKEN[name].rendered(both))

    assert before == both.taking.count


def test_a_request_that_comes_with_another_before_it_waits_for_that(both: Both) -> None:
    slow, quick = Wanted("POST", "issue", body=BODIES[1]), Wanted("GET", "nothing")

    said = both.compare(slow.rendered(both) + quick.rendered(both) + slow.rendered(both))

    assert [b"200", b"404", b"200", b"200"] == re.findall(rb"^HTTP/1.1 (\d+) ", said, re.MULTILINE)


def test_the_same_is_counted_and_recorded_of_both(both: Both) -> None:
    seen: list[tuple[Any, ...]] = []
    for port in (both.app, both.hot):
        device = both.live.device(both.live.enterprise())
        before = _counted(both.live)
        for body in ('{"type":"LOCK","duration":"77s"}', '{"type":"NO_SUCH"}'):
            request = f"POST /v1/{device}:issueCommand HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            both.said(port, request.encode())
        entries = both.live.call("GET", f"/heliograph/v1/{device.rpartition('/devices')[0]}/auditEntries").json["auditEntries"]
        of_device = [entry for entry in entries if device in json.dumps(entry)]
        assert of_device
        seen.append((_counted(both.live) - before, [_plain(entry, device) for entry in of_device]))

    assert seen[0] == seen[1]


def _counted(live: Live) -> int:
    return sum(int(value) for value in re.findall(r"issueCommand[^}]*} (\d+)", live.call("GET", "/metrics").body.decode()))


def _plain(entry: Any, device: str) -> str:  # noqa: ANN401 - JSON
    text = json.dumps({name: value for name, value in entry.items() if name not in {"name", "hash", "previousHash"}})
    return re.sub(r"\d{4}-\d\d-\d\dT[^\"]+|operations/\d+", "*", text.replace(device, "D").replace(device.rpartition("/devices")[0], "E"))


def test_the_front_door_stands_before_the_lane_too(tmp_path: Path) -> None:
    with guarded_server(Settings(data_dir=tmp_path, admission=Admission.UNCHECKED, durable=False)) as server:
        path = f"/v1/{server.device(server.enterprise())}:issueCommand"

        answers = {host: server.call("POST", path, '{"type":"LOCK"}', host=host).status for host in ("localhost", "evil.example")}

    assert {"localhost": 200, "evil.example": 403} == answers


@pytest.mark.parametrize("open_", [True, False], ids=["open", "not wanted"])
async def test_the_lane_is_open_unless_an_operator_closes_it(tmp_path: Path, *, open_: bool) -> None:
    settings_ = Settings(data_dir=tmp_path, hot_lane=open_, durable=False)

    async with assembled(settings_, clock=clock_for(settings_)) as parts:
        assert open_ is (parts.lane is not None)


async def test_there_is_no_lane_past_what_stands_around_the_api(tmp_path: Path) -> None:
    settings_ = Settings(data_dir=tmp_path, durable=False)

    async with assembled(settings_, clock=clock_for(settings_), between=Between(api=lambda app: app)) as parts:
        assert parts.lane is None


def test_a_caller_who_is_known_takes_the_lane_and_one_who_lost_its_key_is_refused(tmp_path: Path) -> None:
    with guarded_server(Settings(data_dir=tmp_path, durable=False)) as server:
        key = server.key_file(["*"])
        made = server.call_as(key, "POST", "/v1/enterprises?projectId=p&agreementAccepted=true", {"enterpriseDisplayName": "Lab"})
        token = server.call_as(key, "POST", f"/v1/{made.json['name']}/enrollmentTokens", {"policyName": "default"}).json["value"]
        path = f"/v1/{server.enrolled(token)}:issueCommand"
        bearer = bearer_of(key)

        def issue() -> int:
            return server.call("POST", path, '{"type":"LOCK"}', authorization=bearer).status

        before = [issue(), issue()]
        server.operate("DELETE", f"/{key['private_key_id']}")

        assert [200, 200, 401] == [*before, issue()]
