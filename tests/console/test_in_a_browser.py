"""The console in Chromium: the flows of a day, and every page without a violation of axe's rules, light, dark and narrow."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from heliograph.commands import COMMANDS
from tests.chromium import press, tab
from tests.console.axe import wrong_with
from tests.console.reader import Reader
from tests.sandbox.client import Client

PIXEL = "pixel8-a15-fully-managed"
FLEET = "/console/enterprises/sandbox"
DEVICE = f"{FLEET}/devices/{PIXEL}"
PLAIN = next(row for row in COMMANDS.values() if not row.example)
FINAL = next(row for row in COMMANDS.values() if row.final_at_ack and row.requires.fully_managed)
PAGES = [
    FLEET, f"{FLEET}?q=nothing", f"{FLEET}?filter=colour%3Dred", DEVICE, f"{DEVICE}/operations", f"{DEVICE}/commands", "/console/nothing",
    *(f"{DEVICE}/commands/{name}" for name in COMMANDS),
]  # fmt: skip
FIRST_PAGE_MOST = 60 * 1_024


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window."""
    with tab(browser) as found:
        yield found


def test_a_phone_is_found_by_its_serial_number_locked_and_seen_to_succeed(sandbox: Client, page: Page) -> None:
    serial = sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")["hardwareInfo"]["serialNumber"]
    page.goto(f"{sandbox.url}/console")

    page.get_by_label("Search").fill(serial)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=PIXEL).click()
    page.get_by_role("link", name="Issue a command").click()
    page.get_by_role("link", name=PLAIN.name, exact=True).click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name=f"Issue {PLAIN.name}").click()

    # The page of an open command loads itself again.
    expect(page.get_by_role("heading", name=f"{PLAIN.name} succeeded")).to_be_visible()


def test_a_wipe_asks_for_the_devices_name(sandbox: Client, page: Page) -> None:
    page.goto(f"{sandbox.url}{DEVICE}/commands/{FINAL.name}")
    page.get_by_role("button", name="Continue").click()

    page.get_by_role("button", name=f"Issue {FINAL.name}").click()
    expect(page.get_by_role("heading", name=f"{FINAL.name} for {PIXEL}")).to_be_visible()  # the browser itself asks for it
    page.get_by_label("to go on").fill(PIXEL)
    page.get_by_role("button", name=f"Issue {FINAL.name}").click()

    expect(page.get_by_role("heading", name=f"{FINAL.name} succeeded")).to_be_visible()


def test_an_offline_phones_command_says_why_it_waits_and_is_cancelled(sandbox: Client, page: Page) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    operation = sandbox.issue(PIXEL, {"type": PLAIN.name})
    page.goto(f"{sandbox.url}/console/{operation}")

    expect(page.get_by_text("The device is not connected")).to_be_visible()
    page.get_by_role("button", name="Cancel this command").click()

    expect(page.get_by_role("heading", name=f"{PLAIN.name} cancelled")).to_be_visible()


def test_no_page_violates_a_rule_of_axe_or_is_wider_than_a_narrow_phone(sandbox: Client, browser: Browser) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    waiting = sandbox.issue(PIXEL, {"type": PLAIN.name})
    done = sandbox.issue("pixel7-a14-cope", {"type": PLAIN.name})
    sandbox.wait(done)
    wrong: dict[str, str] = {}

    with tab(browser, refused=True) as page:  # pages of errors have an error's status, which Chromium logs
        for path in (*PAGES, f"/console/{waiting}", f"/console/{done}"):
            page.goto(sandbox.url + path)
            wrong[path] = wrong_with(page)
        page.goto(f"{sandbox.url}{DEVICE}/commands/{FINAL.name}")
        press(page, "Continue")
        wrong["confirmation"] = wrong_with(page)

    assert {} == {path: what for path, what in wrong.items() if what}


@pytest.mark.parametrize(
    "mistake, said",
    [
        ("document.documentElement.lang = ''", "html-has-lang"),
        ("document.querySelector('h1').style.color = '#e6e7ea'", "color-contrast"),
        ("document.querySelector('h1').style.color = '#1b1d22'", "In dark: "),
        ("document.querySelector('h1').style.width = '400px'", "wider than a phone"),
    ],
    ids=["a language", "light", "dark", "width"],
)
def test_a_page_that_not_everyone_can_use_is_noticed(sandbox: Client, page: Page, mistake: str, said: str) -> None:
    page.goto(sandbox.url + FLEET)
    assert "" == wrong_with(page)

    page.evaluate(mistake)

    assert said in wrong_with(page)


def test_the_first_page_is_small_on_the_wire(sandbox: Client, browser: Browser, make_many: Reader) -> None:
    """Of an enterprise that fills a page, with its charts, in a browser that has nothing of it yet."""
    operation = Client(make_many.url).issue("phone-1", {"type": PLAIN.name})
    Client(make_many.url).wait(operation)
    sizes: dict[str, int] = {}

    def count(request: Request) -> None:
        sizes[request.url] = sum(request.sizes()[part] for part in ("responseHeadersSize", "responseBodySize"))

    with tab(browser) as page:
        page.on("requestfinished", count)
        page.goto(f"{make_many.url}{FLEET}")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        expect(page.get_by_role("img", name="Time to done")).to_be_visible()
        assert page.get_by_role("link", name="phone-").count() == 50
        while not {"css", "js", "svg"} <= {url.rpartition(".")[2] for url in sizes}:
            page.wait_for_event("requestfinished")

    first = sum(size for url, size in sizes.items() if "/live" not in url.rpartition("/")[2] or url.endswith(".js"))
    assert 20 * 1_024 < first <= FIRST_PAGE_MOST, sizes
