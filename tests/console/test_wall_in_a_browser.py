"""The sandbox's own pages in Chromium: a newcomer's first minutes, by mouse and by keyboard, and every page by axe's rules."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from heliograph.commands import COMMANDS
from heliograph.sandbox.fault_checks import EFFECTS
from tests.chromium import tab
from tests.console.axe import wrong_with
from tests.console.test_wall import ASKING, FINAL, FRENCH, LOCK, LOSING, NOW, PIXEL, SCANNER, WALL, page_of
from tests.sandbox.client import Client

PAGES = ["", "/script", "/phones", "/requests", "/requests/1", "/notifications", "/faults", "/clock", "/worlds", "?show=Lost", "?q=nothing"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window."""
    with tab(browser) as found:
        yield found


@pytest.fixture
def scene(sandbox: Client) -> Iterator[Client]:
    """A world in which phones are in every state that is drawn."""
    made = sandbox.post("/sandbox/v1/worlds", {"seed": 7, "now": NOW, "enabledNotificationTypes": ["COMMAND"]})
    world = Client(made["url"])
    world.patch(f"/sandbox/v1/devices/{FRENCH}", {"consent": "IGNORE"})
    world.issue(FRENCH, {"type": ASKING.name, **ASKING.example})
    world.issue("pixel7-a14-cope", {"type": LOSING.name, **LOSING.example})
    world.issue("moto-g5-a8-fully-managed", {"type": FINAL.name, **FINAL.example})
    world.issue("galaxy-s9-a10-cope", {"type": LOCK.name})
    world.issue(PIXEL, {"type": next(name for name in COMMANDS if name.startswith("REBOOT"))})
    world.patch(f"/sandbox/v1/devices/{SCANNER}", {"online": False, "ongoingCall": True})
    world.post("/sandbox/v1/faults", {"method": "enterprises.get", "error": {"code": 503}})
    yield world
    sandbox.ask("DELETE", f"/sandbox/v1/{made['name']}")


def test_a_newcomer_opens_the_printed_address_and_locks_a_phone_with_one_more_click(sandbox: Client, page: Page) -> None:
    page.goto(sandbox.url)
    card = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=PIXEL))

    card.get_by_role("button", name=LOCK.name.capitalize(), exact=True).click()

    expect(card.get_by_text("Locked: PIN")).to_be_visible()
    card.get_by_role("button", name="Unlock").click()
    expect(card.get_by_text("Locked: PIN")).to_be_hidden()


def test_the_wall_needs_no_mouse(scene: Client, page: Page) -> None:
    page.goto(f"{scene.url}{WALL}?q={FRENCH}")

    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Allow":
            break
    page.keyboard.press("Enter")

    expect(page.get_by_text(f"{ASKING.name} executed")).to_be_visible()


def test_a_har_is_downloaded(scene: Client, page: Page) -> None:
    page.goto(f"{scene.url}{WALL}/requests")

    with page.expect_download() as kept:
        page.get_by_role("link", name="Download as HAR").click()

    assert "requests.har" == kept.value.suggested_filename


def test_no_page_of_the_sandbox_violates_a_rule_of_axe_or_is_wider_than_a_narrow_phone(scene: Client, browser: Browser) -> None:
    paths = [f"{WALL}{path}" for path in PAGES]
    paths += [page_of(phone) for phone in (PIXEL, FRENCH, "moto-g5-a8-fully-managed")]
    paths += [f"{WALL}/faults?effect={effect}" for effect in EFFECTS]
    wrong: dict[str, str] = {}

    with tab(browser) as page:
        for path in paths:
            page.goto(scene.url + path)
            page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
            wrong[path] = wrong_with(page)

    assert {} == {path: what for path, what in wrong.items() if what}
