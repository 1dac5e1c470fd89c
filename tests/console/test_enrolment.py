"""Enrolment in the console: a token is made, its code scanned, its lines run, and it is deleted."""

import io
import json
import re
import shlex
import subprocess
import sys

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser

from heliograph.sandbox.settings import SandboxSettings
from tests.agents import AGENT
from tests.chromium import tab
from tests.console.reader import Page, Reader
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.sandbox.client import Client
from tests.sandbox.conftest import running

TOKENS = "/console/enterprises/sandbox/enrollmentTokens"


def made(reader: Reader, **fill: str) -> Page:
    """The page of a new token."""
    return reader.submit(reader.open(f"{TOKENS}:create"), fill=fill)


def resource(page: Page) -> str:
    """The name of the token that the page shows."""
    return page.url[page.url.index("/console/") + len("/console/") :]


def line_of(page: Page, beginning: str) -> list[str]:
    """The command line on the page that begins so, as a shell reads it."""
    found = re.search(rf"<pre[^>]*>({re.escape(beginning)}[^<]*)</pre>", page.html)
    assert found is not None
    return shlex.split(found[1])


def test_a_token_is_made_as_asked_listed_with_its_end_and_deleted(reader: Reader, sandbox: Client) -> None:
    sandbox.patch("/v1/enterprises/sandbox/policies/kiosk", {"cameraDisabled": True})
    fill = {"policy": "kiosk", "duration": "8h", "one_time": "true", "usage": "PERSONAL_USAGE_DISALLOWED", "additional_data": "ticket 7"}

    page = made(reader, **fill)

    assert {"kiosk", "Fleet"} <= page.links.keys()
    assert "one device until" in page.text
    assert "for 7 hours more" in page.text
    assert "ticket 7" in page.text
    line = line_of(page, "heliograph tokens create")
    assert ["--policy", "kiosk", "--duration", "28800s", "--one-time", "--personal-usage", "PERSONAL_USAGE_DISALLOWED"] == line[5:12]
    tokens = reader.open(TOKENS)
    assert resource(page).rpartition("/")[2] in tokens.links
    assert "in 7 hours" in tokens.text

    after = reader.submit(tokens)

    assert "The token is deleted." in after.text
    assert "No token can be used now" in after.text
    assert 404 == reader.open(page.url).status


@pytest.mark.parametrize(
    "fill, words",
    [
        ({"duration": "soon"}, "duration"),
        ({"duration": "5s"}, "at least one minute"),
        ({"additional_data": "x" * 1_025}, "1024 characters"),
        ({"policy": "no spaces"}, "policy_name"),
    ],
)
def test_what_is_wrong_is_said_in_the_form_which_keeps_what_was_written(reader: Reader, fill: dict[str, str], words: str) -> None:
    page = made(reader, **fill)

    assert 400 == page.status
    assert words in page.text
    kept = dict(page.forms[-1].fields)
    assert fill == {name: kept[name] for name in fill}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_camera_reads_from_the_page_what_the_api_says(reader: Reader, sandbox: Client, browser: Browser, scheme: str) -> None:
    page = made(reader)
    token = sandbox.get(f"/v1/{resource(page)}")

    with tab(browser, scripts=False) as window:
        window.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        window.goto(page.url)
        picture = Image.open(io.BytesIO(window.locator("svg.qr").screenshot()))

    assert [token["qrCode"]] == [code.text for code in zxingcpp.read_barcodes(picture)]
    assert token["value"] == json.loads(token["qrCode"])["android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"]["enrollment_token"]
    assert token["value"] in page.text


def test_the_line_on_the_page_starts_virtual_phones_that_enrol(reader: Reader, sandbox: Client) -> None:
    program, *words = line_of(made(reader, one_time="true"), "heliograph fleet")
    before = len(sandbox.get("/v1/enterprises/sandbox/devices")["devices"])
    assert ("heliograph", ["--count", "1"]) == (program, words[5:7])

    with Running([sys.executable, "-m", program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as fleet:
        try:
            sandbox.until(lambda: len(sandbox.get("/v1/enterprises/sandbox/devices")["devices"]) > before, seconds=PATIENCE_S)
        finally:
            fleet.terminate()


def test_a_token_that_no_factory_fresh_phone_can_use_says_what_the_server_lacks(reader: Reader) -> None:
    page = made(reader)

    assert "A factory-fresh phone cannot use this code." in page.text
    assert "--agent-apk" in page.text
    assert "What the phone will do" not in page.text


def test_with_an_agent_the_page_says_step_by_step_what_the_phone_will_do() -> None:
    with running(SandboxSettings(port=0, agent=AGENT, public_urls=("https://mdm.example.com",))) as client:
        page = made(Reader(client.url), policy="default")

    assert "What the phone will do" in page.text
    assert "It downloads the agent from https://mdm.example.com/agent.apk" in page.text
    assert "A factory-fresh phone cannot use this code." not in page.text
    assert ["--server", "https://mdm.example.com"] == line_of(page, "heliograph fleet")[-2:]
