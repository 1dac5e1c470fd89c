"""What issueCommand takes and what it refuses, with words that say what to do."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.commands import COMMANDS, ENVELOPE, last_order_of_delete
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.envelope import Envelope
from heliograph.protojson.errors import InvalidArgument

LOST = {"lostMessage": {"defaultMessage": "Please call us."}}

ACCEPTED = [
    ({"type": "LOCK"}, "LOCK", {}),
    ({"type": 1}, "LOCK", {}),
    ({"type": "RESET_PASSWORD"}, "RESET_PASSWORD", {}),
    ({"type": "RESET_PASSWORD", "newPassword": ""}, "RESET_PASSWORD", {}),
    ({"type": "RESET_PASSWORD", "resetPasswordFlags": ["LOCK_NOW"]}, "RESET_PASSWORD", {"resetPasswordFlags": ["LOCK_NOW"]}),
    ({"type": "RESET_PASSWORD", "resetPasswordFlags": ["RESET_PASSWORD_FLAG_UNSPECIFIED"]}, "RESET_PASSWORD", {}),
    ({"type": "LOCK", "resetPasswordFlags": ["RESET_PASSWORD_FLAG_UNSPECIFIED"]}, "LOCK", {}),
    ({"type": "WIPE"}, "WIPE", {}),
    ({"wipeParams": {}}, "WIPE", {"wipeParams": {}}),
    ({"wipe_params": {}}, "WIPE", {"wipeParams": {}}),
    ({"type": "WIPE", "wipeParams": {}}, "WIPE", {"wipeParams": {}}),
    ({"type": "COMMAND_TYPE_UNSPECIFIED", "wipeParams": {}}, "WIPE", {"wipeParams": {}}),
    ({"wipeParams": {}, "stopLostModeParams": None}, "WIPE", {"wipeParams": {}}),
    (
        {"wipeParams": {"wipeDataFlags": ["WIPE_DATA_FLAG_UNSPECIFIED", "WIPE_ESIMS"]}},
        "WIPE",
        {"wipeParams": {"wipeDataFlags": ["WIPE_ESIMS"]}},
    ),
    ({"wipeParams": {"wipeReason": {"defaultMessage": "x" * 200}}}, "WIPE", None),
    ({"type": "STOP_LOST_MODE"}, "STOP_LOST_MODE", {}),
    ({"stopLostModeParams": {}}, "STOP_LOST_MODE", {"stopLostModeParams": {}}),
    ({"startLostModeParams": LOST}, "START_LOST_MODE", {"startLostModeParams": LOST}),
    ({"startLostModeParams": {"lostEmailAddress": "a@example.com"}}, "START_LOST_MODE", None),
    ({"clearAppsDataParams": {"packageNames": ["no name"]}}, "CLEAR_APP_DATA", {"clearAppsDataParams": {"packageNames": ["no name"]}}),
    ({"type": "LOCK", "newPassword": "", "resetPasswordFlags": []}, "LOCK", {}),
    (
        {"type": "LOCK", "createTime": "2014-10-02T15:01:23+05:30", "userName": "x", "errorCode": "UNKNOWN"},
        "LOCK",
        {},
    ),
    ({"type": "LOCK", "startLostModeStatus": {"status": "SUCCESS"}}, "LOCK", {}),
]


@pytest.mark.parametrize("body, type_name, command", ACCEPTED)
def test_what_is_accepted_becomes_its_type_and_canonical_fields(
    body: dict[str, Any], type_name: str, command: dict[str, Any] | None
) -> None:
    issued = ENVELOPE.decode(json.dumps(body).encode())

    assert type_name == issued.row.name
    if command is not None:
        assert command == json.loads(issued.command)


SECRET_AND_WIPE = {"type": "WIPE", "wipeParams": {}, "newPassword": "hush-hush"}

REFUSED = [
    ({}, [("command.type", "set type to one of LOCK,")]),
    ({"duration": "5s"}, [("command.type", "or set one of clearAppsDataParams,")]),
    ({"newPassword": "hush-hush"}, [("command.type", 'add "type": "RESET_PASSWORD"')]),
    ({"type": "LOCK", "wipeParams": {}}, [("command.wipe_params", "wipeParams is for commands of type WIPE, but type is LOCK")]),
    ({"wipeParams": {}, "stopLostModeParams": {}}, [("command", "oneof field 'params' is already set")]),
    (SECRET_AND_WIPE, [("command.new_password", "must not be set together with wipeParams")]),
    (
        {"wipeParams": {}, "resetPasswordFlags": ["LOCK_NOW"]},
        [("command.reset_password_flags", "must not be set together with wipeParams")],
    ),
    ({"type": "REBOOT", "newPassword": "hush-hush"}, [("command.new_password", "or set type to RESET_PASSWORD")]),
    ({"type": "REBOOT", "resetPasswordFlags": ["LOCK_NOW"]}, [("command.reset_password_flags", "remove resetPasswordFlags")]),
    (
        {"type": "CLEAR_APP_DATA"},
        [
            ("command.clear_apps_data_params", 'add "clearAppsDataParams"'),
            ("command.clear_apps_data_params.package_names", "name at least one app"),
        ],
    ),
    (
        {"clearAppsDataParams": {}, "duration": "0s"},
        [("command.duration", "more than zero"), ("command.clear_apps_data_params.package_names", "name at least one app")],
    ),
    ({"type": "LOCK", "duration": "-1s"}, [("command.duration", "more than zero")]),
    ({"startLostModeParams": {}}, [("command.start_lost_mode_params", "at least one of lostMessage")]),
    (
        {"startLostModeParams": {"lostOrganization": {"defaultMessage": "ACME"}}},
        [("command.start_lost_mode_params", "lostOrganization alone is not enough")],
    ),
    (
        {"startLostModeParams": {"lostMessage": {"defaultMessage": " "}, "lostEmailAddress": " "}},
        [("command.start_lost_mode_params", "not blank")],
    ),
    (
        {"startLostModeParams": LOST | {"lostOrganization": {"localizedMessages": {"en": "ACME"}}}},
        [("command.start_lost_mode_params.lost_organization.default_message", "is required")],
    ),
    (
        {"wipeParams": {"wipeReason": {"defaultMessage": "x" * 201}}},
        [("command.wipe_params.wipe_reason.default_message", "at most 200 characters")],
    ),
    ({"type": "WIPPE"}, [("command.type", 'Did you mean "WIPE"?')]),
    ({"type": "lock"}, [("command.type", "Invalid value at 'command.type'")]),
    ({"type": "LOCK", "createTime": "yesterday"}, [("command.create_time", "Field 'createTime', Invalid time format")]),
    ({"type": "LOCK", "lockParams": {}}, [("command", 'Unknown name "lockParams"')]),
]


@pytest.mark.parametrize("body, violations", REFUSED)
def test_what_is_refused_says_where_and_what_to_do(body: dict[str, Any], violations: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        ENVELOPE.decode(json.dumps(body).encode())

    found = refused.value.violations
    assert [field for field, _ in violations] == [violation.field for violation in found]
    for (_, words), violation in zip(violations, found, strict=True):
        assert words in violation.description
    assert "hush-hush" not in str(refused.value)


def test_as_observed_a_wipe_or_the_end_of_lost_mode_needs_its_params_object() -> None:
    for name, field in (("WIPE", "wipeParams"), ("STOP_LOST_MODE", "stopLostModeParams")):
        assert not accepts(json.dumps({"type": name}).encode(), behaviour=Behaviour.AS_OBSERVED)
        assert accepts(json.dumps({"type": name, field: {}}).encode(), behaviour=Behaviour.AS_OBSERVED)


def accepts(body: bytes, *, behaviour: Behaviour = Behaviour.DOCUMENTED) -> bool:
    """Whether the body is a command."""
    try:
        ENVELOPE.decode(body, behaviour=behaviour)
    except InvalidArgument:
        return False
    return True


@pytest.mark.parametrize(
    "given, duration_ns, effective",
    [
        (None, 600 * 10**9, "600s"),
        ("3.5s", 3_500_000_000, "3.500s"),
        ("0.000000001s", 1, "0.000000001s"),
        ("315576000000s", 315_576_000_000 * 10**9, "315576000000s"),
    ],
)
def test_a_duration_is_ten_minutes_by_default_and_has_no_maximum(given: str | None, duration_ns: int, effective: str) -> None:
    issued = ENVELOPE.decode(json.dumps({"type": "LOCK", "duration": given}).encode())

    assert (duration_ns, effective) == (issued.duration_ns, issued.duration)


def test_a_new_password_leaves_the_command_when_it_is_decoded() -> None:
    issued = ENVELOPE.decode(b'{"type":"RESET_PASSWORD","newPassword":"hush-hush","resetPasswordFlags":["LOCK_NOW"]}')

    assert issued.command == b'{"resetPasswordFlags":["LOCK_NOW"]}'
    assert issued.secrets == b'{"newPassword":"hush-hush"}'
    assert "hush-hush" not in repr(issued)


def test_an_activation_code_leaves_the_command_when_it_is_decoded() -> None:
    code = "LPA:1$smdp.example.com$K2-HUSH"
    body = json.dumps({"addEsimParams": {"activationCode": code, "activationState": "NOT_ACTIVATED"}}).encode()

    issued = ENVELOPE.decode(body)

    assert issued.command == b'{"addEsimParams":{"activationState":"NOT_ACTIVATED"}}'
    assert json.loads(issued.secrets or b"") == {"addEsimParams": {"activationCode": code}}
    assert "HUSH" not in repr(issued)


def test_a_command_that_a_phone_cannot_read_is_refused_without_quoting_it() -> None:
    with pytest.raises(InvalidArgument) as refused:
        ENVELOPE.params_of("RESET_PASSWORD", b'{"newPassword":"hush-hush","resetPasswordFlags":["NONE"]}')

    assert "hush-hush" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_status_of_a_type_without_one_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        ENVELOPE.status_of(COMMANDS["LOCK"], b"{}")


def test_the_last_order_of_a_deletion_is_a_command_that_could_have_been_issued() -> None:
    name, command = last_order_of_delete(["WIPE_ESIMS", "WIPE_DATA_FLAG_UNSPECIFIED"], "Goodbye.")

    issued = ENVELOPE.decode(ENVELOPE.full_command(name, command))
    assert command == issued.command
    assert command == b'{"wipeParams":{"wipeDataFlags":["WIPE_ESIMS"],"wipeReason":{"defaultMessage":"Goodbye."}}}'


def test_a_deletion_with_unknown_flags_and_a_long_reason_is_told_both() -> None:
    with pytest.raises(InvalidArgument) as refused:
        last_order_of_delete(["EVERYTHING"], "x" * 201)

    assert [violation.field for violation in refused.value.violations] == ["wipe_data_flags", "wipe_reason_message"]


PLAIN_NAMES = st.sampled_from(['"type"', '"duration"', '"t\\u0079pe"', '"userName"'])
PLAIN_VALUES = st.sampled_from(
    ['"LOCK"', '"WIPE"', '"lock"', '""', '"600s"', '"0600s"', '"1.50s"', '"0s"', '"-1s"', '"600s "', "null", "1", '"a\\"b"', "{}"]
)  # fmt: skip


PLAIN_GAPS = st.text(" \t\n\r", max_size=2) | st.sampled_from(["\v", "\u00a0", ",", "\x00", "/**/"])


@given(st.lists(st.tuples(PLAIN_NAMES, PLAIN_VALUES), max_size=4), PLAIN_GAPS)
def test_a_plain_command_is_read_as_the_first_of_its_type_was(fields: list[tuple[str, str]], gap: str) -> None:
    """The short way that most commands take leads where the long one does: one envelope has seen every type, the other none."""
    members = f"{gap},{gap}".join(f"{name}{gap}:{gap}{value}" for name, value in fields)
    body = f"{gap}{{{gap}{members}{gap}}}{gap}".encode()
    for name in ("LOCK", "WIPE", "REBOOT"):
        ENVELOPE.decode(b'{"type": "%b"}' % name.encode())

    def read(envelope: Envelope) -> object:
        try:
            issued = envelope.decode(body)
        except InvalidArgument as error:
            return error.violations
        return issued.row.name, issued.command, issued.duration_ns, issued.duration, issued.secrets

    assert read(Envelope(COMMANDS)) == read(ENVELOPE)
