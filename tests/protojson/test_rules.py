"""One row per rule of spec/amapi.md §9: what is accepted and what it means, what is refused and in which words.

Beside it stand field masks (§9.9: test_field_mask.py) and the Content-Type of a body (§9.14: tests/api/test_http_compat.py).
"""

import pytest

from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message, encode_message
from tests.protojson.sample_messages import Sample

SECONDS = 'A number of seconds followed by s is expected, as in "600s".'
V1 = "type.googleapis.com/google.android.devicemanagement.v1"
PB = "type.googleapis.com/google.protobuf"
ROOT = "Root element must be a message. That is a JSON object: { … }."
JSON = "Invalid JSON payload received."
NO_DURATION = f"Invalid value at 'sample.duration' ({PB}.Duration), Field 'duration',"
NO_REASON = f"Invalid value at 'sample.ring_params.reason' ({V1}.UserFacingMessage), \"x\"."
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
    ("9.5 enum by number as 1.0 and 1e0", '{"type":1.0,"gapped":1e0}', '{"type":"RING","gapped":"NEAR"}'),
    ("9.5 enum in a list by number", '{"ringParams":{"flags":[1,"LOCK_DOWN"]}}', '{"ringParams":{"flags":["RING","LOCK_DOWN"]}}'),
    ("9.6 int64 as number, written as text", '{"totalBytes":9223372036854775807}', '{"totalBytes":"9223372036854775807"}'),
    ("9.6 int64 as text", '{"totalBytes":"-9223372036854775808"}', '{"totalBytes":"-9223372036854775808"}'),
    ("9.6 int64 as 3.0 and 3e0", '{"totalBytes":3.0,"count":3e0}', '{"count":3,"totalBytes":"3"}'),
    ("9.6 int32 as text", '{"count":"3"}', '{"count":3}'),
    ("9.6 int32 as text with a point", '{"count":"3.0"}', '{"count":3}'),
    ("9.6 int32 with an exponent", '{"count":0.5e1}', '{"count":5}'),
    ("9.6 int32 at its limits", '{"count":-2147483648}', '{"count":-2147483648}'),
    ("9.7 duration", '{"duration":"1.000000001s"}', '{"duration":"1.000000001s"}'),
    ("9.7 a negative duration is one", '{"duration":"-0.5s"}', '{"duration":"-0.5s"}'),
    ("9.7 duration of 10,000 years", '{"duration":"315576000000s"}', '{"duration":"315576000000s"}'),
    ("9.8 timestamp with an offset", '{"createTime":"2026-01-31T00:00:00+05:30"}', '{"createTime":"2026-01-31T00:00:00+05:30"}'),
    (
        "9.8 timestamp with nine digits",
        '{"createTime":"2026-01-31T00:00:00.123456789Z"}',
        '{"createTime":"2026-01-31T00:00:00.123456789Z"}',
    ),
    ("9.8 timestamp at its limits", '{"createTime":"9999-12-31T23:59:59.999999999Z"}', '{"createTime":"9999-12-31T23:59:59.999999999Z"}'),
    ("9.8 the 29th of February", '{"createTime":"2028-02-29T00:00:00Z"}', '{"createTime":"2028-02-29T00:00:00Z"}'),
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
        "9.3 null in a map",
        '{"results":{"a":null}}',
        f"Invalid value at 'sample.results[0].value' ({V1}.HushParams), null. An object is expected, as in {{\"loudness\": …}}.",
    ),
    (
        "9.5 unknown enum",
        '{"type":"BARK"}',
        f"Invalid value at 'sample.type' ({V1}.Sample.Type), \"BARK\". Possible values: RING, LOCK_DOWN.",
    ),
    ("9.5 lower case", '{"type":"ring"}', f'Invalid value at \'sample.type\' ({V1}.Sample.Type), "ring". Did you mean "RING"?'),
    ("9.5 typo", '{"type":"LOCKDOWM"}', f'Invalid value at \'sample.type\' ({V1}.Sample.Type), "LOCKDOWM". Did you mean "LOCK_DOWN"?'),
    ("9.5 unknown number", '{"type":99}', f"Invalid value at 'sample.type' ({V1}.Sample.Type), 99. Possible values: RING, LOCK_DOWN."),
    ("9.5 number as text", '{"type":"1"}', f"Invalid value at 'sample.type' ({V1}.Sample.Type), \"1\". Possible values: RING, LOCK_DOWN."),
    ("9.5 no text", '{"type":""}', f"Invalid value at 'sample.type' ({V1}.Sample.Type), \"\". Possible values: RING, LOCK_DOWN."),
    ("9.5 a bool", '{"type":true}', f"Invalid value at 'sample.type' ({V1}.Sample.Type), true. Possible values: RING, LOCK_DOWN."),
    ("9.5 half a number", '{"type":0.5}', f"Invalid value at 'sample.type' ({V1}.Sample.Type), 0.5. Possible values: RING, LOCK_DOWN."),
    (
        "9.5 null in a list",
        '{"ringParams":{"flags":[null]}}',
        f"Invalid value at 'sample.ring_params.flags[0]' ({V1}.Sample.Type), null. Possible values: RING, LOCK_DOWN.",
    ),
    (
        "9.5 number in a gap",
        '{"gapped":2}',
        f"Invalid value at 'sample.gapped' ({V1}.Sample.Gapped), 2. Possible values: NEAR, FAR, FARTHER.",
    ),
    ("9.6 fraction", '{"count":3.5}', "Invalid value at 'sample.count' (TYPE_INT32), 3.5"),
    *[
        (f"9.6 {what}", f'{{"count":"{text}"}}', f"Invalid value at 'sample.count' (TYPE_INT32), \"{text}\"")
        for what, text in {
            "a fraction as text": "3.5",
            "a space before it": " 3",
            "a space behind it": "3 ",
            "a plus sign": "+3",
            "leading zeros": "03",
            "nothing": "",
            "hexadecimal": "0x10",
            "underscores": "1_000",
            "other digits": "٣",
            "no digits before the point": ".5e1",
        }.items()
    ],
    ("9.6 int64 as a fraction", '{"totalBytes":0.5}', "Invalid value at 'sample.total_bytes' (TYPE_INT64), 0.5"),
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
        f"{NO_DURATION} Illegal duration format; duration must end with 's'. Write \"600s\".",
    ),
    (
        "9.7 a number",
        '{"duration":600}',
        f'{NO_DURATION} Invalid data type for duration, value is 600. Write "600s".',
    ),
    (
        "9.7 out of range",
        '{"duration":"315576000001s"}',
        f"Invalid value at 'sample.duration' ({PB}.Duration), Field 'duration', Duration value exceeds limits. {SECONDS}",
    ),
    *[
        (
            f"9.7 {what}",
            f'{{"duration":"{text}"}}',
            f"{NO_DURATION} Invalid duration format, failed to parse {which}. {SECONDS}",
        )
        for what, text, which in (
            ("a space before it, which Python takes", " 1s", "seconds"),
            ("a plus sign, which Python takes", "+1s", "seconds"),
            ("no digits behind the point, which Python takes", "5.s", "nano seconds"),
            ("a tenth digit, which Python cuts off", "0.1234567891s", "nano seconds"),
            ("no digits before the point", ".5s", "seconds"),
            ("an exponent", "1e3s", "seconds"),
            ("a space before the s", "1 s", "seconds"),
            ("no digits", "s", "seconds"),
            ("other digits", "\u0661s", "seconds"),
        )
    ],
    *[
        (
            f"9.7 {what}",
            f'{{"duration":"{text}"}}',
            f"{NO_DURATION} Illegal duration format; duration must end with 's'. {SECONDS}",
        )
        for what, text in {"minutes": "1m", "ISO 8601": "PT1M", "a capital S": "1S", "a space behind it": "1s ", "nothing": ""}.items()
    ],
    (
        "9.7 seconds and nanos, as protobuf's own struct",
        '{"duration":{"seconds":1}}',
        f"Invalid value at 'sample.duration' ({PB}.Duration), Starting an object on a scalar field. {SECONDS}",
    ),
    *[
        (
            f"9.8 {what}",
            f'{{"createTime":"{text}"}}',
            f"Invalid value at 'sample.create_time' ({PB}.Timestamp), Field 'createTime', Invalid time format: {text}",
        )
        for what, text in {
            "lower-case t": "2026-01-31t00:00:00Z",
            "lower-case z": "2026-01-31T00:00:00z",
            "a space for the T": "2026-01-31 00:00:00Z",
            "a tenth digit": "2026-01-31T00:00:00.1234567891Z",
            "no such day": "2026-02-29T00:00:00Z",
            "a leap second": "2026-06-30T23:59:60Z",
            "the year 0": "0000-01-01T00:00:00Z",
            "the year 10000": "10000-01-01T00:00:00Z",
            "before the year 1 by its offset": "0001-01-01T00:00:00+01:00",
            "an offset without a colon": "2026-01-31T00:00:00+0530",
            "a date alone": "2026-01-31",
            "a space behind it": "2026-01-31T00:00:00Z ",
        }.items()
    ],
    (
        "9.8 a number",
        '{"createTime":1769817600}',
        f"Invalid value at 'sample.create_time' ({PB}.Timestamp), Field 'createTime', Invalid data type for timestamp, value is 1769817600",
    ),
    (
        "9.8 no zone",
        '{"createTime":"2026-01-31T00:00:00"}',
        f"Invalid value at 'sample.create_time' ({PB}.Timestamp), Field 'createTime', Invalid time format: 2026-01-31T00:00:00",
    ),
    (
        "9.10 the same key twice",
        '{"name":"a","name":"a"}',
        f"{JSON} Unknown name \"name\" at 'sample': The name is repeated: a field may appear only once.",
    ),
    (
        "9.10 the same key twice, once spelled with an escape",
        '{"name":"a","n\\u0061me":"b"}',
        f"{JSON} Unknown name \"name\" at 'sample': The name is repeated: a field may appear only once.",
    ),
    (
        "9.10 the same key twice in a map",
        '{"results":{"a":{},"a":{}}}',
        f"{JSON} Unknown name \"a\" at 'sample.results': The name is repeated: a key may appear only once.",
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
    (
        "9.12 bool as text",
        '{"done":"true"}',
        "Invalid value at 'sample.done' (TYPE_BOOL), \"true\". true or false is expected, without quotes.",
    ),
    ("9.12 bool as number", '{"done":1}', "Invalid value at 'sample.done' (TYPE_BOOL), 1. true or false is expected, without quotes."),
    (
        "9.12 string as number",
        '{"name":1}',
        "Invalid value at 'sample.name' (TYPE_STRING), 1. A string is expected: put it in double quotes.",
    ),
    ("9.12 lone surrogate", '{"name":"\\ud83d"}', f"{JSON} Illegal hex string: a lone surrogate is not a character. (line 1, column 10)"),
    ("9.12 NaN", '{"count":NaN}', f"{JSON} NaN is not a JSON value."),
    (
        "9.12 a scalar for a list",
        '{"ringParams":{"packageNames":"a"}}',
        "Invalid value at 'sample.ring_params.package_names' (TYPE_STRING), \"a\". A list is expected: put it into [ ].",
    ),
    (
        "9.12 a list for a scalar",
        '{"name":["a"]}',
        f"{JSON} Unknown name \"name\" at 'sample': {NO_LIST} Send the value itself, without [ ] around it.",
    ),
    (
        "9.12 an object for a scalar",
        '{"name":{}}',
        "Invalid value at 'sample.name' (TYPE_STRING), Starting an object on a scalar field. A string is expected, not an object.",
    ),
    (
        "9.12 a scalar for a message",
        '{"ringParams":"x"}',
        f'Invalid value at \'sample.ring_params\' ({V1}.RingParams), "x". An object is expected, as in {{"packageNames": …}}.',
    ),
    (
        "9.12 a scalar for a message that is a text",
        '{"ringParams":{"reason":"x"}}',
        f'{NO_REASON} An object is expected, as in {{"defaultMessage": …}}.',
    ),
    (
        "9.12 a scalar for a map",
        '{"results":"x"}',
        f'Invalid value at \'sample.results\' ({V1}.Sample.ResultsEntry), "x". An object is expected, as in {{"key": …}}.',
    ),
    (
        "9.12 in a map",
        '{"results":{"b":{},"a":3}}',
        f"Invalid value at 'sample.results[1].value' ({V1}.HushParams), 3. An object is expected, as in {{\"loudness\": …}}.",
    ),
    (
        "9.12 a list for a map",
        '{"results":[]}',
        f'{JSON} Unknown name "results" at \'sample\': {NO_LIST} An object is expected, as in {{"key": …}}.',
    ),
    (
        "9.12 a list for a message",
        '{"hushParams":[{"loudness":1}]}',
        f"{JSON} Unknown name \"hushParams\" at 'sample': {NO_LIST} Send the value itself, without [ ] around it.",
    ),
    ("9.12 no bool is a number", '{"count":"true"}', "Invalid value at 'sample.count' (TYPE_INT32), \"true\""),
    ("9.12 Infinity", '{"count":-Infinity}', f"{JSON} -Infinity is not a JSON value."),
    ("9.12 the top level is a string", '""', f'{JSON} Unknown name "": {ROOT}'),
    ("9.12 the top level is a number", "0", f'{JSON} Unknown name "": {ROOT}'),
    (
        "1.18 [] for a message, as PHP writes it",
        '{"ringParams":[]}',
        f"{JSON} Unknown name \"ringParams\" at 'sample': {NO_LIST} An empty message is {{}}, not [].",
    ),
    ("9.12 the top level is a list", "[]", f'{JSON} Unknown name "": {ROOT}'),
    ("9.12 the top level is null", "null", f'{JSON} Unknown name "": {ROOT}'),
]


@pytest.mark.parametrize("rule,body,message", REFUSED, ids=[row[0] for row in REFUSED])
def test_the_rule_refuses(rule: str, body: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        decode_message(Sample, body, root="sample")

    assert message == caught.value.message
