"""`heliograph serve` behind a proxy and for web pages, as an operator starts it."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

SERVE = (sys.executable, "-m", "heliograph", "serve", "--port", "0", "--no-auth")
PAGE = "https://console.example.com"
THROUGH_PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "amapi.example.com", "Origin": PAGE}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a server answers that trusts a proxy on this machine, and one web page."""
    options = ["--data-dir", str(tmp_path), "--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "127.0.0.1", "--cors-origin", PAGE]
    with subprocess.Popen([*SERVE, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            said = re.search(r"http://\S+", server.stdout.readline())
            assert said is not None
            yield urlsplit(said[0]).netloc
        finally:
            server.terminate()
            server.communicate(timeout=20)


def test_clients_are_told_the_proxys_address_and_the_page_may_read_it(address: str) -> None:
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("GET", "/$discovery/rest?version=v1", headers=THROUGH_PROXY)
    answer = connection.getresponse()
    document = json.load(answer)
    connection.close()

    assert "https://amapi.example.com/" == document["rootUrl"] == document["baseUrl"]
    assert PAGE == answer.getheader("access-control-allow-origin")


def test_what_is_no_address_is_refused_at_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [*SERVE, "--data-dir", str(tmp_path), "--trusted-proxy", "proxy.example.com"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert "'proxy.example.com' is no address or network, as in 10.0.0.5 or 10.0.0.0/8." in " ".join(done.stderr.split())
    assert done.returncode != 0
