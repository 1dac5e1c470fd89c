"""One row per rule of spec/amapi.md §9: what is accepted and what it means, what is refused and in which words."""

import pytest

from heliograph.domain.errors import InvalidArgument
from heliograph.domain.wire import decode_message, encode_message
from tests.domain.sample_messages import Sample

V1 = "type.googleapis.com/google.android.devicemanagement.v1"
PB = "type.googleapis.com/google.protobuf"
JSON = "Invalid JSON payload received."
NO_LIST = "Proto field is not repeating, cannot start list."

ACCEPTED = [
    ("9.1 lowerCamelCase", '{"ringParams":{"packageNames":["a"]}}', '{"ringParams":{"packageNames":["a"]}}'),
    ("9.1 snake_case is accepted", '{"ring_params":{"package_names":["a"]}}', '{"ringParams":{"packageNames":["a"]}}'),
    ("9.3 null is absent: scalar", '{"name":null,"done":null,"count":null,"type":null,"duration":null}', "{}"),
    ("9.3 null is absent: message, list, map", '{"ringParams":null,"many":null,"results":null}', "{}"),
    ("9.4 defaults are left out", '{"name":"","done":false,"count":0,"totalBytes":"0","many":[],"results":{}}', "{}"),
    ("9.4 number 0 of an enum is left out", '{"type":"SAMPLE_TYPE_UNSPECIFIED","gapped":0}', "{}"),
    ("9.4 an empty message is kept", '{"ringParams":{}}', '{"ringParams":{}}'),
    ("9.4 an empty message in a list is kept", '{"many":[{}]}', '{"many":[{}]}'),
    ("9.5 enum by name", '{"type":"RING"}', '{"type":"RING"}'),
    ("9.5 enum by number", '{"type":2}', '{"type":"LOCK_DOWN"}'),
    ("9.5 enum by number with a gap", '{"gapped":7}', '{"gapped":"FAR"}'),
    ("9.5 enum by number after a gap", '{"gapped":8}', '{"gapped":"FARTHER"}'),
    ("9.5 enum by number as text, as both of Google's parsers do", '{"type":"1"}', '{"type":"RING"}'),
    ("9.5 enum in a list by number", '{"ringParams":{"flags":[1,"LOCK_DOWN"]}}', '{"ringParams":{"flags":["RING","LOCK_DOWN"]}}'),
    ("9.6 int64 as number, written as text", '{"totalBytes":9223372036854775807}', '{"totalBytes":"9223372036854775807"}'),
    ("9.6 int64 as text", '{"totalBytes":"-9223372036854775808"}', '{"totalBytes":"-9223372036854775808"}'),
    ("9.6 int64 as 3.0 and 3e0", '{"totalBytes":3.0,"count":3e0}', '{"count":3,"totalBytes":"3"}'),
    ("9.6 int32 as text", '{"count":"3"}', '{"count":3}'),
    ("9.6 int32 as text with a point", '{"count":"3.0"}', '{"count":3}'),
    ("9.6 int32 with an exponent", '{"count":0.5e1}', '{"count":5}'),
    ("9.6 int32 at its limits", '{"count":-2147483648}', '{"count":-2147483648}'),
    ("9.7 duration", '{"duration":"1.000000001s"}', '{"duration":"1.000000001s"}'),
    ("9.7 duration of 10,000 years", '{"duration":"315576000000s"}', '{"duration":"315576000000s"}'),
    ("9.8 timestamp with an offset", '{"createTime":"2026-01-31T00:00:00+05:30"}', '{"createTime":"2026-01-31T00:00:00+05:30"}'),
    ("9.11 null members of a oneof do not count", '{"ringParams":{},"hushParams":null}', '{"ringParams":{}}'),
    ("9.12 a pair of surrogates is one character", '{"name":"\\ud83d\\ude00"}', '{"name":"😀"}'),
    ("9.13 an empty body is the empty message", "", "{}"),
    ("9.13 so is white space", " \r\n\t", "{}"),
]


@pytest.mark.parametrize("rule,body,canonical", ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_the_rule_accepts(rule: str, body: str, canonical: str) -> None:
    assert canonical.encode() == encode_message(decode_message(Sample, body, root="sample"))


REFUSED = [
    (
        "9.1 names are case-sensitive",
        '{"RingParams":{}}',
        f'{JSON} Unknown name "RingParams" at \'sample\': Cannot find field. Did you mean "ringParams"?',
    ),
    ("9.2 unknown field", '{"foo":1}', f"{JSON} Unknown name \"foo\" at 'sample': Cannot find field."),
    ("9.2 nested", '{"ringParams":{"foo":1}}', f"{JSON} Unknown name \"foo\" at 'sample.ring_params': Cannot find field."),
    ("9.2 in a list", '{"many":[{},{"foo":1}]}', f"{JSON} Unknown name \"foo\" at 'sample.many[1]': Cannot find field."),
    (
        "9.3 null in a list",
        '{"ringParams":{"packageNames":[null]}}',
        "Invalid value at 'sample.ring_params.package_names[0]' (TYPE_STRING), null",
    ),
    (
        "9.5 unknown enum",
        '{"type":"BARK"}',
        f"Invalid value at 'sample.type' ({V1}.Sample.Type), \"BARK\". Possible values: RING, LOCK_DOWN.",
    ),
    ("9.5 lower case", '{"type":"ring"}', f'Invalid value at \'sample.type\' ({V1}.Sample.Type), "ring". Did you mean "RING"?'),
    ("9.5 typo", '{"type":"LOCKDOWM"}', f'Invalid value at \'sample.type\' ({V1}.Sample.Type), "LOCKDOWM". Did you mean "LOCK_DOWN"?'),
    ("9.5 unknown number", '{"type":99}', f"Invalid value at 'sample.type' ({V1}.Sample.Type), 99. Possible values: RING, LOCK_DOWN."),
    (
        "9.5 number in a gap",
        '{"gapped":2}',
        f"Invalid value at 'sample.gapped' ({V1}.Sample.Gapped), 2. Possible values: NEAR, FAR, FARTHER.",
    ),
    ("9.6 fraction", '{"count":3.5}', "Invalid value at 'sample.count' (TYPE_INT32), 3.5"),
    ("9.6 true is no number", '{"count":true}', "Invalid value at 'sample.count' (TYPE_INT32), true"),
    ("9.6 int32 out of range", '{"count":2147483648}', "Invalid value at 'sample.count' (TYPE_INT32), 2147483648"),
    (
        "9.6 int64 out of range",
        '{"totalBytes":"9223372036854775808"}',
        "Invalid value at 'sample.total_bytes' (TYPE_INT64), \"9223372036854775808\"",
    ),
    ("9.6 a giant exponent", '{"count":1e999999999}', "Invalid value at 'sample.count' (TYPE_INT32), 1e999999999"),
    (
        "9.7 no s",
        '{"duration":"600"}',
        f"Invalid value at 'sample.duration' ({PB}.Duration), Field 'duration', Illegal duration format; duration must end with 's'",
    ),
    (
        "9.7 a number",
        '{"duration":600}',
        f"Invalid value at 'sample.duration' ({PB}.Duration), Field 'duration', Invalid data type for duration, value is 600",
    ),
    (
        "9.7 out of range",
        '{"duration":"315576000001s"}',
        f"Invalid value at 'sample.duration' ({PB}.Duration), Field 'duration', Duration value exceeds limits",
    ),
    (
        "9.8 no zone",
        '{"createTime":"2026-01-31T00:00:00"}',
        f"Invalid value at 'sample.create_time' ({PB}.Timestamp), Field 'createTime', Invalid time format: 2026-01-31T00:00:00",
    ),
    (
        "9.10 the same key twice",
        '{"name":"a","name":"a"}',
        f"{JSON} Unknown name \"name\" at 'sample': The name is repeated: a field may stand only once.",
    ),
    (
        "9.10 the same key twice in a map",
        '{"results":{"a":{},"a":{}}}',
        f"{JSON} Unknown name \"a\" at 'sample.results': The name is repeated: a key may stand only once.",
    ),
    (
        "9.10 camelCase and snake_case of one field",
        '{"createTime":null,"create_time":null}',
        f'{JSON} Unknown name "create_time" at \'sample\': The field is given twice, also as "createTime".',
    ),
    (
        "9.11 two members of a oneof",
        '{"ringParams":{},"hushParams":{}}',
        "Invalid value at 'sample' (oneof), oneof field 'params' is already set. Cannot set 'hushParams'",
    ),
    ("9.12 bool as text", '{"done":"true"}', "Invalid value at 'sample.done' (TYPE_BOOL), \"true\""),
    ("9.12 bool as number", '{"done":1}', "Invalid value at 'sample.done' (TYPE_BOOL), 1"),
    ("9.12 string as number", '{"name":1}', "Invalid value at 'sample.name' (TYPE_STRING), 1"),
    ("9.12 lone surrogate", '{"name":"\\ud83d"}', f"{JSON} Illegal hex string: a lone surrogate is no character. (line 1, column 10)"),
    ("9.12 NaN", '{"count":NaN}', f"{JSON} NaN is no JSON value."),
    (
        "9.12 a scalar for a list",
        '{"ringParams":{"packageNames":"a"}}',
        "Invalid value at 'sample.ring_params.package_names' (TYPE_STRING), \"a\". A list is expected.",
    ),
    (
        "9.12 a list for a scalar",
        '{"name":["a"]}',
        f"{JSON} Unknown name \"name\" at 'sample': Proto field is not repeating, cannot start list.",
    ),
    ("9.12 an object for a scalar", '{"name":{}}', "Invalid value at 'sample.name' (TYPE_STRING), Starting an object on a scalar field"),
    ("9.12 a scalar for a message", '{"ringParams":"x"}', f"Invalid value at 'sample.ring_params' ({V1}.RingParams), \"x\""),
    ("9.12 a scalar for a map", '{"results":"x"}', f"Invalid value at 'sample.results' ({V1}.Sample.ResultsEntry), \"x\""),
    ("9.12 in a map", '{"results":{"b":{},"a":3}}', f"Invalid value at 'sample.results[1].value' ({V1}.HushParams), 3"),
    (
        "1.18 [] for a message, as PHP writes it",
        '{"ringParams":[]}',
        f"{JSON} Unknown name \"ringParams\" at 'sample': {NO_LIST} An empty message is {{}}, not [].",
    ),
    ("9.12 the top level is a list", "[]", f'{JSON} Unknown name "": Root element must be a message.'),
    ("9.12 the top level is null", "null", f'{JSON} Unknown name "": Root element must be a message.'),
]


@pytest.mark.parametrize("rule,body,message", REFUSED, ids=[row[0] for row in REFUSED])
def test_the_rule_refuses(rule: str, body: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        decode_message(Sample, body, root="sample")

    assert message == caught.value.message
