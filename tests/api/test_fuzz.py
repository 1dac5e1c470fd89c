"""Commands made from Google's discovery document, valid and broken, and anything at all: what is right comes back, nothing is ever 5xx."""

import contextlib
import http.client
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.own_methods import OWN_METHODS
from heliograph.domain.behaviour import Behaviour
from heliograph.protojson.times import format_duration, parse_duration_ns
from heliograph.service.limits import Limits
from tests.api.discovered_commands import Broken, Sent, broken_commands, valid_commands
from tests.api.live import Live, Response, live_server, settings_for
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.both_ways

fuzz = settings(max_examples=150, suppress_health_check=list(HealthCheck))
FORM = "application/x-www-form-urlencoded"


class Caller:
    """One kept-alive connection: thousands of examples would use up the machine's ports."""

    def __init__(self, live: Live, device: str) -> None:
        self.device = device
        self.connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """The answer; an answer that does not come fails the test."""
        self.connection.request(method, path, body=body, headers={"Content-Length": str(len(body)), **headers})
        response = self.connection.getresponse()
        return Response(response.status, dict(response.getheaders()), response.read())

    def issue(self, body: object) -> Response:
        """The answer to this body of issueCommand."""
        return self.ask("POST", f"/v1/{self.device}:issueCommand", json.dumps(body).encode())


@pytest.fixture(scope="module")
def caller(live: Live) -> Iterator[Caller]:
    """A caller with a device that never connects."""
    made = Caller(live, live.device(live.enterprise()))
    with contextlib.closing(made.connection):
        yield made


@pytest.fixture(scope="module")
def strict_caller(tmp_path_factory: pytest.TempPathFactory, way_in: str) -> Iterator[Caller]:
    """As `caller`, of a server that refuses what Google's parsers only tolerate."""
    settings = settings_for(tmp_path_factory.mktemp(way_in), limits=Limits(behaviour=Behaviour.STRICT))
    with live_server(settings) as live:
        made = Caller(live, live.device(live.enterprise()))
        with contextlib.closing(made.connection):
            yield made


@fuzz
@given(sent=valid_commands())
def test_any_valid_command_is_accepted_and_comes_back_equal(caller: Caller, sent: Sent) -> None:
    answer = caller.issue(sent.body)

    assert 200 == answer.status, answer.body
    operation = answer.json
    metadata = operation["metadata"]
    assert sent.metadata == {name: value for name, value in metadata.items() if name not in {"@type", "createTime", "duration", "userName"}}
    assert format_duration(parse_duration_ns(sent.body.get("duration") or "600s")) == metadata["duration"]
    assert operation == caller.ask("GET", f"/v1/{operation['name']}").json
    assert b"{}\n" == caller.ask("POST", f"/v1/{operation['name']}:cancel").body


@fuzz
@given(broken=broken_commands())
def test_any_broken_command_is_400_with_the_right_path_and_is_not_issued(strict_caller: Caller, broken: Broken) -> None:
    before = newest(strict_caller)

    answer = strict_caller.issue(broken.body)

    assert (400, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])
    (details,) = answer.json["error"]["details"]
    assert broken.path in [violation.get("field", "") for violation in details["fieldViolations"]], answer.body
    assert before == newest(strict_caller)


def newest(caller: Caller) -> str:
    """What shows the device's last open operation."""
    return caller.ask("GET", f"/v1/{caller.device}/operations?filter=done%3Dfalse").body.decode()


SECRETS = st.sampled_from(["newPassword", "activationCode"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12) | SECRETS, inner, max_size=4),
    max_leaves=12,
)
near_commands = st.dictionaries(
    st.sampled_from(
        ["type", "duration", "wipeParams", "newPassword", "resetPasswordFlags", "startLostModeParams", "createTime", "esimStatus"]
    ),
    json_values,
    max_size=5,
)


@fuzz
@given(body=(json_values | near_commands).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200))
@example(body=b"[" * 100_000)
@example(body=b'{"type":' * 30_000)
@example(body=b'{"a":' + b"9" * 100_000 + b"}")
@example(body=b'{"duration":"' + b"9" * 100_000 + b's"}')
@example(body=b'{"\\ud800":1}')
def test_whatever_the_body_is_it_is_answered_and_never_with_5xx(caller: Caller, body: bytes) -> None:
    answer = caller.ask("POST", f"/v1/{caller.device}:issueCommand", body)

    assert answer.status in {200, 400}, (body, answer.body)
    if answer.status == 400:
        assert answer.json["error"]["message"]


PATHS = st.sampled_from(
    [
        *(f"v1/{method.path}" for method in AMAPI_METHODS),
        *(f"heliograph/v1/{method.path}" for method in OWN_METHODS),
        *("", "v1", "v1/", "v2/*", "*/*/*", "v1/enterprises/*/*", "batch", "batch/*", "$discovery/rest", "%24discovery/rest", "healthz"),
    ]
)
IDS = st.sampled_from(["here", "*", "%00", "%FF", "%2F", "..", ":cancel", "1786048723669", "", "a" * 300, "%C3%A9", "d:issueCommand"])
QUERIES = st.sampled_from(
    [
        *("", "alt=json", "alt=proto", "callback=x", "$.xgafv=1", "prettyPrint=maybe", "version=v9", "%FF", "&" * 300, "a=b&" * 300),
        *("fields=a/b(c", "fields=*/*", "fields=" + "a(" * 50, "filter=done", "filter=" + "(" * 500, "filter=" + "NOT%20" * 500),
        *("pageSize=-1", "pageSize=" + "9" * 400, "pageToken=x", "updateMask=a.b", "updateMask=state", "wipeDataFlags=X", "requestId=1"),
    ]
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Encoding": st.sampled_from(["gzip", "br", "identity"]),
        "Accept-Encoding": st.sampled_from(["gzip", "gzip;q=0", ";;;,"]),
        "Content-Type": st.sampled_from(["application/json", "multipart/mixed; boundary=b", "text/plain;;;", FORM]),
        "X-HTTP-Method-Override": st.sampled_from(["GET", "PATCH", "DELETE", "NOTHING", ""]),
        "Origin": st.sampled_from(["null", "https://example.com"]),
        "X-Forwarded-Host": st.just("a,b"),
        "Idempotency-Key": st.sampled_from(["", "k", "x" * 500]),
    },
)
BODIES = st.sampled_from([b"", b"{}", b"[]", b"{", b'{"state":"DISABLED"}', b"pageSize=1&filter=(", b"--b--", b"--b\n\n--b--"])


def filled(path: str, ids: tuple[str, ...]) -> str:
    """The path with these ids for its stars."""
    for each in ids:
        path = path.replace("*", each, 1)
    return path


@fuzz
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "TRACE"]),
    path=st.builds(filled, PATHS, st.tuples(IDS, IDS, IDS)),
    query=QUERIES,
    headers=HEADERS,
    body=BODIES | st.binary(max_size=60),
)
def test_whatever_is_asked_it_is_answered_and_never_with_an_internal_error(
    caller: Caller, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    enterprise = caller.device.split("/")[1]

    answer = caller.ask(method, f"/{path.replace('here', enterprise)}{'?' if query else ''}{query}", body, **headers)

    assert answer.status < 500 or answer.status == 501, (answer.status, answer.body)


@fuzz
@given(parts=st.lists(st.binary(max_size=80), max_size=6), newline=st.sampled_from([b"\n", b"\r\n", b"\r"]), end=st.booleans())
def test_whatever_a_batch_is_made_of_it_is_answered(caller: Caller, parts: list[bytes], newline: bytes, end: bool) -> None:  # noqa: FBT001 - drawn
    head = b"Content-Type: application/http" + newline * 2
    body = b"".join(b"--b" + newline + head + part + newline for part in parts) + (b"--b--" if end else b"")

    answer = caller.ask("POST", "/batch", body, **{"Content-Type": "multipart/mixed; boundary=b"})

    assert answer.status in {200, 400}
    if answer.status == 200:
        assert b"HTTP/1.1 5" not in answer.body.replace(b"HTTP/1.1 501", b"")


def test_a_body_that_never_ends_is_not_waited_for(live: Live) -> None:
    """Its head says more than it brings: the answer comes when the caller gives up, and no one else is kept waiting."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=PATIENCE_S)) as slow:
        slow.putrequest("POST", "/v1/enterprises")
        slow.putheader("Content-Length", "100")
        slow.endheaders(b"{")

        assert 200 == live.call("GET", "/healthz").status
