"""Batches: every call answered as if it had come alone, whatever the others are."""

import json
import re
from typing import Any, NamedTuple

import pytest

from heliograph.api.http.batch import Batch
from heliograph.api.http.multipart import MOST_PARTS, WINDOW_BYTES, PartRequest, parse_batch
from tests.api.live import Live, Response

MIB = 1024 * 1024


class Answer(NamedTuple):
    """One part of a batch's answer."""

    content_id: str
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The error's message."""
        return str(self.json["error"]["message"])


def call(request: str, body: bytes = b"", *, id: str = "", newline: str = "\r\n") -> bytes:
    """A part: its headers and the request."""
    head = ["Content-Type: application/http", *([f"Content-ID: {id}"] if id else []), "", request, "Content-Type: application/json", "", ""]
    return newline.join(head).encode() + body


def send(live: Live, parts: list[bytes], *, path: str = "/batch", newline: bytes = b"\r\n", **headers: str) -> Response:
    """The answer to a batch of these parts."""
    body = b"".join(b"--b 1" + newline + part + newline for part in parts) + b"--b 1--" + newline
    return live.call("POST", path, body, content_type='multipart/mixed; boundary="b 1"', **headers)


def answers(response: Response) -> list[Answer]:
    """The parts of a batch's answer."""
    assert 200 == response.status, response.body
    boundary = response.headers["content-type"].removeprefix("multipart/mixed; boundary=").encode()
    first, *parts, last = response.body.split(b"--" + boundary)
    assert (b"", b"--\r\n") == (first, last)
    return [answer(part) for part in parts]


def answer(part: bytes) -> Answer:
    """One part, taken apart."""
    outer, inner, body = part.removeprefix(b"\r\n").removesuffix(b"\r\n").split(b"\r\n\r\n", 2)
    line, *lines = inner.decode().split("\r\n")
    headers = dict(header.split(": ", 1) for header in lines)
    assert str(len(body)) == headers["Content-Length"]
    content_id = re.search(r"Content-ID: (.*)", outer.decode())
    return Answer(content_id[1].strip() if content_id else "", int(line.split()[1]), headers, body)


@pytest.mark.parametrize("path", ["/batch", "/batch/androidmanagement/v1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.both_ways
def test_each_call_is_answered_under_its_id(live: Live, device: str, path: str, newline: str) -> None:
    issue = f"POST /v1/{device}:issueCommand?alt=json&prettyPrint=false HTTP/1.1"
    parts = [
        call(issue, b'{"type":"LOCK"}', id="<u + 1>", newline=newline),
        call(f"GET /v1/{device}?fields=name&prettyPrint=false HTTP/1.1", id="<u + 2>", newline=newline),
        call(f"PATCH /v1/{device}?updateMask=policyName HTTP/1.1", b'{"policyName":"p"}', id="three", newline=newline),
        call(issue, b'{"type":"REBOOT"}', newline=newline),
    ]

    first, second, third, fourth = answers(send(live, parts, path=path, newline=newline.encode()))

    assert ["<response-u + 1>", "<response-u + 2>", "response-three", ""] == [a.content_id for a in (first, second, third, fourth)]
    assert [200] * 4 == [a.status for a in (first, second, third, fourth)]
    assert b'{"name":"%s"}' % device.encode() == second.body
    assert third.json["policyName"].endswith("/policies/p")
    assert first.json == live.call("GET", f"/v1/{first.json['name']}").json
    assert ["LOCK", "REBOOT"] == [a.json["metadata"]["type"] for a in (first, fourth)]
    assert "application/json; charset=UTF-8" == first.headers["Content-Type"]


BAD = [
    (b"Content-Type: application/http\r\n\r\n", 400, "The part does not begin with a request line"),
    (b"Content-Type: application/http\r\n\r\nnonsense\r\n\r\n", 400, "The part does not begin with a request line"),
    (b"Content-Type: text/plain\r\n\r\nGET /v1/enterprises HTTP/1.1\r\n\r\n", 400, "Each part of a batch needs Content-Type"),
    (call("GET http://[/v1/enterprises HTTP/1.1"), 400, "The part's request line must have a path"),
    (call("GET //[/v1/enterprises HTTP/1.1"), 400, "The part's request line must have a path that begins"),
    (call("GET /$discovery/rest?" + "&".join(["a=1"] * 300)), 400, "The query string is not percent-encoded UTF-8, or has too many"),
    (call("GET /v1/enterprises?fields=nmae&projectId=p HTTP/1.1"), 400, "Invalid field selection nmae"),
    (call("GET v1/enterprises HTTP/1.1"), 400, "The part's request line must have a path that begins with a slash"),
    (call("GET /v1/nothing HTTP/1.1"), 404, "The requested URL /v1/nothing was not found on this server."),
    (call("GET /nothing HTTP/1.1"), 404, "The requested URL /nothing was not found on this server."),
    (call("POST /batch HTTP/1.1", b"x"), 400, "A batch cannot contain a batch"),
    (call("POST /%62atch HTTP/1.1", b"x"), 400, "A batch cannot contain a batch"),
    (call("GET /v1/enterprises/none HTTP/1.1"), 403, "Caller is not authorized to manage enterprise."),
    (call("POST /v1/enterprises HTTP/1.1", b"{"), 400, "Invalid JSON payload received."),
    (call("POST /v1/enterprises HTTP/1.1", b" " * (MIB + 1)), 413, "The request body is too large: at most 1048576 bytes are accepted."),
    (call("POST /v1/enterprises HTTP/1.1\r\nContent-Length: 99", b"{}"), 400, "The part is cut off: its Content-Length says more"),
    (
        call("GET /v1/enterprises/e/migrationTokens/t HTTP/1.1"),
        501,
        "androidmanagement.enterprises.migrationTokens.get is not",
    ),
]


@pytest.mark.both_ways
@pytest.mark.parametrize("part, status, message", BAD, ids=[row[2] for row in BAD])
def test_a_bad_call_harms_no_other(live: Live, device: str, part: bytes, status: int, message: str) -> None:
    good = call(f"POST /v1/{device}:issueCommand HTTP/1.1", b'{"type":"LOCK"}')

    before, bad, after = answers(send(live, [good, part, good]))

    assert (200, 200) == (before.status, after.status)
    assert (status, status) == (bad.status, bad.json["error"]["code"])
    assert bad.message.startswith(message)
    assert 2 == len(live.call("GET", f"/v1/{device}/operations").json["operations"])


def test_a_thousand_calls_are_taken_and_answered_in_their_order(live: Live, enterprise: str) -> None:
    devices = [live.device(enterprise) for _ in range(10)]
    parts = [
        call(f"POST /v1/{devices[number % 10]}:issueCommand HTTP/1.1", b'{"type":"LOCK"}', id=f"<u + {number}>")
        for number in range(MOST_PARTS)
    ]

    found = answers(send(live, parts))

    assert [f"<response-u + {number}>" for number in range(MOST_PARTS)] == [each.content_id for each in found]
    assert {200} == {each.status for each in found}
    assert MOST_PARTS == len({each.json["name"] for each in found})


@pytest.mark.both_ways
def test_a_thousand_and_one_are_refused_and_none_is_done(live: Live, device: str) -> None:
    answer = send(live, [call(f"POST /v1/{device}:issueCommand HTTP/1.1", b'{"type":"LOCK"}')] * (MOST_PARTS + 1))

    assert (400, "The batch has more than 1000 calls: send them in several batches.") == (answer.status, answer.message)
    assert {} == live.call("GET", f"/v1/{device}/operations").json


@pytest.mark.both_ways
@pytest.mark.parametrize("ids", [("<u + 1>", "<u + 2>", "<u + 1>"), ("1", "1")])
def test_a_batch_that_names_two_calls_alike_is_refused_and_none_is_done(live: Live, device: str, ids: tuple[str, ...]) -> None:
    answer = send(live, [call(f"POST /v1/{device}:issueCommand HTTP/1.1", b'{"type":"LOCK"}', id=each) for each in ids])

    expected = f"The Content-ID '{ids[0]}' is on two parts of the batch. Nothing was done: give each call its own."
    assert (400, "INVALID_ARGUMENT", expected) == (answer.status, answer.json["error"]["status"], answer.message)
    assert {} == live.call("GET", f"/v1/{device}/operations").json


async def answers_of(batch: Batch, *, calls: int) -> list[Answer]:
    """What the calls of a batch are answered: `/v1/0`, `/v1/1` and so on."""
    body = b"".join(b"--b\n" + call(f"GET /v1/{number} HTTP/1.1") + b"\n" for number in range(calls)) + b"--b--"

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"multipart/mixed; boundary=b")]
    scope = {"type": "http", "method": "POST", "path": "/batch", "query_string": b"", "headers": headers}
    content_type, answered = await batch.answer(scope, receive)
    return answers(Response(200, {"content-type": content_type.decode()}, answered))


async def test_a_call_that_fails_in_the_server_harms_no_other() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["path"] == "/v1/1":
            raise ZeroDivisionError("a secret")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    found = await answers_of(Batch(app, part_max_bytes=MIB, body_timeout_s=1.0), calls=3)

    assert [200, 500, 200] == [each.status for each in found]
    assert "Internal error encountered." == found[1].message


NO_BATCH = [
    (b"", "multipart/mixed; boundary=b", "The batch is cut off or its boundary differs"),
    (b"--b--\r\n", "multipart/mixed; boundary=b", "The batch has no calls"),
    (b"--b\r\nContent-Type: application/http\r\n\r\nGET / HTTP/1.1", "multipart/mixed; boundary=b", "The batch is cut off"),
    (b"--b--", "multipart/mixed", "A batch needs the header Content-Type: multipart/mixed"),
    (b"--b--", "application/json; boundary=b", "A batch needs the header Content-Type: multipart/mixed"),
    (b"--b--", "multipart/mixed; boundary=" + "b" * 71, "A batch needs the header Content-Type: multipart/mixed"),
]


@pytest.mark.parametrize("body, content_type, message", NO_BATCH, ids=range(len(NO_BATCH)))
def test_what_is_no_batch_is_refused_as_a_whole(live: Live, body: bytes, content_type: str, message: str) -> None:
    answer = live.call("POST", "/batch", body, content_type=content_type)

    assert (400, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])
    assert answer.message.startswith(message)


def test_a_batch_is_taken_up_to_16_mebibytes(live: Live) -> None:
    padding = call("POST /v1/enterprises/none/enrollmentTokens HTTP/1.1", b"{}" + b" " * (MIB - 2))

    assert [403] * 15 == [each.status for each in answers(send(live, [padding] * 15))]
    assert 413 == send(live, [padding] * 17).status


def test_a_batch_is_asked_with_post_only(live: Live) -> None:
    answer = live.call("GET", "/batch")

    assert 404 == answer.status
    assert answer.message.endswith("With another HTTP method it would be: POST.")


async def test_when_the_answer_is_full_no_further_call_is_begun() -> None:
    """What was not begun says so and may be sent again."""
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    found = await answers_of(Batch(app, part_max_bytes=MIB, body_timeout_s=1.0, answer_max_bytes=4, at_once=1), calls=4)

    assert ["/v1/0", "/v1/1"] == asked
    assert [200, 200, 429, 429] == [each.status for each in found]
    assert "BATCH_ANSWER_TOO_LARGE" == found[3].json["error"]["details"][0]["reason"]


AUTH = [
    ("Authorization: Bearer part", "", "Bearer outer", b"Bearer part"),
    ("X: y", "", "Bearer outer", b"Bearer outer"),
    ("X: y", "?access_token=part", "Bearer outer", None),
    ("X: y", "", "", None),
]


@pytest.mark.parametrize("own, query, outer, expected", AUTH, ids=["its own", "the batch's", "its own in the query", "none"])
async def test_a_part_without_credentials_has_those_of_the_batch(own: str, query: str, outer: str, expected: bytes | None) -> None:
    seen: list[bytes | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        seen.append(dict(scope["headers"]).get(b"authorization"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    body = b"--b\n" + call(f"GET /v1/enterprises{query} HTTP/1.1\r\n{own}") + b"\n--b--"

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"multipart/mixed; boundary=b"), *([(b"authorization", outer.encode())] if outer else [])]
    scope = {"type": "http", "method": "POST", "path": "/batch", "query_string": b"", "headers": headers}
    await Batch(app, part_max_bytes=MIB, body_timeout_s=1.0).answer(scope, receive)

    assert [expected] == seen


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("shift", range(-12, 13))
def test_a_delimiter_is_found_wherever_a_window_of_reading_ends(newline: bytes, shift: int) -> None:
    first = b"--b" + newline + b"Content-Type: application/http" + newline * 2 + b"POST /v1/a" + newline * 2
    padding = WINDOW_BYTES - len(first) + shift
    body = first + b"x" * padding + newline + b"--b  " + newline + b"Content-Type: application/http" + newline * 2 + b"GET /v1/b" + newline
    almost = body + b"--bb" + newline + b"--b" + b" " * (2 * WINDOW_BYTES) + b"x" + newline + b"--b--"

    one, other = parse_batch(almost, b"b")

    assert isinstance(one.request, PartRequest)
    assert isinstance(other.request, PartRequest)
    assert ("/v1/a", b"x" * padding) == (one.request.path, one.request.body)
    assert "/v1/b" == other.request.path
