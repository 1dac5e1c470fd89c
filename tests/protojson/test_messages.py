"""Messages are read with every violation at once, without secrets in errors, and written canonically."""

import enum
import traceback
from typing import Annotated

import msgspec
import pytest

from heliograph.domain.messages import Message, proto
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import SECRET, Duration, Int32, Int64, decode_message, encode_message, stored_message
from tests.protojson.sample_messages import HushParams, RingParams, Sample, SampleType


def refusal(body: bytes | str | object, *, root: str = "sample") -> InvalidArgument:
    with pytest.raises(InvalidArgument) as caught:
        decode_message(Sample, body, root=root)
    return caught.value


def test_every_violation_of_a_body_is_told_at_once_with_its_path() -> None:
    error = refusal('{"type":"ring","foo":1,"many":[{"loudness":"loud"}],"ringParams":{},"hushParams":{}}')

    assert ["sample.type", "sample", "sample.many[0].loudness", "sample"] == [violation.field for violation in error.violations]
    assert error.message == "\n".join(violation.description for violation in error.violations)


def test_without_a_root_the_top_level_has_no_path() -> None:
    expected = (
        Violation("", 'Invalid JSON payload received. Unknown name "foo": Cannot find field.'),
        Violation("name", "Invalid value at 'name' (TYPE_STRING), 1. A string is expected: put it in double quotes."),
    )

    assert expected == refusal('{"foo":1,"name":1}', root="").violations


@pytest.mark.parametrize(
    "name,hint",
    [
        ("ring-params", ' Did you mean "ringParams"?'),
        ("createtime", ' Did you mean "createTime"?'),
        ("durration", ' Did you mean "duration"?'),
        ("password", ' Did you mean "newPassword"?'),
        ("packageNames", ' Did you mean "ringParams.packageNames"?'),
        ("x" * 100_000, ""),
    ],
)
def test_an_unknown_name_gets_the_hint_that_fits(name: str, hint: str) -> None:
    assert refusal({name: None}).message.endswith(f"Cannot find field.{hint}")


@pytest.mark.parametrize("wrapper", ["sample", "Sample", "body", "requestBody"])
def test_a_body_inside_another_is_told_to_come_out(wrapper: str) -> None:
    hint = f'The body is the Sample itself: send what is inside "{wrapper}", without "{wrapper}" around it.'

    assert refusal({wrapper: {"type": "RING"}}).message.endswith(f"Cannot find field. {hint}")
    assert "The body is" not in refusal({"ringParams": {wrapper: {}}}).message


@pytest.mark.parametrize("value", ["Sample.Type.RING", "TYPE_RING", "Type.ring", "ring "])
def test_a_value_spelled_as_generated_code_spells_it_is_known(value: str) -> None:
    assert refusal({"type": value}).message.endswith('. Did you mean "RING"?')


def test_names_that_are_equally_near_are_all_offered() -> None:
    assert refusal({"Params": {}}).message.endswith('Did you mean "ringParams" or "hushParams"?')


def test_a_prefix_that_turns_the_sense_round_is_not_taken_for_a_typo() -> None:
    assert "Did you mean" not in refusal('{"type":"UNLOCK_DOWN"}').message


def test_a_quoted_value_is_one_short_line() -> None:
    message = refusal({"done": "line\n" + "x" * 100}).message

    assert "\n" not in message
    hint = ". true or false is expected, without quotes."
    assert len("Invalid value at 'sample.done' (TYPE_BOOL), ") + 64 + len('\\""') + 1 + len(hint) >= len(message)


@pytest.mark.parametrize(
    "body",
    [
        '{"newPassword":5551234}',
        '{"newPassword":["hunter2-5551234"]}',
        '{"newPassword":{"hunter2":"5551234"}}',
        '{"newPassword":"hunter2-5551234"',
        '{"newPassword":"hunter2-5551234" "type":"RING"}',
        '{"newPassword":"hunter2-5551234\\x"}',
        '{"newPassword":"hunter2-5551234\n"}',
        '{"newPassword":"hunter2-5551234\\ud800"}',
        '{"newPasword":"hunter2-5551234"}',
        b'{"newPassword":"hunter2-5551234\xff"}',
        '{"newPassword":5551234.5}',
    ],
)
def test_a_secret_is_in_no_error_nor_in_what_led_to_it(body: str | bytes) -> None:
    error = refusal(body)

    told = "".join(traceback.format_exception(error)) + repr(error.violations)
    assert "5551234" not in told
    assert error.__context__ is None


def test_a_secret_is_not_in_the_repr_of_its_message() -> None:
    assert "Sample(name='a', new_password=<secret>)" == repr(Sample(name="a", new_password="hunter2"))


@pytest.mark.parametrize(
    "body,what",
    [
        ('{"name":"a" "done":true}', "Expected , or } after key:value pair. (line 1, column 13)"),
        ('{"name":"a"', "Expected , or } after key:value pair. (line 1, column 12)"),
        ('{"many":[{} {}]}', "Expected , or ] after array value. (line 1, column 13)"),
        ('{"a":"]","many":["[" "x"]}', "Expected , or ] after array value. (line 1, column 22)"),
        ('{\n  "name": "a",\n}', "Expected an object key or }. (line 3, column 1) After a comma, another value must follow."),
        ("{'name':1}", "Expected an object key or }. (line 1, column 2) Names and strings need double quotes."),
        ("{name:1}", "Expected an object key or }. (line 1, column 2) Names and strings need double quotes."),
        ('{"name":ring}', "Expected a value. (line 1, column 9) Names and strings need double quotes."),
        ('{"done":True}', "Expected a value. (line 1, column 9) JSON writes true, false and null."),
        ('{"name":None}', "Expected a value. (line 1, column 9) JSON writes true, false and null."),
        ("{} // no", "Parsing terminated before end of input. (line 1, column 4) JSON has no comments."),
        ("name=ring", 'Expected a value. (line 1, column 1) The body is a JSON object, as in {"name": "value"}.'),
        ('{"name":"a"}'.encode("utf-16"), "Encountered non UTF-8 code points. (byte 1) The body looks like UTF-16: send it as UTF-8."),
        (b"\x1f\x8b\x08", "Encountered non UTF-8 code points. (byte 2) The body looks gzipped: send Content-Encoding: gzip."),
        ('{"name" "a"}', "Expected : between key:value pair. (line 1, column 9)"),
        ('{"name":}', "Expected a value. (line 1, column 9)"),
        ('{"name":', "Unexpected end of string. Expected a value. (line 1, column 9)"),
        ('{"name":"a', "Closing quote expected in string. (line 1, column 9)"),
        ('{"name":"\\x"}', "Invalid escape sequence. (line 1, column 10)"),
        ('{"name":"\\u12"}', "Illegal hex string. (line 1, column 11)"),
        ("{} {}", "Parsing terminated before end of input. (line 1, column 4)"),
        (b'{"name":"\xff"}', "Encountered non UTF-8 code points. (byte 10)"),
        (b"\xef\xbb\xbf{}", "Expected a value. (line 1, column 1) The body begins with a byte order mark: remove it."),
        ('{"many":' * 200, "Message too deep. Max recursion depth is 100. (line 1, column 801)"),
        ("[" + "[]," * 50_000 + "1]", "Message too large. It may have 50000 objects and lists. (line 1, column 149999)"),
        ("[" * 500_000, "Message too deep. Max recursion depth is 100. (line 1, column 101)"),
    ],
)
def test_malformed_json_is_refused_in_googles_words_with_its_place(body: str | bytes, what: str) -> None:
    assert f"Invalid JSON payload received. {what}" == refusal(body).message


def test_a_quote_storm_is_refused_in_linear_time() -> None:
    assert refusal(('"' + '\\"' * 300_000).encode()).message.startswith("Invalid JSON payload received. Closing quote expected")


def test_a_parsed_value_is_read_by_the_same_rules() -> None:
    expected = Sample(type=SampleType.RING, count=3, ring_params=RingParams(package_names=("a",)))

    assert expected == decode_message(Sample, {"type": 1, "count": 3.0, "ring_params": {"packageNames": ["a"]}}, root="sample")


def test_a_field_without_a_default_is_required() -> None:
    class Needy(Message):
        name: str

    with pytest.raises(InvalidArgument, match="Missing required field \"name\" at 'needy'"):
        decode_message(Needy, b'{"name":null}', root="needy")


def test_what_was_written_is_read_back() -> None:
    message = Sample(total_bytes=Int64(2**60), results={"a": HushParams(loudness=3)}, duration="3s")

    assert message == stored_message(Sample, encode_message(message))


def test_a_struct_that_is_no_message_is_stored_too() -> None:
    class Record(msgspec.Struct):
        key: bytes
        sample: Sample

    record = Record(b"k", Sample(create_time="2028-02-29T00:00:00+01:00", duration="315576000000s", total_bytes=Int64(1)))

    assert record == stored_message(Record, encode_message(record))


def test_an_int64_outside_its_range_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="out of range"):
        Int64(2**63)


def test_a_message_made_by_defstruct_is_read_like_any_other() -> None:
    made = proto("Made", oneofs={"params": ("ring_params", "hush_params")})(
        msgspec.defstruct(
            "Made",
            [("ring_params", RingParams | None, None), ("hush_params", HushParams | None, None), ("pin", Annotated[str, SECRET], "")],
            bases=(Message,),
        )
    )

    message = decode_message(made, b'{"ring_params":{},"pin":"1234"}', root="made")

    assert b'{"ringParams":{},"pin":"1234"}' == encode_message(message)
    assert "1234" not in repr(message)
    with pytest.raises(InvalidArgument, match="oneof field 'params' is already set"):
        decode_message(made, b'{"ringParams":{},"hushParams":{}}', root="made")


def test_a_oneof_inside_another_message_is_checked() -> None:
    class Outer(Message):
        inner: Sample | None = None
        more: tuple[Sample, ...] = ()
        by_name: dict[str, Sample] = msgspec.field(default_factory=dict)

    both = '{"ringParams":{},"hushParams":{}}'
    for body in (f'{{"inner":{both}}}', f'{{"more":[{{}},{both}]}}', f'{{"byName":{{"a":{both}}}}}'):
        with pytest.raises(InvalidArgument, match="oneof field 'params' is already set"):
            decode_message(Outer, body, root="outer")


class Loose(msgspec.Struct):
    name: str = ""


class PlainInt(Message):
    number: int = 0


class Limited(Message):
    number: Annotated[int, msgspec.Meta(ge=0)] = 0


class WrongZero(Message):
    number: Int64 = Int64(1)


class NullNotDefault(Message):
    number: Int32 | None = 3


class Anything(Message):
    value: list[str] = msgspec.field(default_factory=list)


@pytest.mark.parametrize("cls", [Loose, PlainInt, Limited, WrongZero, NullNotDefault, Anything])
def test_a_class_that_breaks_the_conventions_is_told_so(cls: type[msgspec.Struct]) -> None:
    with pytest.raises(TypeError, match=cls.__name__):
        decode_message(cls, b"{}", root="")


def test_a_duration_keeps_its_text_and_an_enum_its_identity() -> None:
    class Plain(enum.Enum):
        PLAIN_UNSPECIFIED = "PLAIN_UNSPECIFIED"

    class Timed(Message):
        duration: Duration = ""
        plain: Plain = Plain.PLAIN_UNSPECIFIED

    message = decode_message(Timed, b'{"duration":"3.50s","plain":0}', root="")

    assert ("3.50s", Plain.PLAIN_UNSPECIFIED) == (message.duration, message.plain)
