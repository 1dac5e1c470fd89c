"""Faults on demand: on calls, on notifications and on phones; each met as often as it was planned, and counted."""

import contextlib
import http.client
import json
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.patience import PATIENCE_S
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.google import google

PHONE = "pixel8-a15-fully-managed"
OTHER = "pixel7-a14-cope"
NAME = f"enterprises/sandbox/devices/{PHONE}"
ISSUE = "enterprises.devices.issueCommand"
LOCK = {"type": "LOCK"}


def plan(sandbox: Client, **fault: Any) -> str:  # noqa: ANN401 - JSON
    """The name of a new fault."""
    made: str = sandbox.post("/sandbox/v1/faults", fault)["name"]
    return made


def met(sandbox: Client, name: str) -> int:
    """How often the fault was met."""
    times: int = sandbox.get(f"/sandbox/v1/{name}")["met"]
    return times


def answered(
    sandbox: Client, method: str, path: str, body: Json | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
    """Status, headers and body, without any client's own retries."""
    host, port = sandbox.url.removeprefix("http://").rsplit(":", 1)
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)) as connection:
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        with connection.getresponse() as answer:
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def operations(sandbox: Client, phone: str = PHONE) -> list[Json]:
    """What was issued to the phone."""
    found: list[Json] = sandbox.get(f"/v1/enterprises/sandbox/devices/{phone}/operations").get("operations", [])
    return found


@pytest.mark.parametrize(
    "code, status",
    [(400, "INVALID_ARGUMENT"), (403, "PERMISSION_DENIED"), (409, "ABORTED"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"),
     (502, "UNAVAILABLE"), (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"), (418, "UNKNOWN"), (599, "UNKNOWN")],
)  # fmt: skip
def test_any_status_comes_with_googles_body_and_the_planned_retry_after(sandbox: Client, code: int, status: str) -> None:
    fault = plan(sandbox, method=ISSUE, times=1, error={"code": code, "retryAfter": "6.5s"})

    got, headers, body = answered(sandbox, "POST", f"/v1/{NAME}:issueCommand", LOCK)

    error = json.loads(body)["error"]
    assert (code, "7", code, status) == (got, headers["retry-after"], error["code"], error["status"])
    assert error["message"]
    assert [] == operations(sandbox)
    assert 1 == met(sandbox, fault)


def test_a_429_is_that_of_googles_quota(sandbox: Client) -> None:
    plan(sandbox, error={"code": 429})

    _status, headers, body = answered(sandbox, "GET", f"/v1/{NAME}")

    error = json.loads(body)["error"]
    assert error["message"].startswith("Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service")
    assert "RATE_LIMIT_EXCEEDED" == error["details"][0]["reason"]
    assert "retry-after" not in headers


def test_googles_client_repeats_through_planned_faults(sandbox: Client) -> None:
    fault = plan(sandbox, method=f"androidmanagement.{ISSUE}", times=2, error={"code": 503})

    with google(sandbox) as client:
        issued = client.enterprises().devices().issueCommand(name=NAME, body=LOCK).execute(num_retries=3)

    assert [issued["name"]] == [operation["name"] for operation in operations(sandbox)]
    shown = sandbox.get(f"/sandbox/v1/{fault}")
    assert (2, 0) == (shown["met"], shown["left"])


def test_a_fault_without_times_is_met_until_it_is_deleted(sandbox: Client) -> None:
    fault = plan(sandbox, error={"code": 500})
    assert [500] * 3 == [answered(sandbox, "GET", f"/v1/{NAME}")[0] for _ in range(3)]
    assert 3 == met(sandbox, fault)

    sandbox.ask("DELETE", f"/sandbox/v1/{fault}")

    assert 200 == answered(sandbox, "GET", f"/v1/{NAME}")[0]
    assert [] == sandbox.get("/sandbox/v1/faults")["faults"]


def test_a_load_balancers_page_comes_instead_of_json(sandbox: Client) -> None:
    plan(sandbox, times=1, html={"code": 502, "retryAfter": "3s"})

    status, headers, body = answered(sandbox, "GET", f"/v1/{NAME}")

    assert (502, "text/html; charset=UTF-8", "3") == (status, headers["content-type"], headers["retry-after"])
    assert b"<title>Error 502 (Bad Gateway)!!1</title>" in body


def test_an_expired_token_is_refused_as_google_refuses_it(sandbox: Client) -> None:
    plan(sandbox, times=1, expiredToken=True)

    status, headers, body = answered(sandbox, "GET", f"/v1/{NAME}")

    error = json.loads(body)["error"]
    assert (401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED") == (status, error["status"], error["details"][0]["reason"])
    assert 'error="invalid_token"' in headers["www-authenticate"]


def test_a_fault_chooses_by_phone_method_and_caller(sandbox: Client) -> None:
    by_phone = plan(sandbox, phone=OTHER, error={"code": 500})
    by_method = plan(sandbox, method="enterprises.get", error={"code": 501})
    by_caller = plan(sandbox, caller="alice", error={"code": 502})
    other, device, enterprise = f"/v1/enterprises/sandbox/devices/{OTHER}", f"/v1/{NAME}", "/v1/enterprises/sandbox"

    found = [
        answered(sandbox, "GET", other)[0],
        answered(sandbox, "GET", enterprise)[0],
        answered(sandbox, "GET", device, Authorization="Bearer alice")[0],
        answered(sandbox, "GET", f"{device}?quotaUser=alice")[0],
        answered(sandbox, "GET", device, Authorization="Bearer bob")[0],
    ]

    assert [500, 501, 502, 502, 200] == found
    assert [1, 1, 2] == [met(sandbox, fault) for fault in (by_phone, by_method, by_caller)]


def test_a_share_of_calls_is_the_same_share_each_time(sandbox: Client) -> None:
    def statuses() -> list[int]:
        sandbox.post("/sandbox/v1:reset")
        plan(sandbox, share=0.5, error={"code": 500})
        return [answered(sandbox, "GET", f"/v1/{NAME}")[0] for _ in range(40)]

    first, second = statuses(), statuses()

    assert first == second
    assert {200, 500} == set(first)


def test_a_fault_begins_when_its_time_has_come(sandbox: Client) -> None:
    plan(sandbox, after="3600s", error={"code": 500})
    before = answered(sandbox, "GET", f"/v1/{NAME}")[0]

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "3601s"})

    assert (200, 500) == (before, answered(sandbox, "GET", f"/v1/{NAME}")[0])


def test_latency_keeps_a_call_back_and_lets_another_fault_follow(sandbox: Client) -> None:
    late = plan(sandbox, latency="0.2s")
    plan(sandbox, times=1, error={"code": 503})

    found = [answered(sandbox, "GET", f"/v1/{NAME}")[0] for _ in range(2)]

    assert [503, 200] == found
    assert 2 == met(sandbox, late)
    first, second = sandbox.get("/sandbox/v1/requests")["requests"]
    assert ("faults/1,faults/2", "faults/1") == (first["fault"], second["fault"])
    # The loop's clock ticks in milliseconds, the duration's in microseconds.
    assert min(float(request["duration"][:-1]) for request in (first, second)) >= 0.198


def test_a_cut_before_the_effect_does_nothing(sandbox: Client) -> None:
    fault = plan(sandbox, method=ISSUE, times=1, cut="BEFORE_EFFECT")

    with pytest.raises(ConnectionResetError):
        answered(sandbox, "POST", f"/v1/{NAME}:issueCommand", LOCK)

    assert [] == operations(sandbox)
    assert 1 == met(sandbox, fault)


def test_a_lost_answer_and_the_same_request_id_execute_once(sandbox: Client) -> None:
    plan(sandbox, method=ISSUE, times=1, cut="AFTER_EFFECT")
    path = f"/v1/{NAME}:issueCommand?requestId=6f8c1c1e-4f2e-4a53-9c4e-0b6a5d1f2a10"
    with pytest.raises(ConnectionResetError):
        answered(sandbox, "POST", path, LOCK)

    status, _headers, body = answered(sandbox, "POST", path, LOCK)

    (only,) = operations(sandbox)
    assert (200, only["name"]) == (status, json.loads(body)["name"])


def test_a_lost_answer_that_googles_client_repeats_without_a_request_id_executes_twice(sandbox: Client) -> None:
    """What a requestId is for."""
    plan(sandbox, method=ISSUE, times=1, cut="AFTER_EFFECT")

    with google(sandbox) as client:
        client.enterprises().devices().issueCommand(name=NAME, body=LOCK).execute(num_retries=1)

    assert 2 == len(operations(sandbox))


def test_a_cut_within_the_answer_leaves_half_of_it(sandbox: Client) -> None:
    plan(sandbox, times=1, cut="IN_ANSWER")

    with pytest.raises(http.client.IncompleteRead) as broken:
        answered(sandbox, "POST", f"/v1/{NAME}:issueCommand", LOCK)

    assert broken.value.partial
    assert 1 == len(operations(sandbox))


def test_an_operation_stays_undone_for_so_many_looks(sandbox: Client) -> None:
    operation = sandbox.run(PHONE, LOCK)
    fault = plan(sandbox, phone=PHONE, times=2, operation="UNDONE")

    looks = [sandbox.get(f"/v1/{operation['name']}") for _ in range(3)]

    assert [False, False, True] == [look.get("done", False) for look in looks]
    assert {"@type", "type", "createTime", "duration", "userName"} == set(looks[0]["metadata"])
    assert (operation, 2) == (looks[2], met(sandbox, fault))


def test_lists_show_operations_undone_too(sandbox: Client) -> None:
    sandbox.run(PHONE, LOCK)
    plan(sandbox, method="enterprises.devices.operations.list", times=1, operation="UNDONE")

    assert [None, True] == [operations(sandbox)[0].get("done") for _ in range(2)]


def test_an_operation_is_not_found_for_so_many_looks(sandbox: Client) -> None:
    operation = sandbox.run(PHONE, LOCK)
    plan(sandbox, times=1, operation="NOT_FOUND")

    status, _headers, body = answered(sandbox, "GET", f"/v1/{operation['name']}")

    assert (404, "Operation not found. Choose a valid operation id") == (status, json.loads(body)["error"]["message"])
    assert operation == sandbox.get(f"/v1/{operation['name']}")


def test_a_fault_follows_its_phone_to_a_new_device(sandbox: Client) -> None:
    fault = plan(sandbox, phone=PHONE, method="enterprises.devices.get", error={"code": 500})
    sandbox.run(PHONE, {"type": "WIPE"})
    device = sandbox.post(f"/sandbox/v1/devices/{PHONE}:enroll")["name"]
    by_device = plan(sandbox, phone=device, after="1s", offline="60s")

    assert 500 == answered(sandbox, "GET", f"/v1/{device}")[0]
    assert device != NAME
    assert [1, 0] == [met(sandbox, name) for name in (fault, by_device)]


def test_the_calls_of_a_batch_meet_faults_one_by_one(sandbox: Client) -> None:
    plan(sandbox, phone=OTHER, method="enterprises.devices.get", times=1, error={"code": 503})
    found: dict[str, Any] = {}

    def keep(id: str, answer: Json | None, error: HttpError | None) -> None:
        found[id] = error.status_code if error is not None else (answer or {})["name"]

    with google(sandbox) as client:
        batch, devices = client.new_batch_http_request(callback=keep), client.enterprises().devices()
        batch.add(devices.get(name=NAME), request_id="mine")
        batch.add(devices.get(name=f"enterprises/sandbox/devices/{OTHER}"), request_id="other")
        batch.execute()

    assert {"mine": NAME, "other": 503} == found


def test_a_cut_in_a_batch_breaks_it_whole_after_its_calls_were_made(sandbox: Client) -> None:
    plan(sandbox, method=ISSUE, times=1, cut="AFTER_EFFECT")
    part = f"--b\r\nContent-Type: application/http\r\n\r\nPOST /v1/{NAME}:issueCommand HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
    body = f'{part}{{"type": "LOCK"}}\r\n--b--\r\n'
    host, port = sandbox.url.removeprefix("http://").rsplit(":", 1)

    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/batch", body=body, headers={"Content-Type": "multipart/mixed; boundary=b"})
        with pytest.raises(ConnectionResetError):
            connection.getresponse()

    assert 1 == len(operations(sandbox))


def enable(sandbox: Client) -> None:
    """The sandbox's enterprise gets the outcomes of commands."""
    sandbox.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND"]})


def told(sandbox: Client) -> list[Json]:
    """All notifications, once the sandbox has settled."""
    sandbox.patch(f"/sandbox/v1/devices/{PHONE}", {})
    found: list[Json] = sandbox.get("/sandbox/v1/notifications")["notifications"]
    return found


def test_a_notification_is_lost_and_the_next_is_not(sandbox: Client) -> None:
    enable(sandbox)
    fault = plan(sandbox, times=1, notification={"fate": "LOST", "type": "COMMAND"})
    sandbox.run(PHONE, LOCK)
    assert [] == told(sandbox)

    second = sandbox.run(PHONE, LOCK)

    assert [second["name"]] == [view["resource"]["name"] for view in told(sandbox)]
    assert 1 == met(sandbox, fault)


def test_a_notification_is_late_by_the_sandboxs_clock(sandbox: Client) -> None:
    enable(sandbox)
    plan(sandbox, times=1, notification={"fate": "LATE", "delay": "7200s"})
    operation = sandbox.run(PHONE, LOCK)
    assert [] == told(sandbox)

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "7201s"})

    assert [operation["name"]] == [view["resource"]["name"] for view in told(sandbox)]


def test_a_notification_comes_twice_under_one_message_id(sandbox: Client) -> None:
    enable(sandbox)
    plan(sandbox, times=1, phone=PHONE, notification={"fate": "DOUBLED"})
    sandbox.run(OTHER, LOCK)
    operation = sandbox.run(PHONE, LOCK)

    other, first, again = told(sandbox)

    assert first == again
    assert (operation["name"], OTHER) == (first["resource"]["name"], other["resource"]["name"].split("/")[3])


def test_a_notification_is_overtaken_by_the_next(sandbox: Client) -> None:
    enable(sandbox)
    plan(sandbox, times=1, notification={"fate": "REORDERED"})
    first = sandbox.run(PHONE, LOCK)
    assert [] == told(sandbox)

    second = sandbox.run(PHONE, LOCK)

    assert [second["name"], first["name"]] == [view["resource"]["name"] for view in told(sandbox)]


def test_a_notification_that_none_follows_goes_out_in_the_end(sandbox: Client) -> None:
    enable(sandbox)
    plan(sandbox, times=1, notification={"fate": "REORDERED", "delay": "30s"})
    operation = sandbox.run(PHONE, LOCK)

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "31s"})

    assert [operation["name"]] == [view["resource"]["name"] for view in told(sandbox)]


def test_a_malformed_notification_is_not_json(sandbox: Client) -> None:
    enable(sandbox)
    plan(sandbox, times=1, notification={"fate": "MALFORMED"})
    operation = sandbox.run(PHONE, LOCK)

    (view,) = told(sandbox)

    assert {} == view["resource"]
    assert view["malformed"].startswith('{"name":"enterprises/sandbox')
    assert len(view["malformed"]) < len(json.dumps(operation))


def test_a_phone_is_offline_for_a_window_of_the_sandboxs_time(sandbox: Client) -> None:
    fault = plan(sandbox, phone=PHONE, after="60s", offline="600s")

    def online_after(duration: str) -> bool:
        sandbox.post("/sandbox/v1/clock:advance", {"duration": duration})
        online: bool = sandbox.get(f"/sandbox/v1/devices/{PHONE}")["online"]
        return online

    assert [True, False, True] == [online_after("59s"), online_after("2s"), online_after("600s")]
    assert 1 == met(sandbox, fault)


def test_a_deleted_window_gives_the_network_back(sandbox: Client) -> None:
    fault = plan(sandbox, phone=PHONE, offline="86400s")
    assert not sandbox.get(f"/sandbox/v1/devices/{PHONE}")["online"]

    sandbox.ask("DELETE", f"/sandbox/v1/{fault}")

    assert sandbox.get(f"/sandbox/v1/devices/{PHONE}")["connected"]


def test_what_patch_can_do_can_be_planned(sandbox: Client) -> None:
    """A slow user: from a minute on, an hour for every answer."""
    plan(sandbox, phone=PHONE, after="60s", patch={"consent": "DECLINE", "consentDelay": "3600s"})

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "61s"})

    view = sandbox.get(f"/sandbox/v1/devices/{PHONE}")
    assert ("DECLINE", "3600s") == (view["consent"], view["consentDelay"])


@pytest.mark.parametrize("moment", ["ACKING", "ACKNOWLEDGED", "EXECUTING", "EXECUTED", "RESULT", "REPORTED"])
def test_an_agent_crashes_at_a_step_of_its_journal_and_the_command_ends_all_the_same(sandbox: Client, moment: str) -> None:
    fault = plan(sandbox, phone=PHONE, crash=moment)
    operation = sandbox.issue(PHONE, LOCK)

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "5s"})

    assert sandbox.get(f"/v1/{operation}")["done"]
    assert 1 == met(sandbox, fault)


def test_a_phone_is_reset_by_hand_and_its_server_never_hears_of_it(sandbox: Client) -> None:
    plan(sandbox, phone=PHONE, after="10s", factoryReset=True)
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "11s"})

    operation = sandbox.issue(PHONE, {"type": "LOCK", "duration": "60s"})
    sandbox.post("/sandbox/v1/clock:advance", {"duration": "61s"})

    view = sandbox.get(f"/sandbox/v1/devices/{PHONE}")
    assert (False, "", 1) == (view["connected"], view["name"], view["phone"]["factoryResets"])
    assert 4 == sandbox.get(f"/v1/{operation}")["error"]["code"]
    assert NAME == sandbox.get(f"/v1/{NAME}")["name"]
    assert sandbox.post(f"/sandbox/v1/devices/{PHONE}:enroll")["connected"]


def test_a_phones_system_is_updated_between_its_promise_and_the_deed(sandbox: Client) -> None:
    sandbox.patch("/v1/enterprises/sandbox/policies/default", {"statusReportingSettings": {"softwareInfoEnabled": True}})
    sandbox.until(lambda: sandbox.get(f"/v1/{NAME}").get("softwareInfo"))
    fault = plan(sandbox, phone=PHONE, osUpdate={"androidVersion": "16", "apiLevel": 36})
    operation = sandbox.issue(PHONE, LOCK)

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "5s"})

    assert "response" in sandbox.get(f"/v1/{operation}")
    assert (36, "16") == (sandbox.get(f"/v1/{NAME}")["apiLevel"], sandbox.get(f"/v1/{NAME}")["softwareInfo"]["androidVersion"])
    assert 1 == met(sandbox, fault)


def test_a_script_is_a_fault_for_each_step(sandbox: Client) -> None:
    steps = [{"after": "10s", "offline": "20s"}, {"after": "40s", "patch": {"consent": "IGNORE"}}, {"crash": "EXECUTED"}]
    planned = sandbox.post(f"/sandbox/v1/devices/{PHONE}:script", {"steps": steps})["faults"]

    sandbox.post("/sandbox/v1/clock:advance", {"duration": "60s"})

    assert [NAME] * 3 == [fault["phone"] for fault in planned]
    assert [1, 1, 0] == [fault["met"] for fault in sandbox.get("/sandbox/v1/faults")["faults"]]


def test_a_script_with_a_bad_step_plans_nothing(sandbox: Client) -> None:
    steps = [{"offline": "20s"}, {"after": "1s", "error": {"code": 503}}]

    with pytest.raises(Refused) as refused:
        sandbox.post(f"/sandbox/v1/devices/{PHONE}:script", {"steps": steps})

    assert "steps[1].error" == refused.value.error["details"][0]["fieldViolations"][0]["field"]
    assert [] == sandbox.get("/sandbox/v1/faults")["faults"]
    assert sandbox.get(f"/sandbox/v1/devices/{PHONE}")["online"]


def test_faults_are_listed_with_how_often_each_was_met(sandbox: Client) -> None:
    used, unused = plan(sandbox, times=3, error={"code": 503}), plan(sandbox, method=ISSUE, html={"code": 502})
    answered(sandbox, "GET", f"/v1/{NAME}")

    first, second = sandbox.get("/sandbox/v1/faults")["faults"]

    assert (used, 1, 2, {"code": 503}) == (first["name"], first["met"], first["left"], first["error"])
    assert (unused, 0) == (second["name"], second["met"])
    assert "lastMetTime" in first
    assert "lastMetTime" not in second


def test_all_faults_can_be_deleted_at_once_and_a_reset_forgets_them(sandbox: Client) -> None:
    plan(sandbox, error={"code": 503})
    sandbox.ask("DELETE", "/sandbox/v1/faults")
    deleted = sandbox.get("/sandbox/v1/faults")["faults"]
    plan(sandbox, error={"code": 503})

    sandbox.post("/sandbox/v1:reset")

    assert ([], []) == (deleted, sandbox.get("/sandbox/v1/faults")["faults"])


@pytest.mark.parametrize(
    "fault, field, says",
    [
        ({}, "error", "one of: error, html, latency, cut, expiredToken, operation, notification, patch, offline, crash"),
        ({"error": {"code": 503}, "cut": "AFTER_EFFECT"}, "cut", "this one has error, cut"),
        ({"error": {"code": 200}}, "error.code", "from 400 to 599"),
        ({"error": {"code": 503, "retryAfter": "soon"}}, "error.retry_after", "duration must end with 's'"),
        ({"method": "enterprises.devices.isueCommand", "error": {"code": 503}}, "method", "enterprises.devices.issueCommand"),
        ({"share": 1.5, "error": {"code": 503}}, "share", "at most 1"),
        ({"times": -1, "error": {"code": 503}}, "times", "from 1 to"),
        ({"latency": "3600s"}, "latency", "at most 600 s"),
        ({"cut": "SOMEWHERE"}, "cut", "SOMEWHERE"),
        ({"notification": {}}, "notification.fate", "LOST, LATE, DOUBLED, REORDERED, MALFORMED"),
        ({"notification": {"fate": "LOST", "type": "COMAND"}}, "notification.type", "COMMAND"),
        ({"method": ISSUE, "notification": {"fate": "LOST"}}, "method", "leave it out"),
        ({"method": ISSUE, "operation": "UNDONE"}, "method", "enterprises.devices.operations.get"),
        ({"offline": "60s"}, "phone", "pixel8-a15-fully-managed"),
        ({"phone": PHONE, "share": 0.5, "crash": "ACKING"}, "share", "leave it out"),
        ({"phone": PHONE, "times": 2, "offline": "60s"}, "times", "happens once"),
        ({"phone": PHONE, "patch": {"consentDelay": "-1s"}}, "patch", "must not be negative"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_what_can(sandbox: Client, fault: Json, field: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        sandbox.post("/sandbox/v1/faults", fault)

    (violations,) = [detail["fieldViolations"] for detail in refused.value.error["details"] if "fieldViolations" in detail]
    assert field in [violation["field"] for violation in violations]
    assert says.lower() in refused.value.error["message"].lower()
    assert [] == sandbox.get("/sandbox/v1/faults")["faults"]


def test_a_phone_that_is_not_there_is_named_with_those_that_are(sandbox: Client) -> None:
    with pytest.raises(Refused, match=f"There are: .*{PHONE}"):
        plan(sandbox, phone="nobody", offline="60s")


def test_two_worlds_have_faults_and_journals_of_their_own(sandbox: Client) -> None:
    first, second = (Client(sandbox.post("/sandbox/v1/worlds", {"seed": "7"})["url"]) for _ in range(2))
    plan(first, error={"code": 503})
    plan(first, phone=PHONE, after="10s", offline="60s")

    met_by = [answered(world, "GET", f"/v1/{NAME}")[0] for world in (first, second)]
    for world in (first, second):
        world.post("/sandbox/v1/clock:advance", {"duration": "11s"})

    assert [503, 200] == met_by
    assert [[503], [200]] == [[request["status"] for request in world.get("/sandbox/v1/requests")["requests"]] for world in (first, second)]
    assert [False, True] == [world.get(f"/sandbox/v1/devices/{PHONE}")["online"] for world in (first, second)]
    assert [[1, 1], []] == [[fault["met"] for fault in world.get("/sandbox/v1/faults")["faults"]] for world in (first, second)]


def test_a_world_has_retry_tests_and_crashes_of_its_own(sandbox: Client) -> None:
    world = Client(sandbox.post("/sandbox/v1/worlds", {})["url"])
    plan(world, phone=PHONE, crash="EXECUTED")
    test_id = world.post("/retry_test", {"instructions": {ISSUE: ["return-503"]}})["id"]

    with google(world) as client:
        request = client.enterprises().devices().issueCommand(name=NAME, body=LOCK)
        request.headers["x-retry-test-id"] = test_id
        operation = request.execute(num_retries=2)["name"]
    world.post("/sandbox/v1/clock:advance", {"duration": "5s"})

    assert world.get(f"/v1/{operation}")["done"]
    assert world.get(f"/retry_test/{test_id}")["completed"]
    assert [1] == [fault["met"] for fault in world.get("/sandbox/v1/faults")["faults"]]
    assert [] == sandbox.get("/retry_tests")["retry_test"]
    (first, *_rest) = world.get("/sandbox/v1/requests:exportHar")["log"]["entries"]
    assert f"{world.url}/v1/{NAME}:issueCommand?alt=json" == first["request"]["url"]


def test_a_world_rehearses_the_quota_that_it_was_made_with(sandbox: Client) -> None:
    worlds = [Client(sandbox.post("/sandbox/v1/worlds", {"quota": quota})["url"]) for quota in ("amapi", 5, 0)]

    reports = [world.get("/sandbox/v1/quota")["quota"] for world in worlds]

    amapi, own = {"requestsPerMinute": 600, "consumer": "project"}, {"requestsPerMinute": 5, "consumer": "caller"}
    assert [amapi, own, {"requestsPerMinute": 0}] == reports
    with pytest.raises(Refused, match='"amapi"'):
        sandbox.post("/sandbox/v1/worlds", {"quota": ["amapi"]})
