"""An enterprise becomes a managed Google domain: Google's own Python client, a browser's requests, and the page between them."""

from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.sandbox.client import Client
from tests.sandbox.test_sign_up import Shown, browse

NAME = "enterprises/sandbox"
FORM = {"admin_email": "ada@example.com", "accepted": "yes"}
DOMAINS = ["example.com", "*.example.org"]


def link(google: Any, **body: object) -> str:  # noqa: ANN401
    """The address of the page."""
    return str(google.enterprises().generateEnterpriseUpgradeUrl(name=NAME, body=body).execute()["url"])


def upgrades(sandbox: Client) -> list[object]:
    """What was published of it, once everything has settled."""
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "1s"})
    found = sandbox.get("/sandbox/v1/notifications")["notifications"]
    return [one["resource"] for one in found if one["notificationType"] == "ENTERPRISE_UPGRADE"]


def test_an_admin_upgrades_the_enterprise_and_it_is_published_though_nothing_is_enabled(google: Any, sandbox: Client) -> None:  # noqa: ANN401
    url = link(google, adminEmail="ada@example.com")
    assert url.startswith(f"{sandbox.url}/upgrade/")
    page = browse(url)
    assert (200, True) == (page.status, 'value="ada@example.com"' in page.text)
    assert "DENY" == page.headers["x-frame-options"]
    before = google.enterprises().get(name=NAME).execute()

    done = browse(url, FORM)

    assert 200 == done.status
    after = google.enterprises().get(name=NAME).execute()
    assert {**before, "enterpriseType": "MANAGED_GOOGLE_DOMAIN", "managedGoogleDomainType": "TYPE_TEAM"} == after
    assert [{"enterprise": NAME, "upgradeState": "UPGRADE_STATE_SUCCEEDED"}] == upgrades(sandbox)


@pytest.mark.parametrize("mask", ["enterpriseDisplayName", "*", None])
def test_an_upgraded_enterprise_stays_one_when_it_is_patched(google: Any, sandbox: Client, mask: str | None) -> None:  # noqa: ANN401
    browse(link(google), FORM)
    body = {"enterpriseDisplayName": "Example Ltd", "enterpriseType": "MANAGED_GOOGLE_PLAY_ACCOUNTS_ENTERPRISE"}

    google.enterprises().patch(name=NAME, body=body, **({"updateMask": mask} if mask else {})).execute()

    after = google.enterprises().get(name=NAME).execute()
    assert ("Example Ltd", "MANAGED_GOOGLE_DOMAIN", "TYPE_TEAM") == tuple(
        after.get(field) for field in ("enterpriseDisplayName", "enterpriseType", "managedGoogleDomainType")
    )
    with pytest.raises(HttpError, match="managed Google domain already"):
        link(google)


def test_it_is_an_event_of_the_stream_too(google: Any, sandbox: Client) -> None:  # noqa: ANN401
    browse(link(google), FORM)

    (event,) = sandbox.get(f"/heliograph/v1/{NAME}/events")["events"]
    assert ("ENTERPRISE_UPGRADE", NAME) == (event["notificationType"], event["data"]["enterprise"])


def test_a_link_works_once_and_an_upgraded_enterprise_gets_no_other(google: Any, sandbox: Client) -> None:  # noqa: ANN401
    url, other = link(google), link(google)
    browse(url, FORM)

    assert [404, 404] == [browse(used, FORM).status for used in (url, other)]
    with pytest.raises(HttpError) as refused:
        link(google)
    assert (400, "The enterprise is a managed Google domain already.") == (refused.value.status_code, refused.value.reason)
    assert 1 == len(upgrades(sandbox))


def test_a_link_is_good_for_a_day(google: Any, sandbox: Client) -> None:  # noqa: ANN401
    url = link(google)
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "86399s"})
    assert 200 == browse(url).status
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "2s"})

    assert [404, 404] == [browse(url).status, browse(url, FORM).status]
    assert [] == upgrades(sandbox)


@pytest.mark.parametrize(
    "form, said",
    [
        ({**FORM, "admin_email": ""}, "Give your email address."),
        ({**FORM, "admin_email": "ada"}, "is not an email address."),
        ({**FORM, "admin_email": "ada@example.net"}, "must be one of example.com, *.example.org"),
        ({**FORM, "admin_email": "ada@sub.example.com"}, "must be one of"),
        ({"admin_email": "ada@example.com"}, "Tick the box if you agree."),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_upgraded(
    google: Any,  # noqa: ANN401
    sandbox: Client,
    form: dict[str, str],
    said: str,
) -> None:
    shown: Shown = browse(link(google, allowedDomains=DOMAINS), form)

    assert 400 == shown.status
    assert said in shown.text
    assert [] == upgrades(sandbox)


@pytest.mark.parametrize(
    "body, field",
    [
        ({"adminEmail": "ada"}, "admin_email"),
        ({"adminEmail": "ada@example.net", "allowedDomains": DOMAINS}, "admin_email"),
        ({"allowedDomains": ["not a domain"]}, "allowed_domains[0]"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(google: Any, body: dict[str, object], field: str) -> None:  # noqa: ANN401
    with pytest.raises(HttpError) as refused:
        link(google, **body)

    details: Any = refused.value.error_details
    assert field == details[0]["fieldViolations"][0]["field"]


def test_a_link_that_nobody_made_is_not_valid(sandbox: Client) -> None:
    shown = browse(f"{sandbox.url}/upgrade/x")

    assert 404 == shown.status
    assert "not valid" in shown.text
