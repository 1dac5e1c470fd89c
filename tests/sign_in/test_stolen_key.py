"""A stolen admin key destroys as many devices an hour as it may, whichever way it tries, and however many at once."""

import itertools
import json
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from heliograph.domain.access import Role
from tests.api.live import Response
from tests.api.test_batch import answers, call, send
from tests.sign_in.conftest import Guarded, bearer_of
from tests.sign_in.key_pairs import key_pair

RADIUS = 10
DEVICES = 24
WIPES: Sequence[Mapping[str, object]] = (
    {"type": "WIPE"},
    {"wipeParams": {}},
    {"type": "WIPE", "wipeParams": {"wipeDataFlags": ["WIPE_EXTERNAL_STORAGE"]}},
    {"type": "RELINQUISH_OWNERSHIP"},
)


class Theft(NamedTuple):
    """A fleet, and the key that was stolen."""

    servers: Sequence[Guarded]
    key: dict[str, Any]
    owner: dict[str, Any]
    """A key without a limit, of another actor: it looks what is left."""
    devices: list[str]

    def destroyed(self) -> list[str]:
        """The devices that are gone, or will be once their phone hears of it."""
        left = self.owners("GET", "/v1/enterprises/acme/devices?pageSize=100").json.get("devices", [])
        found = {device["name"] for device in left}
        doomed = []
        for device in self.devices:
            operations = self.owners("GET", f"/v1/{device}/operations").json.get("operations", []) if device in found else []
            if device not in found or any(one["metadata"]["type"] in {"WIPE", "RELINQUISH_OWNERSHIP"} for one in operations):
                doomed.append(device)
        return doomed

    def owners(self, http_method: str, path: str, body: object = None) -> Response:
        """The answer to the rightful owner."""
        return self.servers[0].call_as(self.owner, http_method, path, body)


@pytest.fixture
def theft(servers: list[Guarded]) -> Theft:
    """A new key, as every new key is, and a fleet."""
    first = servers[0]
    owner = first.key_file(["*"], Role.ADMIN, pair=key_pair(0), unlimitedBlastRadius=True)
    key = first.key_file(["acme"], Role.ADMIN, pair=key_pair(1), person="mallory@acme.example")
    token = first.call_as(key, "POST", "/v1/enterprises/acme/enrollmentTokens", {"policyName": "default"}).json["value"]
    return Theft(servers, key, owner, [first.enrolled(token) for _ in range(DEVICES)])


OTHERWISE = {"DEVICE_NO_LONGER_MANAGED", "OVERLOADED"}
"""The device was destroyed by an earlier attempt; a busy machine."""


def ending(status: int, body: bytes) -> str:
    """`done`, the ErrorInfo's reason, or the message."""
    if status == 200:
        return "done"
    error = json.loads(body)["error"]
    return next((str(detail["reason"]) for detail in error.get("details", ()) if "reason" in detail), str(error["message"]))


def attempt(theft: Theft, server: Guarded, device: str, number: int) -> list[str]:
    """How one attempt on the device ended, by one of the ways there are; a batch has two."""
    wipe = json.dumps(WIPES[number % len(WIPES)])
    path = f"/v1/{device}:issueCommand"
    match number % 5:
        case 0:
            answer = server.call_as(theft.key, "POST", path, wipe)
        case 1:
            answer = server.call_as(theft.key, "POST", f"{path}?requestId={uuid.uuid4()}", wipe)
        case 2:
            answer = server.call_as(theft.key, "DELETE", f"/v1/{device}?wipeDataFlags=WIPE_EXTERNAL_STORAGE")
        case 3:
            answer = server.call_as(theft.key, "POST", f"/v1/{device}", "", X_HTTP_Method_Override="DELETE")
        case _:
            parts = [call(f"POST {path} HTTP/1.1", body=wipe.encode()), call(f"DELETE /v1/{device} HTTP/1.1")]
            return [ending(part.status, part.body) for part in answers(send(server, parts, authorization=bearer_of(theft.key)))]
    return [ending(answer.status, answer.body)]


@pytest.mark.both_ways
def test_however_it_is_tried_ten_devices_are_destroyed_and_no_more(theft: Theft) -> None:
    tries = [(theft.servers[number % len(theft.servers)], device, number) for number, device in enumerate(theft.devices * 3)]

    with ThreadPoolExecutor(12) as pool:
        endings = [*itertools.chain.from_iterable(pool.map(lambda one: attempt(theft, *one), tries))]

    destroyed = theft.destroyed()
    assert RADIUS == len(destroyed), endings
    assert {"done", "BLAST_RADIUS_REACHED"} <= {*endings} <= {"done", "BLAST_RADIUS_REACHED", *OTHERWISE}
    # What is not destructive goes on, for the same key.
    spared = next(device for device in theft.devices if device not in destroyed)
    assert 200 == theft.servers[-1].call_as(theft.key, "POST", f"/v1/{spared}:issueCommand", {"type": "LOCK"}).status


def test_the_refusal_says_what_to_do_and_when(theft: Theft) -> None:
    for device in theft.devices[:RADIUS]:
        assert 200 == theft.servers[0].call_as(theft.key, "DELETE", f"/v1/{device}").status

    refused = theft.servers[-1].call_as(theft.key, "POST", f"/v1/{theft.devices[-1]}:issueCommand", {"wipeParams": {}})

    error = refused.json["error"]
    info, retry = (next(one for one in error["details"] if one["@type"].endswith(kind)) for kind in ("ErrorInfo", "RetryInfo"))
    assert (429, "RESOURCE_EXHAUSTED", "BLAST_RADIUS_REACHED") == (refused.status, error["status"], info["reason"])
    assert ("mallory@acme.example", "10") == (info["metadata"]["actor"], info["metadata"]["limit"])
    assert f"{refused.headers['retry-after']}s" == retry["retryDelay"]
    assert "heliograph keys update --blast-radius" in refused.message
    trail = theft.owners("GET", "/heliograph/v1/enterprises/acme/auditEntries?pageSize=100").json["auditEntries"]
    assert ("mallory@acme.example", "RESOURCE_EXHAUSTED", "BLAST_RADIUS_REACHED") in {
        (entry.get("actor"), entry.get("outcome"), entry.get("reason")) for entry in trail
    }
    alarmed = theft.servers[-1].call("GET", "/metrics").body.decode()
    assert "heliograph_blast_radius_reached_total 1.0" in alarmed.splitlines()


@pytest.mark.both_ways
def test_an_enterprise_of_more_devices_cannot_be_deleted_and_one_of_fewer_can(theft: Theft) -> None:
    assert 429 == theft.servers[0].call_as(theft.key, "DELETE", "/v1/enterprises/acme").status
    assert [] == theft.destroyed()
    for device in theft.devices[RADIUS - 2 :]:
        theft.owners("DELETE", f"/v1/{device}")
    assert 200 == theft.servers[0].call_as(theft.key, "DELETE", f"/v1/{theft.devices[0]}").status

    assert 200 == theft.servers[-1].call_as(theft.key, "DELETE", "/v1/enterprises/acme").status


def test_another_key_of_the_same_person_has_no_places_of_its_own(theft: Theft) -> None:
    other = theft.servers[0].key_file(["acme"], Role.ADMIN, pair=key_pair(2), person="mallory@acme.example")
    for device in theft.devices[:RADIUS]:
        assert 200 == theft.servers[0].call_as(theft.key, "DELETE", f"/v1/{device}").status

    assert 429 == theft.servers[-1].call_as(other, "DELETE", f"/v1/{theft.devices[-1]}").status
    assert 200 == theft.owners("DELETE", f"/v1/{theft.devices[-1]}").status


@pytest.mark.both_ways
def test_a_command_that_is_repeated_by_its_request_id_takes_one_place(theft: Theft) -> None:
    ids = {device: uuid.uuid4() for device in theft.devices}
    for device in (theft.devices[0], *theft.devices[:RADIUS]):
        path = f"/v1/{device}:issueCommand?requestId={ids[device]}"
        assert 200 == theft.servers[0].call_as(theft.key, "POST", path, {"type": "WIPE"}).status

    assert 429 == theft.servers[0].call_as(theft.key, "DELETE", f"/v1/{theft.devices[-1]}").status


def test_an_operator_raises_the_limit_for_the_next_request(theft: Theft) -> None:
    for device in theft.devices[:RADIUS]:
        theft.servers[0].call_as(theft.key, "DELETE", f"/v1/{device}")
    last = theft.devices[-1]
    assert 429 == theft.servers[0].call_as(theft.key, "DELETE", f"/v1/{last}").status

    theft.servers[0].operate("PATCH", f"/{theft.key['private_key_id']}", json.dumps({"blastRadius": RADIUS + 1}))

    assert 200 == theft.servers[0].call_as(theft.key, "DELETE", f"/v1/{last}").status
