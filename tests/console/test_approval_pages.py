"""Approvals in the console: whom something waits for, and that person's word on exactly what the page shows."""

import itertools
import json
from collections.abc import Iterator

import pytest

from heliograph.commands import COMMANDS
from heliograph.domain.approval import OwnApproval, UnnamedApprover
from tests.console.houses import House, asked, form_at, shown
from tests.console.reader import Page, Reader
from tests.people.visitor import Visitor, signed_in

APPROVALS, RULES = "/console/enterprises/acme/approvals", "/console/enterprises/acme/approvalRules"
FINAL = next(row for row in COMMANDS.values() if row.final_at_ack and row.requires.fully_managed)
PLAIN = next(row for row in COMMANDS.values() if not row.example)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def ruled(house: House) -> House:
    """The house, whose acme lets no one wipe alone; it can be called off for a minute."""
    visitor = signed_in(house.server, "first@example.com")
    action, fields = form_at(shown(visitor.get(RULES)), "approvalRules")
    assert 303 == visitor.post(action, {**fields, "0.what": FINAL.name, "0.approvals": "1", "0.grace": "1m"}).status
    return house


@pytest.fixture
def ann(ruled: House) -> Visitor:
    """Who asks."""
    return signed_in(ruled.server, f"ann-{next(_numbers)}@example.com")


@pytest.fixture
def ben(ruled: House) -> Visitor:
    """Who decides."""
    return signed_in(ruled.server, f"ben-{next(_numbers)}@example.com")


@pytest.fixture
def wipe(ruled: House, ann: Visitor) -> Iterator[str]:
    """A wipe that Ann issued in the console: the page of its approval. In the end it is called off."""
    device = ruled.device.rpartition("/")[2]
    form = shown(ann.get(f"{ruled.device}/commands/{FINAL.name}")).forms[-1]
    confirmation = shown(ann.post(form.action, dict(form.fields))).forms[-1]
    issued = ann.post(confirmation.action, {**dict(confirmation.fields), "typed_name": device})
    approval = shown(ann.get(issued.place)).links["The approval of this command"]
    yield approval
    page = shown(ann.get(approval))
    if any(form.action.endswith(":callOff") for form in page.forms):
        action, fields = form_at(page, ":callOff")
        ann.post(action, fields)


def page_of(visitor: Visitor, path: str) -> Page:
    return shown(visitor.get(path))


def section(page: Page, name: str) -> str:
    """What the list says below this heading."""
    return page.text.partition(f" {name} ")[2].partition(" Waits for others " if name != "Waits for others" else " Decided ")[0]


def actions(page: Page) -> set[str]:
    """What the page's forms do."""
    return {form.action.rpartition(":")[2] for form in page.forms if ":" in form.action}


def test_what_waits_is_listed_for_who_may_decide_and_for_who_asked(ann: Visitor, ben: Visitor, wipe: str) -> None:
    for_ann, for_ben = page_of(ann, APPROVALS), page_of(ben, APPROVALS)

    assert "Nothing waits for you." in for_ann.text
    assert FINAL.name in section(for_ann, "You asked for it")
    assert FINAL.name in section(for_ben, "Waits for you")
    assert for_ben.links[FINAL.name] == wipe


def test_the_approver_sees_exactly_the_devices_and_by_their_word_it_happens(ruled: House, ann: Visitor, ben: Visitor, wipe: str) -> None:
    page = page_of(ben, wipe)
    approval = asked(ben, "GET", f"/heliograph/v1{wipe.removeprefix('/console')}")

    action, fields = form_at(page, ":approve")
    decided = ben.post(action, fields)

    device = ruled.device.removeprefix("/console/")
    assert page.links[device] == ruled.device
    assert approval["digest"] == fields["digest"]
    assert approval["digest"] in page.text
    assert (303, wipe) == (decided.status, decided.place)
    after = page_of(ben, wipe)
    assert "approved" in after.text
    assert "It can still be called off." in after.text
    assert {"callOff"} == actions(page_of(ann, wipe))


def test_nobody_approves_their_own_and_the_page_says_why(ann: Visitor, ben: Visitor, wipe: str) -> None:
    mine, theirs = page_of(ann, wipe), page_of(ben, wipe)
    action, fields = form_at(theirs, ":approve")

    forced = shown(ann.post(action, {**fields, "form_token": ann.form_token()}))

    assert {"callOff"} == actions(mine)
    assert OwnApproval().message in mine.text
    assert 403 == forced.status
    assert OwnApproval().message in forced.text
    assert "waits" in page_of(ben, wipe).text


def test_what_changed_since_the_page_was_shown_is_not_approved(ben: Visitor, wipe: str) -> None:
    action, fields = form_at(page_of(ben, wipe), ":approve")

    answer = shown(ben.post(action, {**fields, "digest": "0" * 64}))

    assert 409 == answer.status
    assert "differs from what waits" in answer.text
    assert "approve" in actions(answer)


def test_it_is_declined_with_a_reason_that_who_asked_reads(ann: Visitor, ben: Visitor, wipe: str) -> None:
    action, fields = form_at(page_of(ben, wipe), ":decline")
    too_long = shown(ben.post(action, {**fields, "reason": "no " * 400}))

    declined = ben.post(action, {**fields, "reason": "It is the spare one."})

    assert 400 == too_long.status
    assert "no no no" in too_long.text  # what was written is kept
    assert 303 == declined.status
    assert "It is the spare one." in page_of(ann, wipe).text
    assert set() == actions(page_of(ann, wipe))
    assert "declined" in section(page_of(ann, APPROVALS), "Decided")


def test_it_is_called_off_in_the_grace_period(ann: Visitor, ben: Visitor, wipe: str) -> None:
    ben.post(*form_at(page_of(ben, wipe), ":approve"))

    ann.post(*form_at(page_of(ann, wipe), ":callOff"))

    assert "called off" in page_of(ben, wipe).text
    assert set() == actions(page_of(ann, wipe))


def test_a_viewer_sees_what_waits_and_has_no_word(ruled: House, wipe: str) -> None:
    viewer = signed_in(ruled.server, role="viewer")

    page, rules = page_of(viewer, wipe), page_of(viewer, RULES)

    assert 200 == page.status
    assert set() == actions(page)
    assert "Your role does not allow approving." in page.text
    assert [] == [form for form in rules.forms if form.action.endswith("approvalRules")]
    assert FINAL.name in rules.text


def test_a_change_of_the_rules_waits_for_another_person_and_is_then_made_as_it_was_asked(house: House) -> None:
    ann, ben = signed_in(house.server), signed_in(house.server)
    rules = RULES.replace("acme", "other")
    assert "Nothing needs approval here." in page_of(ann, rules).text
    action, fields = form_at(page_of(ann, rules), "approvalRules")
    ann.post(action, {**fields, "0.what": FINAL.name, "0.approvals": "1"})

    lifted = shown(ann.post(action, {**fields, "0.what": "", "0.approvals": "1"}))
    approval = lifted.links["To the approval that it waits for"]
    ben.post(*form_at(page_of(ben, approval), ":approve"))
    again = page_of(ann, approval).form_to("approvalRules")

    assert 400 == lifted.status
    assert 303 == ann.post(again.action, dict(again.fields)).status
    assert "Nothing needs approval here." in page_of(ann, rules).text


@pytest.mark.parametrize(
    "wrong, said",
    [
        pytest.param({"0.devices": "colour=red"}, "colour", id="filter"),
        pytest.param({"0.approvals": "9"}, "between 1 and 5", id="too many people"),
        pytest.param({"0.approvals": "many"}, "approvals", id="no number"),
        pytest.param({"0.grace": "soon"}, "grace", id="no duration"),
        pytest.param({"0.grace": "9d"}, "at most a day", id="too long"),
        pytest.param({"0.kinds": "OWNED_BY_A_CAT"}, "OWNED_BY_A_CAT", id="kind"),
        pytest.param({"0.what": "REBOOT"}, "REBOOT", id="type that needs none"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_and_kept_in_the_form(house: House, wrong: dict[str, str], said: str) -> None:
    visitor = signed_in(house.server, enterprises=("other",))
    rules = RULES.replace("acme", "other")
    action, fields = form_at(page_of(visitor, rules), "approvalRules")
    before = asked(visitor, "GET", "/heliograph/v1/enterprises/other/approvalRules")

    filled = {**fields, "0.what": FINAL.name, "0.devices": "apiLevel>=30", **wrong}
    answer = shown(visitor.post(action, filled))

    assert 400 == answer.status
    assert said in answer.text
    assert filled["0.devices"] == dict(answer.forms[-1].fields)["0.devices"]
    assert before == asked(visitor, "GET", "/heliograph/v1/enterprises/other/approvalRules")


def test_where_no_one_signs_in_no_one_approves_and_the_page_says_so(reader: Reader) -> None:
    assert "Nothing has needed a second person yet." in reader.open("/console/enterprises/sandbox/approvals").text
    rules = reader.open("/console/enterprises/sandbox/approvalRules")
    assert "must approve" in reader.submit(rules, fill={"0.what": [FINAL.name]}).text
    phone = "pixel8-a15-fully-managed"
    confirmation = reader.submit(reader.open(f"/console/enterprises/sandbox/devices/{phone}/commands/{FINAL.name}"))
    operation = reader.submit(confirmation, fill={"typed_name": phone})

    page = reader.click(operation, "The approval of this command")

    assert {"callOff"} == actions(page)
    assert UnnamedApprover().message in page.text or OwnApproval().message in page.text
    assert (
        json.loads(reader.open(f"/heliograph/v1{page.url.partition('/console')[2]}", headers={"Accept": "*/*"}).html)["state"] == "PENDING"
    )
