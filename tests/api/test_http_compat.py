"""The common parameters, and requests that are peculiar: tunnelled, gzipped, HEAD, OPTIONS, from a web page."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from heliograph.api.http.address import Addresses
from heliograph.api.http.http_compat import MOST_GZIP_MEMBERS
from tests.api.live import Live, Response, live_server, settings_for

MIB = 1024 * 1024
FORM = "application/x-www-form-urlencoded"
LOCK = b'{"type":"LOCK"}'
PAGE = "https://console.example.com"


@pytest.fixture(scope="module")
def with_cors(tmp_path_factory: pytest.TempPathFactory, way_in: str) -> Iterator[Live]:
    """A server that one web page may call."""
    with live_server(settings_for(tmp_path_factory.mktemp(way_in)), cors_origins=[PAGE]) as server:
        yield server


def test_errors_have_the_old_form_too_where_xgafv_is_1(live: Live) -> None:
    answer = live.call("GET", "/v1/enterprises/none?$.xgafv=1")

    message = "Caller is not authorized to manage enterprise."
    assert [{"message": message, "domain": "global", "reason": "forbidden"}] == answer.json["error"]["errors"]
    assert (403, message, "PERMISSION_DENIED") == tuple(answer.json["error"][name] for name in ("code", "message", "status"))


@pytest.mark.parametrize("query", ["", "?$.xgafv=2", "?%24.xgafv=2", "?$.xgafv="])
def test_errors_have_the_new_form_only_otherwise(live: Live, query: str) -> None:
    assert "errors" not in live.call("GET", f"/v1/enterprises/none{query}").json["error"]


@pytest.mark.parametrize(
    "query, status, message",
    [
        ("$.xgafv=3", 400, "Invalid value '3' for $.xgafv: use 1 or 2."),
        ("quotaUser=" + "x" * 41, 400, "quotaUser must have at most 40 characters; it has 41."),
        ("callback=f", 501, "This server does not wrap answers as JSONP: leave out callback."),
        ("alt=proto", 501, "This server answers in JSON only: leave out alt=proto."),
        ("alt=media", 501, "This server answers in JSON only: leave out alt=media."),
    ],
)
def test_a_common_parameter_that_cannot_be_obeyed_is_refused(live: Live, query: str, status: int, message: str) -> None:
    answer = live.call("GET", f"/v1/enterprises?{query}")

    assert (status, message) == (answer.status, answer.message)


def test_a_key_and_a_quota_user_are_accepted(live: Live) -> None:
    assert 200 == live.call("GET", "/v1/enterprises?key=AIza&quotaUser=" + "x" * 40).status


def test_a_patch_may_come_through_a_post(live: Live, device: str) -> None:
    answer = live.call("POST", f"/v1/{device}?updateMask=policyName", b'{"policyName":"p"}', x_http_method_override="PATCH")

    assert 200 == answer.status
    assert answer.json["policyName"].endswith("/policies/p")


@pytest.mark.both_ways
def test_a_long_get_may_come_as_a_post_with_its_query_in_the_body(live: Live, device: str) -> None:
    issued = live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"}).json
    query = {"filter": 'metadata.type="LOCK"', "fields": "operations/name" + ",operations/name" * 200}
    assert len(urlencode(query)) > 2_048

    answer = live.call("POST", f"/v1/{device}/operations?alt=json", urlencode(query), content_type=FORM, x_http_method_override="GET")

    assert (200, {"operations": [{"name": issued["name"]}]}) == (answer.status, answer.json)


def test_a_get_is_never_made_to_something_else(live: Live, device: str) -> None:
    assert device == live.call("GET", f"/v1/{device}", x_http_method_override="DELETE").json["name"]
    assert 200 == live.call("GET", f"/v1/{device}").status


def test_a_method_that_cannot_be_tunnelled_is_refused(live: Live, device: str) -> None:
    answer = live.call("POST", f"/v1/{device}", b"", x_http_method_override="TRACE")

    assert (400, "X-HTTP-Method-Override 'TRACE' is not supported: use GET, PATCH, PUT or DELETE.") == (answer.status, answer.message)


@pytest.mark.parametrize("content_type", [None, "application/json", "application/json; charset=utf-8", FORM, "text/plain"])
@pytest.mark.both_ways
def test_a_body_is_json_whatever_its_type_says(live: Live, device: str, content_type: str | None) -> None:
    """`curl -d` says that it is a form; Google tolerates a missing type (amapi.md §9.14)."""
    headers = {"content_type": content_type} if content_type else {}

    assert 200 == live.call("POST", f"/v1/{device}:issueCommand", LOCK, **headers).status


@pytest.mark.parametrize("packed", [gzip.compress(LOCK), gzip.compress(LOCK[:5]) + gzip.compress(LOCK[5:])], ids=["one", "two members"])
def test_a_gzipped_body_is_read(live: Live, device: str, packed: bytes) -> None:
    answer = live.call("POST", f"/v1/{device}:issueCommand", packed, content_encoding="gzip")

    assert (200, "LOCK") == (answer.status, answer.json["metadata"]["type"])


@pytest.mark.both_ways
@pytest.mark.parametrize(
    "packed, encoding, status, message",
    [
        (LOCK, "gzip", 400, "Content-Encoding is gzip, but the body is not valid gzip."),
        (gzip.compress(LOCK)[:-6], "gzip", 400, "The request body is cut off: its gzip stream does not end."),
        (gzip.compress(b" " * (MIB + 1)), "gzip", 413, f"The request body is too large: at most {MIB} bytes are accepted, unpacked."),
        (
            gzip.compress(b"") * MOST_GZIP_MEMBERS,
            "gzip",
            400,
            f"The request body is a gzip of more than {MOST_GZIP_MEMBERS - 1} members.",
        ),
        (LOCK, "br", 415, "Content-Encoding 'br' is not supported: send gzip, or no encoding."),
    ],
    ids=["no gzip", "cut off", "a bomb", "thousands of members", "another encoding"],
)
def test_a_body_that_is_not_what_its_encoding_says_is_refused(
    live: Live, device: str, packed: bytes, encoding: str, status: int, message: str
) -> None:
    answer = live.call("POST", f"/v1/{device}:issueCommand", packed, content_encoding=encoding)

    assert (status, message) == (answer.status, answer.message)
    assert {} == live.call("GET", f"/v1/{device}/operations").json


@pytest.mark.both_ways
def test_a_large_answer_is_gzipped_for_who_takes_it(live: Live, device: str) -> None:
    for _ in range(20):
        live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"})
    path = f"/v1/{device}/operations"

    plain = live.call("GET", path)
    packed = live.call("GET", path, accept_encoding="gzip, deflate")
    declined = live.call("GET", path, accept_encoding="gzip;q=0, *")

    assert "gzip" == packed.headers["content-encoding"]
    assert plain.body == gzip.decompress(packed.body) == declined.body
    assert len(plain.body) > 4 * len(packed.body)
    assert "content-encoding" not in plain.headers
    assert "accept-encoding" == plain.headers["vary"] == packed.headers["vary"]


def test_a_small_answer_is_sent_as_it_is(live: Live, device: str) -> None:
    assert "content-encoding" not in live.call("GET", f"/v1/{device}", accept_encoding="gzip").headers


@pytest.mark.parametrize("path", ["/v1/{device}", "/healthz", "/v1/enterprises/none"])
def test_head_is_get_without_the_body(live: Live, device: str, path: str) -> None:
    path = path.format(device=device)

    head, get = live.call("HEAD", path), live.call("GET", path)

    assert (get.status, b"") == (head.status, head.body)
    assert get.headers == head.headers


def test_head_of_what_only_a_post_does_is_not_found(live: Live, device: str) -> None:
    assert 404 == live.call("HEAD", f"/v1/{device}:issueCommand").status


@pytest.mark.parametrize(
    "path, methods",
    [
        ("/v1/{device}", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("/v1/{device}:issueCommand", "POST, OPTIONS"),
        ("/batch", "POST, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/nothing", "OPTIONS"),
    ],
)
def test_options_tells_what_a_path_takes(live: Live, device: str, path: str, methods: str) -> None:
    answer = live.call("OPTIONS", path.format(device=device))

    assert (204, methods, b"") == (answer.status, answer.headers["allow"], answer.body)


def test_no_web_page_may_read_an_answer_unless_configured(live: Live, device: str) -> None:
    answers = [live.call("GET", f"/v1/{device}", origin=PAGE), preflight(live, f"/v1/{device}", PAGE)]

    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


def test_a_configured_web_page_may_call(with_cors: Live) -> None:
    answer = with_cors.call("GET", "/v1/enterprises", origin=PAGE)
    asked = preflight(with_cors, "/v1/enterprises/e/devices/d:issueCommand", PAGE)
    refused = with_cors.call("GET", "/v1/enterprises/none", origin=PAGE)

    assert [PAGE] * 3 == [each.headers["access-control-allow-origin"] for each in (answer, asked, refused)]
    assert (204, "POST, OPTIONS") == (asked.status, asked.headers["access-control-allow-methods"])
    assert "authorization,x-goog-api-client" == asked.headers["access-control-allow-headers"]


def test_another_web_page_may_not(with_cors: Live) -> None:
    answer = with_cors.call("GET", "/v1/enterprises", origin="https://evil.example.com")

    assert "access-control-allow-origin" not in answer.headers


def preflight(live: Live, path: str, origin: str) -> Response:
    """What a browser asks before it lets a page send a command."""
    wanted = {"access_control_request_method": "POST", "access_control_request_headers": "authorization,x-goog-api-client"}
    return live.call("OPTIONS", path, origin=origin, **wanted)


def test_every_page_may_call_where_the_star_is_configured(tmp_path: Path) -> None:
    with live_server(settings_for(tmp_path), cors_origins=["*"]) as live:
        assert PAGE == live.call("GET", "/v1/enterprises", origin=PAGE).headers["access-control-allow-origin"]


def test_a_qr_code_has_the_address_by_which_a_trusted_proxy_was_called(tmp_path: Path) -> None:
    with live_server(settings_for(tmp_path), addresses=Addresses(["127.0.0.0/8"])) as live:
        assert "https://amapi.example.com" == qr_address(live)


def test_forwarded_headers_of_anybody_else_are_not_believed(live: Live) -> None:
    assert live.url == qr_address(live)


def qr_address(live: Live) -> str:
    """The server's address in the QR code of an enrolment token that was asked for through a proxy."""
    enterprise = live.enterprise()
    headers = {"x_forwarded_proto": "https", "x_forwarded_host": "spoofed.example.com, amapi.example.com"}
    token = live.call("POST", f"/v1/{enterprise}/enrollmentTokens", b"{}", **headers).json
    return str(json.loads(token["qrCode"])["android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"]["server_url"])
