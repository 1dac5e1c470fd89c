"""Google's Retry Test API, driven by Google's own Python client and by plain sockets."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest

from tests.patience import PATIENCE_S
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.google import google

PHONE = "pixel8-a15-fully-managed"
NAME = f"enterprises/sandbox/devices/{PHONE}"
ISSUE = "androidmanagement.enterprises.devices.issueCommand"
GET = "androidmanagement.enterprises.devices.get"


def planned(sandbox: Client, instructions: dict[str, list[str]], **more: str) -> str:
    """The id of a new Retry Test."""
    made: str = sandbox.post("/retry_test", {"instructions": instructions, **more})["id"]
    return made


@contextlib.contextmanager
def google_of(sandbox: Client, test_id: str) -> Iterator[Any]:
    """Google's client; all its requests have the test's header."""

    class WithHeader(HttpRequest):
        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Google's
            super().__init__(*args, **kwargs)
            self.headers = {**(self.headers or {}), "x-retry-test-id": test_id}

    with google(sandbox, requestBuilder=WithHeader) as client:
        yield client


class Answered(NamedTuple):
    """An answer, and whether all of it came."""

    status: int
    body: bytes
    whole: bool = True


def asked(sandbox: Client, path: str, test_id: str = "", body: Json | None = None, *, method: str = "") -> Answered:
    """The answer, without any client's own retries."""
    host, port = sandbox.url.removeprefix("http://").rsplit(":", 1)
    data = None if body is None else json.dumps(body)
    headers = {"x-retry-test-id": test_id, "Content-Type": "application/json"} if test_id else {}
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)) as connection:
        connection.request(method or ("GET" if body is None else "POST"), path, body=data, headers=headers)
        with connection.getresponse() as answer:
            try:
                return Answered(answer.status, answer.read())
            except http.client.IncompleteRead as broken:
                return Answered(answer.status, broken.partial, whole=False)


def operations(sandbox: Client) -> list[Json]:
    """What was issued to the phone."""
    found: list[Json] = sandbox.get(f"/v1/{NAME}/operations").get("operations", [])
    return found


def test_googles_client_repeats_after_two_503s_and_the_command_is_issued_once(sandbox: Client) -> None:
    test_id = planned(sandbox, {ISSUE: ["return-503", "return-503"]})

    with google_of(sandbox, test_id) as client:
        issued = client.enterprises().devices().issueCommand(name=NAME, body={"type": "LOCK"}).execute(num_retries=3)

    assert [issued["name"]] == [operation["name"] for operation in operations(sandbox)]
    assert sandbox.get(f"/retry_test/{test_id}")["completed"]


def test_without_retries_googles_client_raises_what_was_forced(sandbox: Client) -> None:
    test_id = planned(sandbox, {ISSUE: ["return-503"]})

    with google_of(sandbox, test_id) as client, pytest.raises(HttpError) as refused:
        client.enterprises().devices().issueCommand(name=NAME, body={"type": "LOCK"}).execute()

    assert (503, "UNAVAILABLE") == (refused.value.status_code, json.loads(refused.value.content)["error"]["status"])
    assert [] == operations(sandbox)


def test_a_test_shows_what_is_left_of_it_and_can_be_listed_and_deleted(sandbox: Client) -> None:
    test_id = planned(sandbox, {ISSUE: ["return-503", "return-429"], GET: ["return-500"]}, transport="HTTP")
    assert 503 == asked(sandbox, f"/v1/{NAME}:issueCommand", test_id, {"type": "LOCK"}).status

    shown = sandbox.get(f"/retry_test/{test_id}")

    left = {"id": test_id, "instructions": {ISSUE: ["return-429"], GET: ["return-500"]}, "completed": False, "transport": "HTTP"}
    assert left == shown
    assert [shown] == sandbox.get("/retry_tests")["retry_test"]
    assert f"Deleted {test_id}" == asked(sandbox, f"/retry_test/{test_id}", method="DELETE").body.decode()
    assert 404 == asked(sandbox, f"/v1/{NAME}", test_id).status


def test_short_method_names_do_as_well(sandbox: Client) -> None:
    test_id = planned(sandbox, {"enterprises.devices.get": ["return-500"]})

    assert [500, 200] == [asked(sandbox, f"/v1/{NAME}", test_id).status for _ in range(2)]


def test_calls_without_the_header_and_of_other_methods_meet_nothing(sandbox: Client) -> None:
    test_id = planned(sandbox, {ISSUE: ["return-503"]})

    assert 200 == asked(sandbox, f"/v1/{NAME}", test_id).status
    assert NAME == sandbox.get(f"/v1/{NAME}")["name"]
    assert not sandbox.get(f"/retry_test/{test_id}")["completed"]


def test_a_connection_is_reset_before_anything_is_done(sandbox: Client) -> None:
    test_id = planned(sandbox, {ISSUE: ["return-reset-connection"]})

    with pytest.raises(ConnectionResetError):
        asked(sandbox, f"/v1/{NAME}:issueCommand", test_id, {"type": "LOCK"})

    assert [] == operations(sandbox)
    assert sandbox.get(f"/retry_test/{test_id}")["completed"]


@pytest.mark.parametrize(
    "instruction, left", [("return-broken-stream", 4), ("return-broken-stream-final-chunk-after-20B", 20)], ids=["at once", "20 bytes"]
)
def test_a_stream_breaks_after_the_call_was_done(sandbox: Client, instruction: str, left: int) -> None:
    test_id = planned(sandbox, {ISSUE: [instruction]})

    answer = asked(sandbox, f"/v1/{NAME}:issueCommand", test_id, {"type": "LOCK"})

    assert (200, left, False) == (answer.status, len(answer.body), answer.whole)
    assert 1 == len(operations(sandbox))


def test_a_stall_keeps_the_answer_back_and_does_not_change_it(sandbox: Client) -> None:
    test_id = planned(sandbox, {GET: ["stall-for-1s-after-0K"]})
    began_s = time.monotonic()

    answer = asked(sandbox, f"/v1/{NAME}", test_id)

    assert NAME == json.loads(answer.body)["name"]
    assert time.monotonic() - began_s >= 1
    assert sandbox.get(f"/retry_test/{test_id}")["completed"]


@pytest.mark.parametrize(
    "instruction, size, expected",
    [
        ("return-503-after-256K", 300 * 1_024, 503),
        ("return-503-after-256K", 10, 400),
        ("return-broken-stream-after-256K", 10, 400),
        ("stall-for-9s-after-256K", 10, 400),
    ],
)
def test_what_is_to_happen_within_many_bytes_passes_a_small_call_by(
    sandbox: Client, instruction: str, size: int, expected: int
) -> None:  # fmt: skip
    test_id = planned(sandbox, {ISSUE: [instruction]})

    answer = asked(sandbox, f"/v1/{NAME}:issueCommand", test_id, {"type": "x" * size})

    assert expected == answer.status
    assert (expected == 503) == sandbox.get(f"/retry_test/{test_id}")["completed"]


def test_the_calls_of_a_batch_meet_their_instructions_one_by_one(sandbox: Client) -> None:
    test_id = planned(sandbox, {GET: ["return-503"]})
    met: dict[str, Any] = {}

    def keep(id: str, answer: Json | None, error: HttpError | None) -> None:
        met[id] = error.status_code if error is not None else (answer or {})["name"]

    with google_of(sandbox, test_id) as client:
        batch = client.new_batch_http_request(callback=keep)
        batch.add(client.enterprises().devices().get(name=NAME), request_id="device")
        batch.add(client.enterprises().get(name="enterprises/sandbox"), request_id="enterprise")
        batch.execute()

    assert {"device": 503, "enterprise": "enterprises/sandbox"} == met
    assert sandbox.get(f"/retry_test/{test_id}")["completed"]


@pytest.mark.parametrize(
    "body, field, says",
    [
        ({}, "instructions", "as in"),
        ({"instructions": {}}, "instructions", "as in"),
        ({"instructions": {"enterprises.devices.isueCommand": ["return-503"]}}, "instructions", "enterprises.devices.issueCommand"),
        ({"instructions": {ISSUE: ["return-5xx"]}}, "instructions", "return-reset-connection"),
        ({"instructions": {ISSUE: ["redirect-send-token-a"]}}, "instructions", "return-reset-connection"),
        ({"instructions": {ISSUE: []}}, "instructions", "a list of 1"),
        ({"instructions": {ISSUE: ["return-503"]}, "transport": "GRPC"}, "transport", "AMAPI has no gRPC"),
        ({"instruction": {ISSUE: ["return-503"]}}, "instruction", "Possible: instructions, transport"),
    ],
)
def test_a_test_that_cannot_be_is_refused_with_what_can(sandbox: Client, body: Json, field: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        sandbox.post("/retry_test", body)

    (details,) = [detail for detail in refused.value.error["details"] if "fieldViolations" in detail]
    assert details["fieldViolations"][0]["field"].startswith(field)
    assert says in refused.value.error["message"]
    assert [] == sandbox.get("/retry_tests")["retry_test"]


def test_a_reset_forgets_retry_tests(sandbox: Client) -> None:
    test_id = planned(sandbox, {ISSUE: ["return-503"]})

    sandbox.post("/sandbox/v1:reset")

    with pytest.raises(Refused, match="does not exist"):
        sandbox.get(f"/retry_test/{test_id}")


def test_a_connection_goes_on_after_what_was_answered_instead(sandbox: Client) -> None:
    """A forced answer to a request whose body was not looked at must not make its bytes the next request."""
    test_id = planned(sandbox, {ISSUE: ["return-503"]})
    host, port = sandbox.url.removeprefix("http://").rsplit(":", 1)
    body = json.dumps({"type": "LOCK"}).encode()
    head = f"POST /v1/{NAME}:issueCommand HTTP/1.1\r\nHost: {host}\r\nx-retry-test-id: {test_id}\r\nContent-Length: {len(body)}\r\n\r\n"

    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as raw:
        statuses = []
        for _ in range(2):
            raw.sendall(head.encode() + body)
            with http.client.HTTPResponse(raw) as answer:
                answer.begin()
                answer.read()
                statuses.append(answer.status)

    assert [503, 200] == statuses
