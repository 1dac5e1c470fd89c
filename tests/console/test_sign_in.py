"""The console of `heliograph serve`: for people who are signed in, as far as their rights go."""

import pytest

from heliograph.commands import COMMANDS
from tests.console.houses import House, shown
from tests.people.visitor import Visitor, signed_in

PLAIN = next(row for row in COMMANDS.values() if not row.example)


def confirmed(visitor: Visitor, house: House) -> tuple[str, dict[str, str]]:
    """The form that issues a command, filled: its address and its fields."""
    form = shown(visitor.get(f"{house.device}/commands/{PLAIN.name}")).forms[-1]
    confirmation = shown(visitor.post(form.action, dict(form.fields))).forms[-1]
    return confirmation.action, dict(confirmation.fields)


def operations(visitor: Visitor, house: House) -> int:
    """How many commands the device was given."""
    return visitor.call("GET", f"/v1{house.device.removeprefix('/console')}/operations").page.count('"name"')


def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_page(house: House) -> None:
    visitor = signed_in(house.server)
    visitor.cookies.clear()

    asked = visitor.get(f"{house.device}?from=mail")
    back = visitor.sign_in(onward=f"{house.device}?from=mail")

    assert (303, f"/sign-in?next={house.device}%3Ffrom%3Dmail") == (asked.status, asked.place)
    assert (303, f"{house.device}?from=mail") == (back.status, back.place)
    assert 200 == visitor.get(back.place).status


def test_a_person_issues_a_command_which_is_recorded_as_theirs(house: House) -> None:
    visitor = signed_in(house.server, "ada@example.com")
    assert "ada@example.com" in visitor.get(house.device).page

    action, fields = confirmed(visitor, house)
    issued = visitor.post(action, fields)

    assert 303 == issued.status
    assert f"{PLAIN.name} pending" in visitor.get(issued.place).page
    entries = visitor.call("GET", "/heliograph/v1/enterprises/acme/auditEntries").page
    assert "ada@example.com" in entries


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": "https://evil.example"}, id="another origin"),
        pytest.param({"sec_fetch_site": "same-site"}, id="another port"),
        pytest.param({"origin": "", "sec_fetch_site": ""}, id="no word of where it is from"),
    ],
)
def test_another_sites_form_issues_nothing(house: House, headers: dict[str, str]) -> None:
    visitor = signed_in(house.server)
    action, fields = confirmed(visitor, house)
    before = operations(visitor, house)

    assert 403 == visitor.post(action, fields, **headers).status
    assert before == operations(visitor, house)


@pytest.mark.parametrize("token", ["", "guessed"])
def test_a_form_without_the_sessions_token_issues_nothing(house: House, token: str) -> None:
    visitor = signed_in(house.server)
    action, fields = confirmed(visitor, house)
    before = operations(visitor, house)

    assert 403 == visitor.post(action, {**fields, "form_token": token}).status
    assert before == operations(visitor, house)


def test_a_link_in_a_mail_opens_the_page_and_no_other_site_loads_it_as_a_part_of_its_own(house: House) -> None:
    visitor = signed_in(house.server)

    followed = visitor.get(house.device, sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="document")
    framed = visitor.get(house.device, sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="iframe")
    loaded = visitor.get(house.device, sec_fetch_site="cross-site", sec_fetch_mode="no-cors", sec_fetch_dest="image")

    assert [200, 403, 403] == [followed.status, framed.status, loaded.status]


def test_a_viewer_sees_the_device_and_can_command_nothing(house: House) -> None:
    viewer, admin = signed_in(house.server, role="viewer"), signed_in(house.server)
    action, fields = confirmed(admin, house)

    device = shown(viewer.get(house.device))
    form = viewer.get(f"{house.device}/commands/{PLAIN.name}")
    issued = viewer.post(action, {**fields, "form_token": viewer.form_token()})

    assert 200 == device.status
    assert "Issue a command" not in device.links
    assert "Issue a command" in shown(admin.get(house.device)).links
    assert [403, 403] == [form.status, issued.status]


def test_people_see_their_own_enterprises_only(house: House) -> None:
    visitor = signed_in(house.server, enterprises=("other",))

    assert "/console/enterprises/other" == visitor.get("/console").place
    assert 403 == visitor.get("/console/enterprises/acme").status
    assert 403 == visitor.get(house.device).status
    assert {"Acme", "Other"} <= shown(signed_in(house.server).get("/console")).links.keys()


def test_types_that_a_role_leaves_out_say_so_and_are_refused(house: House) -> None:
    role = {"allow": [{"methods": ["*.get", "*.list"]}, {"methods": ["*.issueCommand"], "commandTypes": [PLAIN.name]}]}
    assert 200 == house.server.desk("PUT", "/roles/locker", role).status
    locker, admin = signed_in(house.server, role="locker"), signed_in(house.server)

    types = shown(locker.get(f"{house.device}/commands"))
    action, fields = confirmed(locker, house)
    other = next(row for row in COMMANDS.values() if not row.example and row is not PLAIN)
    form = shown(admin.get(f"{house.device}/commands/{other.name}")).forms[-1]
    confirmation = dict(shown(admin.post(form.action, dict(form.fields))).forms[-1].fields)

    assert [PLAIN.name] == [link for link in types.links if link in COMMANDS]
    assert "Your role does not allow it." in types.text
    assert 303 == locker.post(action, fields).status
    assert 403 == locker.post(action, {**confirmation, "form_token": fields["form_token"]}).status


def test_the_menu_leaves_out_what_a_role_does_not_allow(house: House) -> None:
    role = {"allow": [{"methods": ["androidmanagement.enterprises.devices.get"]}]}
    assert 200 == house.server.desk("PUT", "/roles/looker", role).status
    looker, admin = signed_in(house.server, role="looker"), signed_in(house.server)

    assert [] == shown(looker.get(house.device)).menu
    assert {"/console/enterprises/acme", "/console/enterprises"} <= {url for url, _ in shown(admin.get(house.device)).menu}
