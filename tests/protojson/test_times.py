"""Durations and times: canonical text out, strict text in, no trouble with large values."""

import pytest
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from heliograph.protojson.times import (
    DURATION_PATTERN,
    TIMESTAMP_PATTERN,
    IllegalDuration,
    IllegalTimestamp,
    format_duration,
    format_timestamp,
    format_timestamp_ms,
    parse_duration_ns,
    parse_timestamp_ns,
    parse_timestamp_us,
)

MAX_DURATION_NS = 315_576_000_000 * 10**9


@pytest.mark.parametrize(
    "text,ns",
    [
        ("0s", 0),
        ("-0s", 0),
        ("600s", 600 * 10**9),
        ("3.5s", 3_500_000_000),
        ("-0.5s", -500_000_000),
        ("0.000000001s", 1),
        ("007s", 7 * 10**9),
        ("315576000000s", MAX_DURATION_NS),
        ("-315576000000s", -MAX_DURATION_NS),
    ],
)
def test_a_duration_is_read(text: str, ns: int) -> None:
    assert ns == parse_duration_ns(text)


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "Illegal duration format; duration must end with 's'"),
        ("600", "Illegal duration format; duration must end with 's'"),
        ("1m", "Illegal duration format; duration must end with 's'"),
        ("1s\n", "Illegal duration format; duration must end with 's'"),
        ("s", "Invalid duration format, failed to parse seconds"),
        (" 1s", "Invalid duration format, failed to parse seconds"),
        ("+1s", "Invalid duration format, failed to parse seconds"),
        (".5s", "Invalid duration format, failed to parse seconds"),
        ("1e3s", "Invalid duration format, failed to parse seconds"),
        ("1 s", "Invalid duration format, failed to parse seconds"),
        ("\u0661s", "Invalid duration format, failed to parse seconds"),
        ("5.s", "Invalid duration format, failed to parse nano seconds"),
        ("1.0000000000s", "Invalid duration format, failed to parse nano seconds"),
        ("1.-5s", "Invalid duration format, failed to parse nano seconds"),
        ("315576000001s", "Duration value exceeds limits"),
        ("315576000000.000000001s", "Duration value exceeds limits"),
        ("0315576000000s", "Duration value exceeds limits"),
        ("9" * 100_000 + "s", "Duration value exceeds limits"),
    ],
)
def test_an_ill_formed_duration_is_refused_in_googles_words(text: str, words: str) -> None:
    with pytest.raises(IllegalDuration) as caught:
        parse_duration_ns(text)

    assert words == str(caught.value)


@given(st.integers(-MAX_DURATION_NS, MAX_DURATION_NS))
def test_a_duration_is_written_as_googles_library_writes_it(ns: int) -> None:
    seconds, nanos = divmod(abs(ns), 10**9)
    sign = -1 if ns < 0 else 1

    assert Duration(seconds=sign * seconds, nanos=sign * nanos).ToJsonString() == format_duration(ns)
    assert ns == parse_duration_ns(format_duration(ns))


@pytest.mark.parametrize(
    "text,us",
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-08-06T20:38:43.669Z", 1_786_048_723_669_000),
        ("2026-08-07T02:08:43.669+05:30", 1_786_048_723_669_000),
        ("2026-08-06T19:38:43.669-01:00", 1_786_048_723_669_000),
        ("1970-01-01T00:00:00.0000019Z", 1),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("2028-02-29T00:00:00Z", 1_835_395_200_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799_999_999),
    ],
)
def test_a_timestamp_is_read(text: str, us: int) -> None:
    assert us == parse_timestamp_us(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T00:00:00",
        "2026-01-31t00:00:00Z",
        "2026-01-31T00:00:00z",
        "2026-01-31 00:00:00Z",
        "2026-01-31T00:00:00.Z",
        "2026-01-31T00:00:00.1234567890Z",
        "2026-01-31T00:00:00Z\n",
        "2026-02-30T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:60:00Z",
        "2026-12-31T23:59:60Z",
        "2026-01-31T00:00:00+24:00",
        "2026-01-31T00:00:00+0530",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "\u0662026-01-31T00:00:00Z",
    ],
)
def test_an_ill_formed_timestamp_is_refused(text: str) -> None:
    with pytest.raises(IllegalTimestamp, match="Invalid time format"):
        parse_timestamp_us(text)


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_a_timestamp_is_written_as_googles_library_writes_it(us: int) -> None:
    google = Timestamp()
    google.FromMicroseconds(us)

    assert google.ToJsonString() == format_timestamp(us)
    assert us == parse_timestamp_us(format_timestamp(us))


@given(st.integers(-(10**14), 10**15))
def test_a_time_in_milliseconds_is_written_as_the_same_one_in_microseconds(ms: int) -> None:
    assert format_timestamp(ms * 1_000) == format_timestamp_ms(ms)


def test_a_time_that_no_timestamp_can_say_becomes_the_nearest_one() -> None:
    ten_thousand_years_ahead_us = 1_786_048_723_669_000 + 315_576_000_000 * 10**6

    assert "9999-12-31T23:59:59.999999999Z" == format_timestamp(ten_thousand_years_ahead_us)
    assert "9999-12-31T23:59:59.999999Z" == format_timestamp(253_402_300_799_999_999)
    assert "0001-01-01T00:00:00Z" == format_timestamp(-(10**30))


@pytest.mark.parametrize(
    "text", ["0001-01-01T23:00:00+00:00", "9999-12-31T01:00:00-00:00", "0001-01-01T00:00:00-23:59", "9999-12-31T23:59:59+23:59"]
)
def test_an_offset_that_stays_within_the_years_is_read_on_their_first_and_last_day(text: str) -> None:
    assert text[:4] == format_timestamp(parse_timestamp_us(text))[:4]


@given(st.from_regex(DURATION_PATTERN))
def test_every_duration_that_the_pattern_lets_through_is_read(text: str) -> None:
    assert abs(parse_duration_ns(text)) <= MAX_DURATION_NS


@given(st.from_regex(TIMESTAMP_PATTERN))
def test_every_timestamp_that_the_pattern_lets_through_is_read(text: str) -> None:
    google = Timestamp()
    google.FromJsonString(text)

    assert google.ToNanoseconds() == parse_timestamp_ns(text)


def test_nanoseconds_are_kept_where_they_are_asked_for() -> None:
    assert 1_000_000_001 == parse_timestamp_ns("1970-01-01T00:00:01.000000001Z")
