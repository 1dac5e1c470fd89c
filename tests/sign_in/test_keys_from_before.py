"""An installation of the version before roles goes on: its keys do what they did, and what came since is what it was without."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.settings import Settings
from tests.sign_in.conftest import Guarded, guarded_server
from tests.sign_in.key_pairs import KeyPair, key_pair

DUMP = Path(__file__).parents[1] / "storage" / "databases" / "0013_three_keys.sql"
PAIRS = {"VIEWER": key_pair(1), "ADMIN": key_pair(0), "EVERYWHERE": key_pair(2)}
"""In the order of the keys' ids: all were made at the same time."""


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory, way_in: str) -> Iterator[Guarded]:
    """A server of this version on a database of that one."""
    folder = tmp_path_factory.mktemp(way_in)
    script = DUMP.read_text(encoding="utf-8")
    for name, pair in PAIRS.items():
        script = script.replace(f"{{{name}}}", json.dumps(pair.public)[1:-1])
    with sqlite3.connect(folder / "heliograph.db") as connection:
        connection.executescript(script)
    connection.close()
    with guarded_server(Settings(data_dir=folder, durable=False, adopt_key=True)) as server:
        yield server


def key(server: Guarded, name: str) -> dict[str, str]:
    """The key file, as it was made then."""
    listed = server.operate("GET", "").json["keys"]
    found = listed[[*PAIRS].index(name)]
    pair: KeyPair = PAIRS[name]
    return {"client_email": found["clientEmail"], "private_key_id": found["keyId"], "private_key": pair.private}


@pytest.mark.both_ways
def test_old_keys_do_what_they_did(upgraded: Guarded) -> None:
    viewer, admin, everywhere = (key(upgraded, name) for name in PAIRS)
    token = upgraded.call_as(admin, "POST", "/v1/enterprises/acme/enrollmentTokens", {"policyName": "default"}).json["value"]
    devices = [upgraded.enrolled(token) for _ in range(12)]

    assert 200 == upgraded.call_as(viewer, "GET", "/v1/enterprises/acme/devices").status
    assert 403 == upgraded.call_as(viewer, "POST", f"/v1/{devices[0]}:issueCommand", {"type": "LOCK"}).status
    assert 403 == upgraded.call_as(admin, "POST", "/v1/enterprises?agreementAccepted=true", {}).status
    assert 200 == upgraded.call_as(everywhere, "POST", "/v1/enterprises?agreementAccepted=true", {}).status
    # More devices than a new key may destroy in an hour: what worked before does.
    assert [200] * 12 == [upgraded.call_as(admin, "POST", f"/v1/{device}:issueCommand", {"type": "WIPE"}).status for device in devices]


def test_old_keys_are_listed_with_what_they_never_had(upgraded: Guarded) -> None:
    found = upgraded.operate("GET", "").json["keys"]

    assert [("viewer", ["acme"]), ("admin", ["acme"]), ("admin", ["*"])] == [(one["role"], one["enterprises"]) for one in found]
    assert [(True, False, "")] * 3 == [(one["unlimitedBlastRadius"], "expireTime" in one, one["person"]) for one in found]


def test_an_old_key_gets_a_limit_and_an_end(upgraded: Guarded) -> None:
    viewer = key(upgraded, "VIEWER")

    changed = upgraded.operate("PATCH", f"/{viewer['private_key_id']}", json.dumps({"blastRadius": 3, "ttl": "86400s"})).json

    assert (3, True) == (changed["blastRadius"], "expireTime" in changed)
    assert 200 == upgraded.call_as(viewer, "GET", "/v1/enterprises/acme").status
