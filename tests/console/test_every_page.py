"""Every row of the console: what it shows is whole, and shown only to those who may see it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as BrowserPage

from heliograph.api.console.app import PAGES, ConsoleRow
from heliograph.commands import COMMANDS
from heliograph.domain.enterprise import Enterprise
from heliograph.service.enterprises import create_enterprise
from heliograph.settings import Settings
from tests.chromium import press, tab
from tests.console.axe import wrong_with
from tests.console.houses import shown
from tests.console.reader import Reader
from tests.patience import PATIENCE_S
from tests.people.visitor import Visitor, signed_in
from tests.sandbox.client import Client
from tests.sign_in.conftest import Guarded, guarded_server

PIXEL = "pixel8-a15-fully-managed"
PLAIN = next(row for row in COMMANDS.values() if not row.example)
NOT_THERE = "none-such"
"""What a row is asked for of whose collection no test has an example."""
NOWHERE = "http://127.0.0.1:9/"
"""A push endpoint that takes nothing."""
FILES = (":export",)
"""What the paths of rows end with that answer with a file to keep, and not with a page."""
FORMS = (":create", ":delete", ":edit", ":make")
"""What the paths of pages end with that only lead to a change; those of a device's commands do, too."""
SHOWN = tuple(row for row in PAGES if row.http == "GET" and not row.path.endswith(FILES))
EACH = pytest.mark.parametrize("row", PAGES, ids=lambda row: f"{row.http} {row.path or '/'}")

Examples = Mapping[str, str]
"""An id of each collection."""


def path_of(row: ConsoleRow, examples: Examples) -> str:
    """The row's path with an example for each `*`."""
    before = ""
    filled = ["/console"]
    for part in filter(None, row.path.split("/")):
        filled.append(part.replace("*", examples.get(before, NOT_THERE)))
        before = part
    return "/".join(filled)


def is_there(row: ConsoleRow, examples: Examples) -> bool:
    """Whether the tests have an example of everything that the row is about."""
    parts = row.path.split("/")
    return all(parts[index - 1] in examples for index, part in enumerate(parts) if part.startswith("*"))


Ask = Callable[[str, str, object], dict[str, Any]]
"""The API's answer to a method, a path and a body."""


def examples_in(ask: Ask, enterprise: str, device: str) -> dict[str, str]:
    """One of everything in the enterprise, made by the API."""

    def made(method: str, path: str, body: object) -> str:
        return str(ask(method, path.replace("PARENT", f"enterprises/{enterprise}"), body)["name"]).rpartition("/")[2]

    return {
        "enterprises": enterprise,
        "devices": device,
        "operations": made("POST", f"/v1/PARENT/devices/{device}:issueCommand", {"type": PLAIN.name}),
        "commands": PLAIN.name,
        "roles": "viewer",
        "policies": made("PATCH", "/v1/PARENT/policies/kiosk", {"cameraDisabled": True}),
        "enrollmentTokens": made("POST", "/v1/PARENT/enrollmentTokens", {"duration": "86400s"}),
        "pushEndpoints": made("POST", "/heliograph/v1/PARENT/pushEndpoints", {"url": NOWHERE, "signing": {"standardWebhooks": {}}}),
        "deadLetters": dead_letter_in(ask, f"/heliograph/v1/enterprises/{enterprise}"),
    }


def dead_letter_in(ask: Ask, parent: str) -> str:
    """The id of a test message whose push endpoint was disabled before it was taken."""
    ask("POST", f"{parent}/pushEndpoints?pushEndpointId=gone", {"url": NOWHERE})
    ask("POST", f"{parent}/pushEndpoints/gone:test", {})
    ask("PATCH", f"{parent}/pushEndpoints/gone?updateMask=state", {"state": "DISABLED"})
    deadline = time.monotonic() + PATIENCE_S
    while not (letters := ask("GET", f"{parent}/deadLetters", None).get("deadLetters")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(letters[0]["name"]).rpartition("/")[2]


@pytest.fixture
def examples(sandbox: Client) -> Examples:
    """Of the sandbox."""
    return examples_in(sandbox.ask, "sandbox", PIXEL)  # type: ignore[arg-type]


def test_no_page_violates_a_rule_of_axe_logs_an_error_or_is_wider_than_a_phone(
    sandbox: Client, examples: Examples, browser: Browser
) -> None:
    wrong: dict[str, object] = {}

    with tab(browser) as page:
        for row in SHOWN:
            if not is_there(row, examples):
                continue
            path = path_of(row, examples)
            answer = page.goto(sandbox.url + path)
            wrong[path] = wrong_with(page) if answer is not None and answer.status == 200 else answer

    assert {} == {path: what for path, what in wrong.items() if what != ""}


def test_every_link_in_a_world_below_an_address_leads_somewhere_in_that_world(sandbox: Client) -> None:
    made = sandbox.post("/sandbox/v1/worlds")
    address = made["pathUrl"]
    reader, examples = Reader(address), examples_in(Client(address).ask, "sandbox", PIXEL)  # type: ignore[arg-type]
    below = address.removeprefix(sandbox.url)
    pages = [reader.open(address + path_of(row, examples)) for row in SHOWN if is_there(row, examples)]
    links = {value for page in pages for _, name, value in page.attributes if name in {"href", "src"} and not value.startswith("#")}

    assert [] == sorted(link for link in links if not link.startswith(f"{below}/"))
    assert [] == sorted(link for link in links if reader.open(link, follow=False).status not in {200, 303})
    sandbox.ask("DELETE", f"/sandbox/v1/{made['name']}")


def test_what_forms_answer_violates_no_rule_of_axe_either(sandbox: Client, examples: Examples, browser: Browser) -> None:
    parent = f"{sandbox.url}/console/enterprises/{examples['enterprises']}"
    wrong: dict[str, str] = {}

    def look(what: str) -> None:
        wrong[what] = wrong_with(page)

    with tab(browser, refused=True) as page:  # a form that is not right is answered with an error's status, which Chromium logs
        page.goto(f"{parent}/policies/kiosk:edit")
        page.get_by_label("Policy, as JSON").fill('{\n  "cameraDisabld": true,\n  "funDisabled": "no"\n}')
        press(page, "Check and compare")
        expect(page.get_by_text("Line 2, column 3:")).to_be_visible()
        look("a policy with mistakes")
        page.get_by_label("Policy, as JSON").fill('{"cameraDisabled": false, "funDisabled": true}')
        press(page, "Check and compare")
        look("what would change")
        press(page, "Save")
        look("a saved policy")
        page.goto(f"{parent}/enrollmentTokens:create")
        page.get_by_label("Valid for").fill("soon")
        press(page, "Make the token")
        look("a token that cannot be")
        page.goto(f"{parent}/pushEndpoints:create")
        page.locator("[name=url]").fill(NOWHERE)
        page.locator("[name=schemes][value=V1]").check()
        press(page, "Make the endpoint")
        expect(page.get_by_text("The secret, shown this once:")).to_be_visible()
        look("an endpoint with its secret")
        page.goto(f"{parent}/deadLetters?start=yesterday")
        look("a span that is none")
        page.goto(f"{parent}:delete")
        page.get_by_label("to go on").fill("another")
        press(page, "Delete this enterprise")
        look("a deletion without the id")

    assert {} == {what: found for what, found in wrong.items() if found}


def test_each_page_can_be_walked_with_the_keyboard_alone(sandbox: Client, examples: Examples, browser: Browser) -> None:
    with tab(browser) as page:
        for row in SHOWN:
            if is_there(row, examples):
                page.goto(sandbox.url + path_of(row, examples))
                assert [] == unreached(page), row.path

        page.evaluate("document.querySelector('main a, main button').tabIndex = -1")
        assert unreached(page)  # what finds nothing must be able to find something


def unreached(page: BrowserPage) -> list[str]:
    """What one can press or write into, and the Tab key does not lead to."""
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, pre')]"
        ".filter(one => one.checkVisibility()).map(one => one.dataset.tabbed = '').length"
    )
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.addEventListener('focusin', event => { event.target.dataset.tabbed = 'yes' })")
    for _ in range(wanted):
        page.keyboard.press("Tab")
    left: list[str] = page.evaluate("[...document.querySelectorAll('[data-tabbed=\"\"]')].map(one => one.outerHTML.slice(0, 120))")
    return left


class House:
    """A server at which people sign in, with one of everything, and three people."""

    def __init__(self, server: Guarded) -> None:
        server.run(create_enterprise(server.ports, Enterprise(enterprise_display_name="Acme"), enterprise_id="acme"))
        self.server, self.admin = server, signed_in(server)
        self.form_token = self.admin.form_token()
        token = self._ask("POST", "/v1/enterprises/acme/enrollmentTokens", {})
        device = server.enrolled(str(token["value"])).rpartition("/")[2]
        self.examples = examples_in(self._ask, "acme", device)
        self.viewer = signed_in(server, role="viewer")
        assert 200 == server.desk("PUT", "/roles/nothing", {"allow": [{"methods": ["heliograph.reservations.heartbeat"]}]}).status
        self.stranger = signed_in(server, role="nothing")

    def _ask(self, method: str, path: str, body: object) -> dict[str, Any]:
        seen = self.admin.call(method, path, body, x_heliograph_form_token=self.form_token)
        assert 200 == seen.status, seen.page
        found: dict[str, Any] = json.loads(seen.page)
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house."""
    folder, loopback = tmp_path_factory.mktemp("data"), ("127.0.0.0/8",)
    settings = Settings(data_dir=folder, durable=False, public_urls=("https://mdm.example.com",), push_allow_networks=loopback)
    with guarded_server(settings) as server:
        yield House(server)


def asked(visitor: Visitor, row: ConsoleRow, examples: Examples) -> int:
    """The status of the page, or of the form sent empty."""
    path = path_of(row, examples)
    seen = visitor.get(path) if row.http == "GET" else visitor.post(path, {"form_token": visitor.form_token()})
    if "text/html" in seen.headers.get("content-type", ""):
        assert seen.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in seen.headers["content-security-policy"]
        assert "no-store" == seen.headers["cache-control"]
        shown(seen)  # it is whole
    return seen.status


@EACH
def test_an_administrator_may_see_every_page(house: House, row: ConsoleRow) -> None:
    if row.http == "POST":
        return  # what its form does is another test's
    status = asked(house.admin, row, house.examples)

    assert status in ({200, 303} if is_there(row, house.examples) else {200, 303, 404})


@EACH
def test_a_viewer_reads_and_is_refused_every_form(house: House, row: ConsoleRow) -> None:
    if not is_there(row, house.examples):
        return
    writes = row.http == "POST" or row.path.endswith(FORMS) or "commands" in row.path

    status = asked(house.viewer, row, house.examples)

    assert (status == 403) == writes, status


@EACH
def test_someone_without_the_right_sees_nothing(house: House, row: ConsoleRow) -> None:
    if not is_there(row, house.examples):
        return
    assert 403 == asked(house.stranger, row, house.examples)


@EACH
def test_who_is_not_signed_in_is_sent_to_sign_in(house: House, row: ConsoleRow) -> None:
    seen = Visitor(house.server).get(path_of(row, house.examples)) if row.http == "GET" else None

    assert seen is None or seen.place.startswith("/sign-in?next=")
