"""Keys, roles, people and their rights in the console: for people who manage the whole server, and have just signed in."""

import json
from urllib.parse import urlencode

import msgspec
import pytest

from heliograph.api.console.app import PAGES
from heliograph.commands import COMMANDS
from heliograph.domain.access_words import access_in_words
from heliograph.domain.session import FRESH_US, Session
from heliograph.service.record_rules import RecordDecision, Records
from heliograph.service.rules import Put
from heliograph.service.sessions import find_session
from tests.console.houses import House, asked, form_at, shown
from tests.console.reader import Page, Reader
from tests.people.visitor import Visitor, signed_in
from tests.sign_in.conftest import bearer_of
from tests.sign_in.key_pairs import key_pair

KEYS, ROLES, PEOPLE, ACCESS = ("/console/keys", "/console/roles", "/console/people", "/console/access")
FINAL = next(row for row in COMMANDS.values() if row.final_at_ack)
PLAIN = next(row for row in COMMANDS.values() if not row.example)
EVIL = {"role": "admin", "person": "evil@example.com", "sure": "yes", "who": "evil@example.com", "name": "evil", "0.methods": "*"}
"""What any of the forms could be filled with, to give someone rights or to take them away."""
FORMS = [row.path for row in PAGES if row.http == "POST" and row.path.partition("/")[0].partition(":")[0] in {"keys", "roles", "people"}]


@pytest.fixture
def admin(house: House) -> Visitor:
    """Someone who manages the whole server and has just signed in."""
    return signed_in(house.server)


def at(visitor: Visitor, path: str) -> Page:
    return shown(visitor.get(path))


def keys(house: House) -> list[str]:
    return [key["keyId"] for key in house.server.desk("GET", "/keys").json["keys"]]


def state(house: House) -> object:
    """Everything that these pages change."""
    people = house.server.desk("GET", "/people").json
    known = [(one["person"], one["role"]) for one in people["people"]], [one["person"] for one in people["invitations"]]
    return keys(house), house.server.desk("GET", "/roles").json, house.server.desk("GET", "/roleBindings").json, known


def aged(house: House, visitor: Visitor) -> None:
    """The visitor's session began longer ago than a sign-in counts as fresh."""
    found = house.server.run(find_session(house.server.ports, visitor.session))
    assert found is not None
    name = found.session.name

    def rule(records: Records) -> RecordDecision[None]:
        session = records.one(Session, name)
        assert session is not None
        return RecordDecision(None, (Put(msgspec.structs.replace(session, created_us=session.created_us - FRESH_US)),))

    house.server.run(house.server.ports.store.decide_records((name,), rule))


def test_a_key_is_made_its_file_sent_once_and_it_signs_in(house: House, admin: Visitor) -> None:
    action, fields = form_at(at(admin, f"{KEYS}:make"), "keys:make")

    sent = admin.post(action, {**fields, "role": "viewer", "enterprises": "acme", "account": "reporting", "person": "carl@example.com"})

    file = json.loads(sent.page)
    assert 200 == sent.status
    assert ("no-store", "nosniff") == (sent.headers["cache-control"], sent.headers["x-content-type-options"])
    assert sent.headers["content-disposition"].startswith('attachment; filename="reporting-')
    assert 200 == house.server.call_as(file, "GET", "/v1/enterprises/acme/devices").status
    assert 403 == house.server.call_as(file, "POST", "/v1/enterprises/acme/enrollmentTokens", {}).status
    page = at(admin, at(admin, KEYS).links[file["client_email"]])
    assert "carl@example.com" in page.text
    assert "viewer" in page.text
    secret = file["private_key"].splitlines()[1].encode()
    assert [] == [path for path in house.server.folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
    trail = asked(admin, "GET", "/heliograph/v1/enterprises/-/auditEntries?filter=method%3D%22keys.create%22%20AND%20actorType%3DPERSON")
    assert trail["auditEntries"][0]["resource"] == f"keys/{file['private_key_id']}"


def test_a_key_is_changed_rotated_and_revoked(house: House, admin: Visitor) -> None:
    old = house.server.key_file(["acme"], "viewer", pair=key_pair(0))
    page = f"{KEYS}/{old['private_key_id']}"

    action, fields = form_at(at(admin, page), old["private_key_id"])
    assert 303 == admin.post(action, {**fields, "role": "operator", "ttl": "90d", "radius": "3"}).status
    changed = at(admin, page).text
    new = json.loads(admin.post(*form_at(at(admin, page), ":rotate")).page)
    action, fields = form_at(at(admin, page), ":revoke")
    careless = shown(admin.post(action, fields))
    revoked = admin.post(action, {**fields, "sure": "yes"})

    assert "operator" in changed
    assert "never Ends 20" in changed  # not used yet, and it ends
    assert (400, True) == (careless.status, "Tick the box" in careless.text)
    assert (303, KEYS) == (revoked.status, revoked.place)
    assert old["private_key_id"] not in keys(house)
    assert 401 == house.server.call_as(old, "GET", "/v1/enterprises/acme/devices").status
    assert 200 == house.server.call_as(new, "GET", "/v1/enterprises/acme/devices").status
    assert new["client_email"] == old["client_email"]


@pytest.mark.parametrize(
    "wrong, said",
    [
        pytest.param({"enterprises": "no/such"}, "no/such", id="enterprise"),
        pytest.param({"role": "emperor"}, "emperor", id="role"),
        pytest.param({"ttl": "soon"}, "soon", id="no duration"),
        pytest.param({"ttl": "0s"}, "more than zero", id="over at once"),
        pytest.param({"radius": "-1"}, "-1", id="radius"),
        pytest.param({"account": "No Name"}, "No Name", id="account"),
        pytest.param({"person": "two people"}, "two people", id="person"),
    ],
)
def test_what_is_wrong_in_the_form_of_a_key_is_said_and_kept(house: House, admin: Visitor, wrong: dict[str, str], said: str) -> None:
    before = keys(house)
    action, fields = form_at(at(admin, f"{KEYS}:make"), "keys:make")

    answer = shown(admin.post(action, {**fields, "role": "viewer", "enterprises": "acme", "person": "carl@example.com", **wrong}))

    assert 400 == answer.status
    assert said in answer.text
    kept = dict(answer.forms[-1].fields)
    assert {"person": "carl@example.com", **wrong}["person"] == kept["person"]
    assert before == keys(house)


def test_a_sign_in_of_long_ago_only_takes_rights_away(house: House, admin: Visitor) -> None:
    key = house.server.key_file(["acme"], "viewer", pair=key_pair(1))["private_key_id"]
    made = form_at(at(admin, f"{KEYS}:make"), "keys:make")
    aged(house, admin)
    before = keys(house)

    page = at(admin, f"{KEYS}:make")
    forced = shown(admin.post(made[0], {**made[1], "role": "admin"}))
    action, fields = form_at(at(admin, f"{KEYS}/{key}"), ":revoke")
    revoked = admin.post(action, {**fields, "sure": "yes"})

    assert f"/sign-in?again=1&next={KEYS}%3Amake" == page.links["Sign in again"]
    assert 403 == forced.status
    assert "sign-in of the last ten minutes" in forced.text
    assert [] == [form for form in page.forms if form.action.endswith(":make")]
    assert 303 == revoked.status
    assert [one for one in before if one != key] == keys(house)
    again = admin.sign_in(onward=f"{KEYS}:make")
    assert f"{KEYS}:make" == again.place
    assert [] != [form for form in at(admin, again.place).forms if form.action.endswith(":make")]


@pytest.mark.parametrize("path", [KEYS, f"{KEYS}:make", ROLES, PEOPLE, f"{ACCESS}?who=a%40example.com&what=WIPE"])
def test_a_key_sees_and_changes_nothing_here_however_much_it_may_do(house: House, path: str) -> None:
    key = house.server.key_file(["*"], "admin", pair=key_pair(2))
    before = state(house)

    seen = house.server.call("GET", path, authorization=bearer_of(key))
    assert 403 == seen.status
    for form in FORMS:
        answer = house.server.call(
            "POST", f"/console/{form.replace('*', 'viewer')}", urlencode(EVIL),
            authorization=bearer_of(key),
        )  # fmt: skip
        assert 403 == answer.status, form

    assert before == state(house)


@pytest.mark.parametrize("role, enterprises", [("viewer", ("*",)), ("operator", ("*",)), ("admin", ("acme",))])
def test_who_may_not_change_them_finds_no_form_and_is_refused(house: House, role: str, enterprises: tuple[str, ...]) -> None:
    visitor = signed_in(house.server, role=role, enterprises=enterprises)
    before = state(house)

    paths = [KEYS, f"{KEYS}:make", ROLES, f"{ROLES}:make", PEOPLE]
    seen = [at(visitor, path) for path in paths]
    for form in FORMS:
        assert 403 == visitor.post(f"/console/{form.replace('*', 'viewer')}", {**EVIL, "form_token": visitor.form_token()}).status, form

    everywhere = enterprises == ("*",)
    assert [] == [form.action for page in seen for form in page.forms if not form.action.endswith("/sign-out")]
    assert [200 if everywhere and path in {KEYS, ROLES, PEOPLE} else 403 for path in paths] == [page.status for page in seen]
    assert everywhere == (KEYS in at(visitor, "/console/enterprises/acme").links.values())
    assert before == state(house)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_another_site_or_without_the_token_changes_nothing(house: House, admin: Visitor, form: str) -> None:
    before = state(house)
    path = f"/console/{form.replace('*', 'viewer')}"

    assert 403 == admin.post(path, EVIL).status
    assert 403 == admin.post(path, {**EVIL, "form_token": admin.form_token()}, origin="https://evil.example").status

    assert before == state(house)


def test_a_second_person_is_not_made_up_here_where_an_enterprise_asks_for_one(house: House, admin: Visitor) -> None:
    rules = "/heliograph/v1/enterprises/other/approvalRules"
    action, fields = form_at(at(admin, PEOPLE), "people:invite")
    asked(admin, "PATCH", rules, {"rules": [{"commandTypes": [FINAL.name]}]})
    try:
        page = at(admin, PEOPLE)
        forced = shown(admin.post(action, {**fields, "person": "made-up@example.com", "role": "admin"}))
    finally:
        lift(house, admin, rules)

    assert [] == [form for form in page.forms if form.action.endswith(":invite")]
    assert "asks for a second person" in page.text
    assert 403 == forced.status
    assert "made-up@example.com" not in at(admin, PEOPLE).text


def lift(house: House, who: Visitor, rules: str) -> None:
    """No rule holds any more: another person agrees."""
    other = signed_in(house.server)
    name = asked(who, "PATCH", rules, {"rules": []})["error"]["details"][0]["metadata"]["approval"]
    digest = asked(other, "GET", f"/heliograph/v1/{name}")["digest"]
    asked(other, "POST", f"/heliograph/v1/{name}:approve", {"digest": digest})
    assert {} == asked(who, "PATCH", rules, {"rules": []})


def test_a_role_is_made_given_changed_taken_away_and_deleted(house: House, admin: Visitor) -> None:
    action, fields = form_at(at(admin, f"{ROLES}:make"), "roles:make")
    line = {"0.methods": "*.get\r\n*.list\r\nandroidmanagement.enterprises.devices.issueCommand", "0.types": PLAIN.name}
    made = admin.post(action, {**fields, **line, "name": "helpdesk", "description": "Restarts kiosks."})
    action, fields = form_at(at(admin, made.place), "roles/helpdesk")
    changed = admin.post(action, {**fields, "0.devices": 'policyName="*/kiosk"'})
    page = at(admin, changed.place)
    action, fields = form_at(at(admin, ROLES), ":bind")
    admin.post(action, {**fields, "who": "dora@example.com", "role": "helpdesk"})
    bound = at(admin, ROLES)
    in_use = shown(admin.post(*form_at(page, ":delete")))
    taken = admin.post(*form_at(bound, ":unbind"))
    deleted = admin.post(*form_at(page, ":delete"))

    assert (303, f"{ROLES}/helpdesk") == (made.status, made.place)
    assert f'of commands, {PLAIN.name} only; on devices for which policyName="*/kiosk" holds.' in page.text
    assert "Restarts kiosks." in bound.text
    assert "person:dora@example.com has helpdesk" in bound.text
    assert 400 == in_use.status
    assert [303, 303] == [taken.status, deleted.status]
    assert "helpdesk" not in at(admin, ROLES).text


@pytest.mark.parametrize(
    "wrong, said",
    [
        pytest.param({"name": "Help Desk"}, "Help Desk", id="name"),
        pytest.param({"name": "admin"}, "admin", id="there already"),
        pytest.param({"0.methods": "androidmanagement.enterprises.devices.sing"}, "sing", id="method"),
        pytest.param({"0.methods": ""}, "at least one line", id="no line"),
        pytest.param({"0.devices": "colour=red"}, "colour", id="filter"),
        pytest.param({"0.per_hour": "many"}, "per_hour", id="no number"),
        pytest.param({"0.enterprises": "enterprises/acme"}, "enterprises/acme", id="enterprise"),
    ],
)
def test_what_is_wrong_in_a_role_is_said_and_kept(house: House, admin: Visitor, wrong: dict[str, str], said: str) -> None:
    before = state(house)
    action, fields = form_at(at(admin, f"{ROLES}:make"), "roles:make")
    filled = {**fields, "name": "helpdesk", "description": "Restarts kiosks.", "0.methods": "*.get", **wrong}

    answer = shown(admin.post(action, filled))

    assert 400 == answer.status
    assert said in answer.text
    kept = dict(answer.forms[-1].fields)
    assert (filled["description"], filled["name"]) == (kept["description"], kept["name"])
    assert filled["0.methods"] == kept["0.methods"].strip()
    assert before == state(house)


def test_someone_is_invited_signed_out_everywhere_and_removed(house: House, admin: Visitor) -> None:
    action, fields = form_at(at(admin, PEOPLE), "people:invite")
    invited = shown(admin.post(action, {**fields, "person": "Emil@example.com", "role": "viewer", "enterprises": "acme"}))
    assert "The invitation waits for emil@example.com" in at(admin, PEOPLE).text
    link = next(word for word in invited.text.split() if "/sign-in/invitation/" in word)
    emil = Visitor(house.server)
    assert 303 == emil.accept(link).status
    page = at(admin, PEOPLE).links["emil@example.com"]

    with_session = at(admin, page)
    admin.post(*form_at(with_session, ":signOut"))
    after = emil.get("/console/enterprises/acme")
    action, fields = form_at(at(admin, page), ":remove")
    careless = admin.post(action, fields)
    removed = admin.post(action, {**fields, "sure": "yes"})

    assert "no-store" == invited.headers["cache-control"]
    assert "viewer" in with_session.text
    assert "Sessions" in with_session.text
    assert (303, True) == (after.status, after.place.startswith("/sign-in"))
    assert [400, 303] == [careless.status, removed.status]
    assert "emil@example.com" not in at(admin, PEOPLE).text


def test_only_who_may_read_the_trail_is_led_from_a_key_and_a_person_to_what_they_did(house: House, admin: Visitor) -> None:
    role = {"allow": [{"methods": [f"heliograph.{name}" for name in ("keys.list", "people.list", "people.get")]}]}
    assert 200 == house.server.desk("PUT", "/roles/porter", role).status
    porter = signed_in(house.server, role="porter")
    key = house.server.key_file(["acme"], "viewer", pair=key_pair(3))["private_key_id"]
    person = next(link for link in at(admin, PEOPLE).links.values() if link.startswith(f"{PEOPLE}/"))

    for path, link in ((f"{KEYS}/{key}", "What was done with this key"), (person, "What this person did")):
        trail = at(admin, path).links[link]
        seen = at(porter, path)

        assert [200, 200] == [seen.status, admin.get(trail).status]
        assert link not in seen.links
        assert 403 == porter.get(trail).status


@pytest.mark.parametrize("what", [FINAL.name, PLAIN.name, "devices.delete", "heliograph.keys.create"])
def test_who_may_what_is_answered_as_at_the_command_line(house: House, admin: Visitor, what: str) -> None:
    where = house.device.removeprefix("/console/")
    viewer = signed_in(house.server, role="viewer").get("/account")
    who = next(iter(shown(viewer).text.split("Signed in as ")[1].split()))

    page = at(admin, f"{ACCESS}?who={who}&what={what}&where={where}")
    said = house.server.desk("GET", f"/access:explain?who={who}&what={what}&where={where}").json

    for label, text in access_in_words(said, where):
        assert f"{label} {text}" in page.text
    assert "allowed no" in page.text


@pytest.mark.parametrize("query", ["who=nobody%40example.com&what=WIPE", "who=a%20b&what=WIPE", "who=a%40example.com&what=SING", "who=a"])
def test_a_question_that_has_no_answer_says_why_and_is_kept(admin: Visitor, query: str) -> None:
    page = at(admin, f"{ACCESS}?{query}")

    assert page.status in {400, 404}
    assert query.partition("&")[0].removeprefix("who=").replace("%40", "@").replace("%20", " ") == dict(page.forms[-1].fields)["who"]


def test_a_sandbox_makes_keys_for_trying_roles(reader: Reader) -> None:
    made = reader.open(f"{KEYS}:make")
    assert "People" not in made.links
    action = made.forms[-1].action
    assert action.endswith("keys:make")
    assert 200 == reader.open(KEYS).status
    assert 200 == reader.open(f"{ACCESS}?who=group%3Adesk&what={PLAIN.name}").status
