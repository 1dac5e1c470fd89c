"""People sign in by Keycloak, set up as docs/sign-in.md says."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from heliograph.domain.openid import group_rule
from heliograph.openid.client import OpenIdClient
from heliograph.settings import Settings
from tests.chromium import tab
from tests.people.keycloak import PASSWORD, REALM, Keycloak, running
from tests.people.visitor import Visitor
from tests.ports import reserved_port
from tests.sign_in.conftest import Guarded, guarded_server

pytestmark = pytest.mark.keycloak
RULES = tuple(map(group_rule, ("fleet-admins=admin:*", "acme-desk=viewer:acme")))


class Pair(NamedTuple):
    """A server and its Keycloak."""

    server: Guarded
    keycloak: Keycloak
    url: str

    def sign_in(self, page: Page, person: str) -> None:
        """At Keycloak, from the server's page on."""
        page.goto(f"{self.url}/sign-in?again=1")
        page.get_by_role("link", name="Sign in with Keycloak").click()
        page.locator("input[name=username]").fill(person)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("#kc-login").click()
        page.wait_for_url(f"{self.url}/**")

    def visitor(self, page: Page) -> Visitor:
        """The browser's session, without the browser."""
        visitor = Visitor(self.server)
        visitor.cookies = {one["name"]: one["value"] for one in page.context.cookies(self.url)}
        assert visitor.get("/account").status == 200
        return visitor


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both, on loopback."""
    with running(tmp_path_factory.mktemp("keycloak")) as keycloak:
        port = reserved_port()
        url = f"http://localhost:{port}"
        client = OpenIdClient(
            issuer=keycloak.issuer, client_id="heliograph", client_secret=keycloak.set_up(url), name="Keycloak", rules=RULES
        )
        with guarded_server(Settings(data_dir=Path(tmp_path_factory.mktemp("data")), durable=False, openid=client), port=port) as server:
            yield Pair(server, keycloak, url)


def test_groups_are_roles(pair: Pair, browser: Browser) -> None:
    pair.server.key_file(["acme", "globex"])  # makes both
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "anna")
        expect(page.get_by_text("anna@example.com (Anna Example)")).to_be_visible()
        expect(page.get_by_text("admin", exact=True)).to_be_visible()
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "vera")
        viewer = pair.visitor(page)

    assert 200 == viewer.call("GET", "/v1/enterprises/acme").status
    assert 403 == viewer.call("GET", "/v1/enterprises/globex").status


def test_someone_in_no_group_is_turned_away(pair: Pair, browser: Browser) -> None:
    with tab(browser, refused=True, site=pair.url) as page:
        pair.sign_in(page, "nick")

        expect(page.get_by_text("Your account is in no group that may sign in here.")).to_be_visible()


def test_whom_an_admin_of_keycloak_signs_out_is_out_here(pair: Pair, browser: Browser) -> None:
    """In each of their sessions: Keycloak calls for one of them only."""
    with tab(browser, site=pair.url) as page, tab(browser, site=pair.url) as other, tab(browser, site=pair.url) as colleague:
        pair.sign_in(page, "anna")
        pair.sign_in(other, "anna")
        pair.sign_in(colleague, "vera")
        one, another, vera = pair.visitor(page), pair.visitor(other), pair.visitor(colleague)

        pair.keycloak.ask("POST", f"/{REALM}/users/{pair.keycloak.person_id('anna')}/logout")

        one.wait_until_out()
        another.wait_until_out()
        assert 200 == vera.get("/account").status


def test_who_is_signed_out_of_one_session_there_is_out_here(pair: Pair, browser: Browser) -> None:
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "olga")
        (session,) = pair.keycloak.ask("GET", f"/{REALM}/users/{pair.keycloak.person_id('olga')}/sessions")
        olga = pair.visitor(page)

        pair.keycloak.ask("DELETE", f"/{REALM}/sessions/{session['id']}")

        olga.wait_until_out()


def test_who_signs_out_here_can_sign_out_there_and_is_asked_again_who_they_are(pair: Pair, browser: Browser) -> None:
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "vera")
        page.goto(f"{pair.url}/sign-out")
        page.get_by_role("button", name="Sign out").click()

        page.get_by_role("link", name="Sign out at Keycloak, too").click()
        page.locator("#kc-logout").click()
        page.wait_for_url(f"{pair.url}/sign-in*")
        page.get_by_role("link", name="Sign in with Keycloak").click()

        expect(page.locator("input[name=username]")).to_be_visible()
