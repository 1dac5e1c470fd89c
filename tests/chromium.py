"""Debian's Chromium, driven by Playwright, for tests of pages: real, headless, and not beyond this machine.

The fixture `browser` is a module's: Playwright's loop lives in its thread meanwhile, so a module that uses it has no asynchronous tests.
"""

import contextlib
import shutil
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.not_tried import not_tried
from tests.patience import PATIENCE_S
from tests.socket_watch import beyond_loopback
from tests.third_party import started

if TYPE_CHECKING:  # every test run knows this fixture, and few use it
    from playwright.sync_api import Browser, ConsoleMessage, Page

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The same browser without a window of its own comes first: it computes a third less."""
HERE_ONLY = (
    # What is not this machine has no address, and goes to a proxy that is not there; Chromium's own services are left alone.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=localhost;127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-features=MediaRouter,OptimizationHints,AutofillServerCommunication",
)
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True,
    "automaticPresenceSimulation": True,
}  # fmt: skip
"""A platform authenticator whose user is there, and gives the right finger."""


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium, for the tests of one module."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        not_tried("Chromium is not here: scripts/test_needs.sh chromium-headless-shell installs it")
    from playwright.sync_api import TimeoutError as NotStarted  # noqa: PLC0415 - as above
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415

    expect.set_options(timeout=PATIENCE_S * 1_000)
    # Not under the watch over sockets: for each name it asks the kernel whether there is a way to Google by IPv6, and sends nothing there.
    with contextlib.ExitStack() as end:
        with beyond_loopback():
            playwright = end.enter_context(sync_playwright())
            # A test may run as root, in a container: there Chromium's own sandbox cannot start.
            arguments = [*HERE_ONLY, "--no-sandbox", "--disable-dev-shm-usage"]
            start = partial(playwright.chromium.launch, executable_path=program, args=arguments, timeout=PATIENCE_S * 1_000)
            chromium = started(start, or_else=NotStarted)
        end.callback(chromium.close)
        yield chromium


@contextlib.contextmanager
def tab(browser: "Browser", *, scripts: bool = True, refused: bool = False, site: str = "") -> Iterator["Page"]:
    """A window of someone who was never here. An error in its console fails the test, unless something is to be `refused`.

    `site`: only what comes from there counts; another server's pages are not ours to mend.
    """
    said: list[str] = []
    with contextlib.closing(browser.new_context(java_script_enabled=scripts, ignore_https_errors=True)) as context:
        context.set_default_timeout(PATIENCE_S * 1_000)
        page = context.new_page()
        page.on("console", lambda message: said.extend(_errors(message, site)))
        page.on("pageerror", lambda error: said.append(str(error)))
        yield page
    assert refused == bool(said), said


def press(page: "Page", button: str) -> None:
    """The button of a form is pressed, and the page that answers is there, whole."""
    with page.expect_event("load"):
        page.get_by_role("button", name=button).click()


def with_authenticator(page: "Page") -> str:
    """The window has an authenticator of its own. Returns its id."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable", {"enableUI": False})
    return str(devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"])


def _errors(message: "ConsoleMessage", site: str) -> list[str]:
    return [message.text] if message.type == "error" and message.location["url"].startswith(site) else []
