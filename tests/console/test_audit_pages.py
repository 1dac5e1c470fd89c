"""The audit trail in the console: who did what, found by an address."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.commands import COMMANDS
from heliograph.notifications.witnesses import witnesses_at
from heliograph.service.audit import send_checkpoints, sign_trail
from heliograph.service.audit_signing import PURPOSE, CheckpointSigner
from tests.console.houses import House, asked, shown
from tests.console.reader import Page, Reader
from tests.people.visitor import Visitor, signed_in

TRAIL = "/console/enterprises/acme/auditEntries"
PLAIN = next(row for row in COMMANDS.values() if not row.example)


@pytest.fixture(scope="module")
def ann(house: House) -> Visitor:
    """Someone who has issued a command, and was refused one."""
    visitor = signed_in(house.server, "ann@example.com")
    device = house.device.removeprefix("/console/")
    asked(visitor, "POST", f"/v1/{device}:issueCommand", {"type": PLAIN.name})
    asked(visitor, "POST", f"/v1/{device}:issueCommand", {"type": "SING"})
    return visitor


def found(visitor: Visitor, **query: str) -> Page:
    """The entries for which the form was filled so."""
    form = shown(visitor.get(TRAIL)).forms[-1]
    page = shown(visitor.get(form.action + "?" + "&".join(f"{name}={value}" for name, value in {**dict(form.fields), **query}.items())))
    assert 200 == page.status, page.text
    return page


@pytest.mark.parametrize(
    "asked_for, there, not_there",
    [
        pytest.param({"who": "ann%40"}, "ann@example.com", "enrollmentTokens.create", id="who"),
        pytest.param({"what": PLAIN.name}, f"issueCommand {PLAIN.name}", "INVALID_ARGUMENT", id="a type"),
        pytest.param({"what": "enrollmentTokens"}, "enrollmentTokens.create", "issueCommand", id="a part of a method"),
        pytest.param({"outcome": "refused"}, "INVALID_ARGUMENT", f"issueCommand {PLAIN.name}", id="outcome"),
        pytest.param({"filter": "reason:*%20OR%20outcome%3DINVALID_ARGUMENT"}, "INVALID_ARGUMENT", "enrollmentTokens.create", id="filter"),
        pytest.param({"until": "2001-01-01T00%3A00"}, "No entry matches.", "ann@example.com", id="until"),
        pytest.param({"from": "2001-01-01T00%3A00", "who": "ann"}, "ann@example.com", "device.enroll", id="from, and who"),
        pytest.param({"resource": "enterprises%2Facme%2Fdevices%2F*"}, "issueCommand", "enrollmentTokens.create", id="resource"),
    ],
)
def test_entries_are_found_by_what_is_filled_in(ann: Visitor, asked_for: dict[str, str], there: str, not_there: str) -> None:
    page = found(ann, **asked_for)

    assert there in page.text
    rows = page.text.partition("newest first")[2]
    assert not_there not in rows


def test_an_entry_is_shown_whole_with_the_way_to_others_like_it(house: House, ann: Visitor) -> None:
    entry = shown(ann.get(found(ann, what=PLAIN.name).links[f"enterprises.devices.issueCommand {PLAIN.name}"]))

    assert "OK" in entry.text
    assert "PERSON ann@example.com" in entry.text
    operation = next(link for link in entry.links if "/operations/" in link)
    assert operation.startswith(house.device.removeprefix("/console/"))
    assert 200 == ann.get(entry.links[operation]).status
    assert "ann@example.com" in shown(ann.get(entry.links["Everything by the same party"])).text
    assert "issueCommand" in shown(ann.get(entry.links["Everything on the same resource"])).text


def test_a_device_and_a_command_lead_to_their_own_entries_and_no_others(house: House, ann: Visitor) -> None:
    device = shown(ann.get(house.device))
    of_device = shown(ann.get(device.links["Who did what to this device"]))
    operation = shown(ann.get(next(url for url in of_device.links.values() if "/operations/" in url)))
    of_operation = shown(ann.get(operation.links["Who issued and changed this command"]))

    assert "INVALID_ARGUMENT" in of_device.text
    assert "enrollmentTokens.create" not in of_device.text
    assert "issueCommand" in of_operation.text
    assert "INVALID_ARGUMENT" not in of_operation.text


def test_pages_go_on_where_the_last_one_ended_and_keep_what_was_asked(house: House) -> None:
    visitor = signed_in(house.server, "many@example.com")
    for _ in range(60):
        asked(visitor, "POST", "/v1/enterprises/acme/enrollmentTokens", {})

    first = found(visitor, who="many")
    second = shown(visitor.get(first.links["Older entries"]))

    assert "50 entries" in first.text
    assert "10 entries" in second.text
    assert ["many"] == parse_qs(urlsplit(first.links["Older entries"]).query)["who"]
    assert "Older entries" not in second.links
    wrong = shown(visitor.get(first.links["Older entries"].replace("who=many", "who=more")))
    assert 400 == wrong.status
    assert "more" in wrong.html


def test_the_file_has_what_the_page_shows(ann: Visitor) -> None:
    page = found(ann, who="ann")

    saved = ann.get(page.links["Save as JSON"])

    assert 200 == saved.status
    assert "no-store" == saved.headers["cache-control"]
    assert 'attachment; filename="audit.json"' == saved.headers["content-disposition"]
    assert {"ann@example.com"} == {entry["actor"] for entry in json.loads(saved.page)["auditEntries"]}


def test_the_page_says_how_far_the_trail_is_signed(house: House, ann: Visitor) -> None:
    signer = CheckpointSigner(house.server.ports.vault.derive(PURPOSE))
    house.server.run(sign_trail(house.server.ports, signer))

    page = shown(ann.get(TRAIL))

    assert "Signed up to block" in page.text
    assert "no witness outside of the database" in page.text


def test_the_page_says_what_witnesses_have_confirmed(house: House, ann: Visitor, tmp_path: Path) -> None:
    ports = house.server.ports
    asked(ann, "POST", "/v1/enterprises/acme/enrollmentTokens", {})
    checkpoint = house.server.run(sign_trail(ports, CheckpointSigner(ports.vault.derive(PURPOSE))))
    checkpoint = checkpoint or house.server.run(ports.store.audit_state()).checkpoint  # the server signs by itself, too
    assert checkpoint is not None
    there, away = witnesses_at([str(tmp_path / "witness.jsonl"), str(tmp_path / "no" / "such")])

    house.server.run(send_checkpoints({there: checkpoint, away: checkpoint}, ports.audit.witnesses))
    try:
        page = shown(ann.get(TRAIL))
    finally:
        ports.audit.witnesses.clear()

    assert f"confirmed block {checkpoint.number}." in page.text
    assert "has confirmed nothing since this server started. The witness" in page.text
    assert "took no checkpoint" in page.text


def test_only_who_manages_every_enterprise_reads_the_whole_servers_trail(house: House, ann: Visitor) -> None:
    everything = "/console/enterprises/-/auditEntries"
    own = signed_in(house.server, enterprises=("acme",))

    assert "people.invite" in shown(ann.get(everything)).text
    assert "The whole server's trail" in shown(ann.get(TRAIL)).links
    assert 403 == own.get(everything).status
    assert 403 == own.get("/console/enterprises/other/auditEntries").status
    assert "The whole server's trail" not in shown(own.get(TRAIL)).links


@pytest.mark.parametrize("query", ["filter=colour%3Dred", "from=yesterday", "page=guessed", "filter=(", f"resource={'x' * 2_000}"])
def test_what_cannot_be_read_says_so_and_stays_in_the_form(ann: Visitor, query: str) -> None:
    page = shown(ann.get(f"{TRAIL}?{query}"))

    assert 400 == page.status
    name, _, value = query.partition("=")
    if name != "page":
        assert value.replace("%3D", "=") in dict(page.forms[-1].fields)[name]


@pytest.mark.parametrize("entry", ["1-999999", "999999999999999999-0", "9" * 40, "1", "-1-0", "1-0-0", "abc", "\u0661-\u0660"])
def test_an_entry_that_does_not_exist_is_not_found(ann: Visitor, entry: str) -> None:
    assert 404 == ann.get(f"{TRAIL}/{entry.encode().hex() if not entry.isascii() else entry}").status


def test_a_sandbox_says_that_it_keeps_none(reader: Reader) -> None:
    page = reader.open("/console/enterprises/sandbox/auditEntries")

    assert 200 == page.status
    assert "This server keeps no audit trail." in page.text


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(max_size=40), name=st.sampled_from(["who", "what", "resource", "outcome", "from", "until", "filter", "page"]))
def test_no_text_in_a_field_breaks_the_page(ann: Visitor, name: str, value: str) -> None:
    page = shown(ann.get(f"{TRAIL}?{urlencode({name: value.encode(errors='replace').decode()})}"))

    assert page.status in {200, 400}
    if name in {"who", "what", "resource"} and "*" not in value:
        assert 200 == page.status, page.text  # what people write there is a text, never a filter
    if page.status == 400:
        assert "a * may stand at the start and the end" in page.text or name not in {"who", "what", "resource"}


def test_a_refusal_names_the_person_whose_session_it_was_unless_another_site_sent_it(house: House) -> None:
    viewer = signed_in(house.server, "viewer@example.com", role="viewer")
    name = house.device.removeprefix("/console/")
    asked(viewer, "POST", f"/v1/{name}:issueCommand", {"type": PLAIN.name})
    viewer.post(f"{house.device}/commands", {"form_token": viewer.form_token(), "command": "{}"})
    viewer.call("POST", f"/v1/{name}:issueCommand", {"type": PLAIN.name}, sec_fetch_site="cross-site")

    found = asked(viewer, "GET", "/heliograph/v1/enterprises/acme/auditEntries?filter=reason%3D%22ROLE_INSUFFICIENT%22")["auditEntries"]
    sent_by_others = asked(viewer, "GET", "/heliograph/v1/enterprises/acme/auditEntries?filter=reason%3D%22CROSS_SITE_REQUEST%22")

    assert {"viewer@example.com"} == {entry["actor"] for entry in found}
    assert {"anybody"} == {entry.get("actor", "anybody") for entry in sent_by_others["auditEntries"]}
