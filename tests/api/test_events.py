"""Heliograph's own addition: an enterprise's notifications as a stream that a caller reads on from its cursor."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from heliograph.domain.names import EnterpriseName
from heliograph.domain.notification import Notification
from heliograph.service.event_log import AppendEvent
from heliograph.service.ports import Decision, Sees
from tests.agent.lab import eventually
from tests.api.live import Live, Response

Json = dict[str, Any]
LINES, SSE = "application/jsonl", "text/event-stream"


@pytest.fixture
def enterprise(live: Live) -> str:
    """The name of one that enabled COMMAND."""
    name = live.enterprise()
    live.call("PATCH", f"/v1/{name}?updateMask=enabledNotificationTypes", '{"enabledNotificationTypes":["COMMAND"]}')
    return name


def ended(live: Live, device: str) -> str:
    """The name of a command of the device that is cancelled: one event."""
    name: str = live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"}).json["name"]
    live.call("POST", f"/v1/{name}:cancel")
    return name


def page(live: Live, enterprise: str, query: str = "") -> Response:
    return live.call("GET", f"/heliograph/v1/{enterprise}/events{query}")


@contextlib.contextmanager
def stream(live: Live, enterprise: str, query: str = "", **headers: str) -> Iterator[http.client.HTTPResponse]:
    """The answer of a stream, which goes on until the block ends."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=90)) as connection:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", f"/heliograph/v1/{enterprise}/events{query}", headers=sent)
        yield connection.getresponse()


def next_line(answer: http.client.HTTPResponse) -> Json:
    """The next event of JSON lines."""
    while not (line := answer.readline()).strip():
        assert line, "the stream has ended"
    found: Json = json.loads(line)
    return found


def next_message(answer: http.client.HTTPResponse) -> dict[str, str]:
    """The next event's fields, as an EventSource takes them apart.  Source: html.spec.whatwg.org §9.2.6."""
    fields: dict[str, str] = {}
    while line := answer.readline().decode():
        if line == "\n":
            if "data" in fields:
                return fields
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.rstrip("\n").partition(":")
            fields[name] = value.removeprefix(" ")
    raise AssertionError("the stream has ended")


@pytest.mark.both_ways
def test_a_page_has_the_events_after_the_cursor_and_the_cursor_to_go_on_with(live: Live, enterprise: str) -> None:
    device = live.device(enterprise)
    names = [ended(live, device) for _ in range(3)]

    first = page(live, enterprise, "?pageSize=2").json
    second = page(live, enterprise, f"?after={first['cursor']}").json
    third = page(live, enterprise, f"?after={second['cursor']}").json

    assert (names[:2], "2") == ([event["data"]["name"] for event in first["events"]], first["cursor"])
    assert (names[2:], "3") == ([event["data"]["name"] for event in second["events"]], second["cursor"])
    assert {"events": [], "cursor": "3"} == third
    shown = first["events"][0]
    assert ("1", "COMMAND", True) == (shown["cursor"], shown["notificationType"], shown["data"]["done"])
    assert {"cursor", "notificationType", "createTime", "data"} == shown.keys()
    assert {"events": [], "cursor": "3"} == page(live, enterprise, "?after=latest").json


@pytest.mark.both_ways
def test_an_enterprise_that_enabled_nothing_has_no_events(live: Live) -> None:
    enterprise = live.enterprise()
    ended(live, live.device(enterprise))

    assert {"events": [], "cursor": "0"} == page(live, enterprise).json


@pytest.mark.parametrize("after, sentence", [("x", "is not a cursor"), ("-1", "is not a cursor"), ("9", "ahead of the newest event, 0")])
def test_a_cursor_that_cannot_be_is_refused(live: Live, enterprise: str, after: str, sentence: str) -> None:
    answer = page(live, enterprise, f"?after={after}")

    assert 400 == answer.status
    assert sentence in answer.message


@pytest.mark.both_ways
def test_a_cursor_older_than_what_is_kept_is_gone_and_says_how_to_go_on(live: Live, enterprise: str) -> None:
    device = live.device(enterprise)
    for _ in range(2):
        ended(live, device)
    live.run(live.ports.store.retire(ended_before_us=0, events_before_us=2**62, limit=100))
    last = ended(live, device)

    answers = [page(live, enterprise, "?after=1"), page(live, enterprise, "?after=0")]
    with stream(live, enterprise, accept=SSE, last_event_id="1") as answer:
        streamed = answer.status

    assert ([410, 410], 410) == ([answer.status for answer in answers], streamed)
    detail = answers[0].json["error"]["details"][0]
    assert ("EVENTS_GONE", {"oldestCursor": "2"}) == (detail["reason"], detail["metadata"])
    for query in ("", "?after=2"):
        assert [last] == [event["data"]["name"] for event in page(live, enterprise, query).json["events"]]


def test_an_unknown_enterprise_is_403(live: Live) -> None:
    assert 403 == page(live, "enterprises/nobody").status


@pytest.mark.both_ways
def test_json_lines_go_on_with_what_comes(live: Live, enterprise: str) -> None:
    device = live.device(enterprise)
    first = ended(live, device)

    with stream(live, enterprise, accept=LINES) as answer:
        before = next_line(answer)
        second = ended(live, device)
        after = next_line(answer)

    assert "application/jsonl; charset=utf-8" == answer.headers["content-type"]
    assert [("1", first), ("2", second)] == [(event["cursor"], event["data"]["name"]) for event in (before, after)]


@pytest.mark.both_ways
def test_an_event_source_reads_on_from_its_last_event_id(live: Live, enterprise: str) -> None:
    """Which a browser sends when it connects again; the address still has the first cursor."""
    device = live.device(enterprise)
    names = [ended(live, device) for _ in range(2)]

    with stream(live, enterprise, "?after=0", accept=SSE) as answer:
        first = next_message(answer)
    with stream(live, enterprise, "?after=0", accept=SSE, last_event_id=first["id"]) as answer:
        second = next_message(answer)

    assert "text/event-stream; charset=utf-8" == answer.headers["content-type"]
    assert [("1", names[0]), ("2", names[1])] == [(one["id"], json.loads(one["data"])["data"]["name"]) for one in (first, second)]


def test_a_stream_ends_with_its_enterprise(live: Live, enterprise: str) -> None:
    with stream(live, enterprise, accept=LINES) as answer:
        answer.readline()
        live.call("DELETE", f"/v1/{enterprise}")
        live.run(_rung(live, enterprise))

        assert 403 == next_line(answer)["error"]["code"]
        assert b"" == answer.read()


async def _rung(live: Live, enterprise: str) -> None:
    """The followers look, as they do after each heartbeat."""
    live.ports.followers.heard([EnterpriseName.parse(enterprise)])


def test_a_reader_that_does_not_read_holds_little_and_misses_nothing(live: Live, enterprise: str) -> None:
    """What it has not taken stays in the store; the server waits for it with one page."""
    name, count = EnterpriseName.parse(enterprise), 300
    data = json.dumps({"text": "x" * 100_000}).encode()
    event = AppendEvent(name, Notification(notification_type="COMMAND", data=data))

    async def append() -> None:
        for _ in range(count // 50):
            await live.ports.store.decide(Sees(), lambda _: Decision(None, (event,) * 50))

    with stream(live, enterprise, accept=LINES) as answer:
        live.run(append())
        read = [next_line(answer)["cursor"] for _ in range(count)]

    assert [str(number) for number in range(1, count + 1)] == read


def test_who_hangs_up_follows_no_more(live: Live, enterprise: str) -> None:
    before = len(live.ports.followers)
    with stream(live, enterprise, accept=LINES) as answer:
        answer.readline()
        live.run(eventually(lambda: before + 1 == len(live.ports.followers)))

    live.run(eventually(lambda: before == len(live.ports.followers)))


def test_a_part_of_a_batch_and_a_head_are_whole_answers(live: Live, enterprise: str) -> None:
    part = f"--b\r\nContent-Type: application/http\r\n\r\nGET /heliograph/v1/{enterprise}/events HTTP/1.1\r\nAccept: {SSE}\r\n\r\n\r\n--b--"

    batch = live.call("POST", "/batch", part, content_type="multipart/mixed; boundary=b")
    head = live.call("HEAD", f"/heliograph/v1/{enterprise}/events", accept=LINES)

    assert b'"events"' in batch.body
    assert (200, b"") == (head.status, head.body)
