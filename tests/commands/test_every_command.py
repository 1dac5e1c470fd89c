"""What holds for every command type, whatever it does: checked over the rows against the official schema and on phones of every kind."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.command import Answer, Circumstances, CommandType, Done, Recovery
from heliograph.domain.command_fields import command_fields
from heliograph.domain.device import DeviceFacts, ManagementKind
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import Duration, Int32, Int64, Message, Timestamp, decode_message, encode_message
from heliograph.protojson.schema import EnumKind, Kind, ListKind, MapKind, MessageKind, Scalar, shape_of
from heliograph.protojson.types import AnyObject, AnyValue, Bytes, Double, proto_info
from tests.commands.expected import expected_of, marks_of, surplus
from tests.commands.phones import NOW_US, messages_of, params_of, phones_for
from tests.discovery import schema

rows = pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS.keys())
searching = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))

SCALARS = {
    Scalar.STRING: {"type": "string"},
    Scalar.BOOL: {"type": "boolean"},
    Scalar.INT32: {"type": "integer", "format": "int32"},
    Scalar.INT64: {"type": "string", "format": "int64"},
    Scalar.DURATION: {"type": "string", "format": "google-duration"},
    Scalar.TIMESTAMP: {"type": "string", "format": "google-datetime"},
}


def form_of(kind: Kind) -> dict[str, Any]:
    """The kind as a discovery document describes it."""
    match kind:
        case EnumKind():
            return {"type": "string", "enum": list(kind.by_name)}
        case MessageKind():
            return {"$ref": message_name(kind.cls)}
        case ListKind():
            return {"type": "array", "items": form_of(kind.item)}
        case MapKind():
            return {"type": "object", "additionalProperties": form_of(kind.value)}
        case _:
            return SCALARS[kind]


def message_name(cls: type[msgspec.Struct]) -> str:
    """The message's name in the discovery document."""
    return proto_info(cls).full_name.rpartition(".")[2]


def official_form(described: dict[str, Any]) -> dict[str, Any]:
    """What a discovery document says of a field, texts left out."""
    form: dict[str, Any] = {key: described[key] for key in ("type", "format", "enum", "$ref") if key in described}
    for key in ("items", "additionalProperties"):
        if key in described:
            form[key] = official_form(described[key])
    return form


def messages_in(cls: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """The message and every message in it, each once."""
    found = [cls]
    for field in shape_of(cls).fields:
        kind: Kind = field.kind
        while isinstance(kind, ListKind | MapKind):
            kind = kind.item if isinstance(kind, ListKind) else kind.value
        if isinstance(kind, MessageKind):
            found += messages_in(kind.cls)
    return list(dict.fromkeys(found))


def test_the_rows_are_the_official_types_in_their_order() -> None:
    official = schema("Command")["properties"]["type"]["enum"]

    assert official[1:] == list(COMMANDS)
    assert list(range(1, len(official))) == [row.number for row in COMMANDS.values()]


@pytest.mark.parametrize("cls", messages_in(ENVELOPE.message), ids=message_name)
def test_every_message_has_the_official_fields_and_types(cls: type[msgspec.Struct]) -> None:
    """Command itself and every message in it: names, types, enum members and their order."""
    official = schema(message_name(cls)).get("properties", {})

    assert {name: official_form(field) for name, field in official.items()} == {
        field.json_name: form_of(field.kind) for field in shape_of(cls).fields
    }


def test_the_unions_are_the_official_ones() -> None:
    """The reference page lists the members of `params` and `status`; by their names the schema shows them too."""
    fields = shape_of(ENVELOPE.message).fields

    for union, ending in (("params", "Params"), ("status", "Status")):
        members = {field.name for field in fields if field.json_name.endswith(ending)}
        assert members == set(proto_info(ENVELOPE.message).oneofs[union])


def test_the_message_lists_its_fields_as_the_reference_page_does() -> None:
    own = ["type", "createTime", "duration", "userName", "errorCode", "newPassword", "resetPasswordFlags"]

    assert own == [field.json_name for field in shape_of(ENVELOPE.message).fields][: len(own)]


@rows
def test_every_row_says_what_it_is_for(row: CommandType) -> None:
    assert row.summary.endswith(".")
    assert [] == [field.name for field in command_fields(row) if not field.description]
    assert (row.status is None) == (row.status_field is None)


@rows
@given(data=st.data())
@searching
def test_an_effect_is_total_and_an_error_changes_nothing(row: CommandType, data: st.DataObject) -> None:
    """On any phone that accepts the command, with any params that the server lets through and any user."""
    phone = data.draw(phones_for(row))

    ended = ended_effect(row, phone, data.draw(params_of(row)), data)

    assert_reportable(row, ended.outcome.status)
    assert row.status is None or (ended.outcome.status is None) == (ended.outcome.error_code is not None)
    assert ended.outcome.status is None or not row.pending(ended.outcome.status)
    assert ended.outcome.error_code is not ErrorCode.COMMAND_ERROR_CODE_UNSPECIFIED
    if failed(row, ended.outcome):
        assert without_busy_mark(phone) == without_busy_mark(ended.phone)


def ended_effect(row: CommandType, phone: VirtualDevice, params: msgspec.Struct, data: st.DataObject) -> Done:
    """The command carried out to its end, each wait ended in some way."""
    effect = row.execute(phone, params, Circumstances(now_us=NOW_US))
    for _ in range(10):
        if isinstance(effect, Done):
            return effect
        assert effect.status is None or row.pending(effect.status)
        assert_reportable(row, effect.status)
        answer = data.draw(st.sampled_from(Answer))
        effect = effect.then(effect.phone, answer, Circumstances(now_us=NOW_US, roll=data.draw(st.floats(0, 0.99))))
    raise AssertionError("The command never ends.")


def assert_reportable(row: CommandType, status: msgspec.Struct | None) -> None:
    """What a phone reports, the server reads; and it never says UNSPECIFIED."""
    if status is not None:
        raw = ENVELOPE.encode_status(status)
        assert status == ENVELOPE.status_of(row, raw)
        assert b"UNSPECIFIED" not in raw


def failed(row: CommandType, outcome: Outcome) -> bool:
    """Whether the outcome is an error."""
    return outcome.error_code is not None or (outcome.status is not None and not row.succeeded(outcome.status))


def without_busy_mark(phone: VirtualDevice) -> VirtualDevice:
    """The phone but for when its eSIM chip was last busy: a download that failed was a download."""
    chips = tuple(msgspec.structs.replace(chip, last_download_us=None) for chip in phone.euiccs)
    return msgspec.structs.replace(phone, euiccs=chips)


@rows
@given(data=st.data())
@searching
def test_no_secret_is_in_the_command_or_in_any_repr(row: CommandType, data: st.DataObject) -> None:
    """What a caller issues, taken apart and put together again, is what the phone gets; its secrets stand in `secrets` alone."""
    issued = ENVELOPE.decode(body_of(row, data.draw(params_of(row))))

    merged = ENVELOPE.merge_secrets(issued.command, issued.secrets) if issued.secrets else issued.command
    assert issued.params == ENVELOPE.params_of(row.name, ENVELOPE.full_command(row.name, merged))
    hidden = [view for view in command_fields(row) if view.secret and getattr(issued.params, view.name)]
    assert bool(hidden) == (issued.secrets is not None)
    for view in hidden:
        assert view.json_name.encode() not in issued.command
        assert f"{view.name}={getattr(issued.params, view.name)!r}" not in repr(issued.params) + repr(issued)


def body_of(row: CommandType, params: msgspec.Struct) -> bytes:
    """The body of issueCommand for these params."""
    fields = encode_message(params)
    nested = b'{"' + row.params_field.encode() + b'":' + fields + b"}" if row.params_field else fields
    return ENVELOPE.full_command(row.name, nested)


@rows
def test_a_way_that_is_not_supported_is_told_before_a_level_that_is_too_low(row: CommandType) -> None:
    for management_kind in ManagementKind:
        lowest = row.requires.lowest_level(management_kind)
        refusal = row.requires.refusal(DeviceFacts(api_level=0, management_kind=management_kind, euicc=True))

        assert (ErrorCode.MANAGEMENT_MODE if lowest is None else ErrorCode.API_LEVEL) is refusal


@rows
def test_each_type_is_supported_where_the_reference_page_says(row: CommandType) -> None:
    assert expected_of(row).levels == tuple(row.requires.lowest_level(management_kind) for management_kind in ManagementKind)


@rows
def test_each_type_is_refused_by_the_phones_whose_like_would_refuse_it(row: CommandType) -> None:
    assert expected_of(row).phones == marks_of(row)


@rows
def test_a_type_alone_is_a_command_where_nothing_in_its_params_is_required(row: CommandType) -> None:
    body = json.dumps({"type": row.name}).encode()

    if expected_of(row).alone:
        assert row is ENVELOPE.decode(body).row
    else:
        with pytest.raises(InvalidArgument):
            ENVELOPE.decode(body)


@rows
def test_what_ends_management_is_final_at_its_acknowledgement_and_resumed_after_a_crash(row: CommandType) -> None:
    ends = expected_of(row).ends_management

    assert (ends, ends) == (row.final_at_ack, row.recovery is Recovery.RESUME)


def test_no_line_is_about_a_type_that_is_gone() -> None:
    assert set() == surplus()


class EveryScalar(Message):
    """A field of each kind that a params message can have."""

    text: str = ""
    flag: bool = False
    small: Int32 = 0
    large: Int64 = Int64(0)
    share: float = 0.0
    exact: Double = 0.0
    length: Duration = ""
    moment: Timestamp = ""
    data: Bytes = ""
    object: AnyObject | None = None
    value: AnyValue = None


@given(message=messages_of(EveryScalar))
@searching
def test_params_of_every_kind_are_tried(message: EveryScalar) -> None:
    """A type may have fields that none had before: what is made for them reads back as it was written."""
    assert {field.kind for field in shape_of(EveryScalar).fields} == set(Scalar)

    assert message == decode_message(EveryScalar, encode_message(message), root="message")
