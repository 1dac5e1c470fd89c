"""Whether anyone can use a page: it breaks none of axe's rules, light or dark, and is no wider than a phone. It is loaded once for all."""

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page

WIDE, NARROW = {"width": 1_200, "height": 900}, {"width": 360, "height": 780}
COLOURS = ("color-contrast", "link-in-text-block")
"""axe's rules about colours. The schemes differ in nothing else: tests/console/test_schemes.py."""
RUN = "options => axe.run(options).then(found => found.violations)"
RULES_OF_COLOURS = "axe.getRules(['cat.color']).filter(rule => !rule.tags.includes('wcag2aaa')).map(rule => rule.ruleId)"


def wrong_with(page: Page) -> str:
    """What is wrong with the page that is open, for people; empty: nothing. The window is narrow then, and light."""
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    found = violations_on(page)
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    return found + ("wider than a phone" if page.evaluate("document.documentElement.scrollWidth") > NARROW["width"] else "")


def violations_on(page: Page) -> str:
    """What axe finds, for people: all rules in light, those about colours in dark."""
    page.evaluate(AXE_SCRIPT)  # by the debugger's protocol: the page's own policy admits no such script
    assert sorted(COLOURS) == sorted(page.evaluate(RULES_OF_COLOURS))
    light = _found(page, {})
    page.emulate_media(color_scheme="dark")
    dark = _found(page, {"runOnly": {"type": "rule", "values": COLOURS}})
    page.emulate_media(color_scheme="light")
    return light + (f"In dark: {dark}" if dark else "")


def _found(page: Page, options: Mapping[str, Any]) -> str:
    violations = page.evaluate(RUN, {"resultTypes": ["violations"], **options})
    return AxeResults({"violations": violations}).generate_report() if violations else ""
