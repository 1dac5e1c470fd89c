"""Roles at a real server: what they allow, that a change holds at once, and that what explains them is what judges."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from heliograph.domain.access import Role
from heliograph.domain.openid import group_rule
from heliograph.domain.roles import COUNTED_METHODS
from heliograph.openid.client import OpenIdClient
from heliograph.settings import Settings
from tests.sign_in.conftest import Guarded, guarded_server
from tests.sign_in.key_pairs import key_pair

ISSUE, DELETE, PATCH = COUNTED_METHODS
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def admin(guarded: Guarded) -> dict[str, Any]:
    """A key for enterprise acme, which it makes."""
    return guarded.key_file(["acme"], Role.ADMIN, pair=key_pair(0), unlimitedBlastRadius=True)


def phone(guarded: Guarded, admin: dict[str, Any], *, policy: str = "default") -> str:
    """The name of a new device with this policy."""
    token = guarded.call_as(admin, "POST", "/v1/enterprises/acme/enrollmentTokens", {"policyName": policy}).json["value"]
    return guarded.enrolled(token)


def role(guarded: Guarded, *lines: dict[str, Any]) -> str:
    """The id of a new role with these lines."""
    name = f"role-{next(_NUMBERS)}"
    answer = guarded.desk("PUT", f"/roles/{name}", {"allow": lines})
    assert 200 == answer.status, answer.body
    return name


def reason_of(answer: Any) -> tuple[int, str]:  # noqa: ANN401 - a Response
    """The status, and the ErrorInfo's reason."""
    details = answer.json.get("error", {}).get("details", ())
    return answer.status, next((str(detail["reason"]) for detail in details if "reason" in detail), "")


def test_a_key_with_a_custom_role_does_what_its_lines_allow(guarded: Guarded, admin: dict[str, Any]) -> None:
    kiosk, desk = phone(guarded, admin, policy="kiosk"), phone(guarded, admin)
    name = role(
        guarded,
        {"methods": [ISSUE], "commandTypes": ["LOCK", "REBOOT"], "devices": 'policyName="*/kiosk"'},
        {"methods": ["*.list", "*.get"], "devices": 'policyName="*/kiosk"'},
    )
    key = guarded.key_file(["acme"], name, pair=key_pair(1))

    assert 200 == guarded.call_as(key, "POST", f"/v1/{kiosk}:issueCommand", {"type": "LOCK"}).status
    assert (403, "ROLE_INSUFFICIENT") == reason_of(guarded.call_as(key, "POST", f"/v1/{kiosk}:issueCommand", {"type": "WIPE"}))
    assert (403, "ROLE_INSUFFICIENT") == reason_of(guarded.call_as(key, "POST", f"/v1/{kiosk}:issueCommand", {"wipeParams": {}}))
    assert (403, "ROLE_INSUFFICIENT") == reason_of(guarded.call_as(key, "POST", f"/v1/{desk}:issueCommand", {"type": "LOCK"}))
    assert (403, "ROLE_INSUFFICIENT") == reason_of(guarded.call_as(key, "DELETE", f"/v1/{kiosk}"))
    assert (403, "ROLE_INSUFFICIENT") == reason_of(guarded.call_as(key, "GET", "/v1/enterprises/acme/policies"))
    assert 200 == guarded.call_as(key, "GET", f"/v1/{kiosk}").status
    assert (403, "ROLE_INSUFFICIENT") == reason_of(guarded.call_as(key, "GET", f"/v1/{desk}"))
    assert (403, "ROLE_INSUFFICIENT") == reason_of(guarded.call_as(key, "GET", f"/v1/{desk}/operations"))
    listed = guarded.call_as(key, "GET", "/v1/enterprises/acme/devices?pageSize=100").json
    assert [kiosk] == [device["name"] for device in listed["devices"]]


def test_a_device_that_leaves_the_filter_is_out_of_reach_at_once(guarded: Guarded, admin: dict[str, Any]) -> None:
    moving = phone(guarded, admin, policy="lab")
    name = role(guarded, {"methods": [ISSUE, PATCH], "devices": 'policyName="*/lab"'})
    key = guarded.key_file(["acme"], name, pair=key_pair(1))
    assert 200 == guarded.call_as(key, "POST", f"/v1/{moving}:issueCommand", {"type": "LOCK"}).status

    assert 200 == guarded.call_as(key, "PATCH", f"/v1/{moving}", {"policyName": "enterprises/acme/policies/sales"}).status

    for answer in (
        guarded.call_as(key, "POST", f"/v1/{moving}:issueCommand", {"type": "LOCK"}),
        guarded.call_as(key, "PATCH", f"/v1/{moving}", {"policyName": "enterprises/acme/policies/lab"}),
    ):
        assert (403, "ROLE_INSUFFICIENT") == reason_of(answer)


def test_a_role_that_is_changed_holds_for_the_next_request(guarded: Guarded, admin: dict[str, Any]) -> None:
    device = phone(guarded, admin)
    name = role(guarded, {"methods": [ISSUE]})
    key = guarded.key_file(["acme"], name, pair=key_pair(1))
    assert 200 == guarded.call_as(key, "POST", f"/v1/{device}:issueCommand", {"type": "LOCK"}).status

    guarded.desk("PUT", f"/roles/{name}", {"allow": [{"methods": ["*.get"]}]})

    assert 403 == guarded.call_as(key, "POST", f"/v1/{device}:issueCommand", {"type": "LOCK"}).status
    assert 200 == guarded.call_as(key, "GET", f"/v1/{device}").status


def test_an_account_is_bound_to_further_roles_until_it_is_not(guarded: Guarded, admin: dict[str, Any]) -> None:
    device = phone(guarded, admin)
    viewer = guarded.key_file(["acme"], Role.VIEWER, pair=key_pair(2), person="ann@acme.example")
    name = role(guarded, {"methods": [ISSUE], "commandTypes": ["LOCK"]})
    who = f"account:{viewer['client_email']}"

    def lock() -> int:
        return guarded.call_as(viewer, "POST", f"/v1/{device}:issueCommand", {"type": "LOCK"}).status

    assert 403 == lock()
    assert who == guarded.desk("PUT", f"/roleBindings/{who}/{name}").json["who"]
    assert 200 == lock()
    assert (400, "ROLE_IN_USE") == reason_of(guarded.desk("DELETE", f"/roles/{name}"))
    assert 200 == guarded.desk("DELETE", f"/roleBindings/{who}/{name}").status
    assert 403 == lock()
    assert 404 == guarded.desk("DELETE", f"/roleBindings/{who}/{name}").status
    # What a person may do is for their sessions: this key may be for much less.
    guarded.desk("PUT", f"/roleBindings/person:ann@acme.example/{name}")
    assert 403 == lock()


@pytest.mark.both_ways
def test_so_many_an_hour_and_then_429(guarded: Guarded, admin: dict[str, Any]) -> None:
    device = phone(guarded, admin)
    name = role(guarded, {"methods": [ISSUE], "commandTypes": ["LOCK"], "perHour": 2}, {"methods": [ISSUE], "commandTypes": ["REBOOT"]})
    key = guarded.key_file(["acme"], name, pair=key_pair(3))

    def issue(kind: str) -> Any:  # noqa: ANN401 - a Response
        return guarded.call_as(key, "POST", f"/v1/{device}:issueCommand", {"type": kind})

    assert [200, 200] == [issue("LOCK").status, issue("LOCK").status]
    refused = issue("LOCK")
    assert (429, "ROLE_LIMIT_REACHED") == reason_of(refused)
    assert 0 < int(refused.headers["retry-after"]) <= 3_600
    assert 200 == issue("REBOOT").status


def test_a_role_that_is_gone_allows_nothing(guarded: Guarded, admin: dict[str, Any]) -> None:
    name = role(guarded, {"methods": ["*"]})
    key = guarded.key_file(["acme"], name, pair=key_pair(4))
    assert 200 == guarded.call_as(key, "GET", "/v1/enterprises/acme").status
    assert 400 == guarded.desk("DELETE", f"/roles/{name}").status

    guarded.operate("PATCH", f"/{key['private_key_id']}", json.dumps({"role": "viewer"}))
    assert 200 == guarded.desk("DELETE", f"/roles/{name}").status

    assert 404 == guarded.desk("GET", f"/roles/{name}").status
    assert 200 == guarded.call_as(key, "GET", "/v1/enterprises/acme").status


@pytest.mark.parametrize(
    "method, path, body, status, said",
    [
        ("PUT", "/roles/admin", {"allow": [{"methods": ["*"]}]}, 400, "built in"),
        ("DELETE", "/roles/viewer", None, 400, "built in"),
        ("PUT", "/roles/UPPER", {"allow": [{"methods": ["*"]}]}, 400, "small letters"),
        ("PUT", "/roles/a", {"allow": [{"methods": ["*"], "commandTypes": ["EXPLODE"]}]}, 400, "EXPLODE"),
        ("PUT", "/roles/a", {"name": "b", "allow": []}, 400, "differs"),
        ("PUT", "/roles/a", {"allow": [{"method": ["*"]}]}, 400, "method"),
        ("GET", "/roles/none", None, 404, "roles list"),
        ("PUT", "/roleBindings/ann@acme.example/none", None, 404, "roles list"),
        ("PUT", "/roleBindings/group:/viewer", None, 400, "write account:"),
        ("GET", "/access:explain?who=admin@none.iam.heliograph.internal&what=LOCK", None, 404, "keys list"),
        ("GET", "/access:explain?who=ann&what=EXPLODE", None, 400, "neither a type"),
        ("GET", "/access:explain?who=ann&what=delete", None, 400, "may be any of"),
        ("GET", "/access:explain?who=ann&what=LOCK&where=enterprises/acme/devices/none", None, 404, "devices/none"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(guarded: Guarded, method: str, path: str, body: object, status: int, said: str) -> None:
    answer = guarded.desk(method, path, body)

    assert (status, True) == (answer.status, said in answer.message)


def test_the_desk_lists_roles_and_who_has_them(guarded: Guarded) -> None:
    name = role(guarded, {"methods": ["*.get"], "enterprises": ["acme"]})
    guarded.desk("PUT", f"/roleBindings/group:staff/{name}")

    roles = {found["name"]: found for found in guarded.desk("GET", "/roles").json["roles"]}
    bound = [(found["who"], found["role"]) for found in guarded.desk("GET", "/roleBindings").json["roleBindings"]]

    assert [True, True, True] == [roles[built_in].get("builtIn", False) for built_in in ("viewer", "operator", "admin")]
    assert {"name": name, "allow": [{"methods": ["*.get"], "enterprises": ["acme"]}]} == roles[name]
    assert ("group:staff", name) in bound


@pytest.mark.both_ways
def test_what_is_explained_is_what_happens(guarded: Guarded, admin: dict[str, Any]) -> None:
    """Every role on every kind of call: the explanation says yes if and only if the call passes."""
    kiosk, desk = phone(guarded, admin, policy="kiosk"), phone(guarded, admin)
    roles = [
        "viewer", "operator", "admin",
        role(guarded, {"methods": [ISSUE], "devices": 'policyName="*/kiosk"'}),
        role(guarded, {"methods": [ISSUE], "commandTypes": ["WIPE"]}, {"methods": ["*.get"]}),
        role(guarded, {"methods": ["*"], "enterprises": ["others"]}),
        role(guarded, {"methods": ["*"], "devices": 'policyName="*/kiosk"'}),
    ]  # fmt: skip
    for name in roles:
        key = guarded.key_file(["acme"], name, pair=key_pair(5), unlimitedBlastRadius=True)
        for where in (kiosk, desk):
            for what, http, path, body in (
                ("LOCK", "POST", f"/v1/{where}:issueCommand", {"type": "LOCK"}),
                ("RELINQUISH_OWNERSHIP", "POST", f"/v1/{where}:issueCommand", {"type": "RELINQUISH_OWNERSHIP"}),
                ("devices.get", "GET", f"/v1/{where}", None),
                ("devices.patch", "PATCH", f"/v1/{where}?updateMask=state", {"state": "ACTIVE"}),
                ("devices.operations.list", "GET", f"/v1/{where}/operations", None),
            ):
                explained = guarded.desk("GET", f"/access:explain?who={key['private_key_id']}&what={what}&where={where}").json
                answer = guarded.call_as(key, http, path, body)

                assert (answer.status == 200) is explained["allowed"], (name, what, where, explained, answer.body)
                if not explained["allowed"]:
                    assert reason_of(answer)[1] == explained["error"]
                assert explained["allowed"] is any(line["covers"] for line in explained["lines"])


def test_people_and_groups_are_explained_before_they_sign_in(guarded: Guarded, admin: dict[str, Any]) -> None:
    device = phone(guarded, admin)
    name = role(guarded, {"methods": [ISSUE], "commandTypes": ["LOCK"]})
    guarded.desk("PUT", f"/roleBindings/group:helpdesk/{name}")

    group, person = (
        guarded.desk("GET", f"/access:explain?who={who}&what=LOCK&where={device}") for who in ("group:helpdesk", "bob@acme.example")
    )

    assert (True, [name], 10) == (group.json["allowed"], group.json["roles"], group.json["blastRadius"])
    assert (404, True) == (person.status, "bob@acme.example has no role and no key" in person.message)


def test_of_a_group_what_the_servers_options_give_its_members_counts_too(tmp_path: Path) -> None:
    rules = (group_rule("fleet=viewer:acme"), group_rule("desk=admin:*"))
    client = OpenIdClient(issuer="http://127.0.0.1:9", client_id="heliograph", rules=rules)
    with guarded_server(Settings(data_dir=tmp_path, durable=False, openid=client)) as server:
        found = {
            (group, where): server.desk("GET", f"/access:explain?who=group:{group}&what=devices.list&where={where}").json
            for group, where in (("fleet", "enterprises/acme"), ("fleet", "enterprises/other"), ("desk", "enterprises/other"), ("else", ""))
        }

    assert [True, False, True, False] == [answer["allowed"] for answer in found.values()]
    assert ["viewer"] == found["fleet", "enterprises/acme"]["roles"]
    assert [] == found["else", ""]["roles"]
