"""Enterprises in the console: listed with what they have, created, set up, deleted by who types the id."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from heliograph.service.limits import Limits
from heliograph.settings import Settings
from tests.console.houses import shown
from tests.console.reader import Reader
from tests.people.visitor import signed_in
from tests.sandbox.client import Client
from tests.sign_in.conftest import Guarded, guarded_server

ENTERPRISES = "/console/enterprises"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A server without an enterprise."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), durable=False, public_urls=("https://mdm.example.com",))
    with guarded_server(settings) as made:
        yield made


def test_the_first_enterprise_is_created_by_hand_and_leads_on(server: Guarded) -> None:
    admin, viewer = signed_in(server), signed_in(server, role="viewer")
    empty, of_viewer = shown(admin.get("/console")), shown(viewer.get(ENTERPRISES))
    assert "Make the first" in empty.links
    assert "heliograph enterprises create" in of_viewer.text

    token = admin.form_token()
    refused = shown(admin.post(f"{ENTERPRISES}:create", {"display": "Acme", "form_token": token}))
    created = admin.post(f"{ENTERPRISES}:create", {"display": "Acme", "agreed": "true", "form_token": token})

    assert 400 == refused.status
    assert "agreementAccepted" in refused.text
    assert "Acme" == dict(refused.forms[-1].fields)["display"]
    assert 303 == created.status
    settings = shown(admin.get(created.place))
    assert "Next: make a policy" in settings.text
    assert "Acme" == dict(settings.forms[-1].fields)["enterpriseDisplayName"]
    assert "Acme" in shown(admin.get(ENTERPRISES)).links
    fleet = shown(admin.get(created.place[: created.place.index("/settings")]))
    assert 200 == admin.get(fleet.links["Make an enrolment token"]).status


def test_the_list_counts_what_an_enterprise_has(reader: Reader, sandbox: Client) -> None:
    sandbox.patch("/v1/enterprises/sandbox/policies/kiosk", {})
    sandbox.post("/v1/enterprises/sandbox/enrollmentTokens", {})
    devices = len(sandbox.get("/v1/enterprises/sandbox/devices")["devices"])

    page = reader.open(ENTERPRISES)

    for name, count in (("Devices", devices), ("Policies", 1), ("Tokens", 1)):
        assert f'<td data-name="{name}">{count}</td>' in page.html
    assert f"{ENTERPRISES}/sandbox/settings" == page.links["Settings"]


def test_settings_change_what_was_changed_and_nothing_else(reader: Reader, sandbox: Client) -> None:
    sandbox.patch("/v1/enterprises/sandbox?updateMask=primaryColor,logo", {"primaryColor": 255, "logo": {"url": "https://a.example/l.png"}})
    fill = {"enterpriseDisplayName": "Häuser & Co", "contactInfo.contactEmail": "a@example.com", "enabledNotificationTypes": ["COMMAND"]}

    page = reader.submit(reader.open(f"{ENTERPRISES}/sandbox/settings"), fill=fill)

    assert "Saved." in page.text
    now = sandbox.get("/v1/enterprises/sandbox")
    assert ("Häuser & Co", "a@example.com", ["COMMAND"], 255, "https://a.example/l.png") == (
        now["enterpriseDisplayName"], now["contactInfo"]["contactEmail"], now["enabledNotificationTypes"], now["primaryColor"],
        now["logo"]["url"],
    )  # fmt: skip
    reader.submit(page, fill={"contactInfo.contactEmail": "", "enabledNotificationTypes": []})
    assert {} == {field: value for field, value in sandbox.get("/v1/enterprises/sandbox").items() if field == "enabledNotificationTypes"}


def test_colour_logo_terms_and_sign_in_pages_are_set_and_taken_away_by_the_form(reader: Reader, sandbox: Client) -> None:
    terms = [
        {"header": {"defaultMessage": "Terms", "localizedMessages": {"de": "Bedingungen"}}, "content": {"defaultMessage": "Be\u2028kind."}}
    ]
    fill = {
        "primaryColor": "#1A73E8", "logo.url": "https://a.example/l.png", "logo.sha256Hash": "aGFzaA",
        "termsAndConditions": msgspec.json.encode(terms).decode(), "signinDetails": '[{"signinUrl": "https://login.example"}]',
    }  # fmt: skip
    page = reader.submit(reader.open(f"{ENTERPRISES}/sandbox/settings"), fill=fill)

    was = sandbox.get("/v1/enterprises/sandbox")
    assert (0x1A73E8, {"url": "https://a.example/l.png", "sha256Hash": "aGFzaA"}, terms) == (
        was["primaryColor"], was["logo"], was["termsAndConditions"]
    )  # fmt: skip
    assert "https://login.example" == was["signinDetails"][0]["signinUrl"]
    token = was["signinDetails"][0]["signinEnrollmentToken"]
    again = reader.submit(page, fill={"enterpriseDisplayName": "Else"})
    assert was | {"enterpriseDisplayName": "Else"} == sandbox.get("/v1/enterprises/sandbox"), "shown and sent back, nothing changes"
    assert token in again.html

    reader.submit(again, fill=dict.fromkeys(fill, ""))

    assert not {"primaryColor", "logo", "termsAndConditions", "signinDetails"} & sandbox.get("/v1/enterprises/sandbox").keys()


@pytest.mark.parametrize(
    "path, text, said",
    [
        ("pubsubTopic", "no topic", "projects/{project}/topics/{topic}"),
        ("primaryColor", "red", "as in #1a73e8"),
        ("logo.url", "l.png", "must be an absolute http or https URL"),
        ("termsAndConditions", "[{", "Terms and conditions is not JSON"),
        ("termsAndConditions", "[" * 20_000, "Terms and conditions is not JSON"),
        ("termsAndConditions", '[{"heading": {}}]', "heading"),
        ("signinDetails", '[{"signinUrl": "http://a"}]', "must be an https URL"),
    ],
)
def test_a_setting_that_cannot_be_is_said_in_the_form_which_keeps_it(reader: Reader, path: str, text: str, said: str) -> None:
    page = reader.submit(reader.open(f"{ENTERPRISES}/sandbox/settings"), fill={path: text})

    assert 400 == page.status
    assert said in page.text
    assert text == dict(page.forms[-1].fields)[path]


def test_an_enterprise_is_deleted_only_by_who_types_its_id(server: Guarded) -> None:
    admin = signed_in(server)
    token = admin.form_token()
    made = admin.post(f"{ENTERPRISES}:create", {"display": "Gone", "agreed": "true", "form_token": token}).place
    url = made[: made.index("/settings")]
    form = shown(admin.get(f"{url}:delete"))
    assert "0 devices" in form.text

    wrong = shown(admin.post(f"{url}:delete", {"typed_name": "Gone", "form_token": token}))
    there = admin.get(url).status
    right = admin.post(f"{url}:delete", {"typed_name": url.rpartition("/")[2], "form_token": token})

    assert (400, 200, 303) == (wrong.status, there, right.status)
    assert "to delete it: that cannot be undone." in wrong.text
    assert "The enterprise is deleted." in shown(admin.get(right.place)).text
    assert 403 == admin.get(url).status


def test_who_sees_some_devices_only_gets_no_count_of_all(server: Guarded) -> None:
    role = {"allow": [{"methods": ["*.get", "*.list"], "devices": "api_level >= 30"}, {"methods": ["androidmanagement.enterprises.list"]}]}
    assert 200 == server.desk("PUT", "/roles/some", role).status
    admin, some = signed_in(server), signed_in(server, role="some")
    admin.post(f"{ENTERPRISES}:create", {"display": "Counted", "agreed": "true", "form_token": admin.form_token()})

    assert '<td data-name="Devices">0</td>' in admin.get(ENTERPRISES).page
    assert '<td data-name="Devices"></td>' in some.get(ENTERPRISES).page


def test_settings_say_how_much_room_is_left(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, durable=False, limits=Limits(policies_most=5, push_endpoints_most=1))
    with guarded_server(settings) as server:
        admin = signed_in(server)
        made = admin.post(f"{ENTERPRISES}:create", {"display": "Full", "agreed": "true", "form_token": admin.form_token()}).place
        url = made[: made.index("?")]
        api = f"/v1{url.removeprefix('/console').removesuffix('/settings')}"
        for policy in ("a", "b", "c", "d"):
            admin.call("PATCH", f"{api}/policies/{policy}", {}, x_heliograph_form_token=admin.form_token())

        page = shown(admin.get(url))

    assert "Policies 4 nearly full 5" in page.text
    assert "Push endpoints 0 1" in page.text
