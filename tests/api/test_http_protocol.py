"""What is no request, or too much of one, is refused in Google's form; nothing but a head counts as a head."""

import asyncio
import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.api.http.address import Addresses
from heliograph.api.http.http_protocol import Http11
from heliograph.asgi import Receive, Send
from heliograph.server import listening_socket, serving
from heliograph.service.limits import HttpLimits
from tests.api.live import Live, live_server, settings_for
from tests.api.raw import Answer, Raw, answers_to
from tests.patience import PATIENCE_S

HOST = b"Host: here\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def post(fields: bytes, body: bytes = b"", *, version: bytes = b"1.1") -> bytes:
    """A POST of the token endpoint's kind, with these fields."""
    return b"POST /v1/enterprises HTTP/" + version + b"\r\n" + fields + b"\r\n" + body


SMUGGLERS = {
    "a length and chunks": post(HOST + b"Content-Length: 3\r\n" + CHUNKED, b"0\r\n\r\n"),
    "chunks and a length": post(HOST + CHUNKED + b"Content-Length: 3\r\n", b"0\r\n\r\n"),
    "two lengths": post(HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"),
    "a list of lengths": post(HOST + b"Content-Length: 3, 3\r\n", b"abc"),
    "a length with a sign": post(HOST + b"Content-Length: +3\r\n", b"abc"),
    "chunks that are not last": post(HOST + b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "an unknown coding": post(HOST + b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "chunks in HTTP/1.0": post(HOST + CHUNKED, b"0\r\n\r\n", version=b"1.0"),
    "a folded line": GET + b"X: a\r\n b\r\n\r\n",
    "a space before the colon": GET + b"X : a\r\n\r\n",
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: here\n\n",
    "a bare carriage return": GET + b"X: a\rY: b\r\n\r\n",
    "a NUL": GET + b"X: a\0b\r\n\r\n",
    "two hosts": GET + b"Host: there\r\n\r\n",
    "two equal hosts": GET + HOST + b"\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "an empty host": b"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
    "a host with a space": b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a slash": b"GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": b"GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "a host with markup": b'GET /healthz HTTP/1.1\r\nHost: a"<b>\r\n\r\n',
    "a tunnel": b"CONNECT here:1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 4,
    "a path that is not ASCII": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("data", SMUGGLERS.values(), ids=SMUGGLERS)
def test_what_two_readers_could_read_differently_is_refused(live: Live, data: bytes) -> None:
    answers = answers_to(live.port, data + GET + b"\r\n")

    assert [400] == [answer.status for answer in answers]
    assert_google(answers[0], "INVALID_ARGUMENT")


def assert_google(answer: Answer, status: str) -> None:
    """The answer is an error in Google's form, and the last one of its connection."""
    assert answer.fields[b"content-type"].startswith(b"application/json")
    assert (answer.status, status) == (answer.error["code"], answer.error["status"])
    assert answer.error["message"]
    assert b"close" == answer.fields[b"connection"]


def test_the_usual_hosts_are_taken(live: Live) -> None:
    hosts = [b"localhost", b"127.0.0.1:8080", b"[::1]:8080", b"[::1]", b"amapi.example.com", b"xn--bcher-kva.example", b"a_b.local:1"]

    with Raw(live.port) as connection:
        for host in hosts:
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            assert (host, 200) == (host, connection.answer().status)


def test_an_old_client_needs_no_host(live: Live) -> None:
    assert [200] == [answer.status for answer in answers_to(live.port, b"GET /healthz HTTP/1.0\r\n\r\n")]


def test_a_fault_is_answered_after_the_requests_before_it(live: Live) -> None:
    answers = answers_to(live.port, (GET + b"\r\n") * 3 + b"nonsense\r\n\r\n" + GET + b"\r\n")

    assert [200, 200, 200, 400] == [answer.status for answer in answers]


def test_a_fault_in_a_body_is_the_answer_to_its_request(live: Live) -> None:
    answers = answers_to(live.port, GET + b"\r\n" + post(HOST + CHUNKED, b"x\r\n"))

    assert [200, 400] == [answer.status for answer in answers]


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that believes what is on its own machine."""
    with live_server(settings_for(tmp_path_factory.mktemp("data")), addresses=Addresses(["127.0.0.1"])) as server:
        yield server


@pytest.mark.parametrize("pieces", [False, True], ids=["at once", "in pieces"])
def test_a_field_in_a_trailer_does_not_count(behind_a_proxy: Live, *, pieces: bool) -> None:
    head = b"GET /$discovery/rest HTTP/1.1\r\n" + HOST + CHUNKED + b"Accept-Encoding: identity\r\n\r\n"
    trailer = b"0\r\nX-Forwarded-Host: evil.example\r\nAuthorization: Bearer x\r\nHost: evil.example\r\nOrigin: x\r\n\r\n"

    with Raw(behind_a_proxy.port) as connection:
        for piece in (head, trailer) if pieces else (head + trailer,):
            connection.send(piece)
        described = json.loads(connection.answer().body)
        connection.send(GET + b"\r\n")

        assert "http://here/" == described["rootUrl"]
        assert 200 == connection.answer().status


def test_a_url_that_is_too_long_is_refused(live: Live) -> None:
    for length in (20_000, 70 * 1_024, 4_000_000):
        answers = answers_to(live.port, b"GET /v1/" + b"a" * length + b" HTTP/1.1\r\n" + HOST + b"\r\n")

        assert [414] == [answer.status for answer in answers]
        assert_google(answers[0], "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "fields",
    [b"X: " + b"a" * 40_000 + b"\r\n", b"X: " + b"a" * 4_000_000, b"a:b\r\n" * 200, b"a:\r\n" * 1_000_000, b"a" * 1_000_000],
    ids=["one large", "one without an end", "many", "a million", "a name"],
)
def test_a_head_that_is_too_large_is_refused(live: Live, fields: bytes) -> None:
    answers = answers_to(live.port, GET + fields)

    assert [431] == [answer.status for answer in answers]
    assert_google(answers[0], "INVALID_ARGUMENT")


def test_a_trailer_without_an_end_is_refused(live: Live) -> None:
    answers = answers_to(live.port, post(HOST + CHUNKED, b"0\r\nX: " + b"a" * 4_000_000))

    assert [400] == [answer.status for answer in answers]


def test_a_flood_of_requests_on_one_connection_is_answered_in_order(live: Live) -> None:
    count = 20_000
    with Raw(live.port) as connection:
        for number in range(count):  # what is answered meanwhile is read, or neither side would go on
            connection.send(b"GET /nothing-%d HTTP/1.1\r\n" % number + HOST + b"\r\n")
            if number % 100 == 99:
                for expected in range(number - 99, number + 1):
                    answer = connection.answer()
                    assert f"/nothing-{expected} " in answer.error["message"]


def test_requests_that_come_at_once_are_all_answered_in_order(live: Live) -> None:
    count = 2_000

    answers = answers_to(
        live.port,
        b"".join(b"GET /nothing-%d HTTP/1.1\r\n" % number + HOST + b"\r\n" for number in range(count))
        + b"GET /last HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n",
    )  # fmt: skip

    assert [*range(count)] == [int(answer.error["message"].split("/nothing-")[1].split()[0]) for answer in answers[:-1]]


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that waits for nothing."""
    limits = HttpLimits(head_s=1, body_s=1, idle_s=1)  # but for what is on its way on a busy machine
    with live_server(settings_for(tmp_path_factory.mktemp("data"), http=limits), body_timeout_s=1) as server:
        yield server


HALVES = {
    "half a head": (GET, "DEADLINE_EXCEEDED"),
    "half a body": (post(HOST + b"Content-Length: 10\r\n", b"{"), "DEADLINE_EXCEEDED"),
    "half a chunk": (post(HOST + CHUNKED, b"5\r\n{"), "DEADLINE_EXCEEDED"),
}


@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_is_not_waited_for_longer_than_allowed(impatient: Live, half: str) -> None:
    data, status = HALVES[half]

    answers = answers_to(impatient.port, data)

    assert [408] == [answer.status for answer in answers]
    assert_google(answers[0], status)


def test_a_head_that_drips_is_not_waited_for_longer_than_allowed(impatient: Live) -> None:
    with Raw(impatient.port) as connection:
        connection.send(GET + b"X: ")
        for _ in range(2_000):  # far more than the time allowed, if each byte restarted it
            connection.send(b"a")
            if connection.heard(within_s=0.05):
                break

        assert 408 == connection.answer().status


@pytest.mark.parametrize("before", [b"", GET + b"\r\n"], ids=["never asked", "asked once"])
def test_a_connection_without_a_request_is_closed(impatient: Live, before: bytes) -> None:
    assert [200] * bool(before) == [answer.status for answer in answers_to(impatient.port, before)]


def test_bodies_under_way_hold_no_more_than_allowed(tmp_path: Path) -> None:
    with live_server(settings_for(tmp_path, http=HttpLimits(held_max_bytes=100_000))) as live, Raw(live.port) as slow:
        slow.send(post(HOST + b"Content-Length: 90000\r\n", b" " * 60_000))
        with Raw(live.port) as other:
            other.send(post(HOST + b"Content-Length: 60000\r\n", b" " * 59_999))
            refused = slow.answer()
            other.send(b" ")

            answered = other.answer()

        assert 503 == refused.status
        assert_google(refused, "UNAVAILABLE")
        assert b"1" == refused.fields[b"retry-after"]
        assert 400 == answered.status
        assert 200 == live.call("GET", "/healthz").status


def test_no_address_has_more_connections_than_allowed(tmp_path: Path) -> None:
    with live_server(settings_for(tmp_path, http=HttpLimits(per_address_most=2))) as live:
        with Raw(live.port) as first, Raw(live.port) as second:
            for connection in (first, second):
                connection.send(GET + b"\r\n")
                assert 200 == connection.answer().status

            crowded = answers_to(live.port, b"GET /v1/x HTTP/1.1\r\n" + HOST + b"\r\n")
            health = answers_to(live.port, GET + b"\r\n")
            second.send(GET + b"\r\n")

            assert [503] == [answer.status for answer in crowded]
            assert_google(crowded[0], "UNAVAILABLE")
            assert [200] == [answer.status for answer in health]
            assert 200 == second.answer().status
        metrics = live.call("GET", "/metrics").body.decode()

    assert 'heliograph_connections_crowded_total{bound="address"}' in metrics


HANDSHAKE = (
    b"GET /device/v1/connect HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)  # fmt: skip


@pytest.mark.parametrize("request_bytes", [GET + b"\r\n", HANDSHAKE], ids=["request", "handshake"])
async def test_an_app_that_fails_is_answered_for_in_googles_form(request_bytes: bytes) -> None:
    async def failing(scope: object, receive: object, send: object) -> None:
        raise ZeroDivisionError

    async def drain() -> None:
        """No connections."""

    with listening_socket("127.0.0.1", 0) as listener:
        async with serving(failing, listener, drain=drain, shutdown_s=1):
            answers = await asyncio.to_thread(answers_to, listener.getsockname()[1], request_bytes)

    assert [500] == [answer.status for answer in answers]
    assert_google(answers[0], "INTERNAL")


async def test_a_websocket_keeps_nothing_of_the_connection_that_it_was() -> None:
    async def accepting(_scope: object, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert "websocket.disconnect" == (await receive())["type"]

    async def drain() -> None:
        """No connections."""

    earlier = connections_in_memory()
    with listening_socket("127.0.0.1", 0) as listener:
        async with serving(accepting, listener, drain=drain, shutdown_s=1):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(HANDSHAKE)
            head = await reader.readuntil(b"\r\n\r\n")
            async with asyncio.timeout(PATIENCE_S):  # the turn of the loop that wrote the head may not be over
                while connections_in_memory() - earlier:  # noqa: ASYNC110 - memory signals nothing
                    await asyncio.sleep(0.01)
            writer.close()

    assert head.startswith(b"HTTP/1.1 101 ")


def connections_in_memory() -> set[int]:
    """Every HTTP connection of this process that something still refers to."""
    gc.collect()
    return {id(found) for found in gc.get_objects() if isinstance(found, Http11)}


def test_a_handshake_that_cannot_be_read_is_answered(live: Live) -> None:
    fields = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    good = b"dGhlIHNhbXBsZSBub25jZQ==\r\n"
    heads = {
        "a long line": fields + good + b"X: " + b"a" * 9_000 + b"\r\n\r\n",
        "a bad key": fields + b"x\r\n\r\n",
        "a body": fields + good + b"Content-Length: 3\r\n\r\nabc",
    }

    for what, head in heads.items():
        answers = answers_to(live.port, b"GET /device/v1/connect HTTP/1.1\r\n" + HOST + head)

        assert (what, 1) == (what, len(answers))
        assert 400 <= answers[0].status < 500
        assert answers[0].error["code"] == answers[0].status
