"""Reservations over REST: who may do what with them, and what a caller reads."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from heliograph.api.resources.token import GRANT_TYPE
from heliograph.domain.access import Role
from heliograph.settings import Settings
from tests.api.live import Response
from tests.sign_in.conftest import Guarded, guarded_server
from tests.sign_in.key_pairs import KeyPair, assertion, key_pair
from tests.sign_in.test_http import posted


class Lab:
    """An enterprise with phones, and its callers."""

    def __init__(self, server: Guarded) -> None:
        self.server = server
        self.enterprise = "enterprises/lab"
        roles = {"ci": Role.ADMIN, "ada": Role.ADMIN, "viewer": Role.VIEWER}
        self.callers = {name: self._bearer(role, key_pair(number)) for number, (name, role) in enumerate(roles.items())}

    def _bearer(self, role: Role, pair: KeyPair) -> str:
        key = self.server.key_file(["lab"], role, pair=pair)
        signed = pair.sign(assertion(key["client_email"]), kid=key["private_key_id"])
        answer = posted(self.server, urlencode({"grant_type": GRANT_TYPE, "assertion": signed}))
        return f"Bearer {answer.json['access_token']}"

    def call(self, caller: str, method: str, path: str, body: Mapping[str, object] | None = None) -> Response:
        """The answer to a caller, below the reservations."""
        content = None if body is None else json.dumps(body)
        return self.server.call(
            method, f"/heliograph/v1/{self.enterprise}/reservations{path}", content, authorization=self.callers[caller]
        )  # fmt: skip

    def phone(self, serial: str) -> str:
        """The device that a phone with this serial number becomes now."""
        token = self.server.call("POST", f"/v1/{self.enterprise}/enrollmentTokens", "{}", authorization=self.callers["ci"]).json
        return self.server.enrolled(token["value"], serial=serial)

    def reserve(self, caller: str, device: str, **body: object) -> Response:
        return self.call(caller, "POST", "", {"device": device, **body})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with guarded_server(Settings(data_dir=tmp_path_factory.mktemp("data"), durable=False)) as server:
        yield Lab(server)


def reason_of(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json["error"]["details"][0]["reason"]


def test_a_caller_reserves_a_phone_and_everyone_sees_it(lab: Lab) -> None:
    device = lab.phone("S1")

    made = lab.reserve("ci", device, owner="build 17", duration="60s").json

    assert ("ACTIVE", "1", device, "build 17") == tuple(made[name] for name in ("state", "fencingToken", "device", "owner"))
    assert f"{lab.enterprise}/reservations/S1" == made["name"]
    assert made["account"].startswith("admin-")
    assert made == lab.call("viewer", "GET", "/S1").json
    assert [made] == lab.call("viewer", "GET", "").json["reservations"]
    assert (400, "RESERVED") == reason_of(lab.reserve("ada", device))


def test_only_its_holder_keeps_and_releases_it_and_a_viewer_does_nothing(lab: Lab) -> None:
    device = lab.phone("S2")
    token = lab.reserve("ci", device).json["fencingToken"]
    mine = {"fencingToken": token}

    assert (403, "NOT_THE_HOLDER") == reason_of(lab.call("ada", "POST", "/S2:heartbeat", mine))
    assert (403, "NOT_THE_HOLDER") == reason_of(lab.call("ada", "POST", "/S2:release", mine))
    assert (403, "ROLE_INSUFFICIENT") == reason_of(lab.call("viewer", "POST", "/S2:release", {"force": True, "reason": "x"}))
    assert (409, "RESERVATION_LOST") == reason_of(lab.call("ci", "POST", "/S2:heartbeat", {"fencingToken": "7"}))
    assert "ACTIVE" == lab.call("ci", "POST", "/S2:heartbeat", mine).json["state"]
    assert "RELEASED" == lab.call("ci", "POST", "/S2:release", mine).json["state"]


def test_force_needs_a_reason_and_its_holder_has_lost_the_phone(lab: Lab) -> None:
    device = lab.phone("S3")
    token = lab.reserve("ci", device).json["fencingToken"]

    bare = lab.call("ada", "POST", "/S3:release", {"force": True})
    forced = lab.call("ada", "POST", "/S3:release", {"force": True, "reason": "the job hangs"}).json

    assert (400, "reason must say why the reservation is ended by force.") == (bare.status, bare.message)
    assert ("FORCED", "the job hangs") == (forced["state"], forced["reason"])
    assert (409, "RESERVATION_LOST") == reason_of(lab.call("ci", "POST", "/S3:heartbeat", {"fencingToken": token}))


def test_a_phone_is_given_out_again_when_it_was_reset_and_under_a_greater_token(lab: Lab) -> None:
    device = lab.phone("S4")
    first = lab.reserve("ci", device).json
    lab.call("ci", "POST", "/S4:release", {"fencingToken": first["fencingToken"]})

    dirty = lab.reserve("ada", device)
    clean = lab.phone("S4")
    again = lab.reserve("ada", clean).json

    assert (400, "RESET_PENDING") == reason_of(dirty)
    assert ("2", clean) == (again["fencingToken"], again["device"])


@pytest.mark.parametrize(
    "body, sentence",
    [
        ({}, "Invalid resource name"),
        ({"device": "enterprises/other/devices/d"}, "device must be one of enterprises/lab."),
        ({"device": "enterprises/lab/devices/d", "owner": "x" * 201}, "owner must have at most 200 characters."),
        ({"device": "enterprises/lab/devices/d", "duration": "9s"}, "duration must be 10s to 86400s; without one it is 300s."),
    ],
)
def test_a_wrong_wish_is_answered_with_what_is_right(lab: Lab, body: dict[str, Any], sentence: str) -> None:
    answer = lab.call("ci", "POST", "", body)

    assert 400 == answer.status
    assert sentence in answer.message


def test_a_device_that_could_not_be_recognized_after_its_reset_is_not_reserved(lab: Lab) -> None:
    assert (400, "NO_SERIAL_NUMBER") == reason_of(lab.reserve("ci", lab.phone("")))
    assert 404 == lab.call("ci", "GET", "/never").status
    assert 404 == lab.call("ci", "POST", "/never:heartbeat", {"fencingToken": "1"}).status


def test_reservations_come_in_pages(lab: Lab) -> None:
    for serial in ("P1", "P2"):
        lab.reserve("ci", lab.phone(serial))

    first = lab.call("viewer", "GET", "?pageSize=1").json
    rest = lab.call("viewer", "GET", f"?pageSize=100&pageToken={first['nextPageToken']}").json

    names = [one["name"] for one in (*first["reservations"], *rest["reservations"])]
    assert len(names) == len(set(names)) >= 2
    assert {"P1", "P2"} <= {name.rpartition("/")[2] for name in names}
