"""Bad input: each request with the exact answer. Nothing is half applied, and no secret comes back or into the log."""

import pytest
from structlog.testing import capture_logs

from heliograph.commands import COMMANDS
from heliograph.domain.device import Ownership
from tests.api.live import Live

pytestmark = pytest.mark.both_ways

ROOT = 'Invalid JSON payload received. Unknown name "": Root element must be a message. That is a JSON object: { … }.'
TYPE = "(type.googleapis.com/google.android.devicemanagement.v1.Command.CommandType)"
TYPES = ", ".join(COMMANDS)
FLAG = "(type.googleapis.com/google.android.devicemanagement.v1.WipeParams.WipeDataFlag)"
FLAGS = "PRESERVE_RESET_PROTECTION_DATA, WIPE_EXTERNAL_STORAGE, WIPE_ESIMS"
PARAMS = ", ".join(row.params_field for row in COMMANDS.values() if row.params_field)
NO_COMMAND = f"No command is given: set type to one of {TYPES}, or set one of {PARAMS}."
NO_TIME = 'command.duration must be more than zero, as in "600s"; without one it is 600s.'
DURATION = "Invalid value at 'command.duration' (type.googleapis.com/google.protobuf.Duration), Field 'duration', "
NO_LIST = "Proto field is not repeating, cannot start list. Send the value itself, without [ ] around it."
MALFORMED = "Invalid JSON payload received. "

BODIES = {
    b"": NO_COMMAND,
    b"{}": NO_COMMAND,
    b'{"type":"COMMAND_TYPE_UNSPECIFIED"}': NO_COMMAND,
    b"[]": ROOT,
    b"null": ROOT,
    b'"LOCK"': ROOT,
    b"{": MALFORMED + "Unexpected end of string. Expected an object key or }. (line 1, column 2)",
    b'{"type":"LOCK"': MALFORMED + "Expected , or } after key:value pair. (line 1, column 15)",
    b'{"type":"LOCK",}': MALFORMED + "Expected an object key or }. (line 1, column 16) After a comma, another value must follow.",
    b'{"type":"LOCK"} x': MALFORMED + "Parsing terminated before end of input. (line 1, column 17)",
    b'{"type":"\xff"}': MALFORMED + "Encountered non UTF-8 code points. (byte 10)",
    b'{"a":' * 200 + b"1" + b"}" * 200: MALFORMED + "Message too deep. Max recursion depth is 100. (line 1, column 501)",
    b'{"type":"lock"}': f'Invalid value at \'command.type\' {TYPE}, "lock". Did you mean "LOCK"?',
    b'{"type":"RESET"}': f'Invalid value at \'command.type\' {TYPE}, "RESET". Did you mean "RESET_PASSWORD" or "WIPE"?',
    b'{"type":99}': f"Invalid value at 'command.type' {TYPE}, 99. Possible values: {TYPES}.",
    b'{"type":["LOCK"]}': MALFORMED + "Unknown name \"type\" at 'command': " + NO_LIST,
    b'{"type":"LOCK","type":"WIPE"}': MALFORMED + "Unknown name \"type\" at 'command': The name is repeated: a field may appear only once.",
    b'{"type":"LOCK","duration":"600"}': DURATION + "Illegal duration format; duration must end with 's'. Write \"600s\".",
    b'{"type":"LOCK","duration":600}': DURATION + 'Invalid data type for duration, value is 600. Write "600s".',
    b'{"type":"LOCK","duration":"0s"}': NO_TIME,
    b'{"type":"LOCK","duration":"-1s"}': NO_TIME,
    b'{"type":"LOCK","bogus":1,"wipeParams":{"x":1}}': (
        MALFORMED + "Unknown name \"bogus\" at 'command': Cannot find field.\n" + MALFORMED + 'Unknown name "x" at '
        "'command.wipe_params': Cannot find field."
    ),
    b'{"type":"LOCK","wipeParams":{}}': "wipeParams is for commands of type WIPE, but type is LOCK: remove one of the two.",
    b'{"wipeParams":{},"stopLostModeParams":{}}': (
        "Invalid value at 'command' (oneof), oneof field 'params' is already set. Cannot set 'stopLostModeParams'"
    ),
    b'{"type":"WIPE","wipeParams":[]}': (
        MALFORMED + "Unknown name \"wipeParams\" at 'command': Proto field is not repeating, cannot start list. "
        "An empty message is {}, not []."
    ),
    b'{"newPassword":"hunter2"}': 'command.type is required with newPassword: add "type": "RESET_PASSWORD".',
    b'{"type":"RESET_PASSWORD","newPassword":["hunter2"]}': (MALFORMED + "Unknown name \"newPassword\" at 'command': " + NO_LIST),
    b'{"type":"RESET_PASSWORD","newPassword":12345}': (
        "Invalid value at 'command.new_password' (TYPE_STRING). A string is expected: put it in double quotes."
    ),
    b'{"type":"RESET_PASSWORD","password":"hunter2"}': (
        MALFORMED + 'Unknown name "password" at \'command\': Cannot find field. Did you mean "newPassword"?'
    ),
    b'{"type":"LOCK","newPassword":"hunter2"}': (
        "newPassword is for commands of type RESET_PASSWORD, but type is LOCK: remove newPassword, or set type to RESET_PASSWORD."
    ),
    b'{"addEsimParams":{"activationCode":"LPA:2$hunter2"}}': (
        "The activation code must start with LPA:1$ and have the form LPA:1$<SM-DP+ host>$[<matching id>][$<oid>[$1]]."
    ),
    b'{"addEsimParams":{"activationCode":"LPA:1$x.example.com$","confirmation_code":"hunter2"}}': (
        MALFORMED + "Unknown name \"confirmation_code\" at 'command.add_esim_params': Cannot find field. "
        "A confirmation code cannot be sent with the command: the device asks its user for it."
    ),
}


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:48]))
def test_a_bad_command_is_refused_with_what_is_wrong_and_changes_nothing(live: Live, device: str, body: bytes) -> None:
    with capture_logs() as logs:
        answer = live.call("POST", f"/v1/{device}:issueCommand", body)

    error = answer.json["error"]
    assert (400, "INVALID_ARGUMENT", BODIES[body]) == (answer.status, error["status"], error["message"])
    assert b"{}\n" == live.call("GET", f"/v1/{device}/operations").body
    assert ["api.refused"] == [entry["event"] for entry in logs]
    assert not [secret for secret in ("hunter2", "12345") if secret in answer.body.decode() + str(logs)]


def test_every_violation_has_its_field_in_the_details(live: Live, device: str) -> None:
    answer = live.post(f"/v1/{device}:issueCommand", {"type": "LOCK", "bogus": 1, "wipeParams": {"x": 1}})

    (details,) = answer.json["error"]["details"]
    assert "type.googleapis.com/google.rpc.BadRequest" == details["@type"]
    assert ["command", "command.wipe_params"] == [violation["field"] for violation in details["fieldViolations"]]
    assert answer.message.split("\n") == [violation["description"] for violation in details["fieldViolations"]]


def test_what_a_personal_device_refuses_for_certain_is_refused_at_issue(live: Live, enterprise: str) -> None:
    device = live.device(enterprise, ownership=Ownership.PERSONALLY_OWNED)
    params = {"activationCode": "LPA:1$sm-dp.example.com$S3CRET", "activationState": "ACTIVATED"}

    answer = live.post(f"/v1/{device}:issueCommand", {"addEsimParams": params})

    assert (400, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])
    assert b"S3CRET" not in answer.body


REQUESTS: list[tuple[str, str, bytes | None, int, str]] = [
    ("PATCH", "{device}?updateMask=foo", b"{}", 400, 'Invalid field mask: "foo" is not a field path.'),
    ("PATCH", "{device}", b'{"state":"LOST"}', 400, "state can only be set to ACTIVE or DISABLED, not to LOST."),
    ("PATCH", "{device}", b'{"bogus":1}', 400, MALFORMED + "Unknown name \"bogus\" at 'device': Cannot find field."),
    ("DELETE", "{device}?wipeReasonMessage=" + "x" * 201, None, 400, "wipe_reason_message must have at most 200 characters; it has 201."),
    (
        "DELETE",
        "{device}?wipeDataFlags=WIPE",
        None,
        400,
        f"Invalid value at 'wipe_data_flags[0]' {FLAG}, \"WIPE\". Possible values: {FLAGS}.",
    ),
    ("GET", "{device}/operations?pageSize=-1", None, 400, "page_size must not be negative: -1"),
    ("GET", "{device}/operations?pageSize=many", None, 400, "Invalid value at 'page_size' (TYPE_INT32), \"many\""),
    (
        "GET",
        "{device}/operations?pageToken=mine",
        None,
        400,
        "Invalid page token: send next_page_token of the previous page, with every other parameter unchanged.",
    ),
    (
        "GET",
        "{device}/operations?returnPartialSuccess=maybe",
        None,
        400,
        "Invalid value at 'return_partial_success' (TYPE_BOOL), \"maybe\". true or false is expected, without quotes.",
    ),
    ("GET", "{device}/operations/0", None, 404, "Operation not found. Choose a valid operation id"),
    ("GET", "{device}/operations/first", None, 404, "Operation not found. Choose a valid operation id"),
    ("POST", "{device}/operations/1:cancel", None, 404, "Operation not found. Choose a valid operation id"),
    ("POST", "{device}/operations/1:cancel", b'{"force":true}', 400, MALFORMED + 'Unknown name "force": Cannot find field.'),
    ("POST", "{device}/operations/1:cancel", b"[]", 400, ROOT),
    ("GET", "{enterprise}/devices/none", None, 404, "Requested entity was not found."),
    ("POST", "{enterprise}/devices/none:issueCommand", b'{"type":"LOCK"}', 404, "Requested entity was not found."),
    (
        "POST",
        "{enterprise}/enrollmentTokens",
        b'{"duration":"59s"}',
        400,
        'enrollment_token.duration must be at least one minute, as in "60s"; without one it is 3600s.',
    ),
    (
        "PATCH",
        "{enterprise}",
        b'{"pubsubTopic":"t"}',
        400,
        "enterprise.pubsub_topic must have the form projects/{project}/topics/{topic}.",
    ),
    (
        "POST",
        "enterprises?bogus=1",
        b"{}",
        400,
        MALFORMED + "Unknown name \"bogus\": Cannot bind query parameter. Field 'bogus' could not be found in request message.",
    ),
]


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: f"{row[0]} {row[1][:48]}")
def test_a_bad_request_is_answered_exactly(live: Live, enterprise: str, device: str, row: tuple[str, str, bytes | None, int, str]) -> None:
    http_method, path, body, status, message = row

    answer = live.call(http_method, "/v1/" + path.format(device=device, enterprise=enterprise), body)

    assert (status, message) == (answer.status, answer.message)
    assert status == answer.json["error"]["code"]


UNKNOWN_ENTERPRISE = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("GET", "/devices"),
    ("GET", "/devices/d"),
    ("PATCH", "/devices/d"),
    ("DELETE", "/devices/d"),
    ("POST", "/devices/d:issueCommand"),
    ("GET", "/devices/d/operations"),
    ("GET", "/devices/d/operations/1786048723669"),
    ("POST", "/devices/d/operations/1786048723669:cancel"),
    ("POST", "/enrollmentTokens"),
    ("GET", "/enrollmentTokens"),
    ("GET", "/enrollmentTokens/t"),
    ("DELETE", "/enrollmentTokens/t"),
]


@pytest.mark.parametrize("http_method, path", UNKNOWN_ENTERPRISE)
def test_an_unknown_enterprise_is_403_everywhere(live: Live, http_method: str, path: str) -> None:
    body = b'{"type":"LOCK"}' if path.endswith(":issueCommand") else None

    answer = live.call(http_method, f"/v1/enterprises/LC00000000{path}", body)

    assert (403, "Caller is not authorized to manage enterprise.") == (answer.status, answer.message)
    assert "PERMISSION_DENIED" == answer.json["error"]["status"]
