"""The examples for nginx and Caddy hold: each runs before a real server, and phones, callers and strangers come to it over TLS."""

import asyncio
import contextlib
import http.client
import json
import random
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from heliograph.agent.clock import MachineClock
from heliograph.agent.http_client import HttpClient
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import Pace, VirtualPhone
from tests.deploy.proxies import HOST, KINDS, Proxy, running_proxy
from tests.e2e.program import running_server
from tests.files import written
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S
from tests.ports import reserved_port

Json = dict[str, Any]

CLIENT = "127.0.0.2"
"""Where callers of these tests come from, so that proxy and caller differ."""
SPOOFED = "203.0.113.66"
MEBIBYTE = 1_024 * 1_024
NAMES_OF_METRICS = (
    "/metrics", "/metrics?x", "//metrics", "/%6detrics", "/x/../metrics", "/./metrics", "/metrics/", "/metrics;x", "/%2e/metrics",
)  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A server with accounts behind a proxy, and what its callers need."""

    proxy: Proxy
    direct: str
    server_log: Path
    trust: ssl.SSLContext
    token: str

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of the answer to a request through the proxy, signed in unless `headers` say otherwise."""
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body, {"Authorization": f"Bearer {self.token}", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """The resource."""
        status, answer = self.ask(method, path, None if body is None else json.dumps(body).encode())
        assert 200 == status, answer
        return dict(json.loads(answer))

    def plug(self) -> ssl.SSLSocket:
        """A connection to the proxy to write bytes to."""
        plain = socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE_S, source_address=(CLIENT, 0))
        return self.trust.wrap_socket(plain, server_hostname=HOST)

    def connection(self) -> http.client.HTTPSConnection:
        """A connection to the proxy for requests."""
        return http.client.HTTPSConnection(HOST, self.proxy.port, timeout=PATIENCE_S, context=self.trust, source_address=(CLIENT, 0))


@pytest.fixture(scope="module", params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`heliograph serve` as docs/self-host.md starts it, behind each of the proxies."""
    folder = tmp_path_factory.mktemp(request.param)
    port, log = reserved_port(), folder / "server.log"
    url, data = f"https://{HOST}:{port}", str(folder / "data")
    options = ("--data-dir", data, "--trusted-proxy", "127.0.0.1", "--public-url", url)
    with log.open("w") as errors, running_server(*options, stderr=errors) as (direct, _):
        server_port = int(urlsplit(direct).port or 0)
        with running_proxy(request.param, folder, port=port, server_port=server_port) as proxy:
            token = access_token(folder / "key.json", data, url, proxy.authority)
            yield Site(proxy, direct, log, ssl.create_default_context(cafile=proxy.authority), token)


def access_token(key: Path, data: str, url: str, authority: Path) -> str:
    """A token of a new admin's key, as `heliograph token` gets it through the proxy."""
    environment = {"PATH": "/usr/bin", "SSL_CERT_FILE": str(authority)}

    def heliograph(*words: str) -> str:
        done = subprocess.run([*HELIOGRAPH, *words], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert 0 == done.returncode, done.stderr
        return done.stdout.strip()

    heliograph("keys", "create", "--enterprise", "acme", "--role", "admin", "--out", str(key), "--data-dir", data, "--server", url)
    return heliograph("token", "--key", str(key))


async def phone(site: Site, kind: TransportKind) -> PhoneRunner:
    """A phone, enrolled and connected through the proxy, whose certificate it checks."""
    token = await asyncio.to_thread(site.call, "POST", "/v1/enterprises/acme/enrollmentTokens", {})
    serial = f"PROXY-{site.proxy.kind}-{kind.name}"
    device = PROFILES["pixel8-a15-fully-managed"].phone(serial)
    virtual = VirtualPhone(device, clock=MachineClock(), chance=random.Random(serial), pace=Pace(times=0.02))

    def over_tls() -> HttpClient:
        return HttpClient(site.proxy.url, connector=lambda: aiohttp.TCPConnector(ssl=site.trust))

    runner = PhoneRunner(virtual, Line(server_url=site.proxy.url, kind=kind, http_client=over_tls))
    runner.start(token["value"])
    async with asyncio.timeout(PATIENCE_S):
        await runner.wait_connected()
    return runner


@pytest.mark.parametrize("kind", TransportKind, ids=lambda kind: kind.value)
async def test_a_command_reaches_a_phone_and_its_outcome_the_caller(site: Site, kind: TransportKind) -> None:
    runner = await phone(site, kind)

    issued = await asyncio.to_thread(site.call, "POST", f"/v1/{runner.name}:issueCommand", {"type": "LOCK"})
    async with asyncio.timeout(PATIENCE_S):
        while not (operation := await asyncio.to_thread(site.call, "GET", f"/v1/{issued['name']}")).get("done"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await runner.stop()

    assert "response" in operation


@pytest.mark.parametrize("form, first, event", [("text/event-stream", b"retry: ", b"data: "), ("application/jsonl", b"\n", b"{")])
def test_events_come_when_they_happen(site: Site, form: str, first: bytes, event: bytes) -> None:
    site.call("PATCH", "/v1/enterprises/acme?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["ENROLLMENT"]})
    with contextlib.closing(site.connection()) as connection:
        headers = {"Authorization": f"Bearer {site.token}", "Accept": form}
        connection.request("GET", "/heliograph/v1/enterprises/acme/events?after=latest", headers=headers)
        answer = connection.getresponse()
        beginning = answer.readline()

        asyncio.run(enrolled_and_gone(site))
        sent = next(line for line in answer if line.startswith(event))

    assert beginning.startswith(first)
    assert b"ENROLLMENT" in sent


async def enrolled_and_gone(site: Site) -> None:
    """A phone has enrolled."""
    runner = await phone(site, TransportKind.WEBSOCKET)
    await runner.stop()


@pytest.mark.parametrize("path", NAMES_OF_METRICS)
def test_strangers_get_no_metrics(site: Site, path: str) -> None:
    with site.plug() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 4")
    assert b"heliograph_" not in answer


def test_the_operator_gets_metrics_from_the_server_itself(site: Site) -> None:
    connection = http.client.HTTPConnection(urlsplit(site.direct).netloc, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        assert b"heliograph_ready 1.0" in connection.getresponse().read()


@pytest.mark.parametrize("framing", [b"Content-Length: 99999999999", b"Transfer-Encoding: chunked"], ids=["length", "chunks"])
def test_an_endless_body_is_refused_before_its_end(site: Site, framing: bytes) -> None:
    head = b"POST /v1/enterprises/acme/policies HTTP/1.1\r\nHost: %b\r\nAuthorization: Bearer %b\r\n%b\r\n\r\n"
    with site.plug() as connection:
        connection.sendall(head % (HOST.encode(), site.token.encode(), framing))
        status = refusal_while_sending(connection, chunked=b"chunked" in framing)

    assert status in {413, 404}


def refusal_while_sending(connection: ssl.SSLSocket, *, chunked: bool) -> int:
    """The status that came while zeros were sent, of which at most 40 MiB were."""
    piece = bytes(65_536)
    connection.settimeout(0.01)
    answer = b""
    for _ in range(640):
        with contextlib.suppress(TimeoutError):
            answer = connection.recv(65_536)
            break
        with contextlib.suppress(OSError):
            connection.settimeout(PATIENCE_S)
            connection.sendall(b"10000\r\n" + piece + b"\r\n" if chunked else piece)
            connection.settimeout(0.01)
    return int(answer.split(b" ", 2)[1])


def test_a_body_little_too_large_is_refused_in_googles_form(site: Site) -> None:
    status, answer = site.ask("POST", "/v1/enterprises/acme/enrollmentTokens", b'{"additionalData": "%b"}' % (b"x" * MEBIBYTE))

    assert 413 == status
    assert 413 == json.loads(answer)["error"]["code"]


def test_a_batch_of_many_mebibytes_passes(site: Site) -> None:
    part = (
        "--b\r\nContent-Type: application/http\r\n\r\n"
        "POST /v1/enterprises/acme/enrollmentTokens HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
        f'{{"additionalData": "{"x" * 900}"}}\r\n'
    )
    body = (part * 3 + "--b--\r\n" + " " * 3 * MEBIBYTE).encode()
    status, answer = site.ask("POST", "/batch", body, {"Content-Type": "multipart/mixed; boundary=b"})

    assert 200 == status, answer
    assert 3 == answer.count(b"HTTP/1.1 200")


def test_a_url_and_a_head_that_the_server_takes_pass(site: Site) -> None:
    long_url, _ = site.ask("GET", f"/v1/enterprises/acme?x={'x' * 15_000}")
    long_head, _ = site.ask("GET", "/v1/enterprises/acme", headers={f"X-{number}": "x" * 7_000 for number in range(4)})

    assert 400 == long_url  # the server's own answer: it does not know x
    assert 200 == long_head


def test_the_servers_log_has_the_clients_address_and_not_what_it_says(site: Site) -> None:
    pretended = {"Authorization": "", "X-Forwarded-For": SPOOFED, "Forwarded": f"for={SPOOFED}"}
    status, _ = site.ask("GET", "/v1/enterprises/acme", headers=pretended)

    assert 401 == status
    log = written(site.server_log, lambda log: '"api.refused"' in log)
    addresses = {json.loads(line)["address"] for line in log.splitlines() if '"api.refused"' in line}
    assert CLIENT in addresses
    assert SPOOFED not in addresses


def test_links_and_documents_name_the_proxys_address(site: Site) -> None:
    document = site.call("GET", "/$discovery/rest?version=v1")

    assert f"{site.proxy.url}/" == document["rootUrl"]


def test_plain_http_leads_to_tls(site: Site) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", site.proxy.plain_port, timeout=PATIENCE_S)) as connection:
        connection.request("GET", "/console", headers={"Host": HOST})
        answer = connection.getresponse()

    assert 308 == answer.status
    assert str(answer.getheader("location")).startswith(f"https://{HOST}")
