"""Of a batch from an unknown sender, only what shows that is read: the credential stands before the first call, or in it."""

import contextlib
import http.client
import socket
from typing import Any
from urllib.parse import quote

import pytest

from heliograph.api.http.batch import BEGINNING_BYTES
from heliograph.api.http.request_body import BATCH_MAX_BYTES
from heliograph.domain.access import SCOPE
from tests.api.test_batch import answers, call, send
from tests.sign_in.conftest import Guarded
from tests.sign_in.key_pairs import assertion, key_pair

GET = "GET /v1/enterprises/acme HTTP/1.1"


@pytest.fixture(scope="module")
def bearer(guarded: Guarded) -> str:
    """A good credential of enterprises/acme."""
    key: dict[str, Any] = guarded.key_file(["acme"])
    claims = assertion(key["client_email"], aud="https://androidmanagement.googleapis.com/", scope=SCOPE)
    return f"Bearer {key_pair(0).sign(claims, kid=key['private_key_id'])}"


def answered_before_the_rest(server: Guarded, beginning: bytes, **headers: str) -> http.client.HTTPResponse:
    """The answer to a batch of which this is sent, and all the rest never."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), timeout=90)) as connection:
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = "POST /batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        connection.sendall(f"{head}Content-Length: {BATCH_MAX_BYTES}\r\n{more}\r\n".encode() + beginning)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response


def test_a_batch_without_a_credential_is_refused_by_its_beginning(guarded: Guarded) -> None:
    beginning = b"--b\n" + call(GET) + b" " * BEGINNING_BYTES

    assert 401 == answered_before_the_rest(guarded, beginning).status


def test_a_batch_with_a_bad_credential_is_refused_before_its_body(guarded: Guarded) -> None:
    assert 401 == answered_before_the_rest(guarded, b"", Authorization="Bearer ya29.other").status


@pytest.mark.parametrize("authorization", ["Bearer ya29.other", "Basic x", ""])
def test_the_refusal_is_googles(guarded: Guarded, authorization: str) -> None:
    headers = {"authorization": authorization} if authorization else {}
    answer = send(guarded, [call(GET)], path="/batch", newline=b"\r\n", **headers)

    assert (401, "UNAUTHENTICATED") == (answer.status, answer.json["error"]["status"])
    assert "Bearer" in answer.headers["www-authenticate"]


def test_a_credential_of_the_batch_is_good_for_its_calls(guarded: Guarded, bearer: str) -> None:
    assert [200, 200] == [each.status for each in answers(send(guarded, [call(GET)] * 2, authorization=bearer))]


def test_calls_may_bring_their_own_as_googles_java_client_sends_them(guarded: Guarded, bearer: str) -> None:
    """`AndroidManagement.batch()` without an initializer sends none with the batch itself."""
    own = call(f"{GET}\r\nAuthorization: {bearer}")

    assert [200, 401, 200] == [each.status for each in answers(send(guarded, [own, call(GET), own]))]


def test_a_call_may_have_its_credential_in_its_query(guarded: Guarded, bearer: str) -> None:
    own = call(f"GET /v1/enterprises/acme?access_token={quote(bearer.removeprefix('Bearer '))} HTTP/1.1")

    assert [200] == [each.status for each in answers(send(guarded, [own]))]


def test_a_long_batch_of_calls_with_their_own_is_read_to_its_end(guarded: Guarded, bearer: str) -> None:
    own = call(f"{GET}\r\nAuthorization: {bearer}\r\nX-Padding: {'x' * 2_000}")

    assert {200} == {each.status for each in answers(send(guarded, [own] * 100))}


def test_a_gzipped_body_is_not_unpacked_for_nobody_knows_whom(guarded: Guarded) -> None:
    """It is no gzip at all, which would be 400."""
    nobody = guarded.call("POST", "/v1/enterprises/acme/devices/d:issueCommand", b"no gzip", content_encoding="gzip")

    assert 401 == nobody.status
