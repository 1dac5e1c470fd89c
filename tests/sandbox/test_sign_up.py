"""An enterprise signs up: Google's own Python client, a browser's requests, and the page between them."""

import contextlib
import http.client
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from googleapiclient.errors import HttpError

from tests.sandbox.client import Client

CALLBACK = "https://emm.example.com/signed-up?tenant=7&enterpriseToken=old"
FORM = {"display_name": "Acme <Labs>", "admin_email": "ada@example.com", "accepted": "yes"}


class Shown(NamedTuple):
    """What a browser got."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def token(self) -> str:
        """The enterprise token with which the browser is sent on."""
        found: str = parse_qs(urlsplit(self.headers["location"]).query)["enterpriseToken"][0]
        return found


def browse(url: str, form: dict[str, str] | None = None) -> Shown:
    """What a browser gets for the address, or for sending the form there."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    with contextlib.closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=90)) as connection:
        if form is None:
            connection.request("GET", parts.path)
        else:
            connection.request("POST", parts.path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        return Shown(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode())


def sign_up(google: Any, **parameters: Any) -> dict[str, str]:  # noqa: ANN401
    """A new SignupUrl."""
    made: dict[str, str] = google.signupUrls().create(projectId="p", **{"callbackUrl": CALLBACK, **parameters}).execute()
    return made


def create(google: Any, made: dict[str, str], token: str, body: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ANN401
    """The enterprise."""
    request = google.enterprises().create(projectId="p", signupUrlName=made["name"], enterpriseToken=token, body=body or {})
    enterprise: dict[str, Any] = request.execute()
    return enterprise


def test_an_enterprise_signs_up_and_is_created_once(google: Any, sandbox: Client) -> None:  # noqa: ANN401
    made = sign_up(google)
    assert re.fullmatch(r"signupUrls/\S+", made["name"])
    assert made["url"].startswith(f"{sandbox.url}/signup/")

    sent_on = browse(made["url"], FORM)

    assert 303 == sent_on.status
    assert sent_on.headers["location"].startswith("https://emm.example.com/signed-up?tenant=7&enterpriseToken=")
    enterprise = create(google, made, sent_on.token)
    assert re.fullmatch("enterprises/LC[0-9a-z]{8}", enterprise["name"])
    assert ("Acme <Labs>", {"contactEmail": "ada@example.com"}) == (enterprise["enterpriseDisplayName"], enterprise["contactInfo"])
    assert enterprise == google.enterprises().get(name=enterprise["name"]).execute()

    with pytest.raises(HttpError) as again:
        create(google, made, sent_on.token)

    assert 409 == again.value.status_code
    assert f"The enterprise token was already used for {enterprise['name']}." == again.value.reason


def test_what_the_caller_says_of_the_enterprise_counts_before_what_its_admin_wrote(google: Any) -> None:  # noqa: ANN401
    made = sign_up(google)
    token = browse(made["url"], FORM).token

    enterprise = create(google, made, token, {"enterpriseDisplayName": "Own", "contactInfo": {"dataProtectionOfficerName": "Bo"}})

    assert "Own" == enterprise["enterpriseDisplayName"]
    assert {"contactEmail": "ada@example.com", "dataProtectionOfficerName": "Bo"} == enterprise["contactInfo"]


def test_the_page_needs_nothing_from_elsewhere_and_stands_in_no_frame(google: Any) -> None:  # noqa: ANN401
    shown = browse(sign_up(google, adminEmail="ada@example.com")["url"])

    assert (200, "text/html; charset=utf-8") == (shown.status, shown.headers["content-type"])
    assert 'value="ada@example.com"' in shown.text
    assert "<b>emm.example.com</b>" in shown.text
    assert not re.search(r"(src|href)=|<script", shown.text)
    assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
    assert ("DENY", "same-origin") == (shown.headers["x-frame-options"], shown.headers["referrer-policy"])


@pytest.mark.parametrize(
    "left_out, said",
    [("display_name", "Give the enterprise a name"), ("accepted", "Tick the box"), ("admin_email", "Give your email address.")],
)
def test_a_form_that_lacks_something_is_shown_again_as_it_was_filled_in(google: Any, left_out: str, said: str) -> None:  # noqa: ANN401
    made = sign_up(google, allowedDomains=["example.com"])

    shown = browse(made["url"], {name: value for name, value in FORM.items() if name != left_out})

    assert 400 == shown.status
    assert said in shown.text
    assert 'role="alert"' in shown.text
    assert ('value="Acme &lt;Labs&gt;"' in shown.text) == (left_out != "display_name")
    assert (" checked" in shown.text) == (left_out != "accepted")


@pytest.mark.parametrize(
    "email, right",
    [
        ("ada@example.com", True),
        ("ada@EXAMPLE.com", True),
        ("ada@sub.example.com", False),
        ("ada@sub.example.org", True),
        ("ada@example.org", False),
        ("ada", False),
    ],
)
def test_the_admins_address_is_of_an_allowed_domain(google: Any, email: str, right: bool) -> None:  # noqa: ANN401, FBT001
    made = sign_up(google, allowedDomains=["example.com", "*.example.org"])

    assert (303 if right else 400) == browse(made["url"], {**FORM, "admin_email": email}).status


@pytest.mark.parametrize(
    "parameters, field",
    [
        ({"callbackUrl": ""}, "callback_url"),
        ({"callbackUrl": "/signed-up"}, "callback_url"),
        ({"callbackUrl": "javascript://x.example.com/%0aalert(1)"}, "callback_url"),
        ({"callbackUrl": "https://"}, "callback_url"),
        ({"callbackUrl": "https://x:port/"}, "callback_url"),
        ({"callbackUrl": r"https://ok.example\@evil.example/"}, "callback_url"),
        ({"callbackUrl": "https://ok.example@evil.example/"}, "callback_url"),
        ({"callbackUrl": 'https://ok.example"<b>/'}, "callback_url"),
        ({"callbackUrl": "https://2130706433/"}, "callback_url"),
        ({"callbackUrl": "https://x.example.com/\r\nSet-Cookie: a=b"}, "callback_url"),
        ({"adminEmail": "ada"}, "admin_email"),
        ({"adminEmail": "ada@example.com", "allowedDomains": ["example.org"]}, "admin_email"),
        ({"allowedDomains": ["example.com", "no domain"]}, "allowed_domains[1]"),
    ],
)
def test_a_sign_up_that_could_not_end_well_is_refused(google: Any, parameters: dict[str, Any], field: str) -> None:  # noqa: ANN401
    with pytest.raises(HttpError) as refused:
        sign_up(google, **parameters)

    assert 400 == refused.value.status_code
    details: Any = refused.value.error_details
    assert [field] == [violation["field"] for violation in details[0]["fieldViolations"]]


@pytest.mark.parametrize(
    "parameters, said",
    [
        ({}, "send agreementAccepted=true, or signupUrlName and enterpriseToken"),
        ({"agreementAccepted": False}, "send agreementAccepted=true, or signupUrlName and enterpriseToken"),
        ({"enterpriseToken": "x"}, "signup_url_name is missing"),
        ({"signupUrlName": "signupUrls/x", "agreementAccepted": True}, "enterprise_token is missing"),
        ({"signupUrlName": "signupUrls/x", "enterpriseToken": "x"}, "enterprise_token is invalid"),
    ],
)
def test_an_enterprise_that_did_not_agree_is_not_created_and_told_how(google: Any, parameters: dict[str, Any], said: str) -> None:  # noqa: ANN401
    with pytest.raises(HttpError) as refused:
        google.enterprises().create(projectId="p", body={}, **parameters).execute()

    assert 400 == refused.value.status_code
    assert said in refused.value.reason


def test_a_token_counts_for_its_own_sign_up_only(google: Any) -> None:  # noqa: ANN401
    made, other = sign_up(google), sign_up(google)
    token = browse(made["url"], FORM).token

    with pytest.raises(HttpError, match="signup_url_name differs from the sign-up of the enterprise token"):
        create(google, other, token)


def test_neither_link_nor_token_can_be_changed_or_taken_for_the_other(google: Any) -> None:  # noqa: ANN401
    made = sign_up(google)
    sealed = made["url"].rpartition("/")[2]
    token = browse(made["url"], FORM).token

    links = [sealed[:-1] + ("A" if sealed[-1] != "A" else "B"), sealed[1:], "", token, "x" * 60, "%C3%A4"]
    assert [404] * len(links) == [browse(made["url"].replace(sealed, link)).status for link in links]
    assert 404 == browse(made["url"].replace(sealed, token), FORM).status
    with pytest.raises(HttpError, match="enterprise_token is invalid"):
        create(google, made, sealed)


def test_a_link_is_good_for_a_day_and_a_token_for_an_hour(google: Any, sandbox: Client) -> None:  # noqa: ANN401
    made = sign_up(google)
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "86390s"})
    token = browse(made["url"], FORM).token
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "3601s"})

    assert 404 == browse(made["url"]).status
    assert "older than a day" in browse(made["url"], FORM).text
    with pytest.raises(HttpError, match="older than an hour"):
        create(google, made, token)


def test_the_page_takes_gets_and_posts_of_bounded_size(google: Any) -> None:  # noqa: ANN401
    made = sign_up(google)

    too_large = browse(made["url"], {**FORM, "display_name": "x" * 20_000})

    assert 400 == too_large.status
    assert "too large" in too_large.text
