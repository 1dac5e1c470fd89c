"""What a broken or hostile phone sends harms only itself."""

import json
import secrets
from contextlib import AbstractAsyncContextManager

import aiohttp
import pytest

from tests.channel.conftest import Server
from tests.channel.phones import ACK_ID, SocketPhone

OPERATION = "enterprises/LC01test/devices/d/operations/1"


@pytest.mark.parametrize(
    "path, body, status",
    [
        ("hello", b"{", 400),
        ("hello", b"[]", 400),
        ("hello", b"\xff\xfe", 400),
        ("hello", b"[" * 100_000, 400),
        ("hello", b'{"inFlight":[{"operation":"x","ackId":"short","state":"acking"}]}', 400),
        ("hello", b'{"inFlight":[{"operation":"x","ackId":"%b","state":"asleep"}]}' % ACK_ID.encode(), 400),
        ("hello", b'"' + b"x" * 300_000 + b'"', 400),
        ("status", b"{}", 400),
        ("status", b'{"report":{"apiLevel":"high"}}', 400),
        ("enroll", b"{}", 400),
        (f"{OPERATION}:acknowledge", b"{}", 400),
        (f"{OPERATION}:acknowledge", b'{"ackId":"not-hex"}', 400),
        (f"{OPERATION}:acknowledge", b'{"ackId":"%b","operation":"another"}' % ACK_ID.encode(), 400),
        (f"{OPERATION}:report", b'{"ackId":"%b","seq":0,"state":"SUCCEEDED"}' % ACK_ID.encode(), 400),
        (f"{OPERATION}:report", b'{"ackId":"%b","seq":99999999999,"state":"SUCCEEDED"}' % ACK_ID.encode(), 400),
        (f"{OPERATION}:report", b'{"ackId":"%b","seq":1,"state":"DONE"}' % ACK_ID.encode(), 400),
        ("no/such/name:acknowledge", b'{"ackId":"%b"}' % ACK_ID.encode(), 400),
        (f"{OPERATION}:explode", b"{}", 404),
        ("nothing", b"{}", 404),
        ("commands", b"{}", 404),
    ],
)
async def test_ill_formed_messages_are_refused_in_googles_form(server: Server, path: str, body: bytes, status: int) -> None:
    phone = await server.enroll()

    reply = await server.post(path, body, phone.credential)

    assert status == reply.status
    assert status == reply.body["error"]["code"]
    assert reply.body["error"]["message"]


@pytest.mark.parametrize("depth", [97, 900])
@pytest.mark.parametrize("path", ["status", "enroll"])
async def test_a_report_that_nests_deeply_is_refused(server: Server, path: str, depth: int) -> None:
    """It would be stored, and could be read again only where little else is on the stack."""
    phone = await server.enroll()
    body = b'{"report":{"apiLevel":34,"nonComplianceDetails":[{"currentValue":%b}]}}' % (b"[" * depth + b"]" * depth)

    reply = await server.post(path, body, phone.credential)

    assert 400 == reply.status
    assert "Message too deep. Max recursion depth is 100." in reply.body["error"]["message"]


async def test_an_error_quotes_no_value(server: Server) -> None:
    phone = await server.enroll()
    report = {"ackId": ACK_ID, "seq": 1, "state": "correct horse"}

    reply = await server.post(f"{OPERATION}:report", report, phone.credential)

    assert 400 == reply.status
    assert "correct horse" not in json.dumps(reply.body)


@pytest.mark.parametrize("query", ["wait=soon", "wait=-1", "wait=1.5", "wait="])
async def test_a_wait_that_is_no_number_is_refused(server: Server, query: str) -> None:
    phone = await server.enroll()

    headers = {"Authorization": f"Bearer {phone.credential}"}
    async with server.http.get(f"{server.url}/device/v1/commands?{query}", headers=headers) as answer:
        assert 400 == answer.status


@pytest.mark.both_ways
async def test_a_status_that_is_null_is_none(server: Server) -> None:
    phone = await server.enroll()
    operation = await server.issue(phone, type="LOCK")
    await server.post(f"{operation}:acknowledge", {"ackId": ACK_ID}, phone.credential)

    reply = await server.post(f"{operation}:report", {"ackId": ACK_ID, "seq": 1, "state": "SUCCEEDED", "status": None}, phone.credential)

    assert (200, {}) == reply


async def test_the_first_frame_must_be_hello(server: Server) -> None:
    phone = await server.enroll()

    async with socket_of(server, phone.credential) as socket:
        await socket.send_json({"id": 1, "kind": "status", "body": {}})
        message = await socket.receive(timeout=90)

    assert (aiohttp.WSMsgType.CLOSE, 4408) == (message.type, message.data)


async def test_unreadable_frames_are_answered_and_the_third_ends_the_connection(server: Server) -> None:
    phone = await server.enroll()

    async with socket_of(server, phone.credential) as socket:
        await socket.send_json({"id": 1, "kind": "hello"})
        await socket.receive_json(timeout=90)
        errors = []
        for frame in ("{", "[]", '{"id":1}'):
            await socket.send_str(frame)
            errors.append(await socket.receive_json(timeout=90))
        closing = await socket.receive(timeout=90)

    assert [400, 400, 400] == [error["error"]["code"] for error in errors]
    assert (aiohttp.WSMsgType.CLOSE, 4400) == (closing.type, closing.data)


async def test_an_unknown_kind_is_answered_and_harms_nothing(server: Server) -> None:
    phone = await server.enroll()

    async with SocketPhone(server.http, server.url, phone.credential) as socket:
        await socket.hello()
        unknown = await socket.send("explode")
        known = await socket.hello()

    assert [404, 200] == [unknown.status, known.status]


async def test_a_frame_that_is_too_large_ends_the_connection(server: Server) -> None:
    phone = await server.enroll()

    async with socket_of(server, phone.credential) as socket:
        await socket.send_json({"id": 1, "kind": "hello", "body": {"padding": secrets.token_hex(200_000)}})
        message = await socket.receive(timeout=90)

    assert (aiohttp.WSMsgType.CLOSE, 1009) == (message.type, message.data)


def socket_of(server: Server, credential: str) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
    """A bare WebSocket that has not said hello."""
    return server.http.ws_connect(f"{server.url}/device/v1/connect", headers={"Authorization": f"Bearer {credential}"})


async def test_a_refusal_of_two_hundred_kilobytes_of_faults_is_short(server: Server) -> None:
    """Enrolment needs no credential; once the answer to this was a hundred times as long."""
    names = ",".join(f'"unknown{number}":1' for number in range(12_000))
    wrong = [1] * 60_000
    facts = b'"apiLevel":35,"managementMode":"DEVICE_OWNER","ownership":"COMPANY_OWNED"'
    for body in (
        b'{"enrollmentToken":"t","report":{%b,%b}}' % (facts, names.encode()),
        b'{"enrollmentToken":"t","report":{%b,"hardwareInfo":%b}}' % (facts, json.dumps(wrong).encode()),
        b'{"enrollmentToken":"t","report":{%b,"euiccs":%b}}' % (facts, json.dumps(wrong).encode()),
        b'{"enrollmentToken":"t","%b":1,"report":7}' % (b"x" * 200_000),
    ):
        reply = await server.post("enroll", body)

        assert 400 <= reply.status < 500
        assert len(json.dumps(reply.body)) < 64 * 1_024


@pytest.mark.parametrize("path", ["hello", "status", f"{OPERATION}:report"])
async def test_who_shows_no_credential_is_refused_before_its_message_is_read(server: Server, path: str) -> None:
    """The message would be too large."""
    reply = await server.post(path, b"x" * 300_000)

    assert 401 == reply.status
