"""Every method that changes anything has its entry: who, from where, what; and so has every refusal of one."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.own_methods import OWN_METHODS
from heliograph.cli.key_file import bearer_of
from heliograph.domain.access import Role
from heliograph.domain.audit import ActorType, AuditEntry, entries_of
from heliograph.domain.rights import is_write
from heliograph.settings import Settings
from heliograph.storage.sqlite.rows import rows_of
from tests.sign_in.conftest import Guarded, guarded_server
from tests.sign_in.key_pairs import key_pair

ADDRESS = "203.0.113.7"
"""Where callers say they come from, through a proxy that is trusted."""
WRITES = {method.id: method for method in (*AMAPI_METHODS, *OWN_METHODS) if is_write(method.id) and method.offered}
NOT_A_RESOURCE = {"audit_blocks", "outbox", "events", "event_numbers", "swept", "history", "schema_version", "room", "dead_letters"}
"""Tables whose rows are no resource: the trail itself, notifications on their way, given up whenever their time has come; and what the
storage keeps for itself."""


WEB_APP = {"title": "Shop", "startUrl": "https://shop.example.com", "icons": [{"imageData": "iVBORw0KGgo"}], "displayMode": "STANDALONE"}
NOWHERE = "http://127.0.0.1:9/"
"""The discard port, where no one listens."""


class Step(NamedTuple):
    """One call."""

    method: str
    path: str
    body: object = None


STEPS = (
    Step("enterprises.create", "v1/enterprises?projectId=p&agreementAccepted=true", {"enterpriseDisplayName": "Lab"}),
    Step("enterprises.patch", "v1/enterprises/acme", {"enterpriseDisplayName": "Acme"}),
    Step("enterprises.policies.patch", "v1/enterprises/acme/policies/kiosk", {"cameraDisabled": True}),
    Step(
        "enterprises.policies.modifyPolicyApplications",
        "v1/enterprises/acme/policies/kiosk:modifyPolicyApplications",
        {"changes": [{"application": {"packageName": "com.example.app", "installType": "AVAILABLE"}}]},
    ),
    Step(
        "enterprises.policies.removePolicyApplications",
        "v1/enterprises/acme/policies/kiosk:removePolicyApplications",
        {"packageNames": ["com.example.app"]},
    ),
    Step("enterprises.policies.delete", "v1/enterprises/acme/policies/kiosk"),
    Step("enterprises.enrollmentTokens.create", "v1/enterprises/acme/enrollmentTokens", {"policyName": "other"}),
    Step("enterprises.enrollmentTokens.delete", "v1/{made}"),
    Step("enterprises.webApps.create", "v1/enterprises/acme/webApps", WEB_APP),
    Step("enterprises.webApps.patch", "v1/{made}", {**WEB_APP, "title": "Store"}),
    Step("enterprises.webApps.delete", "v1/{made}"),
    Step("enterprises.devices.issueCommand", "v1/{device}:issueCommand", {"type": "LOCK"}),
    Step("enterprises.devices.operations.cancel", "v1/{made}:cancel", {}),
    Step("enterprises.devices.patch", "v1/{device}?updateMask=state", {"state": "DISABLED"}),
    Step("heliograph.reservations.create", "heliograph/v1/enterprises/acme/reservations", {"device": "{device}"}),
    Step("heliograph.reservations.heartbeat", "heliograph/v1/{reservation}:heartbeat", {"fencingToken": "1"}),
    Step("heliograph.reservations.release", "heliograph/v1/{reservation}:release", {"fencingToken": "1"}),
    Step(
        "heliograph.pushEndpoints.create",
        "heliograph/v1/enterprises/acme/pushEndpoints",
        {"url": NOWHERE, "signing": {"standardWebhooks": {}}},
    ),
    Step("heliograph.pushEndpoints.patch", "heliograph/v1/{made}?updateMask=url", {"url": f"{NOWHERE}other"}),
    Step("heliograph.pushEndpoints.test", "heliograph/v1/{made}:test", {}),
    Step("heliograph.pushEndpoints.rotateSecret", "heliograph/v1/{made}:rotateSecret", {}),
    Step("heliograph.pushEndpoints.delete", "heliograph/v1/{made}"),
    Step("heliograph.deadLetters.resend", "heliograph/v1/enterprises/acme/deadLetters:resend", {}),
    Step("heliograph.deadLetters.discard", "heliograph/v1/enterprises/acme/deadLetters:discard", {"endTime": "2001-01-01T00:00:00Z"}),
    Step("enterprises.generateEnterpriseUpgradeUrl", "v1/enterprises/acme:generateEnterpriseUpgradeUrl", {}),
    Step("signupUrls.create", "v1/signupUrls?projectId=p&callbackUrl=https://example.com/back"),
    Step("enterprises.devices.delete", "v1/{device}"),
    Step("enterprises.delete", "v1/enterprises/acme"),
)
"""In an order in which each finds what it needs; `{made}` is the name in the last answer to a create."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A server behind a proxy."""
    folder = Path(tmp_path_factory.mktemp("data"))
    with guarded_server(
        Settings(
            data_dir=folder, durable=False, trusted_proxies=("127.0.0.1",), push_endpoint=NOWHERE, push_allow_networks=("127.0.0.0/8",)
        )
    ) as made:
        yield made


class Caller:
    """Someone with a key, who calls through a proxy."""

    def __init__(self, server: Guarded, role: str, folder: Path, *, pair: int) -> None:
        self.actor = f"{role}{pair}@example.com"
        key = server.key_file(["*"] if role is Role.ADMIN else ["acme"], role, pair=key_pair(pair), person=self.actor)
        path = folder / f"{role}{pair}.json"
        path.write_text(json.dumps(key), encoding="utf-8")
        self.key_id = str(key["private_key_id"])
        self._bearer = bearer_of(path)
        self._server = server

    def call(self, http: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - any answer
        """The answer."""
        sent = None if body is None else json.dumps(body)
        return self._server.call(
            http, f"/{path}", sent, authorization=f"Bearer {self._bearer()}", x_forwarded_for=ADDRESS, content_type="application/json"
        )


def trail_of(server: Guarded) -> list[AuditEntry]:
    """Every entry, the oldest first."""
    blocks = server.run(server.ports.store.audit_blocks_after(None, after=0, limit=100_000))
    return [entry for block in blocks for entry in entries_of(block)]


def resources_in(server: Guarded) -> Mapping[str, object]:
    """Every row of every table that holds resources."""
    with contextlib.closing(apsw.Connection(str(server.folder / "heliograph.db"), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return {table: rows for table, rows in rows_of(connection).items() if table not in NOT_A_RESOURCE}


APPROVALS = {f"heliograph.approvals.{verb}" for verb in ("approve", "decline", "callOff", "createLink")} | {
    "heliograph.approvalRules.patch"
}
"""They need a second person: the test below tries them."""


def test_every_method_that_writes_is_tried() -> None:
    assert {*(step.method for step in STEPS), *APPROVALS} == {known.removeprefix("androidmanagement.") for known in WRITES}


def test_every_step_of_an_approval_has_an_entry(server: Guarded, tmp_path: Path) -> None:
    server.key_file(["two"], pair=key_pair(1))
    asks, decides = (Caller(server, Role.ADMIN, tmp_path, pair=pair) for pair in (0, 3))
    parent = "heliograph/v1/enterprises/two"
    token = asks.call("POST", "v1/enterprises/two/enrollmentTokens", {}).json["value"]
    device = enrolled(server, token, credential="cd" * 32)
    assert asks.call("PATCH", f"{parent}/approvalRules", {"rules": [{"commandTypes": ["WIPE"]}]}).status == 200
    for _ in range(3):
        assert asks.call("POST", f"v1/{device}:issueCommand", {"type": "WIPE", "wipeParams": {}}).status == 200
    waiting = asks.call("GET", f"{parent}/approvals").json["approvals"]
    one, other, third = (found["name"] for found in waiting)

    said: tuple[tuple[Caller, str, object], ...] = (
        (asks, f"{one}:createLink", {"person": "bob@example.com"}),
        (decides, f"{other}:decline", {"reason": "Why?"}),
        (asks, f"{third}:callOff", {}),
        (decides, f"{one}:approve", {"digest": waiting[0]["digest"]}),
    )
    for caller, path, body in said:
        known = len(trail_of(server))
        answer = caller.call("POST", f"heliograph/v1/{path}", body)
        entries = [entry for entry in trail_of(server)[known:] if entry.method == f"heliograph.approvals.{path.partition(':')[2]}"]
        if answer.status != 200 or not path.endswith(":createLink"):  # a link changes nothing
            assert {(caller.actor, ADDRESS)} == {(entry.actor, entry.address) for entry in entries}, (path, answer.body)
    changed = {entry.method for entry in trail_of(server) if entry.resource.startswith("enterprises/two") and entry.outcome == "OK"}
    assert APPROVALS - {"heliograph.approvals.createLink"} <= changed


def test_every_change_has_an_entry_with_who_what_and_from_where(server: Guarded, tmp_path: Path) -> None:
    admin = Caller(server, Role.ADMIN, tmp_path, pair=0)
    server.key_file(["acme"], pair=key_pair(1))
    token = admin.call("POST", "v1/enterprises/acme/enrollmentTokens", {}).json
    device = enrolled(server, token["value"])
    names = {"device": device, "reservation": "enterprises/acme/reservations/S1", "made": ""}
    changed: list[str] = []
    for step in STEPS:
        method = WRITES.get(f"androidmanagement.{step.method}") or WRITES[step.method]
        before, known = resources_in(server), len(trail_of(server))

        answer = admin.call(method.http, step.path.format(**names), filled(step.body, names))

        assert answer.status == 200, (step.method, answer.body)
        if step.method.endswith((".create", ".issueCommand")) and "name" in answer.json:
            names["made"] = answer.json["name"]
        if resources_in(server) == before:
            continue
        changed.append(step.method)
        entries = [entry for entry in trail_of(server)[known:] if entry.method == step.method]
        assert entries, f"{step.method} changed something, and nothing says who did it"
        assert {(admin.actor, admin.key_id, ADDRESS, "OK")} == {(e.actor, e.key_id, e.address, e.outcome) for e in entries}
        assert all(entry.resource for entry in entries)
    assert len(changed) >= 20
    (phone,) = [entry for entry in trail_of(server) if (entry.method, entry.resource) == ("device.enroll", device)]
    assert (ActorType.DEVICE, "203.0.113.99") == (phone.actor_type, phone.address)
    assert [] == [entry for entry in trail_of(server) if entry.method == "server.unknown"], "an entrance does not say who acts"


def enrolled(server: Guarded, token: str, *, credential: str = "ab" * 32) -> str:
    """The name of a phone that enrolled as phones do."""
    report = {"managementMode": "DEVICE_OWNER", "ownership": "COMPANY_OWNED", "apiLevel": 35, "appliedState": "ACTIVE"}
    message = {"enrollmentToken": token, "installationId": "i1", "credentialHash": credential, "serial": "S1", "report": report}
    answer = server.call("POST", "/device/v1/enroll", json.dumps(message), x_forwarded_for="203.0.113.99")
    assert answer.status == 200, answer.body
    return str(answer.json["name"])


def filled(body: object, names: Mapping[str, str]) -> object:
    """The body with names in it."""
    return {key: names["device"] if value == "{device}" else value for key, value in body.items()} if isinstance(body, dict) else body


def test_every_refusal_of_a_change_has_one_too(server: Guarded, tmp_path: Path) -> None:
    server.key_file(["acme"], pair=key_pair(1))
    viewer = Caller(server, Role.VIEWER, tmp_path, pair=2)
    for known, method in WRITES.items():
        prefix = "heliograph/v1" if known.startswith("heliograph.") else "v1"

        answer = viewer.call(method.http, f"{prefix}/{method.path.replace('enterprises/*', 'enterprises/acme').replace('*', 'x')}", {})

        assert answer.status == 403, known
        short = known.removeprefix("androidmanagement.")
        found = [entry for entry in trail_of(server) if (entry.method, entry.actor) == (short, viewer.actor)]
        assert [("PERMISSION_DENIED", ADDRESS, 1)] == [(entry.outcome, entry.address, entry.count) for entry in found], known
        if "enterprises/*" in method.path:
            assert found[0].resource.startswith("enterprises/acme")


def test_a_wrong_credential_is_recorded_once_a_minute_however_often_it_comes(server: Guarded) -> None:
    for _ in range(5):
        assert server.call("DELETE", "/v1/enterprises/acme", authorization="Bearer x.y.z", x_forwarded_for="203.0.113.66").status == 401

    found = [entry for entry in trail_of(server) if entry.address == "203.0.113.66"]

    assert [("UNAUTHENTICATED", "enterprises.delete", "", 1)] == [(e.outcome, e.method, e.resource, e.count) for e in found]
    assert [4] == [seen.again for seen in server.ports.audit.refusals.values() if seen.entry.address == "203.0.113.66"]


def test_a_sign_in_and_the_first_use_from_an_address_are_recorded(server: Guarded, tmp_path: Path) -> None:
    admin = Caller(server, Role.ADMIN, tmp_path, pair=3)
    for _ in range(2):
        admin.call("GET", "v1/enterprises")
    server.call("POST", "/token", "grant_type=nonsense", content_type="application/x-www-form-urlencoded", x_forwarded_for="203.0.113.77")

    trail = trail_of(server)

    (first_use,) = [entry for entry in trail if (entry.method, entry.key_id) == ("keys.useFromNewAddress", admin.key_id)]
    (refused,) = [entry for entry in trail if entry.method == "signIn" and entry.address == "203.0.113.77"]
    assert ADDRESS == first_use.address
    assert "OK" != refused.outcome


def test_the_operators_desk_is_recorded(server: Guarded) -> None:
    key = server.key_file(["acme"], pair=key_pair(1))
    server.operate("DELETE", f"/{key['private_key_id']}")
    server.operate("GET", "", secret="guessed")

    entries = [entry for entry in trail_of(server) if entry.actor_type.value == "OPERATOR"]

    assert {"keys.create", "keys.delete"} <= {entry.method for entry in entries if entry.outcome == "OK"}
    assert f"keys/{key['private_key_id']}" in {entry.resource for entry in entries if entry.method == "keys.delete"}
    assert "PERMISSION_DENIED" in {entry.outcome for entry in entries}
