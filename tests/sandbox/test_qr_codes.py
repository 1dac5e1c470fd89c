"""A sandbox with an agent: its QR codes are for real phones as a server's are, and a virtual phone enrols with what they say."""

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from heliograph.sandbox.settings import SandboxSettings
from tests.agents import AGENT, CONTENT
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client
from tests.sandbox.conftest import running

PUBLIC = "https://amapi.example.com"
PIXEL = "pixel8-a15-fully-managed"
EXTRA = "android.app.extra.PROVISIONING_"


@pytest.fixture(scope="module")
def with_agent() -> Iterator[Client]:
    with running(SandboxSettings(port=0, public_urls=(PUBLIC,), agent=AGENT)) as client:
        yield client


def test_a_code_leads_to_the_sandboxs_own_agent_also_in_a_world_of_a_test(with_agent: Client) -> None:
    world = Client(with_agent.post("/sandbox/v1/worlds")["pathUrl"])
    below = urlsplit(world.url).path

    for client, path in ((with_agent, ""), (world, below)):
        code = json.loads(client.post("/v1/enterprises/sandbox/enrollmentTokens", {})["qrCode"])
        assert f"{PUBLIC}{path}/agent.apk" == code[f"{EXTRA}DEVICE_ADMIN_PACKAGE_DOWNLOAD_LOCATION"]
        assert f"{PUBLIC}{path}" == code[f"{EXTRA}ADMIN_EXTRAS_BUNDLE"]["server_url"]
        assert CONTENT == downloaded(f"{client.url}/agent.apk")


@pytest.mark.parametrize("has_agent", [True, False])
def test_a_virtual_phone_enrols_with_what_the_code_says(with_agent: Client, sandbox: Client, has_agent: bool) -> None:  # noqa: FBT001
    client = with_agent if has_agent else sandbox
    code = json.loads(client.post("/v1/enterprises/sandbox/enrollmentTokens", {"additionalData": "desk 7"})["qrCode"])
    token = code[f"{EXTRA}ADMIN_EXTRAS_BUNDLE"]["enrollment_token"]

    device = client.post("/sandbox/v1/devices", {"profile": PIXEL, "enrollmentToken": token})["name"]

    assert "desk 7" == client.get(f"/v1/{device}")["enrollmentTokenData"]
    assert has_agent is ("heliograph.missing" not in code)


def downloaded(url: str) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE_S)
    connection.request("GET", parts.path)
    try:
        return connection.getresponse().read()
    finally:
        connection.close()
