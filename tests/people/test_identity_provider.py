"""People sign in with a real identity provider, in a real browser."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from heliograph.api.sign_in.back_channel import PATH as BACK_CHANNEL
from heliograph.domain.openid import group_rule
from heliograph.openid.client import OpenIdClient
from heliograph.settings import Settings
from tests.chromium import tab
from tests.people.identity_provider import SECRET, IdentityProvider
from tests.people.visitor import Visitor
from tests.ports import reserved_port
from tests.sign_in.conftest import Guarded, guarded_server

RULES = tuple(map(group_rule, ("fleet-admins=admin:*", "acme-desk=viewer:acme")))
CLIENTS = {"heliograph": SECRET, "by-post": "posted", "public": ""}


class Pair:
    """A server and its provider."""

    def __init__(self, server: Guarded, provider: IdentityProvider) -> None:
        self.server, self.provider = server, provider
        self.url = f"http://localhost:{server.port}"

    def sign_in(self, page: Page, person: str, onward: str = "") -> None:
        """At the provider, from the server's page on; back at the server afterwards."""
        self.begin(page, person, onward)
        self.consent(page)

    def begin(self, page: Page, person: str, onward: str = "") -> None:
        """Until the provider asks for consent."""
        page.goto(f"{self.url}/sign-in?again=1{onward}")
        page.get_by_role("link", name="Sign in with").click()
        page.locator("input[name=login]").fill(person)
        page.locator("input[name=password]").fill("any")
        page.get_by_role("button", name="Sign-in").click()
        expect(page.get_by_role("button", name="Continue")).to_be_visible()

    def consent(self, page: Page) -> None:
        """Back at the server."""
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{self.url}/**")

    def sign_out_there(self, page: Page) -> None:
        """The provider asks, says it to the server, and leads back. Who signs in within that same second would be refused (ADR 0074)."""
        page.get_by_role("button", name="Yes, sign me out").click()
        page.wait_for_url(f"{self.url}/sign-in*")
        said = int(time.time())
        while said == int(time.time()):
            time.sleep(0.02)


@pytest.fixture(scope="module", params=CLIENTS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both, on loopback; each way in which a client proves itself in turn. The provider itself is started by the test."""
    provider_port = reserved_port()
    client = OpenIdClient(
        issuer=f"http://localhost:{provider_port}", client_id=request.param, client_secret=CLIENTS[request.param], name="Acme",
        more_scopes=("groups",), rules=RULES,
    )  # fmt: skip
    settings = Settings(data_dir=Path(tmp_path_factory.mktemp("data")), durable=False, openid=client)
    with guarded_server(settings) as server:
        redirect_uri = f"http://localhost:{server.port}/sign-in/openid/callback"
        provider = IdentityProvider(
            [redirect_uri], id_token_claims=request.param == "by-post", logout_uri=f"http://localhost:{server.port}{BACK_CHANNEL}",
            signed_out_uris=[f"http://localhost:{server.port}/sign-in"], port=provider_port,
        )  # fmt: skip
        with provider.running():
            yield Pair(server, provider)


def test_a_person_of_a_group_is_signed_in_with_its_rights_and_goes_on(pair: Pair, browser: Browser) -> None:
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "anna", "&next=/account%3Fx")

        expect(page.get_by_text("anna@example.com (Anna Admin)")).to_be_visible()
        expect(page.get_by_text("admin", exact=True)).to_be_visible()
        expect(page.get_by_text("By identity provider")).to_be_visible()
        expect(page.get_by_role("heading", name="Passkeys")).to_have_count(0)
        assert page.url == f"{pair.url}/account?x"


def test_the_first_group_that_fits_decides_and_holds_in_the_api(pair: Pair, browser: Browser) -> None:
    pair.server.key_file(["acme", "globex"])  # makes both
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "vera")
        visitor = Visitor(pair.server)
        visitor.cookies = {one["name"]: one["value"] for one in page.context.cookies(pair.url)}

    assert 200 == visitor.call("GET", "/v1/enterprises/acme").status
    assert 403 == visitor.call("GET", "/v1/enterprises/globex").status
    assert 403 == visitor.call("DELETE", "/v1/enterprises/acme", x_heliograph_form_token=visitor.form_token()).status


def test_an_address_that_the_provider_did_not_verify_makes_no_one_another_person(pair: Pair, browser: Browser) -> None:
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "mallory")

        expect(page.get_by_text("mallory (Mallory)")).to_be_visible()
        expect(page.get_by_text("anna@example.com", exact=True)).to_have_count(0)


def test_someone_in_no_group_is_turned_away(pair: Pair, browser: Browser) -> None:
    with tab(browser, refused=True, site=pair.url) as page:
        pair.sign_in(page, "nick")

        expect(page.get_by_text("Your account is in no group that may sign in here.")).to_be_visible()
        assert not any("heliograph-session" in one["name"] for one in page.context.cookies(pair.url))


def test_someone_who_changes_their_mind_comes_back_to_a_page_that_says_so(pair: Pair, browser: Browser) -> None:
    with tab(browser, refused=True, site=pair.url) as page:
        page.goto(f"{pair.url}/sign-in")
        page.get_by_role("link", name="Sign in with Acme").click()
        page.get_by_role("link", name="Cancel").click()

        expect(page.get_by_text("The identity provider did not sign you in: access_denied.")).to_be_visible()


def test_an_answer_counts_once_and_in_the_browser_that_asked(pair: Pair, browser: Browser) -> None:
    """A code and a state that someone overheard, or was sent, sign no one in: not again, and not elsewhere."""
    with tab(browser, site=pair.url) as page:
        answers: list[str] = []
        page.on("request", lambda request: answers.append(request.url) if "/callback?" in request.url else None)
        pair.begin(page, "anna")
        cookies = {one["name"]: one["value"] for one in page.context.cookies(pair.url)}
        pair.consent(page)
    path = answers[0].removeprefix(pair.url)
    thief, other = Visitor(pair.server), Visitor(pair.server)
    thief.cookies = {name: value for name, value in cookies.items() if "heliograph" in name}
    other.get("/sign-in/openid")

    assert thief.cookies
    assert 403 == Visitor(pair.server).get(path).status
    assert 403 == thief.get(path).status
    assert "another sign-in" in other.get(path).page
    for visitor in (thief, other):
        assert "/sign-in" in visitor.get("/account").place


def test_signing_out_here_signs_out_here(pair: Pair, browser: Browser) -> None:
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "anna")

        page.get_by_role("button", name="Sign out everywhere").click()
        page.goto(f"{pair.url}/account")

        expect(page.get_by_role("link", name="Sign in with Acme")).to_be_visible()


def test_who_signs_out_there_is_out_here_in_every_browser_of_that_session(pair: Pair, browser: Browser) -> None:
    """By the provider's own page, which then calls this server; with `sid` or without, as the client is registered."""
    with tab(browser, site=pair.url) as page, tab(browser, site=pair.url) as elsewhere:
        pair.sign_in(elsewhere, "vera")
        pair.sign_in(page, "anna")
        visitor = Visitor(pair.server)
        visitor.cookies = {one["name"]: one["value"] for one in page.context.cookies(pair.url)}
        assert 200 == visitor.get("/account").status

        page.goto(f"{pair.url}/sign-out/openid")
        pair.sign_out_there(page)

        visitor.wait_until_out()
        elsewhere.reload()
        expect(elsewhere.get_by_text("vera@example.com")).to_be_visible()


def test_who_signs_out_here_is_offered_to_sign_out_there_too(pair: Pair, browser: Browser) -> None:
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "anna")
        page.goto(f"{pair.url}/sign-out")
        page.get_by_role("button", name="Sign out").click()

        page.get_by_role("link", name="Sign out at Acme, too").click()
        pair.sign_out_there(page)
        page.get_by_role("link", name="Sign in with Acme").click()

        expect(page.locator("input[name=login]")).to_be_visible()  # the provider asks who it is


def test_new_keys_of_the_provider_are_fetched_when_a_token_is_signed_with_one(tmp_path: Path, browser: Browser) -> None:
    """A provider that was restarted has other keys than those that this server fetched before."""
    port = reserved_port()
    client = OpenIdClient(
        issuer=f"http://localhost:{port}", client_id="heliograph", client_secret=SECRET, more_scopes=("groups",), rules=RULES
    )
    with guarded_server(Settings(data_dir=tmp_path, durable=False, openid=client)) as server:
        provider = IdentityProvider([f"http://localhost:{server.port}/sign-in/openid/callback"], port=port)
        pair = Pair(server, provider)
        for person in ("anna", "vera"):
            with provider.running(), tab(browser, site=pair.url) as page:
                pair.sign_in(page, person)

                expect(page.get_by_text(f"{person}@example.com")).to_be_visible()


def test_the_audit_trail_names_who_signed_in_and_what_was_refused(pair: Pair, browser: Browser) -> None:
    with tab(browser, site=pair.url) as page:
        pair.sign_in(page, "anna")
        visitor = Visitor(pair.server)
        visitor.cookies = {one["name"]: one["value"] for one in page.context.cookies(pair.url)}
    with tab(browser, refused=True, site=pair.url) as page:
        pair.sign_in(page, "nick")

    entries = json.loads(visitor.call("GET", "/heliograph/v1/enterprises/-/auditEntries?pageSize=1000").page)["auditEntries"]

    recorded = [(one.get("actor"), one["method"], one.get("outcome", "OK"), one.get("reason", "")) for one in entries]
    assert ("anna@example.com", "signIn.come_back", "OK", "") in recorded
    assert any(method == "signIn.come_back" and reason == "NO_GROUP" for _, method, _, reason in recorded)
