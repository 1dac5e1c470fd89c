"""The console with a keyboard alone: everything is reached by the Tab key, in the order of the page, and one sees where one is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from heliograph.commands import COMMANDS
from tests.chromium import tab
from tests.sandbox.client import Client

PIXEL = "pixel8-a15-fully-managed"
FLEET = "/console/enterprises/sandbox"
FINAL = next(row for row in COMMANDS.values() if row.final_at_ack and row.requires.fully_managed)
STEPS_MOST = 200
FOCUSED = """
() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    name: (element.labels?.[0] ?? element).innerText.trim(),
    tag: element.tagName,
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.right > 0,
  };
}
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window without a mouse."""
    with tab(browser) as found:
        yield found


def walk_to(page: Page, name: str, tag: str = "A") -> None:
    """The element with this name has the focus, by the Tab key."""
    passed: list[str] = []
    for _ in range(STEPS_MOST):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["tag"] != "BODY":
            assert focused["seen"], focused
        if focused["tag"] == tag and focused["name"].startswith(name):
            return
        passed.append(focused["name"])
    raise AssertionError(f"{name} is not reached: {passed}")


def test_a_phone_is_found_and_wiped_without_a_mouse(sandbox: Client, page: Page) -> None:
    page.goto(f"{sandbox.url}/console")
    walk_to(page, "Search", "INPUT")
    page.keyboard.type(PIXEL)
    page.keyboard.press("Enter")
    expect(page.get_by_text("device found among")).to_be_visible()

    walk_to(page, PIXEL)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=PIXEL)).to_be_visible()
    walk_to(page, "Issue a command")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Issue a command")).to_be_visible()
    walk_to(page, FINAL.name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=FINAL.name, exact=True)).to_be_visible()
    walk_to(page, "Continue", "BUTTON")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"{FINAL.name} for {PIXEL}")).to_be_visible()
    walk_to(page, "Type", "INPUT")
    page.keyboard.type(PIXEL)
    walk_to(page, f"Issue {FINAL.name}", "BUTTON")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name=f"{FINAL.name} succeeded")).to_be_visible()


def test_the_first_step_leads_past_the_menu(sandbox: Client, page: Page) -> None:
    page.goto(f"{sandbox.url}{FLEET}")

    walk_to(page, "Skip to the page")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_patch_leaves_the_focus_where_it_is(sandbox: Client, page: Page) -> None:
    page.goto(f"{sandbox.url}{FLEET}/devices/{PIXEL}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    walk_to(page, "All commands")

    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    expect(page.get_by_text("not connected")).to_be_visible()

    assert page.evaluate(FOCUSED)["name"].startswith("All commands")
