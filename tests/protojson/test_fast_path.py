"""The fast path (msgspec) accepts nothing that the walk refuses, and reads nothing otherwise than the walk does."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.domain.messages import Message, proto
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import Int64, decode_message, encode_message, stored_message
from heliograph.protojson.parser import MAX_DEPTH
from heliograph.protojson.reader import read_body, read_parsed
from heliograph.protojson.times import format_duration, format_timestamp
from heliograph.protojson.types import AnyObject, AnyValue
from tests.protojson.sample_messages import Gapped, HushParams, RingParams, Sample, SampleType

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)

HUSH = st.builds(HushParams, loudness=st.integers(-(2**31), 2**31 - 1))
RING = st.builds(
    RingParams,
    package_names=st.lists(TEXT, max_size=3).map(tuple),
    flags=st.lists(st.sampled_from(SampleType), max_size=3).map(tuple),
    reason=st.none() | st.builds(UserFacingMessage, localized_messages=st.dictionaries(TEXT, TEXT, max_size=2), default_message=TEXT),
)
PARAMS: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.just({}), RING.map(lambda ring: {"ring_params": ring}), HUSH.map(lambda hush: {"hush_params": hush})
)
MESSAGES = st.builds(
    lambda params, **fields: Sample(**params, **fields),
    params=PARAMS,
    type=st.sampled_from(SampleType),
    name=TEXT,
    done=st.booleans(),
    count=st.integers(-(2**31), 2**31 - 1),
    total_bytes=st.integers(-(2**63), 2**63 - 1).map(Int64),
    duration=st.just("") | st.integers(-(10**20), 10**20).map(format_duration),
    create_time=st.just("") | st.integers(-(10**17), 10**18).map(format_timestamp),
    new_password=TEXT,
    gapped=st.sampled_from(Gapped),
    results=st.dictionaries(TEXT, HUSH, max_size=2),
    many=st.lists(HUSH, max_size=2).map(tuple),
)

NAMES = (
    st.sampled_from(
        ["type", "name", "done", "count", "totalBytes", "total_bytes", "duration", "createTime", "create_time", "newPassword", "gapped"]
    )
    | st.sampled_from(
        ["ringParams", "ring_params", "hushParams", "hush_params", "results", "many", "loudness", "flags", "reason", "packageNames"]
    )
    | st.sampled_from(["localizedMessages", "defaultMessage", "\\u006eame", "nope", "de", ""])
)
STRINGS = (
    st.sampled_from(
        ["", "RING", "ring", "SAMPLE_TYPE_UNSPECIFIED", "NEAR", "a", "ü", "\\u0061", "\\ud800", "\\ud83d\\ude00", "\\udc00", "\x7f", "\x01"]
    )
    | st.sampled_from(["1", "3.0", "1e2", " 1", "+1", "0x1", "1_0", "-0", "007", "9223372036854775807", "9223372036854775808"])
    | st.sampled_from(
        ["1s", " 1s", "-1.5s", "+1s", "5.s", ".5s", "1e3s", "1.1234567890s", "315576000000s", "315576000001s", "\u0661s", "1s\\n"]
    )
    | st.sampled_from(
        ["2026-02-28T00:00:00Z", "2026-02-30T00:00:00Z", "2028-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-31T24:00:00Z"]
    )
    | st.sampled_from(
        ["2026-01-31T23:59:60Z", "2026-01-31t00:00:00Z", "2026-01-31 00:00:00Z", "2026-01-31T00:00:00.1234567890Z", "0000-01-01T00:00:00Z"]
    )
    | st.sampled_from(["2026-01-31T00:00:00+05:30", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
).map('"{}"'.format)
NUMBERS = st.sampled_from(
    ["0", "1", "2", "7", "99", "-1", "-0", "3.0", "3e0", "3.5", "1e400", "1e-400", "0e99", "01", "1.", ".5", "+1", "NaN", "-Infinity"]
) | st.sampled_from(["2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "9" * 5_000])
SCALARS = STRINGS | NUMBERS | st.sampled_from(["true", "false", "null", "True", "undefined"])


def _object(pairs: list[tuple[str, str]], space: str) -> str:
    return "{" + f"{space},".join(f'{space}"{name}"{space}:{space}{value}' for name, value in pairs) + space + "}"


SPACE = st.sampled_from(["", "", " ", "\n\t", "\x0b"])
BODIES = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(_object, st.lists(st.tuples(NAMES, inner), max_size=4), SPACE)
        | st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
    ),
    max_leaves=8,
)


def outcome(read: object, body: bytes, cls: type[msgspec.Struct] = Sample) -> object:
    try:
        return read(cls, body, root="sample")  # type: ignore[operator]
    except InvalidArgument as error:
        return error.violations or error.message


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES | st.builds(_object, st.lists(st.tuples(NAMES, BODIES), max_size=4), SPACE))
def test_both_paths_agree_on_any_body(body: str) -> None:
    data = body.encode()

    found = outcome(decode_message, data)

    assert outcome(read_body, data) == found
    if isinstance(found, Sample):
        assert found == stored_message(Sample, encode_message(found))


@settings(max_examples=600, deadline=None)
@given(MESSAGES, st.data())
def test_both_paths_agree_on_a_body_with_one_byte_wrong(message: Sample, data: st.DataObject) -> None:
    body = encode_message(message)
    at = data.draw(st.integers(0, len(body) - 1))
    new = data.draw(st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b",", b":", b"{", b"0", b" "]))

    broken = body[:at] + new + body[at + data.draw(st.integers(0, 2)) :]

    assert outcome(read_body, broken) == outcome(decode_message, broken)


@settings(max_examples=200, deadline=None)
@given(MESSAGES, st.data())
def test_both_paths_agree_on_a_body_with_a_part_said_twice(message: Sample, data: st.DataObject) -> None:
    members = json.loads(encode_message(message))
    pairs = [(name, json.dumps(value, ensure_ascii=data.draw(st.booleans()))) for name, value in members.items()]
    twice = data.draw(st.lists(st.sampled_from(pairs), max_size=1)) if pairs else []

    body = _object(pairs + twice, "").encode()

    assert outcome(read_body, body) == outcome(decode_message, body)
    assert bool(twice) == (outcome(decode_message, body) != message)


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
def test_a_message_survives_writing_and_reading_by_every_path(message: Sample) -> None:
    body = encode_message(message)

    assert message == stored_message(Sample, body)
    assert message == read_body(Sample, body, root="")
    assert message == read_parsed(Sample, json.loads(body), root="")
    assert body == encode_message(decode_message(Sample, body, root=""))


class WithStruct(Message):
    free: AnyObject | None = None


class WithValue(Message):
    free: AnyValue = None


class WithinLists(Message):
    of: dict[str, WithValue] = msgspec.field(default_factory=dict)


@proto("Chain", oneofs={"end": ("ring", "hush")})
class Chain(Message):
    """A message that can hold itself."""

    next: "Chain | None" = None
    ring: RingParams | None = None
    hush: HushParams | None = None


@pytest.mark.parametrize("depth", [50, 98, 99, 100, 101, 400, 900, 5_000])
@pytest.mark.parametrize(
    "cls, body",
    [
        (WithStruct, lambda depth: '{"free":' + '{"a":' * (depth - 1) + "1" + "}" * depth),
        (WithValue, lambda depth: '{"free":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"),
        (WithinLists, lambda depth: '{"of":{"a":{"free":' + "[" * (depth - 3) + "]" * (depth - 3) + "}}}"),
        (Chain, lambda depth: '{"next":' * (depth - 1) + "{}" + "}" * (depth - 1)),
        (Chain, lambda depth: '{"next":' * (depth - 2) + '{"ring":{},"hush":{}}' + "}" * (depth - 2)),
    ],
    ids=["a struct", "a value", "a value in lists", "a message in itself", "a message in itself, a oneof twice at the end"],
)
def test_both_paths_agree_on_how_deep_a_body_may_be(cls: type[msgspec.Struct], body: Callable[[int], str], depth: int) -> None:
    data = body(depth).encode()

    found = outcome(decode_message, data, cls)

    assert outcome(read_body, data, cls) == found
    assert ("too deep" in str(found)) == (depth > MAX_DEPTH)
