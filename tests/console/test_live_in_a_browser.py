"""Live pages in Chromium: they follow what happens without being loaded again, share one stream, and are not hurried."""

import contextlib
import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from heliograph.commands import COMMANDS
from tests.chromium import tab
from tests.sandbox.client import Client

PIXEL = "pixel8-a15-fully-managed"
FLEET = "/console/enterprises/sandbox"
DEVICE = f"{FLEET}/devices/{PIXEL}"
PLAIN = next(row for row in COMMANDS.values() if not row.example)
COUNT_PATCHES = """
window.patches = [];
document.addEventListener("heliograph:patched", () => window.patches.push(performance.now()));
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window; each patch of its page is counted."""
    with tab(browser) as found:
        found.add_init_script(COUNT_PATCHES)
        yield found


def streams_of(context: BrowserContext) -> list[str]:
    """The windows' requests for a stream, from now on."""
    found: list[str] = []
    context.on("request", lambda request: found.extend([request.url] if "/console/live" in request.url else []))
    return found


def open_live(page: Page, url: str) -> None:
    """The page, once it hears what changes."""
    page.goto(url)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.evaluate("window.loadedOnce = true")


def require_not_loaded_again(page: Page) -> None:
    """The page is the one that `open_live` opened."""
    assert page.evaluate("window.loadedOnce") is True


def test_the_page_of_a_command_follows_it_to_its_end(sandbox: Client, page: Page) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    operation = sandbox.issue(PIXEL, {"type": PLAIN.name})
    open_live(page, f"{sandbox.url}/console/{operation}")
    expect(page.get_by_text("The device is not connected")).to_be_visible()

    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": True})

    expect(page.get_by_role("heading", name=f"{PLAIN.name} succeeded")).to_be_visible()
    expect(page.locator(".timeline").get_by_text("acknowledged", exact=True)).to_be_visible()
    assert page.title().startswith(f"{PLAIN.name} succeeded")
    require_not_loaded_again(page)


def test_the_page_of_a_device_shows_its_connection_and_its_queue_as_they_change(sandbox: Client, page: Page) -> None:
    open_live(page, f"{sandbox.url}{DEVICE}")
    page.get_by_text("Everything that the device reports").click()

    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    expect(page.get_by_text("not connected")).to_be_visible()
    sandbox.issue(PIXEL, {"type": PLAIN.name})
    expect(page.locator(".queue").get_by_role("link", name=PLAIN.name)).to_be_visible()

    # What someone has folded out stays so.
    expect(page.get_by_text('"hardwareInfo"')).to_be_visible()
    require_not_loaded_again(page)


def test_the_fleet_shows_states_as_they_change_and_leaves_alone_what_someone_writes(sandbox: Client, page: Page) -> None:
    open_live(page, f"{sandbox.url}{FLEET}")
    page.get_by_role("textbox", name="Filter").fill("state=")
    page.get_by_label("Search").fill("half a wo")

    sandbox.patch(f"/v1/enterprises/sandbox/devices/{PIXEL}?updateMask=state", {"state": "DISABLED"})

    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=PIXEL))
    expect(row.get_by_text("DISABLED")).to_be_visible()
    assert ["state=", "half a wo"] == [page.locator(f"input[name={name}]").input_value() for name in ("filter", "q")]
    require_not_loaded_again(page)


def test_windows_of_a_browser_share_one_stream_and_the_next_takes_it_over(sandbox: Client, page: Page) -> None:
    streams = streams_of(page.context)
    open_live(page, f"{sandbox.url}{FLEET}")
    with contextlib.closing(page.context.new_page()) as first, contextlib.closing(page.context.new_page()) as second:
        open_live(first, f"{sandbox.url}{DEVICE}")
        open_live(second, f"{sandbox.url}{DEVICE}")
        assert 1 == len(streams)

        page.close()
        sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})

        for one in (first, second):
            expect(one.get_by_text("not connected")).to_be_visible()
        assert 2 == len(streams)


def test_a_page_is_patched_four_times_a_second_at_most(sandbox: Client, page: Page) -> None:
    open_live(page, f"{sandbox.url}{DEVICE}")

    while page.evaluate("window.patches.length") < 12:
        for _ in range(20):
            sandbox.issue(PIXEL, {"type": PLAIN.name})

    times_ms = page.evaluate("window.patches")
    assert all(after - before >= 250 for before, after in itertools.pairwise(times_ms))


def test_a_page_whose_server_is_away_for_a_while_goes_on_afterwards(sandbox: Client, page: Page) -> None:
    open_live(page, f"{sandbox.url}{DEVICE}")
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    expect(page.get_by_text("not connected")).to_be_visible()

    sandbox.post("/sandbox/v1:reset")  # the stream ends, and the new life knows nothing of the old one's cursors

    expect(page.locator(".on").get_by_text("connected", exact=True)).to_be_visible()
    require_not_loaded_again(page)


def test_without_scripts_the_page_of_an_open_command_loads_itself_again(sandbox: Client, browser: Browser) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    operation = sandbox.issue(PIXEL, {"type": PLAIN.name})
    with tab(browser, scripts=False) as page:
        page.goto(f"{sandbox.url}/console/{operation}")
        expect(page.locator("noscript p")).to_be_visible()  # texts are not looked for in there

        sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": True})

        expect(page.get_by_role("heading", name=f"{PLAIN.name} succeeded")).to_be_visible()
