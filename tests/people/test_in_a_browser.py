"""People at a real browser: Chromium, with an authenticator of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from heliograph.settings import Settings
from tests.chromium import tab, with_authenticator
from tests.people.visitor import invited, signed_in
from tests.sign_in.conftest import Guarded, guarded_server


@pytest.fixture(scope="module")
def guarded(data_dir: Path) -> Iterator[Guarded]:
    """A server at which people sign in."""
    with guarded_server(Settings(data_dir=data_dir, durable=False, public_urls=("https://mdm.example.com",))) as server:
        yield server


def accept(page: Page, link: str, **fields: str) -> None:
    """The invitation is opened, and a passkey made."""
    page.goto(link)
    for label, value in fields.items():
        page.get_by_label(re.compile(label)).fill(value)
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def here(server: Guarded, link: str) -> str:
    """The link, at the address that Chromium reaches: the server says its public one."""
    return f"http://localhost:{server.port}{link[link.index('/sign-in/') :]}"


def test_a_person_makes_a_passkey_signs_out_and_in_again(guarded: Guarded, browser: Browser) -> None:
    with tab(browser) as page:
        with_authenticator(page)

        accept(page, here(guarded, invited(guarded, "anna@example.com")), device="Anna's laptop")
        expect(page.get_by_text("anna@example.com")).to_be_visible()
        expect(page.get_by_text("Anna's laptop")).to_be_visible()
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_role("button", name="Sign in with a passkey").click()

        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
        expect(page.get_by_text("this one")).to_be_visible()


def test_whoever_has_the_first_link_chooses_a_name(first_link: str, browser: Browser) -> None:
    with tab(browser) as page:
        with_authenticator(page)

        accept(page, first_link, **{"Your e-mail": "First@Example.com"})

        expect(page.get_by_text("first@example.com")).to_be_visible()
        expect(page.get_by_text("admin")).to_be_visible()


def test_a_second_passkey_of_the_same_device_is_declined(guarded: Guarded, browser: Browser) -> None:
    with tab(browser) as page:
        with_authenticator(page)
        accept(page, here(guarded, invited(guarded, "twice@example.com")))

        page.get_by_role("button", name="Add a passkey").click()

        expect(page.get_by_text("This device has a passkey for you already.")).to_be_visible()


def test_without_a_passkey_the_page_says_what_to_do(guarded: Guarded, browser: Browser) -> None:
    with tab(browser) as page:
        page.goto(f"http://127.0.0.1:{guarded.port}/account")

        page.get_by_role("link", name="Open http://localhost").click()

        expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()


def test_all_but_the_passkey_itself_works_without_javascript(guarded: Guarded, browser: Browser) -> None:
    """Whoever is signed in sees the account, ends sessions and signs out by forms alone."""
    visitor = signed_in(guarded, "plain@example.com")
    elsewhere = signed_in(guarded, "elsewhere@example.com")
    elsewhere.authenticator = visitor.authenticator
    elsewhere.sign_in()
    with tab(browser, scripts=False) as page:
        (name,) = (name for name in visitor.cookies if "session" in name)
        page.context.add_cookies([{"name": name, "value": visitor.session, "url": f"http://localhost:{guarded.port}"}])
        page.goto(f"http://localhost:{guarded.port}/account")

        page.get_by_role("button", name="End the session").click()
        expect(page.get_by_text("this one")).to_be_visible()
        expect(page.get_by_role("button", name="End the session")).to_have_count(0)
        page.get_by_role("button", name="Sign out", exact=True).click()

        expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_disabled()
    assert "/sign-in" in elsewhere.get("/account").place


def test_another_sites_page_neither_posts_a_form_nor_frames_one(guarded: Guarded, browser: Browser) -> None:
    """A real browser sends the cookie of localhost to every port of it: same site, and yet another origin."""
    visitor = signed_in(guarded, "victim@example.com")
    with tab(browser, refused=True) as page:
        (name,) = (name for name in visitor.cookies if "session" in name)
        target = f"http://localhost:{guarded.port}"
        page.context.add_cookies([{"name": name, "value": visitor.session, "url": target}])
        page.route("http://localhost:1/", lambda route: route.fulfill(content_type="text/html", body=EVIL.replace("TARGET", target)))
        page.goto("http://localhost:1/")

        page.get_by_role("button", name="Win a prize").click()

        expect(page.get_by_text("This request came from a page of another site")).to_be_visible()
    assert 200 == visitor.get("/account").status


EVIL = """<!doctype html><form method="post" action="TARGET/account/sign-out-everywhere">
<input name="form_token" value="guessed"><button>Win a prize</button></form>"""
