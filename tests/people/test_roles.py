"""What someone who signed in may do: the role of their invitation, and those that they and their groups are bound to."""

import json

from heliograph.domain.access import OF_SESSIONS, Caller
from heliograph.service.roles import RoleBook
from tests.people.visitor import Visitor, signed_in
from tests.sign_in.conftest import Guarded

ISSUE = "androidmanagement.enterprises.devices.issueCommand"


def role(guarded: Guarded, name: str, *lines: dict[str, object]) -> str:
    """A role with these lines."""
    answer = guarded.desk("PUT", f"/roles/{name}", {"allow": lines})
    assert 200 == answer.status, answer.body
    return name


def rename(visitor: Visitor) -> tuple[int, str]:
    """The answer to a change of the enterprise: its status and reason."""
    path = "/v1/enterprises/acme?updateMask=enterpriseDisplayName"
    seen = visitor.call("PATCH", path, {"enterpriseDisplayName": "Acme"}, x_heliograph_form_token=visitor.form_token())
    details = json.loads(seen.page).get("error", {}).get("details", ())
    return seen.status, next((str(detail["reason"]) for detail in details if "reason" in detail), "")


def test_a_person_has_the_role_of_the_invitation_and_those_that_they_are_bound_to(guarded: Guarded) -> None:
    guarded.key_file(["acme"])
    renames = role(guarded, "renames", {"methods": ["androidmanagement.enterprises.patch"]})
    viewer = signed_in(guarded, "bound@example.com", "viewer", ("acme",))

    assert (403, "ROLE_INSUFFICIENT") == rename(viewer)
    guarded.desk("PUT", f"/roleBindings/person:bound@example.com/{renames}")
    assert (200, "") == rename(viewer)
    guarded.desk("DELETE", f"/roleBindings/person:bound@example.com/{renames}")
    assert (403, "ROLE_INSUFFICIENT") == rename(viewer)


def test_a_person_is_invited_to_a_role_of_ones_own(guarded: Guarded) -> None:
    guarded.key_file(["acme"])
    renames = role(guarded, "only-renames", {"methods": ["androidmanagement.enterprises.patch"]})
    visitor = signed_in(guarded, "own@example.com", renames, ("acme",))

    assert (200, "") == rename(visitor)
    assert 403 == visitor.call("GET", "/v1/enterprises/acme/devices").status
    assert (400, True) == ((answer := guarded.desk("DELETE", f"/roles/{renames}")).status, "person:own@example.com" in answer.message)


def test_a_person_may_destroy_ten_devices_an_hour(guarded: Guarded) -> None:
    key = guarded.key_file(["acme"], unlimitedBlastRadius=True)
    visitor = signed_in(guarded, "clumsy@example.com", "admin", ("acme",))
    token = guarded.call_as(key, "POST", "/v1/enterprises/acme/enrollmentTokens", {"policyName": "default"}).json["value"]
    devices = [guarded.enrolled(token) for _ in range(11)]
    form_token = visitor.form_token()

    statuses = [visitor.call("DELETE", f"/v1/{device}", x_heliograph_form_token=form_token).status for device in devices]

    assert [200] * 10 + [429] == statuses


def test_a_group_brings_its_members_what_it_is_bound_to(guarded: Guarded) -> None:
    locks = role(guarded, "locks", {"methods": [ISSUE], "commandTypes": ["LOCK"]})
    guarded.desk("PUT", f"/roleBindings/group:first-level/{locks}")
    member = Caller(person="ann@example.com", key_id=f"{OF_SESSIONS}1", role="", groups=("staff", "first-level"))

    async def roles_of(caller: Caller) -> str:
        return (await RoleBook(guarded.ports.store, guarded.ports.access).resolved(caller)).rights.role_names

    assert "locks" == guarded.run(roles_of(member))
    assert "none" == guarded.run(roles_of(Caller(person="ann@example.com", key_id=f"{OF_SESSIONS}1", role="", groups=("staff",))))
    # A key of the same person is not in their groups.
    assert "viewer" == guarded.run(roles_of(Caller(person="ann@example.com", key_id="k1", email="ci@acme", role="viewer")))
