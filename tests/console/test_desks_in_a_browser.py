"""Pages about who may do what and who did it, in Chromium: no violation of axe's rules, narrow enough, and done with keys alone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from heliograph.commands import COMMANDS
from tests.chromium import tab
from tests.console.axe import wrong_with
from tests.console.houses import House, asked
from tests.people.visitor import Visitor, signed_in

FINAL = next(row for row in COMMANDS.values() if row.final_at_ack and row.requires.fully_managed)
ACME = "/console/enterprises/acme"


@pytest.fixture(scope="module")
def approval(house: House) -> str:
    """The page of an approval that Ann waits for."""
    ann = signed_in(house.server, "ann@example.com")
    asked(ann, "PATCH", "/heliograph/v1/enterprises/acme/approvalRules", {"rules": [{"commandTypes": [FINAL.name], "gracePeriod": "60s"}]})
    asked(ann, "POST", f"/v1/{house.device.removeprefix('/console/')}:issueCommand", {"type": FINAL.name, "duration": "3600s"})
    [found] = asked(ann, "GET", "/heliograph/v1/enterprises/acme/approvals")["approvals"]
    return f"/console/{found['name']}"


def entered(page: Page, visitor: Visitor) -> Page:
    """The window, with the visitor's session."""
    page.context.add_cookies([{"name": name, "value": value, "url": visitor.origin} for name, value in visitor.cookies.items()])
    return page


@pytest.fixture
def ben(house: House, browser: Browser) -> Iterator[Page]:
    """A window of someone who may decide."""
    visitor = signed_in(house.server)
    with tab(browser, scripts=False) as page:
        entered(page, visitor).goto(visitor.origin + ACME)
        yield page


@pytest.mark.parametrize("rules", [False, True], ids=["one person", "a second person"])
def test_no_page_violates_a_rule_of_axe_or_is_wider_than_a_narrow_phone(
    house: House, browser: Browser, request: pytest.FixtureRequest, *, rules: bool
) -> None:
    me = f"zoe-{rules}@example.com"
    visitor = signed_in(house.server, me)
    device, key = house.device.removeprefix("/console/"), house.server.key_file(["acme"], "viewer")["private_key_id"]
    entry = asked(visitor, "GET", "/heliograph/v1/enterprises/acme/auditEntries?pageSize=1")["auditEntries"][0]["name"]
    pages = [f"{ACME}/approvals", f"{ACME}/approvalRules", "/console/keys", f"/console/keys/{key}", "/console/people", "/console/roles"]
    pages += (
        [request.getfixturevalue("approval")]
        if rules
        else [
            f"{ACME}/auditEntries", f"{ACME}/auditEntries?filter=colour%3Dred", f"/console/{entry}", "/console/keys:make",
            "/console/roles/viewer", "/console/roles:make", f"/console/people/{me}", "/console/access?who=a",
            f"/console/access?who={me}&what={FINAL.name}&where={device}",
        ]
    )  # fmt: skip
    wrong: dict[str, str] = {}

    with tab(browser, refused=not rules) as page:
        entered(page, visitor)
        for path in pages:
            page.goto(visitor.origin + path)
            wrong[path] = wrong_with(page)

    assert {} == {path: what for path, what in wrong.items() if what}


def test_an_approver_comes_to_what_waits_and_approves_it_with_the_keyboard_alone(ben: Page, approval: str) -> None:
    for name in ("Approvals", FINAL.name, "Approve"):
        _reach(ben, name)
        ben.keyboard.press("Enter")
        ben.wait_for_load_state()

    expect(ben.get_by_text("It can still be called off.")).to_be_visible()
    assert ben.url.endswith(approval)


def _reach(page: Page, name: str) -> None:
    """The link or button with this text has the focus, after as many steps as it takes."""
    found = page.get_by_role("link", name=name, exact=True).or_(page.get_by_role("button", name=name, exact=True)).first
    expect(found).to_be_visible()
    for _ in range(60):
        if page.locator(":focus").count() and (page.locator(":focus").first.text_content() or "").strip() == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {name}")
