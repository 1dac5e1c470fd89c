"""The sandbox's pages follow what happens, in Chromium: the wall, the request monitor, one phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from heliograph.commands import COMMANDS
from tests.chromium import tab
from tests.console.test_wall import ASKING, FINAL, FRENCH, LOCK, NOW, PIXEL, SCANNER, WALL, page_of
from tests.sandbox.client import Client

REBOOTING = next(row for row in COMMANDS.values() if row.name.startswith("REBOOT"))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window."""
    with tab(browser) as found:
        yield found


@pytest.fixture
def world(sandbox: Client) -> Iterator[Client]:
    """A world whose clock stands."""
    made = sandbox.post("/sandbox/v1/worlds", {"seed": 7, "now": NOW})
    yield Client(made["url"])
    sandbox.ask("DELETE", f"/sandbox/v1/{made['name']}")


def is_untouched(page: Page) -> bool:
    """Whether the page is the one that was marked: it was not loaded again."""
    return bool(page.evaluate("window.marked === true"))


def opened(page: Page, address: str) -> None:
    """The page is open, hears what changes, and is marked."""
    page.goto(address)
    expect(page.locator("#live-sign")).to_have_text("Live")
    page.evaluate("window.marked = true")


def test_the_wall_shows_what_others_do_to_phones(world: Client, page: Page) -> None:
    opened(page, f"{world.url}{WALL}")

    def card(phone: str) -> str:
        return f"#phone-sandbox-{phone}"

    world.issue(PIXEL, {"type": REBOOTING.name})
    expect(page.locator(card(PIXEL)).get_by_text("Restarting", exact=True)).to_be_visible()
    world.post("/sandbox/v1/clock:advance", {"duration": "60s"})
    expect(page.locator(card(PIXEL)).get_by_text("Restarting", exact=True)).to_be_hidden()
    expect(page.locator("#clock-bar")).to_contain_text("00:01:00")
    world.patch(f"/sandbox/v1/devices/{SCANNER}", {"online": False})
    expect(page.locator(card(SCANNER)).get_by_role("button", name="Go online")).to_be_visible()
    world.issue("moto-g5-a8-fully-managed", {"type": FINAL.name, **FINAL.example})
    expect(page.locator(card("moto-g5-a8-fully-managed")).get_by_text("Not managed")).to_be_visible()
    world.patch(f"/sandbox/v1/devices/{FRENCH}", {"consent": "IGNORE"})
    world.issue(FRENCH, {"type": ASKING.name, **ASKING.example})
    expect(page.locator(card(FRENCH)).get_by_text(ASKING.asks_user)).to_be_visible()

    assert is_untouched(page)


def test_what_is_being_written_on_a_phones_page_stays(world: Client, page: Page) -> None:
    opened(page, f"{world.url}{page_of(PIXEL)}")
    page.get_by_text("It behaves so from now on").click()
    latency = page.get_by_role("textbox", name="Latency")
    latency.fill("3s")

    world.issue(PIXEL, {"type": LOCK.name})

    expect(page.locator("#drawing").get_by_text("Locked: PIN")).to_be_visible()
    expect(latency).to_have_value("3s")
    assert is_untouched(page)


def test_the_monitor_shows_a_request_as_it_comes(world: Client, page: Page) -> None:
    opened(page, f"{world.url}{WALL}/requests")

    world.issue(PIXEL, {"type": LOCK.name})

    expect(page.get_by_role("link", name="1", exact=True)).to_be_visible()
    assert is_untouched(page)


def test_a_fault_is_counted_as_it_happens(world: Client, page: Page) -> None:
    world.post("/sandbox/v1/faults", {"phone": PIXEL, "after": "30s", "offline": "60s"})
    opened(page, f"{world.url}{WALL}/faults")
    expect(page.get_by_text("not yet")).to_be_visible()

    world.post("/sandbox/v1/clock:advance", {"duration": "31s"})

    expect(page.get_by_text("1 time")).to_be_visible()
    assert is_untouched(page)
