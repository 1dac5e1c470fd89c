"""The wire around the messages: forms of answers, sizes, times, health."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.live import Live, live_server, settings_for

MIB = 1024 * 1024


def test_an_answer_is_indented_json_by_default(live: Live, enterprise: str) -> None:
    answer = live.call("GET", f"/v1/{enterprise}")

    assert "application/json; charset=UTF-8" == answer.headers["content-type"]
    assert json.dumps(answer.json, indent=2).encode() + b"\n" == answer.body


def test_an_answer_is_compact_when_the_caller_says_so(live: Live, enterprise: str) -> None:
    answer = live.call("GET", f"/v1/{enterprise}?prettyPrint=false")

    assert json.dumps(answer.json, separators=(",", ":")).encode() == answer.body


def test_an_error_is_indented_or_compact_like_any_answer(live: Live) -> None:
    expected = {"error": {"code": 404, "message": "The requested URL /v1/nothing was not found on this server.", "status": "NOT_FOUND"}}

    assert json.dumps(expected, indent=2).encode() + b"\n" == live.call("GET", "/v1/nothing").body
    assert json.dumps(expected, separators=(",", ":")).encode() == live.call("GET", "/v1/nothing?prettyPrint=false").body


def test_a_caller_may_ask_for_a_part_of_an_answer(live: Live, enterprise: str) -> None:
    device = live.device(enterprise)

    answer = live.call("GET", f"/v1/{enterprise}/devices?fields=nextPageToken,devices(name,hardwareInfo/model)")

    assert {"devices": [{"name": device, "hardwareInfo": {"model": "Pixel 8"}}]} == answer.json


@pytest.mark.parametrize(
    "query, status", [("alt=proto", 501), ("alt=media", 501), ("alt=yaml", 400), ("callback=f", 501), ("fields=a(", 400)]
)
def test_a_form_of_answer_that_is_not_offered_is_refused(live: Live, enterprise: str, query: str, status: int) -> None:
    assert status == live.call("GET", f"/v1/{enterprise}?{query}").status


def test_every_common_parameter_is_accepted(live: Live, enterprise: str) -> None:
    query = "$.xgafv=2&access_token=t&alt=json&key=k&oauth_token=t&prettyPrint=true&quotaUser=q&uploadType=media&upload_protocol=raw"

    assert 200 == live.call("GET", f"/v1/{enterprise}?{query}").status


def test_an_unknown_parameter_is_refused_in_googles_words(live: Live, enterprise: str) -> None:
    answer = live.call("GET", f"/v1/{enterprise}/devices?orderBy=name")

    assert 400 == answer.status
    assert (
        'Invalid JSON payload received. Unknown name "orderBy": Cannot bind query parameter. '
        "Field 'orderBy' could not be found in request message."
    ) == answer.message


def test_ids_are_percent_decoded(live: Live, device: str) -> None:
    enterprise, _, device_id = device.rpartition("/devices/")
    encoded = "".join(f"%{ord(character):02X}" for character in device_id)

    assert device == live.call("GET", f"/v1/{enterprise}/devices/{encoded}").json["name"]


@pytest.mark.parametrize("id", ["a%2Fb", "%00", "%FF", "%0A", "x" * 300 + "%20", "%20%C2%AD"])
def test_an_id_that_nothing_can_have_is_refused(live: Live, enterprise: str, id: str) -> None:
    answer = live.call("GET", f"/v1/{enterprise}/devices/{id}")

    assert (400, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])


@pytest.mark.both_ways
def test_a_body_of_a_mebibyte_is_read_and_a_larger_one_refused(live: Live, device: str) -> None:
    padding = b'{"type":"LOCK"%s}'
    most = padding % (b" " * (MIB - len(padding) + 2))
    assert MIB == len(most)

    assert 200 == live.call("POST", f"/v1/{device}:issueCommand", most).status
    answer = live.call("POST", f"/v1/{device}:issueCommand", most + b" ")

    assert (413, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])
    assert "The request body is too large: at most 1048576 bytes are accepted." == answer.message
    assert 1 == len(live.call("GET", f"/v1/{device}/operations").json["operations"])


@pytest.mark.both_ways
def test_a_chunked_body_is_read(live: Live, device: str) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=90)) as connection:
        chunks: Iterator[bytes] = iter([b'{"type":', b'"LOCK"}'])
        connection.request("POST", f"/v1/{device}:issueCommand", body=chunks, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})

        assert 200 == connection.getresponse().status


def test_a_body_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    with (
        live_server(settings_for(tmp_path), body_timeout_s=0.1) as live,
        socket.create_connection(("127.0.0.1", live.port), timeout=90) as connection,
    ):
        connection.sendall(b"POST /v1/enterprises HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.1 seconds" in answer


@pytest.mark.both_ways
def test_a_client_that_hangs_up_disturbs_nobody(live: Live, device: str) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=90) as connection:
        connection.sendall(b"POST /v1/%s:issueCommand HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{" % device.encode())

    assert b"{}\n" == live.call("GET", f"/v1/{device}/operations").body


def test_health_and_readiness_are_trivial_json(live: Live) -> None:
    assert {"status": "ok"} == live.call("GET", "/healthz").json
    assert {"status": "ready"} == live.call("GET", "/readyz").json


def test_metrics_count_requests_by_method_and_code(tmp_path: Path) -> None:
    with live_server(settings_for(tmp_path)) as live:
        live.call("GET", "/v1/enterprises")
        live.call("GET", "/v1/enterprises/none")
        live.call("GET", "/v1/no/such/path")
        text = live.call("GET", "/metrics").body.decode()

    assert 'heliograph_http_requests_total{code="200",method="androidmanagement.enterprises.list"} 1.0' in text
    assert 'heliograph_http_requests_total{code="403",method="androidmanagement.enterprises.get"} 1.0' in text
    assert 'heliograph_http_requests_total{code="404",method="unknown"} 1.0' in text


def test_an_unknown_enterprise_names_those_that_exist_only_where_that_is_wanted(live: Live, tmp_path: Path) -> None:
    hidden = live.call("GET", "/v1/enterprises/none/devices")
    with live_server(settings_for(tmp_path, expose_enterprises=True)) as sandbox:
        name = sandbox.enterprise()
        shown = sandbox.call("GET", "/v1/enterprises/none/devices")

    assert (403, 403) == (hidden.status, shown.status)
    assert "Caller is not authorized to manage enterprise." == hidden.message
    assert "metadata" not in hidden.json["error"]["details"][0]
    assert {"enterprises": name} == shown.json["error"]["details"][0]["metadata"]
