"""What callers sent can be looked up, filtered, exported and followed to its end; no secret is ever in it."""

import contextlib
import gzip
import http.client
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from heliograph.sandbox.request_journal import Answer, Passage, RequestJournal, record_of
from heliograph.sandbox.settings import SandboxSettings
from heliograph.service.limits import Limits
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.conftest import running
from tests.sandbox.google import google

PHONE = "pixel8-a15-fully-managed"
NAME = f"enterprises/sandbox/devices/{PHONE}"
ISSUE = "androidmanagement.enterprises.devices.issueCommand"
PASSWORD = "correct-horse-77"
ACTIVATION_CODE = "LPA:1$smdp.example.com$SECRET-MATCHING-ID"


def requests(sandbox: Client, query: str = "") -> list[Json]:
    """The journal, oldest first."""
    found: list[Json] = sandbox.get(f"/sandbox/v1/requests{query}")["requests"]
    return found


def everything(sandbox: Client) -> str:
    """Everything in the journal, in every form."""
    shown = [sandbox.get("/sandbox/v1/requests"), sandbox.get("/sandbox/v1/requests:exportHar"), sandbox.get("/sandbox/v1/quota")]
    shown += [sandbox.get(f"/sandbox/v1/{request['name']}/trace") for request in requests(sandbox)]
    return json.dumps(shown)


def send(sandbox: Client, path: str, body: bytes, **headers: str) -> int:
    """The status that answers this very body."""
    host, port = sandbox.url.removeprefix("http://").rsplit(":", 1)
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)) as connection:
        connection.request("POST", path, body=body, headers=headers)
        with connection.getresponse() as answer:
            answer.read()
            return answer.status


def test_a_call_of_googles_client_is_shown_with_what_was_sent_and_answered(sandbox: Client) -> None:
    with google(sandbox) as client:
        issued = client.enterprises().devices().issueCommand(name=NAME, body={"type": "LOCK"}).execute()

    (request,) = requests(sandbox)

    assert ("requests/1", ISSUE, "POST", f"/v1/{NAME}:issueCommand") == tuple(
        request[field] for field in ("name", "method", "httpMethod", "path")
    )
    assert (NAME, PHONE, {"type": "LOCK"}, 200, issued["name"]) == tuple(
        request[field] for field in ("resource", "phone", "body", "status", "operation")
    )
    assert "gl-python" in request["headers"]["x-goog-api-client"]
    assert float(request["duration"].removesuffix("s")) > 0
    assert issued == request["response"]
    assert request == sandbox.get("/sandbox/v1/requests/1")


def test_pages_and_the_sandboxs_own_routes_are_not_calls_of_the_api(sandbox: Client) -> None:
    for path in ("/healthz", "/$discovery/rest?version=v1", "/sandbox/v1/devices"):
        sandbox.get(path)

    assert [] == requests(sandbox)


def test_a_path_that_no_method_has_is_shown_too(sandbox: Client) -> None:
    assert 404 == send(sandbox, f"/v1/{NAME}:issueComand", b'{"type": "LOCK"}')

    (request,) = requests(sandbox)

    assert ("unknown", 404, {"type": "<sealed>"}) == (request["method"], request["status"], request["body"])


def test_the_calls_of_a_batch_are_shown_one_by_one(sandbox: Client) -> None:
    with google(sandbox) as client:
        batch, devices = client.new_batch_http_request(), client.enterprises().devices()
        batch.add(devices.get(name=NAME))
        batch.add(devices.issueCommand(name=NAME, body={"type": "LOCK"}))
        batch.execute()

    found = requests(sandbox)

    assert {"androidmanagement.enterprises.devices.get", ISSUE} == {request["method"] for request in found}
    assert [True, True] == [request["inBatch"] for request in found]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "RESET_PASSWORD", "newPassword": PASSWORD},
        {"type": "RESET_PASSWORD", "new_password": PASSWORD},
        {"newPassword": {"value": PASSWORD}},
        {"type": "RESET_PASSWORD", "password": PASSWORD},
        {"type": "RESET_PASSWORD", "resetPasswordParams": {"newPassword": [PASSWORD]}},
        {"type": PASSWORD},
        {"type": "LOCK", "duration": PASSWORD},
        {"command": {"type": "RESET_PASSWORD", "newPassword": PASSWORD}},
        {"type": "ADD_ESIM", "addEsimParams": {"activationCode": ACTIVATION_CODE, "activationState": "NOT_ACTIVATED"}},
        {"type": "ADD_ESIM", "add_esim_params": {"activation_code": ACTIVATION_CODE}},
        {"type": "ADD_ESIM", "activationCode": ACTIVATION_CODE},
    ],
)
def test_no_password_and_no_activation_code_is_in_the_journal_wherever_it_was_written(sandbox: Client, body: Json) -> None:
    raw = json.dumps(body).encode()
    send(sandbox, f"/v1/{NAME}:issueCommand", raw)
    send(sandbox, f"/v1/{NAME}:issueCommand", gzip.compress(raw), **{"Content-Encoding": "gzip"})
    send(sandbox, f"/v1/{NAME}:issueCommand", raw[:-1])
    send(sandbox, f"/v1/{NAME}:issueCommand?newPassword={PASSWORD}&access_token={PASSWORD}", raw, Authorization=f"Bearer {PASSWORD}")
    send(sandbox, f"/v1/{NAME}:issueComand", raw)

    shown = everything(sandbox)

    assert 5 == len(requests(sandbox))
    assert "<sealed>" in shown
    assert PASSWORD not in shown
    assert "SECRET-MATCHING-ID" not in shown


def test_an_enrolment_tokens_value_is_sealed_in_the_answer(sandbox: Client) -> None:
    token = sandbox.post("/v1/enterprises/sandbox/enrollmentTokens", {"duration": "3600s"})

    (request,) = requests(sandbox)

    assert (token["name"], "<sealed>") == (request["response"]["name"], request["response"]["value"])
    sandbox.get("/v1/enterprises/sandbox/enrollmentTokens")
    assert token["value"] not in everything(sandbox)


def test_what_phones_enrol_with_is_sealed_wherever_it_stands(sandbox: Client) -> None:
    enterprise = "/v1/enterprises/sandbox"
    details = [{"signinUrl": "https://login.example.com/"}]
    made = sandbox.patch(f"{enterprise}?updateMask=signinDetails", {"signinDetails": details})

    sandbox.patch(f"{enterprise}?updateMask=signinDetails", {"signinDetails": made["signinDetails"]})
    sandbox.get(enterprise)
    sandbox.get("/v1/enterprises?view=BASIC")

    (detail,) = made["signinDetails"]
    assert "login.example.com" in everything(sandbox)
    assert detail["signinEnrollmentToken"] not in everything(sandbox)


def test_the_secret_of_a_push_endpoint_is_sealed_in_every_answer_that_has_it(sandbox: Client) -> None:
    endpoints = "/heliograph/v1/enterprises/sandbox/pushEndpoints"
    signing = {"standardWebhooks": {"schemes": ["V1"]}}
    sandbox.post(f"{endpoints}?pushEndpointId=mine", {"url": "https://emm.example.com/", "signing": signing})
    sandbox.post(f"{endpoints}/mine:rotateSecret", {})
    sandbox.patch(f"{endpoints}/mine?updateMask=signing", {"signing": {"standardWebhooks": {"schemes": ["V1", "V1A"]}}})
    sandbox.get(endpoints)

    assert "whpk_" in everything(sandbox)
    assert "whsec_" not in everything(sandbox)


@pytest.mark.parametrize("collection", ["events", "deadLetters", "reservations", "pushEndpoints"])
def test_every_kind_of_answer_of_our_own_can_be_kept(sandbox: Client, collection: str) -> None:
    answer = sandbox.get(f"/heliograph/v1/enterprises/sandbox/{collection}")

    assert [answer] == [request.get("response", {}) for request in requests(sandbox)]


@pytest.mark.parametrize(
    "path", ["", "/devices", "/enrollmentTokens", "/policies", f"/devices/{PHONE}/operations", "/policies/default", f"/devices/{PHONE}"]
)
def test_every_kind_of_answer_can_be_kept(sandbox: Client, path: str) -> None:
    answer = sandbox.get(f"/v1/enterprises/sandbox{path}")

    (request,) = requests(sandbox)

    assert answer == request.get("response", {})


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", [1, 2, 3]),
        ("method=enterprises.devices.issueCommand", [2, 3]),
        (f'method="{ISSUE}" AND status=200', [2]),
        ("status>=400", [3]),
        ("status!=200", [3]),
        (f"phone={PHONE}", [1, 2]),
        ("method:issueCommand phone:pixel", [2]),
        ("REBOOT", [2]),
        ('"no such text"', []),
        ("fault:*", []),
    ],
)
def test_a_filter_chooses_by_method_phone_status_and_text(sandbox: Client, text: str, expected: list[int]) -> None:
    sandbox.get(f"/v1/{NAME}")
    sandbox.issue(PHONE, {"type": "REBOOT"})
    with pytest.raises(Refused):
        sandbox.issue("nobody", {"type": "LOCK"})

    found = requests(sandbox, f"?filter={quote(text)}")

    assert [f"requests/{number}" for number in expected] == [request["name"] for request in found]
    assert [name for number in expected if (name := f"requests/{number}") != "requests/1"] == [
        request["name"] for request in requests(sandbox, f"?after=requests/1&filter={quote(text)}")
    ]


@pytest.mark.parametrize(
    "query, field, says",
    [
        ("filter=colour%3Dred", "filter", "not a field to filter by; there are status, method, phone"),
        ("filter=status%3Ebad", "filter", "compared with a number"),
        ("filter=method%3E1", "filter", "only be compared with"),
        ('filter=method%3D"', "filter", "at character 1"),
        ("after=yesterday", "after", "requests/17"),
        ("filtre=a", "filtre", "It takes filter, after"),
    ],
)
def test_a_query_that_cannot_be_read_says_what_can(sandbox: Client, query: str, field: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        requests(sandbox, f"?{query}")

    assert field == refused.value.error["details"][0]["fieldViolations"][0]["field"]
    assert says in refused.value.error["message"]


def test_a_cleared_journal_goes_on_counting(sandbox: Client) -> None:
    sandbox.get(f"/v1/{NAME}")
    sandbox.post("/sandbox/v1/requests:clear")
    sandbox.get(f"/v1/{NAME}")

    assert ["requests/2"] == [request["name"] for request in requests(sandbox)]
    with pytest.raises(Refused, match="requests:clear"):
        sandbox.get("/sandbox/v1/requests/1")


def test_the_fault_that_changed_a_call_stands_with_it(sandbox: Client) -> None:
    fault = sandbox.post("/sandbox/v1/faults", {"times": 1, "cut": "AFTER_EFFECT"})["name"]
    with pytest.raises(ConnectionResetError):
        send(sandbox, f"/v1/{NAME}:issueCommand", b'{"type": "LOCK"}')

    (request,) = requests(sandbox)

    assert (0, fault) == (request["status"], request["fault"])
    assert "the connection reset instead of this answer" in request["effect"]
    assert request["operation"] == request["response"]["name"]


def test_the_export_is_har_1_2(sandbox: Client) -> None:
    sandbox.issue(PHONE, {"type": "LOCK"})
    sandbox.get(f"/v1/{NAME}?fields=name")

    log = sandbox.get("/sandbox/v1/requests:exportHar")["log"]

    assert ("1.2", "Heliograph") == (log["version"], log["creator"]["name"])
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= set(entry)
        assert {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"} <= set(entry["request"])
        assert {
            "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize", "bodySize",
        } <= set(entry["response"])  # fmt: skip
        assert {"send", "wait", "receive"} == set(entry["timings"])
        assert {"size", "mimeType"} <= set(entry["response"]["content"])
    issued, looked = log["entries"]
    assert f"{sandbox.url}/v1/{NAME}:issueCommand" == issued["request"]["url"]
    assert '{"type":"LOCK"}' == issued["request"]["postData"]["text"]
    assert [{"name": "fields", "value": "name"}] == looked["request"]["queryString"]


def test_a_trace_leads_from_the_call_over_phone_and_server_to_the_notification(sandbox: Client) -> None:
    sandbox.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND"]})
    operation = sandbox.issue(PHONE, {"type": "LOCK"})
    (request,) = requests(sandbox, "?filter=method:issueCommand")

    trace = sandbox.get(f"/sandbox/v1/{request['name']}/trace")

    assert (operation, "SUCCEEDED") == (trace["operation"]["name"], trace["operation"]["state"])
    steps = [(step["where"], step["what"]) for step in trace["steps"]]
    wanted = [("API", ISSUE), ("PHONE", "began"), ("PHONE", "ended"), ("NOTIFICATION", "COMMAND")]
    assert wanted == [step for step in steps if step in wanted]
    assert {"offered", "acknowledged"} <= {what.lower() for where, what in steps if where == "PROTOCOL"}


def test_a_call_without_an_operation_has_a_trace_of_itself(sandbox: Client) -> None:
    sandbox.get(f"/v1/{NAME}")

    trace = sandbox.get("/sandbox/v1/requests/1/trace")

    assert [("API", "answered 200")] == [(step["where"], step["detail"]) for step in trace["steps"]]
    assert "operation" not in trace


def test_a_journal_is_bounded_in_count_and_in_bytes() -> None:
    call_of = record(body=b'"' + b"x" * 10_000 + b'"')
    by_count = RequestJournal(now_us=lambda: 0, most=3, bytes_most=10**9)
    by_bytes = RequestJournal(now_us=lambda: 0, most=1_000, bytes_most=30_000)

    for number in range(1, 11):
        for journal in (by_count, by_bytes):
            journal.record(replace(call_of, number=number))

    assert [8, 9, 10] == [kept.number for kept in by_count.records()]
    assert [9, 10] == [kept.number for kept in by_bytes.records()]


def record(*, body: bytes) -> Any:  # noqa: ANN401 - a record
    """A call as the journal keeps it."""
    from heliograph.sandbox.calls import ApiCall  # noqa: PLC0415

    call = ApiCall("unknown", None, "POST", "/v1/nowhere", b"", "", "", b"")
    return record_of(Passage(call=call, begun=(1, 0), duration_s=0.1, headers=(), body=body, answer=Answer(status=404)))


def test_tail_follows_the_journal_live(sandbox: Client) -> None:
    sandbox.get(f"/v1/{NAME}")
    command = [sys.executable, "-m", "heliograph", "tail", "--server", sandbox.url]
    with (
        Running([*command, "--from-start", "--count", "2"], stdout=subprocess.PIPE) as text,
        Running([*command, "--from-start", "--count", "2", "--json"], stdout=subprocess.PIPE) as as_json,
    ):
        first = text.line()
        sandbox.issue(PHONE, {"type": "LOCK"})
        rest, _ = text.communicate()
        lines, _ = as_json.communicate()

    assert ["200", PHONE, "devices.get"] == [word for word in first.split()[1:] if not word.endswith("ms")]
    assert ["200", PHONE, "devices.issueCommand", "LOCK"] == [word for word in rest.split()[1:-1] if not word.endswith("ms")]
    assert ["requests/1", "requests/2"] == [json.loads(line)["name"] for line in lines.splitlines()]


def test_what_a_caller_asked_for_does_nothing_to_the_terminal_of_tail(sandbox: Client) -> None:
    with pytest.raises(Refused):
        sandbox.get("/v1/enterprises/sandbox/devices/%1B%5B2J%C2%9B1A%0Aowned")
    command = [sys.executable, "-m", "heliograph", "tail", "--server", sandbox.url, "--from-start", "--count", "1"]

    (line,) = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()

    assert " �[2J�1A owned " in line


def test_tail_shows_what_became_of_a_command(sandbox: Client) -> None:
    sandbox.issue(PHONE, {"type": "LOCK"})
    command = [sys.executable, "-m", "heliograph", "tail", "--server", sandbox.url, "--from-start", "--count", "1", "--trace"]

    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout.splitlines()
    as_json = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout)

    assert lines[0].split()[-3:-1] == ["devices.issueCommand", "LOCK"]
    steps = [" ".join(line.split()[1:]) for line in lines[1:]]
    assert ["protocol issued", "phone began: LOCK, in the phone's start 1", "phone ended: LOCK succeeded"] == [
        step for step in steps if step == "protocol issued" or step.startswith("phone")
    ]
    assert ["protocol succeeded", "protocol observed: deviceLocked false → true, interactive true → false"] == steps[-2:]
    assert len(lines) == len(as_json["steps"])


def test_a_quota_rehearsal_reports_calls_refusals_waits_and_what_was_given_up() -> None:
    settings = SandboxSettings(port=0, limits=Limits(quota_per_minute=3, quota_per_project=True))
    with running(settings) as sandbox:
        for _ in range(3):
            sandbox.issue(PHONE, {"type": "LOCK"})
        refusals = []
        for kind in ("LOCK", "REBOOT"):
            with pytest.raises(Refused) as refused:
                sandbox.issue(PHONE, {"type": kind})
            refusals.append(refused.value.error)
        sandbox.post("/sandbox/v1/clock:advance", {"duration": "61s"})
        sandbox.issue(PHONE, {"type": "LOCK"})

        report = sandbox.get("/sandbox/v1/quota")

    assert ["project_number:123456789012"] * 2 == [error["details"][0]["metadata"]["consumer"] for error in refusals]
    assert ({"requestsPerMinute": 3, "consumer": "project"}, 6, 2) == (report["quota"], report["calls"], report["refused"])
    assert [{"method": ISSUE, "calls": 6, "refused": 2}] == report["methods"]
    assert ("requests/6", True) == (report["worstWaitRequest"], float(report["worstWait"].removesuffix("s")) >= 61)
    (given_up,) = report["givenUp"]
    assert (NAME, "REBOOT", 1) == (given_up["device"], given_up["type"], given_up["refused"])


def test_the_option_quota_amapi_is_googles() -> None:
    """Six hundred a minute for all callers together."""
    command = [sys.executable, "-m", "heliograph", "sandbox", "--port", "0", "--quota", "amapi"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with Running(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            url = process.until(r"http://\S+")[0]
            report = Client(url).get("/sandbox/v1/quota")
        finally:
            process.terminate()

    assert {"requestsPerMinute": 600, "consumer": "project"} == report["quota"]
