"""`heliograph serve` behind a proxy and for web pages, as an operator starts it."""

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.program import running_server
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S

SERVE = (*HELIOGRAPH, "serve", "--port", "0", "--no-auth")
PAGE = "https://console.example.com"
THROUGH_PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "amapi.example.com", "Origin": PAGE}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server answers that trusts a proxy on this machine, and one web page."""
    options = [
        "--no-auth",
        "--data-dir",
        str(tmp_path_factory.mktemp("data")),
        "--trusted-proxy",
        "10.0.0.0/8",
        "--trusted-proxy",
        "127.0.0.1",
        "--cors-origin",
        PAGE,
    ]
    options += ["--public-url", "https://amapi.example.com"]
    with running_server(*options, stderr=subprocess.DEVNULL) as (url, _):
        yield urlsplit(url).netloc


def test_clients_are_told_the_proxys_address_and_the_page_may_read_it(address: str) -> None:
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
    connection.request("GET", "/$discovery/rest?version=v1", headers=THROUGH_PROXY)
    answer = connection.getresponse()
    document = json.load(answer)
    connection.close()

    assert "https://amapi.example.com/" == document["rootUrl"] == document["baseUrl"]
    assert PAGE == answer.getheader("access-control-allow-origin")


@pytest.mark.parametrize(
    "headers, reason",
    [
        ({"Host": "evil.example"}, "HOST_NOT_ALLOWED"),
        ({"X-Forwarded-Host": "evil.example"}, "HOST_NOT_ALLOWED"),
        ({"Origin": "https://evil.example"}, "ORIGIN_NOT_ALLOWED"),
    ],
)
def test_where_nobody_signs_in_no_other_name_and_no_other_page_is_let_in(address: str, headers: dict[str, str], reason: str) -> None:
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
    connection.request("POST", "/v1/enterprises?projectId=p&agreementAccepted=true", "{}", headers)
    answer = connection.getresponse()
    error = json.load(answer)["error"]
    connection.close()

    assert (403, reason) == (answer.status, error["details"][0]["reason"])


@pytest.mark.parametrize(
    "option, wrong, said",
    [
        (
            "--trusted-proxy",
            "proxy.example.com",
            "'proxy.example.com' is not an address or network: write one such as 10.0.0.5 or 10.0.0.0/8.",
        ),
        ("--public-url", "amapi.example.com", "'amapi.example.com' is not the address of a server: write scheme, host and port only"),
        ("--cors-origin", f"{PAGE}/", f"'{PAGE}/' is not the origin of a web page: write scheme, host and port only"),
    ],
)
def test_nonsense_is_refused_at_start_and_leaves_nothing_behind(tmp_path: Path, option: str, wrong: str, said: str) -> None:
    done = subprocess.run(
        [*SERVE, "--data-dir", str(tmp_path / "data"), option, wrong],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert said in " ".join(done.stderr.split())
    assert (True, False) == (done.returncode != 0, (tmp_path / "data").exists())


def test_the_environment_may_name_several_public_urls(tmp_path: Path) -> None:
    done = subprocess.run(
        [*SERVE, "--data-dir", str(tmp_path / "data")],
        env={**os.environ, "HELIOGRAPH_PUBLIC_URL": "https://amapi.example.com http://mdm.lan:8080 nonsense"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert "'nonsense' is not the address of a server" in " ".join(done.stderr.split())
