"""Sessions: what a browser keeps, what a thief or another site can do with it, and how they end."""

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.session import safe_path
from tests.people.authenticator import PRESENT, Authenticator, options_in
from tests.people.visitor import Visitor, invited, signed_in
from tests.sign_in.conftest import OPERATOR, Guarded

HTTPS = "https://mdm.example.com"


def test_an_invitation_makes_one_passkey_and_is_used_up(guarded: Guarded) -> None:
    link = invited(guarded, "once@example.com")
    assert "once@example.com" in Visitor(guarded).get(link[link.index("/sign-in/") :]).page  # looking uses nothing up

    first = Visitor(guarded).accept(link)
    again = Visitor(guarded).get(link[link.index("/sign-in/") :])

    assert (303, "/account") == (first.status, first.place)
    assert 404 == again.status
    assert "This link is not valid" in again.page


def test_two_who_open_one_invitation_do_not_both_get_in(guarded: Guarded) -> None:
    link = invited(guarded, "race@example.com")
    path = link[link.index("/sign-in/") :]
    visitors = [Visitor(guarded), Visitor(guarded)]
    answers = [visitor.authenticator.create(options_in(visitor.get(path).page), visitor.origin) for visitor in visitors]

    statuses = [visitor.post(path, {"credential": answer}).status for visitor, answer in zip(visitors, answers, strict=True)]

    assert [303, 404] == statuses


def test_a_guessed_invitation_opens_nothing(guarded: Guarded) -> None:
    link = invited(guarded, "guess@example.com")
    path = link[link.index("/sign-in/") :]

    assert 404 == Visitor(guarded).get(path[:-1] + ("a" if path[-1] != "a" else "b")).status
    assert 404 == Visitor(guarded).get(path.partition(".")[0]).status


def test_someone_who_has_a_passkey_signs_in_and_goes_on(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "back@example.com")
    visitor.cookies.clear()

    welcome = visitor.sign_in(onward="/account?from=mail")

    assert (303, "/account?from=mail") == (welcome.status, welcome.place)
    assert "back@example.com" in visitor.get("/account").page


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"origin": "http://localhost:1"}, id="another origin"),
        pytest.param({"challenge": "A" * 43}, id="another challenge"),
        pytest.param({"rp": "evil.example"}, id="another site's passkey"),
        pytest.param({"flags": PRESENT}, id="no PIN, finger or face"),
        pytest.param({"stranger": True}, id="another key"),
    ],
)
def test_a_passkeys_answer_that_is_not_what_was_asked_for_opens_nothing(guarded: Guarded, wrong: dict[str, object]) -> None:
    visitor = signed_in(guarded)
    visitor.cookies.clear()
    options = options_in(visitor.get("/sign-in").page)
    authenticator = visitor.authenticator
    if wrong.get("stranger"):
        known, authenticator = authenticator, Authenticator()
        authenticator.credential_id = known.credential_id
    authenticator.flags = int(str(wrong.get("flags", authenticator.flags)))
    asked = options | {"challenge": wrong.get("challenge", options["challenge"]), "rpId": wrong.get("rp", options["rpId"])}

    answer = visitor.post("/sign-in/passkey", {"credential": authenticator.get(asked, str(wrong.get("origin", visitor.origin)))})

    assert 403 == answer.status
    assert not answer.cookies
    assert "/sign-in" in visitor.get("/account").place


def test_a_passkeys_answer_counts_once_even_to_someone_who_copied_everything(guarded: Guarded) -> None:
    """A challenge that was answered is answered for good: with the cookie and the answer of a sign-in there is no second session."""
    visitor = signed_in(guarded, "replay@example.com")
    visitor.cookies.clear()
    answer = visitor.authenticator.get(options_in(visitor.get("/sign-in").page), visitor.origin)
    thief = Visitor(guarded)
    thief.cookies = dict(visitor.cookies)

    statuses = [one.post("/sign-in/passkey", {"credential": answer}).status for one in (visitor, thief)]

    assert [303, 403] == statuses
    assert "/sign-in" in thief.get("/account").place


def test_a_passkey_whose_counter_stands_is_a_copy(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "copied@example.com")
    visitor.authenticator.uses = 0

    answer = visitor.sign_in()

    assert 403 == answer.status
    assert "there is a copy of it" in answer.page


def test_signing_in_never_takes_up_a_session_that_the_browser_was_given(guarded: Guarded) -> None:
    """Session fixation: the cookie that somebody put there opens nothing before, and nothing after."""
    visitor = signed_in(guarded, "fixed@example.com")
    name = next(iter(visitor.cookies))
    planted = "p" * 43
    visitor.cookies = {name: planted}

    visitor.sign_in()

    assert planted != visitor.session
    attacker = Visitor(guarded)
    attacker.cookies = {name: planted}
    assert "/sign-in" in attacker.get("/account").place


def test_signing_in_again_ends_the_session_before(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "again@example.com")
    before = dict(visitor.cookies)

    visitor.sign_in()

    visitor.cookies = before
    assert "/sign-in" in visitor.get("/account").place


@pytest.mark.parametrize(
    "headers, admitted",
    [
        ({}, True),
        ({"sec_fetch_site": ""}, True),
        ({"origin": ""}, True),
        ({"origin": "", "sec_fetch_site": ""}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "none"}, False),
    ],
)
def test_a_form_of_another_site_does_nothing(guarded: Guarded, headers: dict[str, str], *, admitted: bool) -> None:
    visitor = signed_in(guarded)
    token = visitor.form_token()

    answer = visitor.post("/account/sign-out-everywhere", {"form_token": token}, **headers)

    assert (303 if admitted else 403) == answer.status
    assert admitted == ("/sign-in" in visitor.get("/account").place)


@pytest.mark.parametrize(
    "path", ["/sign-out", "/account/sign-out-everywhere", "/account/sessions/end", "/account/passkeys", "/account/passkeys/remove"]
)
def test_a_form_without_the_sessions_own_token_does_nothing(guarded: Guarded, path: str) -> None:
    visitor = signed_in(guarded)
    other = signed_in(guarded)

    for token in ("", "x", other.form_token()):
        assert 403 == visitor.post(path, {"form_token": token}).status

    assert 200 == visitor.get("/account").status


def test_a_link_alone_signs_no_one_out(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "link@example.com")

    page = visitor.get("/sign-out")

    assert "link@example.com" in page.page
    assert 200 == visitor.get("/account").status


def test_signing_out_ends_the_session_for_a_thief_too(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "out@example.com")
    thief = Visitor(guarded)
    thief.cookies = dict(visitor.cookies)

    answer = visitor.post("/sign-out", {"form_token": visitor.form_token()})

    assert (303, "/sign-in") == (answer.status, answer.place)
    assert not any("session" in name for name in visitor.cookies)
    assert "/sign-in" in thief.get("/account").place


def test_one_session_ends_another_of_the_same_person_and_no_one_elses(guarded: Guarded) -> None:
    here, elsewhere = signed_in(guarded, "two@example.com"), Visitor(guarded)
    elsewhere.authenticator = here.authenticator
    elsewhere.sign_in()
    stranger = signed_in(guarded, "stranger@example.com")
    (other,) = re.findall(r'name="session" value="([^"]+)"', here.get("/account").page)

    assert 404 == stranger.post("/account/sessions/end", {"form_token": stranger.form_token(), "session": other}).status
    assert 200 == elsewhere.get("/account").status
    assert 303 == here.post("/account/sessions/end", {"form_token": here.form_token(), "session": other}).status
    assert "/sign-in" in elsewhere.get("/account").place
    assert 200 == here.get("/account").status


def test_signing_out_everywhere_ends_every_session(guarded: Guarded) -> None:
    here, elsewhere = signed_in(guarded, "everywhere@example.com"), Visitor(guarded)
    elsewhere.authenticator = here.authenticator
    elsewhere.sign_in()

    here.post("/account/sign-out-everywhere", {"form_token": here.form_token()})

    assert "/sign-in" in here.get("/account").place
    assert "/sign-in" in elsewhere.get("/account").place
    assert 303 == here.sign_in().status


def test_someone_who_is_removed_is_out_at_once(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "gone@example.com")

    removed = guarded.call("DELETE", f"/heliograph/v1/people/{quote('gone@example.com')}", authorization=f"Bearer {OPERATOR}")

    assert 200 == removed.status
    assert "/sign-in" in visitor.get("/account").place
    assert 401 == visitor.call("GET", "/v1/enterprises?projectId=p").status
    assert "does not know this passkey" in visitor.sign_in().page


def test_a_second_passkey_opens_the_same_account_and_the_last_one_stays(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "spare@example.com")
    page = visitor.get("/account").page
    spare = Authenticator()
    added = visitor.post(
        "/account/passkeys", {"form_token": visitor.form_token(page), "credential": spare.create(options_in(page), visitor.origin)}
    )
    assert (303, "/account") == (added.status, added.place)
    passkeys = re.findall(r'name="passkey" value="([^"]+)"', visitor.get("/account").page)
    visitor.authenticator, first = spare, visitor.authenticator

    assert 303 == visitor.sign_in().status
    assert 303 == visitor.post("/account/passkeys/remove", {"form_token": visitor.form_token(), "passkey": passkeys[0]}).status
    last = visitor.post("/account/passkeys/remove", {"form_token": visitor.form_token(), "passkey": passkeys[1]})

    assert 400 == last.status
    assert "This is your only passkey" in last.page
    assert 303 == visitor.sign_in().status
    visitor.authenticator = first
    assert "does not know this passkey" in visitor.sign_in().page


def test_a_passkey_is_one_persons(guarded: Guarded) -> None:
    """Otherwise one who knows a colleague's public credential could claim it, and be asked for in its place."""
    mine = signed_in(guarded, "mine@example.com")
    other = Visitor(guarded)
    other.authenticator = mine.authenticator

    answer = other.accept(invited(guarded, "theirs@example.com"))

    assert 403 == answer.status
    assert "known here already" in answer.page


def test_a_cookie_is_for_this_host_over_tls_alone_and_for_no_script(guarded: Guarded) -> None:
    visitor = Visitor(guarded, HTTPS)

    answer = visitor.accept(invited(guarded, "secure@example.com"))

    cookie = answer.cookies["__Host-heliograph-session"]
    assert re.search(r"; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure$", cookie)
    assert "Domain" not in cookie
    assert 200 == visitor.get("/account").status


def test_a_loopback_cookie_names_its_port_because_ports_share_cookies(guarded: Guarded) -> None:
    answer = Visitor(guarded).accept(invited(guarded, "loopback@example.com"))

    cookie = answer.cookies[f"heliograph-session-{guarded.port}"]
    assert re.search(r"; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax$", cookie)


def test_a_secret_of_one_address_is_no_secret_of_another(guarded: Guarded) -> None:
    """A passkey for localhost opens nothing at the public name."""
    visitor = signed_in(guarded, "address@example.com")
    visitor.cookies.clear()
    visitor.origin = HTTPS

    assert 403 == visitor.sign_in().status


@pytest.mark.parametrize("host", ["evil.example", "mdm.example.com.evil.example", "10.0.0.1", "", "a b", "mdm.example.com@evil.example"])
def test_no_one_signs_in_at_an_address_that_is_not_the_servers(guarded: Guarded, host: str) -> None:
    """A page that points its own name here (DNS rebinding) gets no form, no challenge and no cookie."""
    answer = Visitor(guarded, f"http://{host}").get("/sign-in") if host else Visitor(guarded).get("/sign-in", host="-")

    assert answer.status in {400, 403}
    assert not answer.cookies


OUTSIDE = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)", "evil.example",
    "/\t/evil.example",
    "/\n/evil.example", " //evil.example", "///evil.example", "/%0d%0aSet-Cookie:a=b" * 100, "",
]  # fmt: skip


@pytest.mark.parametrize("onward", OUTSIDE)
def test_signing_in_leads_to_no_other_site(guarded: Guarded, onward: str) -> None:
    visitor = signed_in(guarded)

    assert "/account" == visitor.sign_in(onward).place
    assert "/account" == visitor.get(f"/sign-in?next={quote(onward)}").place


@given(st.text() | st.text("/\\:. \t\n%@ab"))
def test_a_safe_path_is_one_at_this_server(text: str) -> None:
    path = safe_path(text, otherwise="/account")

    assert re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", path)


def test_pages_are_framed_by_no_one_and_run_no_foreign_script(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "headers@example.com")
    link = invited(guarded, "invited@example.com")

    pages = [
        visitor.get(path)
        for path in ("/sign-in?again=1", "/sign-out", "/account", link[link.index("/sign-in/") :], "/sign-in/invitation/x")
    ]

    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert ("DENY", "nosniff", "no-store") == tuple(
            page.headers[name] for name in ("x-frame-options", "x-content-type-options", "cache-control")
        )
        assert not re.search(r"<style|style=|<script(?! src=\"/static/)| on[a-z]+=", page.page)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud7ff", "x" * 10_000, "\U0001f511", "'"])
def test_a_text_that_names_nothing_is_a_page_whatever_is_in_it(guarded: Guarded, text: str) -> None:
    """PostgreSQL takes no NUL, and says so in a sentence."""
    visitor = signed_in(guarded)
    token = visitor.form_token()
    credential = json.dumps({"rawId": text})

    answers = [
        visitor.get(f"/sign-in/invitation/{quote(text)}.secret"),
        visitor.post("/account/sessions/end", {"form_token": token, "session": text}),
        visitor.post("/account/passkeys/remove", {"form_token": token, "passkey": text}),
        visitor.get("/sign-in?again=1"),
        visitor.post("/sign-in/passkey", {"credential": credential}),
    ]

    assert {answer.status for answer in answers} <= {200, 400, 403, 404}
    assert all("That did not work" in answer.page for answer in answers if answer.status != 200)


def test_a_head_of_a_page_is_the_page_without_it(guarded: Guarded) -> None:
    visitor = signed_in(guarded)

    for path in ("/sign-in?again=1", "/account"):
        answer = visitor.call("HEAD", path)

        assert (200, "") == (answer.status, answer.page)
        assert int(answer.headers["content-length"]) > 500


def test_what_a_person_typed_is_text_on_every_page(guarded: Guarded) -> None:
    visitor = signed_in(guarded, "escaped@example.com")

    visitor.sign_in(user_agent='Mozilla Firefox/1 <script>alert(1)</script>"')

    page = visitor.get("/account").page
    assert "Firefox" in page
    assert "<script>alert" not in page


class TestApi:
    """A session calls the API, for scripts of the server's own pages alone."""

    def test_it_reads_and_with_the_form_token_writes(self, guarded: Guarded) -> None:
        visitor = signed_in(guarded, "api@example.com")

        made = visitor.call(
            "POST", "/v1/enterprises?projectId=p&agreementAccepted=true", {"enterpriseDisplayName": "Lab"},
            x_heliograph_form_token=visitor.form_token(),
        )  # fmt: skip

        assert 200 == made.status
        assert 200 == visitor.call("GET", f"/v1/{json.loads(made.page)['name']}").status

    def test_without_the_form_token_it_writes_nothing(self, guarded: Guarded) -> None:
        visitor = signed_in(guarded, "api-token@example.com")

        refused = visitor.call("POST", "/v1/enterprises?projectId=p&agreementAccepted=true", {})

        assert 403 == refused.status
        assert "FORM_TOKEN_WRONG" in refused.page

    @pytest.mark.parametrize(
        "headers", [{"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}]
    )
    def test_another_sites_page_reads_nothing_with_it(self, guarded: Guarded, headers: dict[str, str]) -> None:
        visitor = signed_in(guarded)

        refused = visitor.call("GET", "/v1/enterprises?projectId=p", **headers)

        assert 403 == refused.status
        assert "CROSS_SITE_REQUEST" in refused.page
        assert "access-control-allow-credentials" not in refused.headers

    def test_a_viewer_reads_only_and_only_in_its_enterprises(self, guarded: Guarded) -> None:
        invited(guarded, "maker@example.com", "admin", ("acme", "globex"))  # makes both
        visitor = signed_in(guarded, "viewer@example.com", "viewer", ("acme",))
        token = visitor.form_token()

        assert 200 == visitor.call("GET", "/v1/enterprises/acme").status
        assert 403 == visitor.call("GET", "/v1/enterprises/globex").status
        assert 403 == visitor.call("DELETE", "/v1/enterprises/acme", x_heliograph_form_token=token).status

    def test_a_session_does_not_carry_over_into_a_batch(self, guarded: Guarded) -> None:
        visitor = signed_in(guarded, "batch@example.com")
        body = "--b\r\nContent-Type: application/http\r\n\r\nGET /v1/enterprises?projectId=p HTTP/1.1\r\n\r\n--b--\r\n"

        answer = visitor._send(  # noqa: SLF001
            "POST", "/batch", body, {"Content-Type": "multipart/mixed; boundary=b", "Sec-Fetch-Site": "same-origin"}
        )

        assert 401 == answer.status

    def test_the_operators_desk_takes_no_session(self, guarded: Guarded) -> None:
        visitor = signed_in(guarded, "desk@example.com")

        assert 403 == visitor.call("GET", "/heliograph/v1/people", x_heliograph_form_token=visitor.form_token()).status
        assert 403 == visitor.call("GET", "/heliograph/v1/keys").status
