"""A sandbox requires no key, and yet no web page gets in: not under its own name, not by a post."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest

from heliograph.protojson.errors import InvalidArgument
from heliograph.sandbox.settings import SandboxSettings
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client
from tests.sandbox.conftest import running
from tests.sandbox.test_sign_up import FORM

DEVICES = "/v1/enterprises/sandbox/devices"
PAGE = "https://console.example.com"
NAME = "host.docker.internal"
ROUTES = [
    ("POST", f"{DEVICES}/pixel8-a15-fully-managed:issueCommand"),
    ("GET", DEVICES),
    ("POST", "/v1/enterprises/sandbox/enrollmentTokens"),
    ("POST", "/batch"),
    ("POST", "/token"),
    ("POST", "/sandbox/v1:reset"),
    ("GET", "/sandbox/v1/devices"),
    ("GET", "/heliograph/v1/keys"),
    ("POST", "/heliograph/v1/keys"),
    ("POST", "/device/v1/enroll"),
    ("POST", "/signup/x"),
    ("GET", "/healthz"),
    ("GET", "/$discovery/rest?version=v1"),
    ("OPTIONS", DEVICES),
]


@pytest.fixture
def sandbox(sandbox_process: Client) -> Client:
    """Who is not let in leaves it as it was, so nobody needs a new one."""
    return sandbox_process


@pytest.fixture(scope="module")
def opened() -> Iterator[Client]:
    """A sandbox with one more name, for one web page."""
    with running(SandboxSettings(port=0, public_urls=(f"http://{NAME}:8080",), cors_origins=(PAGE,))) as client:
        yield client


def ask(sandbox: Client, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a request with these headers (_ for -)."""
    address = urlsplit(sandbox.url)
    assert address.hostname is not None
    with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE_S)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def reason_of(body: bytes) -> str:
    """The reason in an error of Google's form, which says what to do."""
    error = json.loads(body)["error"]
    assert (403, "PERMISSION_DENIED", True) == (error["code"], error["status"], "start" in error["message"])
    return str(error["details"][0]["reason"])


@pytest.mark.parametrize("method, path", ROUTES)
def test_a_name_that_leads_here_by_dns_alone_opens_nothing(sandbox: Client, method: str, path: str) -> None:
    status, _headers, body = ask(sandbox, method, path, "{}", Host="rebound.evil.example:8080")

    assert (403, "HOST_NOT_ALLOWED") == (status, reason_of(body))


@pytest.mark.parametrize("method, path", ROUTES)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"])
def test_another_web_page_cannot_call(sandbox: Client, method: str, path: str, origin: str) -> None:
    status, headers, body = ask(sandbox, method, path, '{"type": "WIPE"}', Origin=origin, Content_Type="text/plain")

    assert (403, "ORIGIN_NOT_ALLOWED") == (status, reason_of(body))
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("header", ["Host: rebound.evil.example", "Host: 127.0.0.1\r\nOrigin: https://evil.example"])
def test_a_web_page_cannot_play_a_phone_over_a_web_socket(sandbox: Client, header: str) -> None:
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname, address.port or 0), timeout=PATIENCE_S) as connection:
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
        connection.sendall(f"GET /device/v1/connect HTTP/1.1\r\n{header}\r\n{upgrade}\r\n\r\n".encode())
        answer = connection.makefile("rb").read(12)

    assert b"HTTP/1.1 403" == answer


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "phones.localhost:8080", "127.0.0.1", "127.8.9.10:80", "[::1]", "[::1]:8080"])
def test_every_loopback_name_is_this_servers(sandbox: Client, host: str) -> None:
    assert 200 == ask(sandbox, "GET", DEVICES, Host=host)[0]


@pytest.mark.parametrize("host", ["localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example", "2130706433", "127.1", "10.0.0.1"])
def test_what_looks_like_a_loopback_name_is_none(sandbox: Client, host: str) -> None:
    assert 403 == ask(sandbox, "GET", DEVICES, Host=host)[0]


def test_a_host_that_was_found_good_stays_good_for_nobody_elses_page(sandbox: Client) -> None:
    statuses = [ask(sandbox, "GET", DEVICES, Host="localhost:1", **origin)[0] for origin in ({}, {"Origin": PAGE}, {})]

    assert [200, 403, 200] == statuses


def test_a_public_url_is_a_name_of_the_sandbox(opened: Client) -> None:
    status, _headers, body = ask(opened, "GET", "/$discovery/rest?version=v1", Host=f"{NAME}:8080")

    assert (200, f"http://{NAME}:8080/") == (status, json.loads(body)["rootUrl"])
    assert 403 == ask(opened, "GET", DEVICES, Host=f"x.{NAME}")[0]


@pytest.mark.parametrize("path", [DEVICES, "/sandbox/v1/devices", "/sandbox/v1/clock"])
def test_a_configured_web_page_may_call_the_api_and_steer_phones(opened: Client, path: str) -> None:
    status, headers, _body = ask(opened, "GET", path, Origin=PAGE)
    asked, preflight, _body = ask(opened, "OPTIONS", path, Origin=PAGE, Access_Control_Request_Method="POST")

    assert (200, PAGE) == (status, headers["access-control-allow-origin"])
    assert (204, PAGE, True) == (asked, preflight["access-control-allow-origin"], "GET" in preflight["access-control-allow-methods"])
    assert 403 == ask(opened, "GET", path, Origin="https://evil.example")[0]


def test_every_page_may_call_where_the_star_is_configured() -> None:
    with running(SandboxSettings(port=0, cors_origins=("*",))) as client:
        assert [200, 200] == [ask(client, "GET", DEVICES, Origin=origin)[0] for origin in (PAGE, "null")]


@pytest.mark.parametrize("host, origin", [("", ""), (f"{NAME}:8080", f"http://{NAME}:8080"), ("localhost:443", "https://localhost")])
def test_the_sign_up_page_may_post_its_own_form(opened: Client, host: str, origin: str) -> None:
    made = opened.post(f"/v1/signupUrls?{urlencode({'projectId': 'p', 'callbackUrl': 'https://emm.example.com/'})}")
    named = {"Host": host} if host else {}

    status, headers, _body = ask(
        opened, "POST", urlsplit(made["url"]).path, urlencode(FORM),
        Origin=origin or opened.url, Content_Type="application/x-www-form-urlencoded", **named,
    )  # fmt: skip

    assert (303, True) == (status, headers.get("location", "").startswith("https://emm.example.com/"))


def test_nonsense_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(InvalidArgument, match="scheme, host and port only"):
        SandboxSettings(port=0, cors_origins=("https://console.example.com/",))
    with pytest.raises(InvalidArgument, match="scheme, host and port only"):
        SandboxSettings(port=0, public_urls=("localhost",))
