"""Sending issueCommand again, over HTTP."""

import uuid

import pytest

from tests.api.live import Live

pytestmark = pytest.mark.both_ways

BODY = '{"type":"LOCK"}'


def test_the_header_makes_a_request_that_is_sent_again_the_same(live: Live, device: str) -> None:
    path = f"/v1/{device}:issueCommand"
    first = live.call("POST", path, BODY, Idempotency_Key="order 17").json

    assert first == live.call("POST", path, BODY, idempotency_key="order 17").json
    assert first["name"] != live.call("POST", path, BODY, idempotency_key="order 18").json["name"]
    assert first["name"] != live.call("POST", path, BODY).json["name"]


def test_the_parameter_does_the_same_and_agrees_with_the_header(live: Live, device: str) -> None:
    request_id = str(uuid.uuid4())
    path = f"/v1/{device}:issueCommand?requestId={request_id}"
    first = live.call("POST", path, BODY).json

    assert first == live.call("POST", path, BODY).json
    assert first == live.call("POST", f"/v1/{device}:issueCommand", BODY, idempotency_key=request_id).json


def test_another_body_is_told_to_take_another_key(live: Live, device: str) -> None:
    path = f"/v1/{device}:issueCommand"
    live.call("POST", path, BODY, idempotency_key="order 17")

    answer = live.call("POST", path, '{"type":"REBOOT"}', idempotency_key="order 17")

    assert (409, "ABORTED") == (answer.status, answer.json["error"]["status"])
    assert "REQUEST_ID_REUSED" == answer.json["error"]["details"][0]["reason"]
    assert "use a new one" in answer.message


def test_a_key_that_is_none_is_refused(live: Live, device: str) -> None:
    empty = live.call("POST", f"/v1/{device}:issueCommand", BODY, idempotency_key="x" * 129)
    no_uuid = live.call("POST", f"/v1/{device}:issueCommand?requestId=17", BODY)

    assert (400, 'request_id must be a UUID4, as in "6c84fb90-12c4-41e1-840d-d0b1a8a4b5c2".') == (no_uuid.status, no_uuid.message)
    assert (400, "Idempotency-Key must have 1 to 128 printable ASCII characters.") == (empty.status, empty.message)
